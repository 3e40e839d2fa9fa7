"""FoldContracts: all messages of a party, old and new -> what should stand in the books.

The fold itself is `ledger.party.assemble_party`, a pure function of a set of messages. This file
only brings the set together: what came with this run, and what the ledger store already has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from ledger.folding import FoldSettings, PartyPast, fold_parties, keep_apart
from ledger.messages import Message
from ledger.results import FoldedParty
from transforms.correlate_by_contract import RoutedBlock, RoutedParty
from transforms.packing import BlockPacker

PARTIES_PER_CHUNK = 250
"""Parties folded and committed together: one history look-up and one transaction per chunk."""


class PartyKeys(NamedTuple):
    """Under which names the history of a party may be kept."""

    party_id: str
    party_refs: frozenset[str]
    taught_ids: frozenset[str]
    """Ids that the incoming messages link to the party: messages may have waited under them."""


class PartyHistory(Protocol):
    """The part of the ledger store that remembers messages."""

    def past_of(self, tenant: str, parties: Sequence[PartyKeys]) -> dict[str, PartyPast]:
        """Return the past by party id; a party without one may be missing."""
        ...


class FoldContracts(beam.PTransform):
    """PCollection[(shard, iterable of routed blocks)] -> PCollection[FoldedChunk]. Bounded."""

    def __init__(self, settings: FoldSettings, history: Callable[[], PartyHistory] | None) -> None:
        super().__init__()
        self._fold = _FoldShardFn(settings, history)

    def expand(self, shards: PCollection) -> PCollection:
        return shards | "FoldShard" >> beam.ParDo(self._fold).with_output_types(FoldedChunk)


class Incoming(NamedTuple):
    """What came for some parties, and which of them are stated to be several accounts."""

    parties: dict[str, list[Message]]
    """By party id, sorted."""
    ambiguous: dict[str, tuple[str, ...]]


class FoldedChunk(NamedTuple):
    """Some parties of a shard, folded; `name` is the same in every attempt."""

    name: str
    parties: list[FoldedParty]
    came: Incoming
    """What was folded over the past: it is folded again when that has moved meanwhile."""


def unpack_shard(blocks: Iterable[bytes], routed: BlockPacker[RoutedBlock]) -> RoutedBlock:
    """Unpack the routed blocks of a shard into one; parties sorted, messages still encoded."""
    parties: RoutedBlock = {}
    for block in blocks:
        for party_id, party in routed.unpack(block).items():
            known = parties.setdefault(party_id, party)
            if known is not party:
                known.messages.extend(party.messages)
    return dict(sorted(parties.items()))


def messages_of(
    parties: Iterable[tuple[str, RoutedParty]], decode: Callable[[msgspec.Raw], Message]
) -> Incoming:
    """Decode the messages of some parties: only of those that are folded next."""
    messages: dict[str, list[Message]] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    for party_id, party in parties:
        messages[party_id] = list(map(decode, party.messages))
        if party.ambiguous:
            ambiguous[party_id] = party.ambiguous
    return Incoming(messages, ambiguous)


def keys_of(party_id: str, incoming: Iterable[Message]) -> PartyKeys:
    """Return the names under which the store may know this party."""
    refs = {party_id}
    taught: set[str] = set()
    for message in incoming:
        if message.party_ref is not None:
            refs.add(message.party_ref)
        refs.update(customer for customer, _ in message.account_links)
        taught.update(link for link, _ in message.links)
    return PartyKeys(party_id, frozenset(refs), frozenset(taught))


def with_past(
    incoming: Incoming, history: PartyHistory, tenant: str
) -> tuple[Incoming, dict[str, PartyPast]]:
    """Return what came and the past of its parties, and of those that lose a part to them.

    A customer that turns out to be somebody else takes its messages along: the party it was
    counted to is folded again without them, in the same commit.
    """
    keys = [keys_of(party_id, messages) for party_id, messages in incoming.parties.items()]
    past = history.past_of(tenant, keys)
    left = {party_id for before in past.values() for party_id in before.left}
    if not left:
        return incoming, past
    alone = sorted(left - incoming.parties.keys())
    owner = {ref: party_id for party_id, before in past.items() for ref in before.party_refs}
    gone = {message.message_id for before in past.values() for message in before.messages}
    for party_id, before in history.past_of(
        tenant, [keys_of(party_id, ()) for party_id in alone]
    ).items():
        stays = [message for message in before.messages if message.message_id not in gone]
        past[party_id] = before._replace(messages=stays)
    owner |= {
        ref: party_id
        for party_id, messages in incoming.parties.items()
        for ref in (party_id, *(message.party_ref for message in messages if message.party_ref))
    }
    parties = incoming.parties | {party_id: [] for party_id in alone}
    return Incoming(dict(sorted(parties.items())), incoming.ambiguous), keep_apart(past, owner)


class OverThePast:
    """Callable: folds what came over what is kept, as it stands at that moment. In workers."""

    def __init__(
        self, settings: FoldSettings, open_history: Callable[[], PartyHistory] | None
    ) -> None:
        """Open the history; without one everything that came is new."""
        self._settings = settings
        self._history = open_history() if open_history is not None else None

    def __call__(self, incoming: Incoming) -> list[FoldedParty]:
        """Return the parties folded, and those that lose a part to them."""
        past: dict[str, PartyPast] = {}
        if self._history is not None:
            incoming, past = with_past(incoming, self._history, self._settings.tenant)
        return fold_parties(incoming.parties, past, self._settings, incoming.ambiguous)


class _FoldShardFn(beam.DoFn):
    def __init__(self, settings: FoldSettings, history: Callable[[], PartyHistory] | None) -> None:
        self._settings = settings
        self._open_history = history

    def setup(self) -> None:
        self._fold = OverThePast(self._settings, self._open_history)
        self._routed = BlockPacker(RoutedBlock)
        self._decode = msgspec.msgpack.Decoder(Message).decode

    def process(self, shard: tuple[int, Iterable[bytes]]) -> Iterator[FoldedChunk]:
        number, blocks = shard
        parties = iter(unpack_shard(blocks, self._routed).items())
        index = 0
        while chunk := list(islice(parties, PARTIES_PER_CHUNK)):
            incoming = messages_of(chunk, self._decode)
            yield FoldedChunk(f"{number:05d}-{index:05d}", self._fold(incoming), incoming)
            index += 1
