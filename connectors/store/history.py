"""What a fold needs to know of the past: who belongs to whom, and what came before.

All lookups take many ids at once and cost a few queries per call, whatever the number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec
from sqlalchemy import Column, Connection, exists, select

from connectors.store.backend import Backend
from connectors.store.books_calendar import shut_until
from connectors.store.rows import message_of
from connectors.store.tables import account_links, links, messages, parties
from connectors.store.waiting_refs import (
    waiting_beside,
    waiting_by_another_id,
    waiting_for,
)
from ledger.messages import Message


class History(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The archived past of some refs."""

    messages: dict[str, tuple[Message, ...]]
    """By party_ref, sorted by (occurred_at, message_id); a ref without messages is absent."""
    revisions: dict[str, int]
    """Of every ref asked for; 0 when the store has never seen it."""
    resolved: dict[str, str] = {}
    """Whom each known ref resolved to when it was last committed."""
    folded_as_of: dict[str, int] = {}
    """Up to where (exclusive, micros) the last fold of each known ref recognised revenue."""

    def of(self, party_refs: Iterable[str]) -> tuple[Message, ...]:
        """All messages of these refs, sorted by (occurred_at, message_id)."""
        found = [message for ref in party_refs for message in self.messages.get(ref, ())]
        return tuple(sorted(found, key=lambda m: (m.occurred_at_micros, m.message_id)))


class KnownLinks(NamedTuple):
    """What earlier messages taught about some ids, and about the ids these lead to."""

    links: list[tuple[str, str]]
    """(id, id or party it belongs to), sorted; an id may have several targets."""
    account_links: list[tuple[str, str]]
    """(customer, CRM account), sorted; a customer may have several accounts."""
    parties: list[str]
    """Which of all these ids a message names as its party, sorted."""


class Keys(Protocol):
    """The names under which the past of a party may be kept."""

    @property
    def party_id(self) -> str:
        """Resolved customer."""

    @property
    def party_refs(self) -> Collection[str]:
        """Refs that belong to it for certain."""

    @property
    def taught_ids(self) -> Collection[str]:
        """Ids now linked to it: messages may have waited under them."""


class Past(NamedTuple):
    """Everything the store has of a party."""

    party_refs: tuple[str, ...]
    """Every ref it is kept under, sorted; also the certain ones that the store never saw."""
    revisions: dict[str, int]
    messages: tuple[Message, ...]
    folded_as_of_micros: int = 0
    """Up to where its last fold recognised revenue."""
    shut_until_micros: int = 0
    """End of the tenant's latest period that is not open."""
    left: tuple[str, ...] = ()
    """Other parties that some of its refs resolved to when they were last committed, sorted."""


def read_history(
    connection: Connection, backend: Backend, tenant: str, party_refs: Iterable[str]
) -> History:
    """Read the messages and the revision of every ref."""
    revisions = dict.fromkeys(party_refs, 0)
    known = select(parties).where(
        parties.c.tenant == tenant, backend.among(parties.c.party_ref, revisions)
    )
    ref_of_number: dict[int, str] = {}
    folded_as_of: dict[str, int] = {}
    resolved: dict[str, str] = {}
    for row in connection.execute(known):
        revisions[row.party_ref] = row.revision
        folded_as_of[row.party_ref] = row.folded_as_of_micros or 0
        resolved[row.party_ref] = row.party_id
        ref_of_number[row.party_no] = row.party_ref
    return History(
        messages=_messages_of(connection, backend, ref_of_number),
        revisions=revisions,
        resolved=resolved,
        folded_as_of=folded_as_of,
    )


def _messages_of(
    connection: Connection, backend: Backend, ref_of_number: dict[int, str]
) -> dict[str, tuple[Message, ...]]:
    if not ref_of_number:
        return {}
    query = (
        select(messages)
        .where(backend.among(messages.c.party_no, ref_of_number))
        .order_by(messages.c.occurred_at_micros, messages.c.message_id)
    )
    found: dict[str, list[Message]] = defaultdict(list)
    for row in connection.execute(query):
        ref = ref_of_number[row.party_no]
        found[ref].append(message_of(row, ref))
    return {ref: tuple(of_ref) for ref, of_ref in found.items()}


