"""Locks the parties a commit concerns, refuses stale folds, and keeps their revisions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from connectors.store.backend import Backend
from connectors.store.errors import StaleHistory
from connectors.store.tables import account_links, parties
from ledger.results import FoldedParty

TenantRef = tuple[str, str]
"""(tenant, party_ref)"""
Identity = tuple[str, str, str]
"""(tenant, customer, account)"""


class PartyRow(NamedTuple):
    """A row of `parties` as it stood when it was locked; `party_no` of a new one is fresh."""

    party_no: int
    party_id: str
    revision: int
    as_of_micros: int | None
    """Up to where its last fold recognised revenue."""
    is_new: bool


def lock_parties(
    connection: Connection, backend: Backend, folded: Sequence[FoldedParty]
) -> dict[TenantRef, PartyRow]:
    """Lock every ref that the folds or their identities name; give new refs a number.

    Rows are locked in sorted order, so that two commits never wait for each other in a circle.
    """
    wanted = _named_refs(folded)
    rows: dict[TenantRef, PartyRow] = {}
    for tenant, refs in _by_tenant(wanted).items():
        query = (
            select(parties)
            .where(parties.c.tenant == tenant, backend.among(parties.c.party_ref, refs))
            .order_by(parties.c.party_ref)
        )
        for row in connection.execute(backend.locking(query)):
            rows[(tenant, row.party_ref)] = PartyRow(
                row.party_no, row.party_id, row.revision, row.folded_as_of_micros, False
            )
    missing = sorted(wanted.keys() - rows.keys())
    numbers = backend.next_numbers(connection, parties.c.party_no, len(missing)) if missing else []
    for key, number in zip(missing, numbers, strict=True):
        rows[key] = PartyRow(number, wanted[key] or key[1], 0, None, True)
    return rows


def _named_refs(folded: Sequence[FoldedParty]) -> dict[TenantRef, str | None]:
    """Every ref with whom it resolves to; None for what only an identity names."""
    named: dict[TenantRef, str | None] = {}
    for tenant, customer, account in identities_of(folded):
        named[(tenant, customer)] = named[(tenant, account)] = None
    for party in folded:
        for ref in party.party_refs:
            named[(party.tenant, ref)] = party.party_id
    return named


def _by_tenant(keys: Iterable[TenantRef]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for tenant, ref in sorted(keys):
        grouped[tenant].append(ref)
    return grouped


def identities_of(folded: Sequence[FoldedParty]) -> set[Identity]:
    """All identities that the new messages state."""
    return {
        (message.tenant, customer, account)
        for party in folded
        for message in party.new_messages
        for customer, account in message.account_links
    }


def refuse_stale(folded: Sequence[FoldedParty], rows: dict[TenantRef, PartyRow]) -> None:
    """Raise StaleHistory when a fold saw another history than the one that stands."""
    stale = {
        ref
        for party in folded
        for ref in party.party_refs
        if party.based_on.get(ref, 0) != rows[(party.tenant, ref)].revision
    }
    if stale:
        raise StaleHistory(stale)


def new_identities(
    connection: Connection, backend: Backend, folded: Sequence[FoldedParty]
) -> list[Identity]:
    """The identities that the store does not have yet, sorted."""
    stated = identities_of(folded)
    by_tenant = _by_tenant({(tenant, customer) for tenant, customer, _ in stated})
    for tenant, customers in by_tenant.items():
        query = select(account_links).where(
            account_links.c.tenant == tenant, backend.among(account_links.c.customer, customers)
        )
        stated -= {(tenant, row.customer, row.account) for row in connection.execute(query)}
    return sorted(stated)


def write_parties(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    rows: dict[TenantRef, PartyRow],
    added: Counter[TenantRef],
) -> None:
    """Write new parties, and what changed of known ones; `added` is what revisions grow by.

    Who turns out to be somebody else has a new revision too: a fold that took it for itself
    meanwhile is refused.
    """
    named = _named_refs(folded)
    as_of = {
        (party.tenant, ref): party.as_of_micros for party in folded for ref in party.party_refs
    }
    fresh, changed = [], []
    for (tenant, ref), row in sorted(rows.items()):
        party_id = named[(tenant, ref)] or row.party_id
        moved = not row.is_new and party_id != row.party_id
        revision = row.revision + added[(tenant, ref)] + moved
        until = as_of.get((tenant, ref), row.as_of_micros)
        if row.is_new:
            fresh.append((row.party_no, tenant, ref, party_id, revision, until))
        elif (party_id, revision, until) != (row.party_id, row.revision, row.as_of_micros):
            changed.append({"no": row.party_no, "id": party_id, "now": revision, "until": until})
    backend.insert(connection, parties, fresh)
    if changed:
        connection.execute(
            update(parties)
            .where(parties.c.party_no == bindparam("no"))
            .values(
                party_id=bindparam("id"),
                revision=bindparam("now"),
                folded_as_of_micros=bindparam("until"),
            ),
            changed,
        )
