"""Explains an id in both directions (I6): from what was posted to the bytes that caused it, and
from an event, invoice, contract or customer to everything it led to.

The parties behind the id are read whole and narrowed down here, so that one index per table
serves every direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, or_, select

from connectors.store.backend import Backend
from connectors.store.finding import Found, Kind
from connectors.store.postings import PostedEntry, postings_of
from connectors.store.rows import dead_letter_of, lifecycle_of, message_of, plain
from connectors.store.tables import (
    contract_drifts,
    contracts,
    dead_letters,
    invoices,
    journal_entries,
    lifecycle_updates,
    messages,
    ownership_conflicts,
    parties,
    pending,
)
from connectors.store.trace_contexts import MessageKey, causes_of, read_contexts
from ledger.messages import DeadLetter, Message
from ledger.results import LifecycleUpdate
from ledger.trace_context import TraceContext


class TracedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message with its bytes, what became of it and where it is filed."""

    message: Message
    outcome: str
    party_ref: str
    party_id: str


class TracedUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A lifecycle update as issued, or withdrawn."""

    update: LifecycleUpdate
    revision: int
    action: str


class TracedLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter with its bytes."""

    letter: DeadLetter
    status: str


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an id is connected with; each list in a stable order."""

    kind: str
    """What the id names: a value of `finding.Kind`."""
    name: str
    """The id as the store has it."""
    messages: list[TracedMessage]
    postings: list[PostedEntry]
    """With rule, policy, lines, cause and delivery."""
    lifecycle: list[TracedUpdate]
    contracts: list[dict[str, Any]]
    """As they stand: the columns of the table."""
    invoices: list[dict[str, Any]]
    drifts: list[dict[str, Any]]
    """What CRM and billing disagree on about these contracts."""
    pending: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    dead_letters: list[TracedLetter]
    contexts: dict[MessageKey, TraceContext] = {}
    """Which requests brought the messages, where that is known."""


class _Whole(msgspec.Struct, frozen=True):
    """Everything of some parties."""

    messages: list[TracedMessage]
    postings: list[PostedEntry]
    lifecycle: list[TracedUpdate]


def trace(connection: Connection, backend: Backend, found: Found) -> Trace:
    """Read what the id found is connected with."""
    named, found = found, _narrowed(connection, found)
    whole = _read_whole(connection, backend, found.party_numbers)
    postings = list(filter(_posting_test(found, whole), whole.postings))
    updates = list(filter(_update_test(found, postings), whole.lifecycle))
    told_by = _told_by(found, postings, updates)
    shown = _contracts(connection, backend, found, postings, updates)
    told = [
        traced
        for traced in whole.messages
        if traced.message.message_id in told_by or _tells_of(found, traced.message)
    ]
    told += _filed_elsewhere(connection, backend, postings, whole)
    message_ids = {traced.message.message_id for traced in told}
    return Trace(
        kind=named.kind.value,
        name=named.name,
        messages=told,
        postings=postings,
        lifecycle=updates,
        contracts=shown,
        drifts=_drifts(connection, backend, found, [row["contract_id"] for row in shown]),
        invoices=_invoices(connection, backend, found, postings),
        pending=_by_message(connection, backend, pending, found.party_numbers, message_ids),
        conflicts=_conflicts(connection, backend, found, message_ids),
        dead_letters=_letters(connection, backend, named, message_ids),
        contexts=read_contexts(connection, backend, _keys_of(told, postings)),
    )


def _keys_of(told: Iterable[TracedMessage], postings: Iterable[PostedEntry]) -> set[MessageKey]:
    keys = {(one.message.tenant, one.message.message_id) for one in told}
    return keys.union(*map(causes_of, postings))


def _narrowed(connection: Connection, found: Found) -> Found:
    """A drift leads where its contract leads, an archived message's dead letter where that does."""
    if found.kind is Kind.DRIFT:
        of_drift = select(contract_drifts.c.contract_id).where(
            contract_drifts.c.party_no.in_(found.party_numbers),
            contract_drifts.c.drift_id == found.name,
        )
        contract_id = connection.execute(of_drift.limit(1)).scalar_one()
        return found._replace(kind=Kind.CONTRACT, name=contract_id)
    if found.kind is not Kind.DEAD_LETTER or not found.party_numbers:
        return found
    query = select(dead_letters.c.message_id).where(dead_letters.c.dead_letter_id == found.name)
    message_id = connection.execute(query).scalar_one()
    return found._replace(kind=Kind.MESSAGE, name=message_id)