def read_past(
    connection: Connection, backend: Backend, tenant: str, wanted: Sequence[Keys]
) -> dict[str, Past]:
    """Read all that is kept of some parties, by party id."""
    refs_of = read_refs(connection, backend, tenant, wanted)
    history = read_history(
        connection, backend, tenant, {ref for refs in refs_of.values() for ref in refs}
    )
    shut = shut_until(connection, tenant)
    return {
        party_id: Past(
            refs,
            {ref: history.revisions[ref] for ref in refs},
            history.of(refs),
            max((history.folded_as_of.get(ref, 0) for ref in refs), default=0),
            shut,
            _left_by(party_id, refs, history.resolved),
        )
        for party_id, refs in refs_of.items()
    }


def read_refs(
    connection: Connection, backend: Backend, tenant: str, wanted: Sequence[Keys]
) -> dict[str, tuple[str, ...]]:
    """Return every ref that some parties are kept under, by party id, sorted.

    These are the certain ones, the taught ones under which something waits, every ref that
    resolved to one of these when it was last committed, and what still waits under an id that
    earlier links lead to one of these.
    """
    asked = {ref for keys in wanted for ref in (*keys.party_refs, *keys.taught_ids)}
    waiting = read_party_ids(connection, backend, tenant, asked).keys()
    beside = waiting_beside(connection, backend, tenant, asked)
    members = _members(connection, backend, tenant, asked | {keys.party_id for keys in wanted})
    return {
        keys.party_id: _with_members(
            {
                *keys.party_refs,
                *waiting & keys.taught_ids,
                *(ref for taught in keys.taught_ids for ref in beside.get(taught, ())),
            },
            keys,
            members,
        )
        for keys in wanted
    }


def _left_by(party_id: str, refs: Iterable[str], resolved: Mapping[str, str]) -> tuple[str, ...]:
    """A ref that was a party of its own has left nobody."""
    before = {resolved[ref] for ref in refs if ref in resolved}
    return tuple(sorted(before - {party_id} - set(refs)))


def _members(
    connection: Connection, backend: Backend, tenant: str, party_ids: set[str]
) -> dict[str, set[str]]:
    """The refs of each party id, and of the ids these refs are in their turn."""
    members: dict[str, set[str]] = defaultdict(set)
    seen: set[str] = set()
    front = party_ids
    while front:
        seen |= front
        for party_id, refs in read_party_refs(connection, backend, tenant, front).items():
            members[party_id].update(refs)
        for party_id, ref in waiting_for(connection, backend, tenant, front):
            members[party_id].add(ref)
        for party_id, ref in waiting_by_another_id(connection, backend, tenant, front):
            members[party_id].add(ref)
        front = {ref for refs in members.values() for ref in refs} - seen
    return members


def _with_members(refs: set[str], keys: Keys, members: Mapping[str, set[str]]) -> tuple[str, ...]:
    found = set(refs)
    front = [keys.party_id, *refs]
    while front:
        new = members.get(front.pop(), set()) - found
        found |= new
        front.extend(new)
    return tuple(sorted(found))


