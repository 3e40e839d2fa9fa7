"""Where a run writes: the ledger store, files, or both, behind the sink of WriteBooks.

Each `open_…` returns a recipe that workers call in `setup`; nothing is opened on import or while
the graph is built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from connectors.erp_postings import postings_of
from connectors.files.writing import write_json_lines
from ledger.folding import PartyPast
from ledger.gl_mapping import GlMapping
from ledger.messages import DeadLetter, Outcome, Part
from ledger.policies import BooksConfig
from ledger.results import FoldedParty, conflicts_of, ends_of
from pipelines.settings import RunSettings
from transforms.decode_events import LinkBlock
from transforms.fold_contracts import OverThePast, PartyHistory, PartyKeys
from transforms.write_books import Books, CommitCounts

if TYPE_CHECKING:
    from connectors.store import CommitReport, LedgerStore, PostingRight


class StoreBooks:
    """The ledger store as sink and memory. One tenant's view of it."""

    def __init__(
        self,
        url: str,
        tenant: str,
        books: BooksConfig | None = None,
        right: PostingRight | None = None,
        wait_seconds: float = 0.0,
    ) -> None:
        """`books`: whose calendars the store keeps; `right`: a soft-closed period to post into;
        `wait_seconds`: how long a store that is away is waited for.

        Raises StoreError (CalendarChanged, StoreAway).
        """
        self._store: LedgerStore = _open_for_worker(url, wait_seconds)
        self._tenant = tenant
        self._right = right
        if books is not None:
            self._store.keep_calendars(tenant, books)

    def take(self, chunk_name: str, parties: list[FoldedParty]) -> CommitCounts:
        """Commit in one transaction. Raises StaleParty when the past has moved."""
        return _counts(self._store.commit(parties, self._right))

    def take_dead_letters(self, letters: list[DeadLetter]) -> CommitCounts:
        """Keep dead letters; known ones count as duplicates."""
        return _counts(self._store.commit_dead_letters(letters))

    def links_from(self, ids: Iterable[str]) -> LinkBlock:
        """What earlier messages taught about these ids."""
        known = self._store.links_from(self._tenant, ids)
        return LinkBlock(tuple(known.links), tuple(known.account_links), tuple(known.parties))

    def homes_of(self, message_ids: Iterable[str]) -> dict[str, str]:
        """Under which ref earlier deliveries of messages that name no party are kept."""
        return self._store.homes_of(self._tenant, message_ids)

    def refs_of(self, tenant: str, parties: Sequence[PartyKeys]) -> dict[str, tuple[str, ...]]:
        """Every ref under which the store keeps these parties."""
        return self._store.refs_of(tenant, parties)

    def past_of(self, tenant: str, parties: Sequence[PartyKeys]) -> dict[str, PartyPast]:
        """What the store has of these parties."""
        past = self._store.past_of(tenant, parties)
        return {party_id: PartyPast(*found) for party_id, found in past.items()}

    def kept(self, parts: Collection[Part]) -> set[Part]:
        """Those of the parts that are durable."""
        return self._store.kept(self._tenant, parts)

    def everybody(self) -> list[PartyKeys]:
        """Every party that the store keeps, each ref in exactly one of them."""
        return [
            PartyKeys(party_id, frozenset(refs), frozenset())
            for party_id, refs in self._store.party_groups(self._tenant)
        ]


class FileBooks:
    """A folder of JSON lines: `erp-postings-…`, `lifecycle-updates-…`, `dead-letters-…`, and under
    a GL mapping `unmapped-postings-…`.

    Files are named after the chunk, so that a retried bundle replaces its own. They hold what
    should stand for the input of this run alone; there is no memory of earlier runs.
    """

    def __init__(
        self,
        directory: str,
        as_of_micros: int,
        books: BooksConfig | None = None,
        mapping: GlMapping | None = None,
    ) -> None:
        """`books`: whose calendars name the accounting periods; months without. `mapping`: gives
        postings their GL accounts; those that have none go to a file of their own.
        """
        self._directory = directory
        self._as_of_micros = as_of_micros
        self._books = books
        self._mapping = mapping

    def take(self, chunk_name: str, parties: list[FoldedParty]) -> CommitCounts:
        """Write the chunk's postings, updates and dead letters, each as one file."""
        postings = list(
            postings_of(parties, chunk_name, self._as_of_micros, self._books, self._mapping)
        )
        unmapped = [one for one in postings if self._mapping is not None and one.mapping is None]
        going = [one for one in postings if self._mapping is None or one.mapping is not None]
        updates = [update for party in parties for update in party.result.lifecycle]
        letters = [letter for party in parties for letter in party.dead_letters]
        for stem, structs in (
            ("erp-postings", going),
            ("unmapped-postings", unmapped),
            ("lifecycle-updates", updates),
            ("dead-letters", letters),
        ):
            if structs:
                write_json_lines(self._directory, f"{stem}-{chunk_name}.jsonl", structs)
        if not unmapped:
            # Of an earlier run with another mapping.
            Path(self._directory, f"unmapped-postings-{chunk_name}.jsonl").unlink(missing_ok=True)
        counts = _counts_of_fold(parties, len(postings), len(updates))
        return msgspec.structs.replace(counts, unmapped=len(unmapped))

    def take_dead_letters(self, letters: list[DeadLetter]) -> CommitCounts:
        """Write the dead letters of one block, named after the first of them."""
        by_id = {letter.dead_letter_id: letter for letter in letters}
        ordered = [by_id[key] for key in sorted(by_id)]
        name = f"dead-letters-{ordered[0].dead_letter_id}.jsonl"
        write_json_lines(self._directory, name, ordered)
        return CommitCounts(dead_lettered=len(ordered), duplicates=len(letters) - len(ordered))


