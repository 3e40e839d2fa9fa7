"""Finds what an id names: a posting, message, event, invoice, contract, customer, or an object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Column, Connection, or_, select

from connectors.providers.salesforce.record_ids import prefixed_long_id
from connectors.store.backend import Backend
from connectors.store.errors import AmbiguousId, UnknownId
from connectors.store.history import read_links_from
from connectors.store.rows import message_of
from connectors.store.tables import (
    contract_drifts,
    contracts,
    dead_letters,
    invoices,
    journal_entries,
    lifecycle_updates,
    messages,
    parties,
)

SOURCES = ("stripe", "salesforce")
"""Prefixes that may be left off an id."""

MOST_PARTIES = 50
"""More parties than this behind one id tell the reader nothing."""


class Kind(StrEnum):
    """What an id can name."""

    POSTING = "posting"
    """A journal entry or reversal: `pst_…`, `rev_…`."""
    DEAD_LETTER = "dead_letter"
    """`dl_…`"""
    UPDATE = "lifecycle_update"
    """`lcu_…`"""
    MESSAGE = "message"
    """An event as its source delivered it: `stripe:evt_1`."""
    EVENT = "event"
    """A canonical event: `stripe:evt_1/billing.invoice_issued`."""
    INVOICE = "invoice"
    """`stripe:in_1`"""
    DRIFT = "contract_drift"
    """CRM and billing disagree about a contract: `drift_…`"""
    CONTRACT = "contract"
    """A CRM contract, a subscription that is its own contract, or the company's number."""
    CUSTOMER = "customer"
    """A customer of a source, or a CRM account."""
    OBJECT = "object"
    """Anything else that messages link to a party: a charge, an order."""


class Found(NamedTuple):
    """What an id names, and whose it is."""

    kind: Kind
    name: str
    """The id as the store has it."""
    party_numbers: tuple[int, ...]
    """Parties of this database to look in; none for a dead letter without a message."""
    tenants: tuple[str, ...]
    """Tenants that were searched."""


class _Search(NamedTuple):
    """Where to look, and under which spellings of the id."""

    connection: Connection
    backend: Backend
    tenants: tuple[str, ...]
    names: tuple[str, ...]


_Hit = tuple[Kind, str, tuple[int, ...]]


def find(
    connection: Connection,
    backend: Backend,
    wanted: str,
    *,
    tenant: str | None = None,
    sources: Sequence[str] = SOURCES,
) -> Found:
    """Find an id, with or without its source's prefix; in every tenant unless one is named.

    Raises UnknownId when nothing has it, AmbiguousId when too many parties share it.
    """
    known = connection.execute(select(parties.c.tenant).distinct().order_by(parties.c.tenant))
    tenants = tuple(known.scalars()) if tenant is None else (tenant,)
    names = (wanted, *(f"{source}:{wanted}" for source in sources))
    names = tuple(dict.fromkeys((*names, *map(prefixed_long_id, names))))
    for kind, name, numbers in _tries(_Search(connection, backend, tenants, names)):
        if len(numbers) > MOST_PARTIES:
            raise AmbiguousId(f"{len(numbers)} parties have a {kind} {name}; name the customer")
        return Found(kind, name, _whole_parties(connection, backend, numbers), tenants)
    raise UnknownId(
        f"no posting, message, invoice, contract, customer or dead letter is called {wanted!r}"
    )


def _whole_parties(
    connection: Connection, backend: Backend, numbers: tuple[int, ...]
) -> tuple[int, ...]:
    """Every ref of the parties found: states stand under one, messages under others."""
    own = parties.alias("own")
    query = (
        select(parties.c.party_no)
        .distinct()
        .join(own, (own.c.tenant == parties.c.tenant) & (own.c.party_id == parties.c.party_id))
        .where(backend.among(own.c.party_no, numbers))
        .order_by(parties.c.party_no)
    )
    return tuple(connection.execute(query).scalars())


