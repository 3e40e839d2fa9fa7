"""WriteBooks: commit folded parties to a sink that takes each chunk whole or not at all.

Engines with several workers commit chunks side by side, and customers of two chunks may touch (one
is stated to be the other's account). The sink refuses the chunk whose past has moved since it was
folded; it is folded again.

The sink (the ledger store, or files) is opened by a callable that the pipeline hands in. Counters
are incremented after the sink has returned: what is counted has been taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from ledger.messages import DeadLetter
from ledger.results import FoldedParty, StaleParty
from transforms import counting
from transforms.fold_contracts import FoldedChunk, Incoming

MAX_ATTEMPTS = 20
"""Commits that meet are few; more refusals than this mean a defect."""


class CommitCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit took and what it added; units: messages, entries, lines, updates."""

    posted: int = 0
    recorded: int = 0
    pending: int = 0
    dead_lettered: int = 0
    duplicates: int = 0
    new_entries: int = 0
    reversals: int = 0
    journal_lines: int = 0
    lifecycle_updates: int = 0
    unmapped: int = 0
    """Postings without a GL account, written as files under a mapping."""


class Books(Protocol):
    """A sink of folded parties and dead letters; taking the same again adds nothing (I4)."""

    def take(self, chunk_name: str, parties: list[FoldedParty]) -> CommitCounts:
        """Write what should stand for these parties, all or nothing."""
        ...

    def take_dead_letters(self, letters: list[DeadLetter]) -> CommitCounts:
        """Keep dead letters by their deterministic ids."""
        ...


FoldAgain = Callable[[Incoming], list[FoldedParty]]
"""Folds what came over the past as it stands now."""


def take_or_fold_again(
    chunk_name: str,
    parties: list[FoldedParty],
    books: Books,
    fold_again: Callable[[], list[FoldedParty]],
) -> CommitCounts:
    """Commit; fold again and commit as often as somebody else committed in between.

    Raises StaleParty after MAX_ATTEMPTS.
    """
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return books.take(chunk_name, parties)
        except StaleParty:
            parties = fold_again()
    return books.take(chunk_name, parties)


class WriteBooks(beam.PTransform):
    """PCollection[FoldedChunk] -> PCollection[CommitCounts], one per chunk.

    `open_folding` opens what folds a chunk again.
    """

    def __init__(
        self, open_books: Callable[[], Books], open_folding: Callable[[], FoldAgain]
    ) -> None:
        super().__init__()
        self._take = _TakeChunkFn(open_books, open_folding)

    def expand(self, chunks: PCollection) -> PCollection:
        return chunks | "TakeChunk" >> beam.ParDo(self._take)


class WriteDeadLetters(beam.PTransform):
    """PCollection[list[DeadLetter]] -> PCollection[CommitCounts], one per list."""

    def __init__(self, open_books: Callable[[], Books]) -> None:
        super().__init__()
        self._open_books = open_books

    def expand(self, letters: PCollection) -> PCollection:
        return letters | "TakeDeadLetters" >> beam.ParDo(_TakeDeadLettersFn(self._open_books))


def count(counts: CommitCounts) -> CommitCounts:
    """Add a commit to the Beam metrics and return it."""
    for name in CommitCounts.__struct_fields__:
        amount = getattr(counts, name)
        if amount:
            counting.counter(name).inc(amount)
    return counts


def added(one: CommitCounts, other: CommitCounts) -> CommitCounts:
    """Return the counts of two commits."""
    names = CommitCounts.__struct_fields__
    return CommitCounts(**{name: getattr(one, name) + getattr(other, name) for name in names})


class _TakeChunkFn(beam.DoFn):
    def __init__(
        self, open_books: Callable[[], Books], open_folding: Callable[[], FoldAgain]
    ) -> None:
        self._open_books = open_books
        self._open_folding = open_folding

    def setup(self) -> None:
        self._books = self._open_books()
        self._fold = self._open_folding()

    def process(self, chunk: FoldedChunk) -> Iterator[CommitCounts]:
        counts = take_or_fold_again(
            chunk.name, chunk.parties, self._books, partial(self._fold, chunk.came)
        )
        yield count(counts)


class _TakeDeadLettersFn(beam.DoFn):
    def __init__(self, open_books: Callable[[], Books]) -> None:
        self._open_books = open_books

    def setup(self) -> None:
        self._books = self._open_books()

    def process(self, letters: list[DeadLetter]) -> Iterator[CommitCounts]:
        yield count(self._books.take_dead_letters(letters))
