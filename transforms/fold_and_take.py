"""FoldAndTake: fold each firing of the windowed join over the party's past and commit it.

The ledger store remembers the facts of every party; the fold sees all of them each time, so a
firing may hold any part of a party's events, in any order, twice, or years late. Firings of one
bundle are committed together. Two firings of the same party may meet: the store refuses the one
whose past is no longer what stands, and it is folded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from ledger.folding import FoldSettings, fold_parties
from ledger.identity import Identity
from ledger.messages import Message
from ledger.results import FoldedParty, StaleParty
from ledger.trace_context import NoSpans, Spans
from transforms.correlate_by_contract import KnownLinks, learn, learn_known, party_of
from transforms.decode_events import links_of
from transforms.fold_contracts import Incoming, PartyHistory, PartyKeys, keys_of, with_past
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

    def refs_of(self, tenant: str, parties: Sequence[PartyKeys]) -> dict[str, tuple[str, ...]]:
        """Return every ref under which these parties are kept, by party id."""
        ...


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
    learn(identity, links_of(messages))
    unnamed = [message.message_id for message in messages if message.party_ref is None]
    homes = books.homes_of(unnamed) if unnamed else {}
    learn_known(identity, books, ids | {party_ref, *homes.values()})
    parties: dict[str, list[Message]] = {}
    for message in messages:
        home = homes.get(message.message_id)
        party_id = party_of(identity, message.party_ref, message.link_refs, home)
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
    together. Two firings that know nothing of each other (a payment, and what says whose it is)
    may each commit parties that the other's would have changed. So after the commit it is looked
    whether these still are the parties: whoever comes second sees both, and folds them together.
    Raises StaleParty when a party was refused `attempts` times in a row.
    """
    came = parties_of(messages, party_ref, books, settings.books.identity)
    incoming, past = with_past(came, books, settings.tenant)
    folded = fold_parties(incoming.parties, past, settings, incoming.ambiguous)
    try:
        counts = books.take(party_ref, folded)
    except StaleParty as refused:
        if attempts <= 1:
            raise
        parts = apart(came, moved(folded, refused))
        counts = CommitCounts()
        for part in parts:
            counts = added(counts, fold_and_take(part, party_ref, books, settings, attempts - 1))
        return counts
    now = parties_of(messages, party_ref, books, settings.books.identity)
    changed = _otherwise_now(now, folded, books, settings.tenant)
    if not changed:
        return counts
    if attempts <= 1:
        raise StaleParty(f"{party_ref}: others change its parties again and again")
    again = [message for party_id in changed for message in now.parties[party_id]]
    more = fold_and_take(again, party_ref, books, settings, attempts - 1)
    return added(counts, _of_the_books(more))


def moved(folded: Iterable[FoldedParty], refused: StaleParty) -> set[str]:
    """Ids of the parties whose past has moved."""
    stale = set(refused.party_refs)
    return {party.party_id for party in folded if not stale.isdisjoint(party.party_refs)}


def apart(came: Incoming, stale: set[str]) -> list[list[Message]]:
    """Return the messages of all calm parties together, then those of every stale one."""
    calm = [x for party_id, each in came.parties.items() if party_id not in stale for x in each]
    alone = [list(each) for party_id, each in came.parties.items() if party_id in stale]
    return [part for part in (calm, *alone) if part]


def _otherwise_now(
    now: Incoming, taken: Sequence[FoldedParty], books: LiveBooks, tenant: str
) -> list[str]:
    """Ids of the firing's parties that were not committed as the store knows them now, sorted."""
    stood = {party.party_id: {*party.party_refs} for party in taken}
    keys = [keys_of(party_id, messages) for party_id, messages in now.parties.items()]
    owner = {ref: key.party_id for key in keys for ref in key.party_refs}
    return sorted(
        party_id
        for party_id, refs in books.refs_of(tenant, keys).items()
        # What another party of the firing names is that one's; see `with_past`.
        if not stood.get(party_id, set()).issuperset(
            {ref for ref in refs if owner.get(ref, party_id) == party_id}
        )
    )


def _of_the_books(counts: CommitCounts) -> CommitCounts:
    """What folding again changed in the books; its messages have been counted."""
    return msgspec.structs.replace(
        counts, posted=0, recorded=0, pending=0, dead_lettered=0, duplicates=0
    )


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
