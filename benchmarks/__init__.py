"""The main job beside other ways to do it, on the same files, with outputs that must be equal.

`run.py` is the door: it generates a company, runs every contender as a process of its own,
compares what they wrote, and prints CPU, memory and ratios. `by_hand_orjson.py` is the script a
competent user would write instead of using the product; it knows only what the generated company
contains, and it is kept as fast as clean code allows.
"""