class BothBooks:
    """The store first, whose counts are the run's; then the same as files."""

    def __init__(self, store: StoreBooks, files: FileBooks) -> None:
        self._store = store
        self._files = files

    def take(self, chunk_name: str, parties: list[FoldedParty]) -> CommitCounts:
        """Commit, then write the files."""
        counts = self._store.take(chunk_name, parties)
        self._files.take(chunk_name, parties)
        return counts

    def take_dead_letters(self, letters: list[DeadLetter]) -> CommitCounts:
        """Commit, then write the files."""
        counts = self._store.take_dead_letters(letters)
        self._files.take_dead_letters(letters)
        return counts

    def kept(self, parts: Collection[Part]) -> set[Part]:
        """Those of the parts that the store has."""
        return self._store.kept(parts)


def open_books(settings: RunSettings) -> Callable[[], Books]:
    """Return the recipe of the run's sink."""
    return partial(_open_books, settings.store, settings.output, settings)


def open_live_books(settings: RunSettings) -> Callable[[], StoreBooks]:
    """Return the recipe of a sink that also remembers. Raises ValueError without a store."""
    if settings.store is None:
        raise ValueError("a live job needs a ledger store: it remembers what came before")
    return partial(_open_stored, settings.store, settings)


def open_live_letters(settings: RunSettings) -> Callable[[], StoreBooks | BothBooks]:
    """Return the recipe of where a live job keeps dead letters. Raises ValueError."""
    if settings.store is None:
        raise ValueError("a live job needs a ledger store: it remembers what came before")
    return partial(_open_with_store, settings.store, settings.output, settings)


def open_known_links(settings: RunSettings) -> Callable[[], StoreBooks] | None:
    """Return the recipe of what earlier runs learnt, or None when there is no memory."""
    return open_live_books(settings) if settings.store is not None else None


def open_party_history(settings: RunSettings) -> Callable[[], PartyHistory] | None:
    """Return the recipe of what came before, or None when there is no memory."""
    return open_known_links(settings)


def open_folding(settings: RunSettings) -> Callable[[], OverThePast]:
    """Return the recipe of what folds a chunk again when its past has moved."""
    return partial(OverThePast, settings.fold, open_party_history(settings))


def prepare_books(settings: RunSettings) -> None:
    """Create or migrate the store before workers open it. Raises StoreError."""
    if settings.store is not None:
        with _open_store(settings.store) as store:
            store.keep_calendars(settings.fold.tenant, settings.fold.books)


def _open_books(store: str | None, output: str | None, settings: RunSettings) -> Books:
    if store is not None:
        return _open_with_store(store, output, settings)
    if output is None:
        raise ValueError("nowhere to write: neither store nor output is set")
    return _file_books(output, settings)


def _open_with_store(
    store: str, output: str | None, settings: RunSettings
) -> StoreBooks | BothBooks:
    books = _open_stored(store, settings)
    return books if output is None else BothBooks(books, _file_books(output, settings))


def _file_books(output: str, settings: RunSettings) -> FileBooks:
    fold = settings.fold
    return FileBooks(output, fold.as_of_micros, fold.books, settings.mapping)


def _open_stored(store: str, settings: RunSettings) -> StoreBooks:
    fold = settings.fold
    return StoreBooks(store, fold.tenant, fold.books, settings.right, settings.store_wait_seconds)


def _open_for_worker(url: str, wait_seconds: float) -> LedgerStore:
    """The store of this worker process; opened by the step that needs it first."""
    from connectors.store.worker_stores import open_for_worker

    return open_for_worker(url, wait_seconds)


def _open_store(url: str) -> LedgerStore:
    """Open a store; its libraries take half a second, which a run without one is spared."""
    from connectors.store import open_store

    return open_store(url)


def _counts(report: CommitReport) -> CommitCounts:
    return CommitCounts(
        posted=report.count_of(Outcome.POSTED),
        recorded=report.count_of(Outcome.RECORDED),
        pending=report.count_of(Outcome.PENDING),
        dead_lettered=report.count_of(Outcome.DEAD_LETTERED),
        duplicates=report.count_of(Outcome.DUPLICATE),
        new_entries=report.new_entries,
        reversals=report.reversals,
        journal_lines=report.journal_lines,
        lifecycle_updates=report.updates_issued,
    )


def _counts_of_fold(parties: list[FoldedParty], entries: int, updates: int) -> CommitCounts:
    ends: Counter[Outcome] = Counter()
    for party in parties:
        ends.update(ends_of(party))
        ends[Outcome.DEAD_LETTERED] += len(conflicts_of(party))
    return CommitCounts(
        posted=ends[Outcome.POSTED],
        recorded=ends[Outcome.RECORDED],
        pending=ends[Outcome.PENDING],
        dead_lettered=ends[Outcome.DEAD_LETTERED],
        duplicates=ends[Outcome.DUPLICATE],
        new_entries=entries,
        journal_lines=sum(len(e.lines) for party in parties for e in party.result.entries),
        lifecycle_updates=updates,
    )
