"""WriteBooks: commit folded parties to a sink that takes each chunk whole or not at all.

Engines with several workers commit chunks side by side, and customers of two chunks may touch (one
is stated to be the other's account). The sink refuses the chunk whose past has moved since it was
folded; it is folded again.

The sink (the ledger store, or files) is opened by a callable that the pipeline hands in. Counters
are incremented after the sink has returned: what is counted has been taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from ledger.messages import DeadLetter, Message
from ledger.results import FoldedParty, StaleParty
from ledger.trace_context import NoSpans, Note, Spans, TraceContext
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
        self,
        open_books: Callable[[], Books],
        open_folding: Callable[[], FoldAgain],
        open_spans: Callable[[], Spans] = NoSpans,
    ) -> None:
        super().__init__()
        self._take = _TakeChunkFn(open_books, open_folding, open_spans)

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


def contexts_of(messages: Iterable[Message]) -> list[TraceContext]:
    """Which requests brought these messages, each once, as far as is known."""
    return list(dict.fromkeys(m.trace for m in messages if m.trace is not None))


def tell(note: Note, counts: CommitCounts) -> None:
    """Add what a commit did to its span."""
    for name in CommitCounts.__struct_fields__:
        note(f"crossfoot.{name}", getattr(counts, name))


class _TakeChunkFn(beam.DoFn):
    def __init__(
        self,
        open_books: Callable[[], Books],
        open_folding: Callable[[], FoldAgain],
        open_spans: Callable[[], Spans],
    ) -> None:
        self._open_books = open_books
        self._open_folding = open_folding
        self._open_spans = open_spans

    def setup(self) -> None:
        self._books = self._open_books()
        self._fold = self._open_folding()
        self._spans = self._open_spans()

    def process(self, chunk: FoldedChunk) -> Iterator[CommitCounts]:
        traces = (
            contexts_of(message for party in chunk.parties for message in party.new_messages)
            if self._spans.recording
            else []
        )
        with self._spans.span("order_to_cash.commit", "consumer", links=traces) as note:
            counts = take_or_fold_again(
                chunk.name, chunk.parties, self._books, partial(self._fold, chunk.came)
            )
            tell(note, counts)
        yield count(counts)


class _TakeDeadLettersFn(beam.DoFn):
    def __init__(self, open_books: Callable[[], Books]) -> None:
        self._open_books = open_books

    def setup(self) -> None:
        self._books = self._open_books()

    def process(self, letters: list[DeadLetter]) -> Iterator[CommitCounts]:
        yield count(self._books.take_dead_letters(letters))
