"""TakeLetters: dead letters of a live source into the books, and their receipts handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.receipts import KeptParts, LiveLetter, OpenReceipts, ReceiptBook
from transforms.write_books import Books, CommitCounts, count


class LetterBooks(Books, KeptParts, Protocol):
    """Where dead letters are kept, and found again."""


class TakeLetters(beam.PTransform):
    """PCollection[LiveLetter] -> PCollection[CommitCounts]. Unbounded."""

    def __init__(self, open_books: Callable[[], LetterBooks], open_receipts: OpenReceipts) -> None:
        super().__init__()
        self._take = _TakeLettersFn(open_books, open_receipts)

    def expand(self, letters: PCollection) -> PCollection:
        return letters | "TakeLetters" >> beam.ParDo(self._take)


class _TakeLettersFn(beam.DoFn):
    def __init__(self, open_books: Callable[[], LetterBooks], open_receipts: OpenReceipts) -> None:
        self._open_books = open_books
        self._open_receipts = open_receipts

    def setup(self) -> None:
        self._books = self._open_books()
        self._receipts = ReceiptBook(self._open_receipts(), self._books)

    def process(self, live: LiveLetter) -> Iterator[CommitCounts]:
        counts = self._books.take_dead_letters([live.letter])
        self._receipts.durable([(live.receipt, live.parts)])
        yield count(counts)
