"""The books for other programs: beancount, hledger and CSV, as text, in a fixed order.

An export holds every posting, reversals included, of one tenant. The same books give the same
bytes, whatever order the postings come in.
"""

from collections.abc import Callable, Iterable, Iterator

from connectors.exports.beancount import beancount_text
from connectors.exports.chart import Roots
from connectors.exports.csv_export import csv_text
from connectors.exports.hledger import hledger_text
from connectors.store.postings import PostedEntry

Export = Callable[[Iterable[PostedEntry], Roots | None], Iterator[str]]
"""Postings and, for an export on GL accounts, the account types of a chart -> pieces of text."""

EXPORTS: dict[str, Export] = {
    "beancount": beancount_text,
    "hledger": hledger_text,
    "csv": csv_text,
}
"""Export by the name a user gives; each yields text in pieces, bounded."""

EXTENSIONS = {"beancount": "beancount", "hledger": "journal", "csv": "csv"}
"""What a file of each export is called."""

__all__ = ["EXPORTS", "EXTENSIONS", "Export"]
