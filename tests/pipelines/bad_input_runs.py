"""Runs of the real job on small files, and what they leave of the healthy customer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from connectors.store import open_store
from ledger.journal import JournalLine
from ledger.messages import DeadLetter
from pipelines.options import check_options
from pipelines.report import RunReport
from runners.fn_api import run_order_to_cash
from tests.pipelines.bad_input_events import as_line, healthy_customer

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
HEALTHY = [as_line(told) for told in healthy_customer()]
HEALTHY_CUSTOMER = "stripe:cus_1"

Journal = list[tuple[str, tuple[JournalLine, ...]]]


class Ran(NamedTuple):
    """A run into a store of its own, and what it left."""

    url: str
    report: RunReport
    letters: list[DeadLetter]
    journal: Journal
    """(posting id, lines) of the healthy customer."""


def run(folder: Path, *patterns: Path | str, as_of: datetime = AS_OF) -> Ran:
    """Run the job on these files into the store of the folder."""
    url = f"sqlite:///{folder / 'books.db'}"
    inputs = tuple(str(pattern) for pattern in patterns)
    report = run_order_to_cash(check_options(input=inputs, store=url, as_of=as_of, shards=2))
    with open_store(url, create=False) as books:
        letters = list(books.open_dead_letters())
        journal = [
            (posted.posting_id, posted.entry.lines)
            for posted in books.postings()
            if posted.entry.customer_id == HEALTHY_CUSTOMER
        ]
    return Ran(url, report, letters, journal)


def write(path: Path, lines: Iterable[bytes], end: bytes = b"\n") -> Path:
    """Write lines as a file."""
    path.write_bytes(b"".join(line + end for line in lines))
    return path


def counts(report: RunReport) -> tuple[int, int, int, int, int, int]:
    """read, posted, recorded, pending, dead-lettered, duplicates."""
    return (
        report.messages_read,
        report.posted,
        report.recorded,
        report.pending,
        report.dead_lettered,
        report.duplicates,
    )


def run_healthy(folder: Path) -> Ran:
    """The healthy customer alone."""
    return run(folder, write(folder / "healthy.jsonl", HEALTHY))
