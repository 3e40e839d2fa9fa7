"""Builds the source distribution that Beam stages on workers (`--setup_file ./setup.py`).

Packages and data files are listed explicitly: with several top-level folders nothing is found
by chance. tests/test_packaging.py compares the list with the tree.
"""

from setuptools import setup

setup(
    packages=[
        "connectors",
        "generator",
        "ledger",
        "pipelines",
        "runners",
        "schemas",
        "transforms",
    ],
)
