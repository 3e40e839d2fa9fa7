"""FoldStoredParties: fold everybody in the ledger store again, as of a time, and commit.

Nothing new is read: what becomes due by the as-of time is recognised, and what stands is made to
be what the messages say. A party that others commit meanwhile is folded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from ledger.folding import FoldSettings, fold_parties
from ledger.identity import Identity
from ledger.messages import Message
from ledger.results import StaleParty
from transforms.correlate_by_contract import KnownLinks, learn_known
from transforms.fold_contracts import PARTIES_PER_CHUNK, PartyHistory, PartyKeys
from transforms.write_books import Books, CommitCounts, count

MAX_ATTEMPTS = 20
"""Others may commit the same parties; more refusals in a row than this mean a defect."""


class StoredParties(Books, KnownLinks, PartyHistory, Protocol):
    """A sink that knows everybody it keeps."""

    def everybody(self) -> list[PartyKeys]:
        """Return every party, sorted; each ref in exactly one of them."""
        ...


class ListStoredParties(beam.PTransform):
    """Pipeline -> PCollection[(chunk name, list[PartyKeys])]. Bounded."""

    def __init__(self, open_books: Callable[[], StoredParties]) -> None:
        super().__init__()
        self._list = _ListPartiesFn(open_books)

    def expand(self, begin: PBegin) -> PCollection:
        return begin | beam.Impulse() | "List" >> beam.ParDo(self._list) | beam.Reshuffle()


class FoldStoredParties(beam.PTransform):
    """PCollection[(chunk name, list[PartyKeys])] -> PCollection[CommitCounts]."""

    def __init__(self, settings: FoldSettings, open_books: Callable[[], StoredParties]) -> None:
        super().__init__()
        self._fold = _FoldChunkFn(settings, open_books)

    def expand(self, chunks: PCollection) -> PCollection:
        return chunks | "FoldChunk" >> beam.ParDo(self._fold)


def fold_stored(
    name: str, keys: Sequence[PartyKeys], books: StoredParties, settings: FoldSettings
) -> CommitCounts:
    """Fold parties over what is kept of them and commit; again when somebody came between."""
    nothing_new: dict[str, list[Message]] = {one.party_id: [] for one in keys}
    for _ in range(MAX_ATTEMPTS):
        past = books.past_of(settings.tenant, keys)
        in_doubt = accounts_in_doubt(keys, books, settings.books.identity)
        try:
            return books.take(name, fold_parties(nothing_new, past, settings, in_doubt))
        except StaleParty:
            continue
    raise StaleParty(f"{name}: refused {MAX_ATTEMPTS} times in a row")


def accounts_in_doubt(
    keys: Sequence[PartyKeys], books: KnownLinks, decided: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the parties that are stated to be several accounts, with these."""
    identity = Identity(decided)
    learn_known(identity, books, {ref for one in keys for ref in one.party_refs})
    doubted = {one.party_id: identity.accounts_in_doubt(one.party_id) for one in keys}
    return {party_id: accounts for party_id, accounts in doubted.items() if accounts}


class _ListPartiesFn(beam.DoFn):
    def __init__(self, open_books: Callable[[], StoredParties]) -> None:
        self._open_books = open_books

    def process(self, _: bytes) -> Iterator[tuple[str, list[PartyKeys]]]:
        everybody = self._open_books().everybody()
        for index, start in enumerate(range(0, len(everybody), PARTIES_PER_CHUNK)):
            yield f"close-{index:05d}", everybody[start : start + PARTIES_PER_CHUNK]


class _FoldChunkFn(beam.DoFn):
    def __init__(self, settings: FoldSettings, open_books: Callable[[], StoredParties]) -> None:
        self._settings = settings
        self._open_books = open_books

    def setup(self) -> None:
        self._books = self._open_books()

    def process(self, chunk: tuple[str, list[PartyKeys]]) -> Iterator[CommitCounts]:
        name, keys = chunk
        yield count(fold_stored(name, keys, self._books, self._settings))
