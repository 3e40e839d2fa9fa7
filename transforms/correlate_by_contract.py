"""CorrelateByContract: bring together all messages of a party, so that its contracts can be folded.

A party is one resolved customer with all its contracts (the CRM account when one is linked). Which
event belongs to which contract is decided inside the party by `ledger.correlation`. One grouping
for the whole job: the ids that lead to a party travel as a side input of small link blocks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
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


def shard_of(party_id: str, shards: int) -> int:
    """Return the shard of a party: the same on every machine and in every run."""
    return zlib.crc32(party_id.encode()) % shards


def learn(identity: Identity, block: LinkBlock) -> None:
    """Tell `identity` what a link block says."""
    identity.add_links(block.links)
    identity.add_account_links(block.account_links)
    identity.add_parties(block.parties)


def route_block(
    sealed: Iterable[SealedMessage], identity: Identity, shards: int
) -> dict[int, RoutedBlock]:
    """Give every message its party and sort the parties by shard."""
    parties: dict[str, list[msgspec.Raw]] = {}
    for message in sealed:
        party_id = identity.party_of(message.party_ref, message.link_refs).party_id
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
        self._identity_of: tuple[list[bytes] | None, Identity | None] = (None, None)

    def process(self, block: bytes, links: list[bytes]) -> Iterator[tuple[int, bytes]]:
        sealed = self._sealed.unpack(block)
        identity = self._identity(links)
        if self._known_links is not None:
            learn(identity, self._known_links.links_from(_ids_of(sealed)))
        for shard, routed in sorted(route_block(sealed, identity, self._shards).items()):
            yield shard, self._routed.pack(routed)

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