def _tries(search: _Search) -> Iterator[_Hit]:
    """Look everywhere, the most telling kind first; only hits are yielded."""
    for kind, column in (
        (Kind.POSTING, journal_entries.c.posting_id),
        (Kind.UPDATE, lifecycle_updates.c.update_id),
        (Kind.MESSAGE, messages.c.message_id),
        (Kind.INVOICE, invoices.c.invoice_id),
        (Kind.DRIFT, contract_drifts.c.drift_id),
        (Kind.CONTRACT, contracts.c.contract_id),
    ):
        yield from _hits(search, kind, column, search.names)
    yield from _letters(search)
    for name in search.names:
        yield from _events(search, name)
    yield from _customers(search)
    yield from _objects(search)


def _hits(search: _Search, kind: Kind, column: Column[str], names: Iterable[str]) -> Iterator[_Hit]:
    """The first of the names that stands in a column, with the parties it stands under."""
    table = column.table
    query = (
        select(column, table.c.party_no)
        .where(
            # Most indexes are led by the tenant.
            search.backend.among(table.c.tenant, search.tenants),
            search.backend.among(column, names),
        )
        .distinct()
        .order_by(column)
    )
    rows = search.connection.execute(query).all()
    if rows:
        name = rows[0][0]
        yield kind, name, tuple(sorted({number for found, number in rows if found == name}))


def _letters(search: _Search) -> Iterator[_Hit]:
    query = (
        select(dead_letters.c.dead_letter_id, messages.c.party_no)
        .outerjoin(
            messages,
            (messages.c.tenant == dead_letters.c.tenant)
            & (messages.c.message_id == dead_letters.c.message_id),
        )
        .where(search.backend.among(dead_letters.c.dead_letter_id, search.names))
    )
    for letter_id, party_no in search.connection.execute(query).all():
        yield Kind.DEAD_LETTER, letter_id, () if party_no is None else (party_no,)


def _events(search: _Search, name: str) -> Iterator[_Hit]:
    """An event id is its message's id, a slash, and more; the message must carry it."""
    parts = name.split("/")
    heads = ["/".join(parts[:count]) for count in range(1, len(parts))]
    query = select(messages).where(
        search.backend.among(messages.c.tenant, search.tenants),
        search.backend.among(messages.c.message_id, heads),
    )
    numbers = {
        row.party_no
        for row in search.connection.execute(query).all()
        if any(event.event_id == name for event in message_of(row, "").events)
    }
    if numbers:
        yield Kind.EVENT, name, tuple(sorted(numbers))


def _customers(search: _Search) -> Iterator[_Hit]:
    """A customer with every ref of its party."""
    among = search.backend.among
    named = or_(among(parties.c.party_ref, search.names), among(parties.c.party_id, search.names))
    query = select(parties.c.tenant, parties.c.party_ref, parties.c.party_id).where(
        among(parties.c.tenant, search.tenants), named
    )
    found = search.connection.execute(query.order_by(*query.selected_columns)).all()
    numbers: set[int] = set()
    for tenant, party_id in sorted({(row.tenant, row.party_id) for row in found}):
        whole = select(parties.c.party_no).where(
            parties.c.tenant == tenant, parties.c.party_id == party_id
        )
        numbers.update(search.connection.execute(whole).scalars())
    spelt = {one for row in found for one in (row.party_ref, row.party_id)}
    for name in search.names:
        if name in spelt:
            yield Kind.CUSTOMER, name, tuple(sorted(numbers))


def _objects(search: _Search) -> Iterator[_Hit]:
    """What links lead from: its parties are where the links lead."""
    connection, backend, tenants, names = search
    for tenant in tenants:
        for name in names:
            known = read_links_from(connection, backend, tenant, [name]).links
            query = select(parties.c.party_no).where(
                parties.c.tenant == tenant,
                backend.among(parties.c.party_ref, sorted({target for _, target in known})),
            )
            numbers = tuple(sorted(connection.execute(query).scalars()))
            if numbers:
                yield Kind.OBJECT, name, numbers