def _read_whole(connection: Connection, backend: Backend, numbers: Iterable[int]) -> _Whole:
    wanted = list(numbers)
    of_messages = (
        select(messages, parties.c.party_ref, parties.c.party_id)
        .join(parties, parties.c.party_no == messages.c.party_no)
        .where(backend.among(messages.c.party_no, wanted))
        .order_by(messages.c.occurred_at_micros, messages.c.message_id)
    )
    of_updates = (
        select(lifecycle_updates)
        .where(backend.among(lifecycle_updates.c.party_no, wanted))
        .order_by(
            lifecycle_updates.c.effective_at_micros,
            lifecycle_updates.c.update_id,
            lifecycle_updates.c.revision,
        )
    )
    posting_numbers = (
        select(journal_entries.c.posting_no)
        .where(backend.among(journal_entries.c.party_no, wanted))
        .order_by(journal_entries.c.posting_no)
    )
    numbers_found = connection.execute(posting_numbers).scalars().all()
    return _Whole(
        [_traced_message(row) for row in connection.execute(of_messages)],
        [posted for _, posted in postings_of(connection, backend, numbers_found)],
        [
            TracedUpdate(update=lifecycle_of(row), revision=row.revision, action=row.action)
            for row in connection.execute(of_updates)
        ],
    )


def _filed_elsewhere(
    connection: Connection, backend: Backend, postings: Iterable[PostedEntry], whole: _Whole
) -> list[TracedMessage]:
    """Messages of other parties that caused postings: a payout realises everybody's exchange."""
    known = {traced.message.message_id for traced in whole.messages}
    causes = {(one.entry.tenant, one.entry.source_event_id) for one in postings}
    wanted = {(tenant, name) for tenant, name in causes if name not in known}
    if not wanted:
        return []
    query = (
        select(messages, parties.c.party_ref, parties.c.party_id)
        .join(parties, parties.c.party_no == messages.c.party_no)
        .where(backend.among(messages.c.message_id, sorted({name for _, name in wanted})))
        .order_by(messages.c.occurred_at_micros, messages.c.message_id)
    )
    rows = [row for row in connection.execute(query) if (row.tenant, row.message_id) in wanted]
    return [_traced_message(row) for row in rows]


def _traced_message(row: Any) -> TracedMessage:
    return TracedMessage(
        message=message_of(row, row.party_ref),
        outcome=row.outcome,
        party_ref=row.party_ref,
        party_id=row.party_id,
    )


def _causes_of(posted: PostedEntry) -> set[str]:
    """Messages that made a posting what it is."""
    return {posted.entry.source_event_id, posted.cause, *posted.entry.evidence}


def _posting_test(found: Found, whole: _Whole) -> Callable[[PostedEntry], bool]:
    """Which postings an id leads to."""
    name = found.name
    if found.kind is Kind.CUSTOMER:
        return lambda posted: True
    if found.kind is Kind.POSTING:
        key = next(p.entry.entry_key for p in whole.postings if p.posting_id == name)
        return lambda posted: posted.entry.entry_key == key
    if found.kind is Kind.INVOICE:
        return lambda posted: posted.entry.invoice_id == name
    if found.kind is Kind.CONTRACT:
        return lambda posted: posted.entry.contract_id == name
    if found.kind is Kind.MESSAGE:
        return lambda posted: name in _causes_of(posted)
    if found.kind is Kind.EVENT:
        return lambda posted: posted.entry.event_id == name
    sources = _sources(found, whole)
    return lambda posted: not sources.isdisjoint(_causes_of(posted))


def _sources(found: Found, whole: _Whole) -> set[str]:
    """Messages behind an update or an object."""
    if found.kind is Kind.UPDATE:
        return {
            traced.update.source_event_id
            for traced in whole.lifecycle
            if traced.update.update_id == found.name
        }
    return {
        traced.message.message_id for traced in whole.messages if _tells_of(found, traced.message)
    }


def _update_test(found: Found, postings: Iterable[PostedEntry]) -> Callable[[TracedUpdate], bool]:
    """Which lifecycle updates an id leads to."""
    name = found.name
    if found.kind is Kind.CUSTOMER:
        return lambda traced: True
    if found.kind is Kind.UPDATE:
        return lambda traced: traced.update.update_id == name
    if found.kind is Kind.CONTRACT:
        return lambda traced: traced.update.contract_id == name
    if found.kind is Kind.EVENT:
        return lambda traced: traced.update.cause_event_id == name
    sources = {name}.union(*(_causes_of(posted) for posted in postings))
    return lambda traced: traced.update.source_event_id in sources


