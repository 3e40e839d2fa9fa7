"""CorrelateByContract: bring together all messages of a party, so that its contracts can be folded.

A party is one resolved customer with all its contracts (the CRM account when one is linked). Which
event belongs to which contract is decided inside the party by `ledger.correlation`. One grouping
for the whole job: the ids that lead to a party travel as a side input of small link blocks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from ledger.identity import Identity
from transforms.decode_events import LinkBlock, SealedMessage
from transforms.packing import BlockPacker


class RoutedParty(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Messages of one party, still encoded."""

    messages: list[msgspec.Raw]
    ambiguous: tuple[str, ...] = ()
    """The accounts that the party is stated to be, when they are several."""


RoutedBlock = dict[str, RoutedParty]
"""By party, resolved: the CRM account when linked, else the source's own customer or object."""


class KnownLinks(Protocol):
    """Links learnt in earlier runs."""

    def links_from(self, ids: Iterable[str]) -> LinkBlock:
        """Return what is known of these ids and customers, following links to their end."""
        ...

    def homes_of(self, message_ids: Iterable[str]) -> dict[str, str]:
        """Return the ref under which each message that names no party is kept already."""
        ...


def shard_of(party_id: str, shards: int) -> int:
    """Return the shard of a party: the same on every machine and in every run."""
    return zlib.crc32(party_id.encode()) % shards


def learn(identity: Identity, block: LinkBlock) -> None:
    """Tell `identity` what a link block says."""
    identity.add_links(block.links)
    identity.add_account_links(block.account_links)
    identity.add_parties(block.parties)


def learn_known(identity: Identity, known: KnownLinks, ids: Iterable[str]) -> None:
    """Tell `identity` what earlier runs learnt of `ids` and of all that these lead to by now."""
    front = set(ids)
    followed: set[str] = set()
    while front:
        block = known.links_from(front)
        learn(identity, block)
        followed |= front
        followed.update(target for _, target in (*block.links, *block.account_links))
        front = identity.reached(front) - followed


def party_of(
    identity: Identity, party_ref: str | None, link_refs: Sequence[str], home: str | None
) -> str:
    """Resolve a message; `home` is the ref under which an earlier delivery of it is kept.

    What came again stays where it is kept, even when its links have become ambiguous since; what
    waits under an id of its own goes where its ids lead by now.
    """
    if home is not None and home not in link_refs:
        return identity.party_of(None, (home,)).party_id
    return identity.party_of(party_ref, link_refs).party_id


def route_block(
    sealed: Iterable[SealedMessage],
    identity: Identity,
    shards: int,
    homes: Mapping[int, str],
) -> dict[int, RoutedBlock]:
    """Give every message its party and sort the parties by shard.

    `homes`: by position in the block, where earlier deliveries of unnamed messages are kept.
    """
    parties: dict[str, list[msgspec.Raw]] = {}
    for number, message in enumerate(sealed):
        party_id = party_of(identity, message.party_ref, message.link_refs, homes.get(number))
        parties.setdefault(party_id, []).append(message.encoded)
    routed: dict[int, RoutedBlock] = {}
    for party_id, messages in parties.items():
        party = RoutedParty(messages, identity.accounts_in_doubt(party_id))
        routed.setdefault(shard_of(party_id, shards), {})[party_id] = party
    return routed


class CorrelateByContract(beam.PTransform):
    """PCollection[bytes: list of SealedMessage] -> PCollection[(shard, iterable of bytes)].

    Bounded. Every block in a group is a packed RoutedBlock; all messages of a party are in one
    group. `links` are the link blocks of DecodeEvents; `known_links` opens what earlier
    runs learnt; `decided` are identities that a person decided, which win.
    """

    def __init__(
        self,
        links: PCollection,
        shards: int,
        known_links: Callable[[], KnownLinks] | None,
        decided: dict[str, str],
    ) -> None:
        super().__init__()
        self._links = links
        self._route = _RoutePartiesFn(shards, known_links, decided)

    def expand(self, blocks: PCollection) -> PCollection:
        return (
            blocks
            | "RouteParties"
            >> beam.ParDo(self._route, beam.pvalue.AsList(self._links)).with_output_types(
                tuple[int, bytes]
            )
            | "GroupByShard" >> beam.GroupByKey()
        )


class _NameOnly(msgspec.Struct, array_like=True):
    """The beginning of an encoded `ledger.messages.Message`."""

    message_id: str


class _RoutePartiesFn(beam.DoFn):
    def __init__(
        self,
        shards: int,
        known_links: Callable[[], KnownLinks] | None,
        decided: dict[str, str],
    ) -> None:
        self._shards = shards
        self._open_known_links = known_links
        self._decided = decided

    def setup(self) -> None:
        self._known_links = self._open_known_links() if self._open_known_links else None
        self._sealed = BlockPacker(list[SealedMessage])
        self._routed = BlockPacker(RoutedBlock)
        self._links = BlockPacker(LinkBlock)
        self._name = msgspec.msgpack.Decoder(_NameOnly)
        self._identity_of: tuple[list[bytes] | None, Identity | None] = (None, None)

    def process(self, block: bytes, links: list[bytes]) -> Iterator[tuple[int, bytes]]:
        sealed = self._sealed.unpack(block)
        identity = self._identity(links)
        homes: dict[int, str] = {}
        if self._known_links is not None:
            homes = self._homes(sealed, self._known_links)
            learn_known(identity, self._known_links, _ids_of(sealed) | {*homes.values()})
        for shard, routed in sorted(route_block(sealed, identity, self._shards, homes).items()):
            yield shard, self._routed.pack(routed)

    def _homes(self, sealed: Sequence[SealedMessage], known: KnownLinks) -> dict[int, str]:
        unnamed = {
            number: self._name.decode(message.encoded).message_id
            for number, message in enumerate(sealed)
            if message.party_ref is None
        }
        kept = known.homes_of(unnamed.values()) if unnamed else {}
        return {number: kept[name] for number, name in unnamed.items() if name in kept}

    def _identity(self, links: list[bytes]) -> Identity:
        """Build the identity once per side input: Beam hands the same list to every block."""
        built_from, identity = self._identity_of
        if identity is None or built_from is not links:
            identity = Identity(self._decided)
            for encoded in links:
                learn(identity, self._links.unpack(encoded))
            self._identity_of = (links, identity)
        return identity


def _ids_of(sealed: Iterable[SealedMessage]) -> set[str]:
    ids: set[str] = set()
    for message in sealed:
        if message.party_ref is not None:
            ids.add(message.party_ref)
        ids.update(message.link_refs)
    return ids
