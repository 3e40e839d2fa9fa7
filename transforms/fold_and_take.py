"""FoldAndTake: fold each firing of the windowed join over the party's past and commit it.

The ledger store remembers the facts of every party; the fold sees all of them each time, so a
firing may hold any part of a party's events, in any order, twice, or years late. Firings of one
bundle are committed together. Two firings of the same party may meet: the store refuses the one
whose past is no longer what stands, and it is folded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from ledger.folding import FoldSettings, fold_parties
from ledger.identity import Identity
from ledger.messages import Message
from ledger.results import FoldedParty, StaleParty
from ledger.trace_context import NoSpans, Spans
from transforms.correlate_by_contract import KnownLinks, learn
from transforms.decode_events import links_of
from transforms.fold_contracts import Incoming, PartyHistory, with_past
from transforms.gather_firings import GatherFirings
from transforms.receipts import KeptParts, LiveMessage, NoReceipts, OpenReceipts, ReceiptBook
from transforms.write_books import (
    MAX_ATTEMPTS,
    Books,
    CommitCounts,
    added,
    contexts_of,
    count,
    tell,
)


class LiveBooks(Books, KnownLinks, PartyHistory, KeptParts, Protocol):
    """A sink that also remembers: the ledger store."""


class FoldAndTake(beam.PTransform):
    """PCollection[(party_ref, iterable of bytes: LiveMessage)] -> PCollection[CommitCounts]."""

    def __init__(
        self,
        settings: FoldSettings,
        open_books: Callable[[], LiveBooks],
        open_receipts: OpenReceipts = NoReceipts,
        open_spans: Callable[[], Spans] = NoSpans,
    ) -> None:
        super().__init__()
        self._fold = _FoldFiringFn(settings, open_books, open_receipts, open_spans)

    def expand(self, firings: PCollection) -> PCollection:
        # Together they are folded as of one moment, which here is that of the settings.
        return firings | "GatherFirings" >> GatherFirings() | "FoldFiring" >> beam.ParDo(self._fold)


def parties_of(
    messages: list[Message], party_ref: str, books: KnownLinks, decided: dict[str, str]
) -> Incoming:
    """Give every message of a firing its resolved party, by what it and earlier ones teach."""
    ids = {ref for message in messages for ref in (*message.link_refs, message.party_ref) if ref}
    identity = Identity(decided)
    learn(identity, books.links_from(ids | {party_ref}))
    learn(identity, links_of(messages))
    parties: dict[str, list[Message]] = {}
    for message in messages:
        party_id = identity.party_of(message.party_ref, message.link_refs).party_id
        parties.setdefault(party_id, []).append(message)
    doubted = {party_id: identity.accounts_in_doubt(party_id) for party_id in parties}
    ambiguous = {party_id: accounts for party_id, accounts in doubted.items() if accounts}
    return Incoming(dict(sorted(parties.items())), ambiguous)


def fold_and_take(
    messages: list[Message],
    party_ref: str,
    books: LiveBooks,
    settings: FoldSettings,
    attempts: int = MAX_ATTEMPTS,
) -> CommitCounts:
    """Fold over the past and commit; again when somebody else committed in between.

    Of many parties only those whose past has moved are folded by themselves then; the others stay
    together. Raises StaleParty when a party was refused `attempts` times in a row.
    """
    came = parties_of(messages, party_ref, books, settings.books.identity)
    incoming, past = with_past(came, books, settings.tenant)
    folded = fold_parties(incoming.parties, past, settings, incoming.ambiguous)
    try:
        return books.take(party_ref, folded)
    except StaleParty as refused:
        if attempts <= 1:
            raise
        parts = apart(came, moved(folded, refused))
    counts = CommitCounts()
    for part in parts:
        counts = added(counts, fold_and_take(part, party_ref, books, settings, attempts - 1))
    return counts


def moved(folded: Iterable[FoldedParty], refused: StaleParty) -> set[str]:
    """Ids of the parties whose past has moved."""
    stale = set(refused.party_refs)
    return {party.party_id for party in folded if not stale.isdisjoint(party.party_refs)}


def apart(came: Incoming, stale: set[str]) -> list[list[Message]]:
    """Return the messages of all calm parties together, then those of every stale one."""
    calm = [x for party_id, each in came.parties.items() if party_id not in stale for x in each]
    alone = [list(each) for party_id, each in came.parties.items() if party_id in stale]
    return [part for part in (calm, *alone) if part]


class _FoldFiringFn(beam.DoFn):
    def __init__(
        self,
        settings: FoldSettings,
        open_books: Callable[[], LiveBooks],
        open_receipts: OpenReceipts,
        open_spans: Callable[[], Spans],
    ) -> None:
        self._open_spans = open_spans
        self._settings = settings
        self._open_books = open_books
        self._open_receipts = open_receipts

    def setup(self) -> None:
        self._books = self._open_books()
        self._receipts = ReceiptBook(self._open_receipts(), self._books)
        self._spans = self._open_spans()
        self._decoder = msgspec.msgpack.Decoder(LiveMessage)

    def process(self, firing: tuple[str, Iterable[bytes]]) -> Iterator[CommitCounts]:
        party_ref, encoded = firing
        live = [self._decoder.decode(item) for item in encoded]
        messages = [each.message for each in live]
        traces = contexts_of(messages) if self._spans.recording else []
        with self._spans.span("order_to_cash.fold_and_commit", "consumer", links=traces) as note:
            counts = fold_and_take(messages, party_ref, self._books, self._settings)
            tell(note, counts)
        self._receipts.durable((each.receipt, each.parts) for each in live)
        yield count(counts)