def _told_by(
    found: Found, postings: Iterable[PostedEntry], updates: Iterable[TracedUpdate]
) -> set[str]:
    """Messages that caused the postings and updates found, and the one that was named."""
    told = {found.name}.union(*(_causes_of(posted) for posted in postings))
    return told | {traced.update.source_event_id for traced in updates}


def _tells_of(found: Found, message: Message) -> bool:
    """Whether a message speaks of the id, though nothing came of it yet."""
    name = found.name
    if found.kind is Kind.CUSTOMER:
        return True
    if found.kind is Kind.EVENT:
        return any(event.event_id == name for event in message.events)
    if found.kind is Kind.INVOICE:
        return any(getattr(event, "invoice_id", None) == name for event in message.events)
    if found.kind is Kind.CONTRACT:
        return any(name in (event.contract_id, event.subscription_id) for event in message.events)
    if found.kind is Kind.OBJECT:
        linked = {one for link in message.links for one in link}
        return name in linked or name in message.link_refs
    return False


def _contracts(
    connection: Connection,
    backend: Backend,
    found: Found,
    postings: Iterable[PostedEntry],
    updates: Iterable[TracedUpdate],
) -> list[dict[str, Any]]:
    named = {posted.entry.contract_id for posted in postings}
    named |= {traced.update.contract_id for traced in updates} | {found.name}
    query = (
        select(contracts)
        .where(backend.among(contracts.c.party_no, found.party_numbers))
        .order_by(contracts.c.customer_id, contracts.c.contract_id)
    )
    if found.kind is not Kind.CUSTOMER:
        query = query.where(backend.among(contracts.c.contract_id, sorted(named)))
    return _shown(connection.execute(query))


def _drifts(
    connection: Connection, backend: Backend, found: Found, contract_ids: Iterable[str]
) -> list[dict[str, Any]]:
    query = (
        select(contract_drifts)
        .where(
            backend.among(contract_drifts.c.party_no, found.party_numbers),
            backend.among(contract_drifts.c.contract_id, sorted(contract_ids)),
        )
        .order_by(contract_drifts.c.contract_id, contract_drifts.c.drift_id)
    )
    return _shown(connection.execute(query))


def _invoices(
    connection: Connection, backend: Backend, found: Found, postings: Iterable[PostedEntry]
) -> list[dict[str, Any]]:
    named = {posted.entry.invoice_id for posted in postings if posted.entry.invoice_id}
    query = (
        select(invoices)
        .where(backend.among(invoices.c.party_no, found.party_numbers))
        .order_by(invoices.c.contract_id, invoices.c.invoice_id)
    )
    if found.kind is not Kind.CUSTOMER:
        of_id = backend.among(invoices.c.invoice_id, sorted(named | {found.name}))
        query = query.where(or_(of_id, invoices.c.contract_id == found.name))
    return _shown(connection.execute(query))


def _by_message(
    connection: Connection,
    backend: Backend,
    table: Any,
    numbers: Iterable[int],
    message_ids: Iterable[str],
) -> list[dict[str, Any]]:
    query = (
        select(table)
        .where(
            backend.among(table.c.party_no, numbers),
            backend.among(table.c.source_event_id, sorted(message_ids)),
        )
        .order_by(table.c.event_id, table.c.reason, table.c.waits_for)
    )
    return _shown(connection.execute(query))


def _conflicts(
    connection: Connection, backend: Backend, found: Found, message_ids: Iterable[str]
) -> list[dict[str, Any]]:
    query = (
        select(ownership_conflicts)
        .where(
            backend.among(ownership_conflicts.c.tenant, found.tenants),
            backend.among(ownership_conflicts.c.source_event_id, sorted(message_ids)),
        )
        .order_by(ownership_conflicts.c.event_id, ownership_conflicts.c.attribute)
    )
    return _shown(connection.execute(query))


def _letters(
    connection: Connection, backend: Backend, found: Found, message_ids: Iterable[str]
) -> list[TracedLetter]:
    """The dead letter named; or those of the messages found."""
    if found.kind is Kind.DEAD_LETTER:
        wanted = dead_letters.c.dead_letter_id == found.name
    else:
        wanted = and_(
            backend.among(dead_letters.c.tenant, found.tenants),
            backend.among(dead_letters.c.message_id, sorted(message_ids)),
        )
    query = select(dead_letters).where(wanted).order_by(dead_letters.c.dead_letter_id)
    return [
        TracedLetter(letter=dead_letter_of(row), status=row.status)
        for row in connection.execute(query)
    ]


def _shown(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [plain(row, frozenset({"party_no"})) for row in rows]
