"""Which run read what and wrote what, told as run events of OpenLineage.

Door: `runs.LineageRun`. Told are names of datasets, names of fields and counts; never what is in
them. Nothing here is needed by a run, and nothing here can stop one.
"""