def read_party_groups(connection: Connection, tenant: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return (party id, refs) of everybody who has messages, sorted: a ref is in one group only.

    A ref that stands for itself though a link leads to just one other party goes with that party,
    as `read_past` has it.
    """
    query = select(parties.c.party_ref, parties.c.party_id).where(parties.c.tenant == tenant)
    party_of: dict[str, str] = dict(connection.execute(query).tuples().all())
    targets: dict[str, set[str]] = defaultdict(set)
    known = select(links.c.link_id, links.c.target).where(links.c.tenant == tenant)
    for link_id, target in connection.execute(known):
        if party_of.get(link_id) == link_id:
            targets[link_id].add(target)
    groups: dict[str, list[str]] = defaultdict(list)
    for ref in sorted(party_of):
        groups[_end_of(ref, party_of, targets)].append(ref)
    told = (
        select(parties.c.party_ref)
        .distinct()
        .join(messages, messages.c.party_no == parties.c.party_no)
        .where(parties.c.tenant == tenant)
    )
    telling = set(connection.execute(told).scalars())
    return [
        (party_id, tuple(refs))
        for party_id, refs in sorted(groups.items())
        if not telling.isdisjoint(refs)
    ]


def _end_of(ref: str, party_of: Mapping[str, str], targets: Mapping[str, set[str]]) -> str:
    """Follow identities and single links until they end, or run in a circle."""
    seen: set[str] = set()
    here = ref
    while here not in seen:
        seen.add(here)
        there = party_of.get(here, here)
        only = targets.get(there, set())
        here = next(iter(only)) if there == here and len(only) == 1 else there
    return here


def read_party_refs(
    connection: Connection, backend: Backend, tenant: str, party_ids: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return the refs that resolve to each party id, sorted; unknown ids are absent."""
    found: dict[str, list[str]] = defaultdict(list)
    for party_id, ref in _pairs(
        connection, backend, tenant, (parties.c.party_id, parties.c.party_ref), party_ids
    ):
        found[party_id].append(ref)
    return {party_id: tuple(refs) for party_id, refs in found.items()}


def read_party_ids(
    connection: Connection, backend: Backend, tenant: str, party_refs: Iterable[str]
) -> dict[str, str]:
    """Return whom each known ref resolved to when it was last committed."""
    columns = (parties.c.party_ref, parties.c.party_id)
    return dict(_pairs(connection, backend, tenant, columns, party_refs))


def read_links_from(
    connection: Connection, backend: Backend, tenant: str, ids: Iterable[str]
) -> KnownLinks:
    """Return every link that starts at `ids` or where such a link leads, accounts included."""
    found: set[tuple[str, str]] = set()
    identities: set[tuple[str, str]] = set()
    seen: set[str] = set()
    front = set(ids)
    while front:
        seen |= front
        step = _pairs(connection, backend, tenant, (links.c.link_id, links.c.target), front)
        found.update(step)
        accounts = _pairs(
            connection, backend, tenant, (account_links.c.customer, account_links.c.account), front
        )
        identities.update(accounts)
        front = {target for _, target in (*step, *accounts)} - seen
    named = _named_as_party(connection, backend, tenant, seen)
    return KnownLinks(sorted(found), sorted(identities), named)


def _named_as_party(
    connection: Connection, backend: Backend, tenant: str, ids: Iterable[str]
) -> list[str]:
    naming = exists().where(
        messages.c.party_no == parties.c.party_no, messages.c.found_by_link.is_(False)
    )
    query = (
        select(parties.c.party_ref)
        .where(parties.c.tenant == tenant, backend.among(parties.c.party_ref, ids), naming)
        .order_by(parties.c.party_ref)
    )
    return list(connection.execute(query).scalars())


def read_homes(
    connection: Connection, backend: Backend, tenant: str, message_ids: Iterable[str]
) -> dict[str, str]:
    """Return the ref under which each archived message was found by its links."""
    query = (
        select(messages.c.message_id, parties.c.party_ref)
        .join(parties, parties.c.party_no == messages.c.party_no)
        .where(
            messages.c.tenant == tenant,
            messages.c.found_by_link.is_(True),
            backend.among(messages.c.message_id, message_ids),
        )
        .order_by(messages.c.message_id)
    )
    return dict(connection.execute(query).tuples().all())


def _pairs(
    connection: Connection,
    backend: Backend,
    tenant: str,
    columns: tuple[Column[str], Column[str]],
    first: Iterable[str],
) -> list[tuple[str, str]]:
    """Pairs whose first column is among `first`, sorted."""
    table = columns[0].table
    query = (
        select(*columns)
        .where(table.c.tenant == tenant, backend.among(columns[0], first))
        .order_by(*columns)
    )
    return [(one, other) for one, other in connection.execute(query)]
