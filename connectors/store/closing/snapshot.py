"""Everything a close looks at, read in one transaction: one state of the books.

`fingerprint` changes with everything that could change a verdict or a figure; a close is only
written when it is still the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from connectors.store.backend import Backend
from connectors.store.bodies import unpack_body
from connectors.store.books_calendar import PeriodState, read_calendars, read_period_state
from connectors.store.closing.decisions import Decision, Which, read_decisions
from connectors.store.closing.open_items import read_exceptions, read_missing
from connectors.store.dead_letters import LetterStatus
from connectors.store.rows import message_of
from connectors.store.tables import (
    closing_balances,
    dead_letters,
    decisions,
    invoices,
    journal_entries,
    journal_lines,
    messages,
    outbox,
    parties,
    pending,
    periods,
)
from ledger.accounts import AccountRole
from ledger.closing.facts import OpenItem
from ledger.closing.figures import BookedLine
from ledger.events import Event, PayoutFailed, PayoutPaid
from ledger.instants import iso_day
from ledger.periods import MONTHS, Calendar

NumberOf = Callable[[str, bytes], tuple[str, int] | None]
"""(source, body) -> (stream, number within it), None for a message without a number."""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """A balance as it was closed; debit positive."""

    currency: str
    functional_currency: str
    role: str
    balance_minor: int
    functional_minor: int


class InvoiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as the last fold left it."""

    invoice_id: str
    entity: str
    currency: str
    due_at_micros: int
    """When it is due; without a due date, when it was issued."""
    owed_minor: int | None


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """A message with its number in a stream of its source."""

    source: str
    stream: str
    number: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of a period of an entity."""

    which: Which
    calendar: Calendar
    starts_micros: int
    ends_micros: int
    """Exclusive."""
    last_date: str
    state: str
    lines: list[BookedLine]
    """Booked in the period and before."""
    later_lines: list[BookedLine]
    """Of dates up to the period's end, booked after it."""
    receivable_lines: list[BookedLine]
    """On receivables, whenever booked."""
    invoices: list[InvoiceRow]
    payouts: list[Event]
    """Of every entity, up to the period's end."""
    sources: list[tuple[str, int | None]]
    """(source, when its latest message happened)"""
    numbered: list[Numbered]
    missing: list[OpenItem]
    """Ids of the manifest that never came."""
    exceptions: list[OpenItem]
    decisions: list[Decision]
    """Of the entity, all periods."""
    parties: int
    parties_behind: int
    undelivered: int
    erp_used: bool
    unclosed_before: list[str]
    closed_before: tuple[str, list[Balance]] | None
    """The latest closed period before, and its balances as closed."""
    fingerprint: str


def read_snapshot(
    connection: Connection,
    backend: Backend,
    which: Which,
    number_of: NumberOf,
    manifest: Sequence[tuple[str, str]] = (),
) -> Snapshot:
    """Read it. `manifest`: (source, message id) that must have come. Raises UnknownPeriod."""
    calendar = read_calendars(connection).get((which.tenant, which.entity), MONTHS)
    index = calendar.index_named(which.period)
    starts, ends = calendar.start_micros(index), calendar.end_micros(index)
    last_date = iso_day(ends - 1)
    entry = journal_entries.c
    own = and_(entry.tenant == which.tenant, entry.entity == which.entity)
    later = and_(own, entry.period > which.period, entry.accounting_date <= last_date)
    on_receivables = and_(own, journal_lines.c.role == AccountRole.ACCOUNTS_RECEIVABLE.value)
    behind = or_(parties.c.folded_as_of_micros.is_(None), parties.c.folded_as_of_micros < ends)
    return Snapshot(
        which=which,
        calendar=calendar,
        starts_micros=starts,
        ends_micros=ends,
        last_date=last_date,
        state=read_period_state(connection, (which.tenant, which.entity, which.period)).value,
        lines=_read_lines(connection, and_(own, entry.period <= which.period)),
        later_lines=_read_lines(connection, later),
        receivable_lines=_read_lines(connection, on_receivables),
        invoices=_read_invoices(connection, which.tenant),
        payouts=list(_read_payouts(connection, which.tenant, ends)),
        sources=_read_sources(connection, which.tenant),
        numbered=list(_read_numbered(connection, which.tenant, starts, ends, number_of)),
        missing=read_missing(connection, backend, which, manifest),
        exceptions=read_exceptions(connection, which, calendar, ends),
        decisions=read_decisions(connection, which.tenant, which.entity),
        parties=_count_parties(connection, which.tenant),
        parties_behind=_count_parties(connection, which.tenant, behind),
        undelivered=_count_undelivered(connection, which),
        erp_used=_is_erp_used(connection, which.tenant),
        unclosed_before=_unclosed_before(connection, which),
        closed_before=_closed_before(connection, which),
        fingerprint=fingerprint(connection, which.tenant),
    )


def fingerprint(connection: Connection, tenant: str) -> str:
    """Return what changes whenever something is posted, archived, refused, folded or decided.

    Deliveries are left out: between two looks they can only open the gate.
    """
    waiting = select(func.count()).select_from(pending).where(pending.c.tenant == tenant)
    refused = (
        select(func.count())
        .select_from(dead_letters)
        .where(dead_letters.c.tenant == tenant, dead_letters.c.status == LetterStatus.OPEN.value)
    )
    archived = select(func.count()).select_from(messages).where(messages.c.tenant == tenant)
    recognised = select(func.sum(parties.c.folded_as_of_micros)).where(parties.c.tenant == tenant)
    counts = (
        select(func.max(journal_entries.c.posting_no)),
        archived,
        waiting,
        refused,
        recognised,
        select(func.max(decisions.c.decision_no)),
    )
    return "/".join(str(connection.execute(query).scalar() or 0) for query in counts)


def _read_lines(connection: Connection, wanted: ColumnElement[bool]) -> list[BookedLine]:
    entry, line = journal_entries.c, journal_lines.c
    query = (
        select(
            entry.posting_id,
            entry.entry_key,
            entry.rule,
            entry.accounting_date,
            entry.period,
            entry.original_period,
            entry.currency,
            entry.functional_currency,
            line.role,
            line.amount_minor,
            line.functional_minor,
            entry.invoice_id,
            entry.source_event_id,
            entry.cause,
        )
        .join(journal_entries, entry.posting_no == line.posting_no)
        .where(wanted)
        .order_by(
            entry.period,
            entry.accounting_date,
            entry.entry_key,
            entry.revision,
            entry.kind,
            line.line_no,
        )
    )
    return [BookedLine(*values) for values in map(tuple, connection.execute(query))]


def _read_invoices(connection: Connection, tenant: str) -> list[InvoiceRow]:
    query = (
        select(invoices)
        .where(invoices.c.tenant == tenant, invoices.c.posted)
        .order_by(invoices.c.invoice_id, invoices.c.contract_id)
    )
    return [
        InvoiceRow(
            invoice_id=row.invoice_id,
            entity=row.entity,
            currency=row.currency,
            due_at_micros=(
                row.issued_at_micros if row.due_at_micros is None else row.due_at_micros
            ),
            owed_minor=row.owed_minor,
        )
        for row in connection.execute(query)
    ]


def _read_payouts(connection: Connection, tenant: str, ends: int) -> Iterable[Event]:
    query = (
        select(messages)
        .where(
            messages.c.tenant == tenant,
            messages.c.schema_version.contains("payments.payout"),
            messages.c.occurred_at_micros < ends,
            messages.c.outcome == "posted",
        )
        .order_by(messages.c.occurred_at_micros, messages.c.message_id)
    )
    for row in connection.execute(query):
        for event in message_of(row, "").events:
            if isinstance(event, PayoutPaid | PayoutFailed):
                yield event


def _read_sources(connection: Connection, tenant: str) -> list[tuple[str, int | None]]:
    """Every source that delivered anything, also when none of it could be read."""
    query = select(messages.c.source, func.max(messages.c.occurred_at_micros)).group_by(
        messages.c.source
    )
    found: dict[str, int | None] = dict(
        connection.execute(query.where(messages.c.tenant == tenant)).tuples().all()
    )
    return sorted(found.items())


def _read_numbered(
    connection: Connection, tenant: str, starts: int, ends: int, number_of: NumberOf
) -> Iterable[Numbered]:
    """Numbers of what was accepted and of what was refused: both came."""
    for table in (messages, dead_letters):
        occurred = table.c.occurred_at_micros
        query = select(table.c.source, table.c.body_packed, table.c.body).where(
            table.c.tenant == tenant,
            or_(occurred.is_(None), and_(occurred >= starts, occurred < ends)),
        )
        for row in connection.execute(query.execution_options(yield_per=1000)):
            found = number_of(row.source, unpack_body(row.body_packed, row.body))
            if found is not None:
                yield Numbered(source=row.source, stream=found[0], number=found[1])


def _count_parties(
    connection: Connection, tenant: str, wanted: ColumnElement[bool] | None = None
) -> int:
    """Customers with messages, and what else has postings of its own."""
    told = exists().where(messages.c.party_no == parties.c.party_no)
    booked = exists().where(journal_entries.c.party_no == parties.c.party_no)
    query = select(func.count(parties.c.party_id.distinct())).where(
        parties.c.tenant == tenant, or_(told, booked)
    )
    return int(connection.execute(query if wanted is None else query.where(wanted)).scalar_one())


def _count_undelivered(connection: Connection, which: Which) -> int:
    entry = journal_entries.c
    query = (
        select(func.count())
        .select_from(outbox)
        .join(journal_entries, entry.posting_no == outbox.c.posting_no)
        .where(
            entry.tenant == which.tenant,
            entry.entity == which.entity,
            entry.period <= which.period,
            outbox.c.status != "accepted",
        )
    )
    return int(connection.execute(query).scalar_one())


def _is_erp_used(connection: Connection, tenant: str) -> bool:
    query = (
        select(outbox.c.position)
        .join(journal_entries, journal_entries.c.posting_no == outbox.c.posting_no)
        .where(
            journal_entries.c.tenant == tenant,
            or_(outbox.c.attempts > 0, outbox.c.status != "pending"),
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _unclosed_before(connection: Connection, which: Which) -> list[str]:
    entry = journal_entries.c
    closed = select(periods.c.period).where(
        periods.c.tenant == which.tenant,
        periods.c.entity == which.entity,
        periods.c.state == PeriodState.CLOSED.value,
    )
    query = (
        select(entry.period)
        .distinct()
        .where(
            entry.tenant == which.tenant,
            entry.entity == which.entity,
            entry.period < which.period,
            entry.period.not_in(closed),
        )
        .order_by(entry.period)
    )
    return list(connection.execute(query).scalars())


def _closed_before(connection: Connection, which: Which) -> tuple[str, list[Balance]] | None:
    """The balances of the last close of the latest period before that is closed."""
    query = (
        select(decisions.c.decision_no, decisions.c.period)
        .join(
            periods,
            and_(
                periods.c.tenant == decisions.c.tenant,
                periods.c.entity == decisions.c.entity,
                periods.c.period == decisions.c.period,
            ),
        )
        .where(
            decisions.c.tenant == which.tenant,
            decisions.c.entity == which.entity,
            decisions.c.period < which.period,
            decisions.c.action == "approve_close",
            periods.c.state == PeriodState.CLOSED.value,
        )
        .order_by(decisions.c.period.desc(), decisions.c.decision_no.desc())
        .limit(1)
    )
    found: Any = connection.execute(query).first()
    if found is None:
        return None
    kept = (
        select(closing_balances)
        .where(closing_balances.c.decision_no == found.decision_no)
        .order_by(*tuple(closing_balances.primary_key))
    )
    return found.period, [Balance(**_named(row)) for row in connection.execute(kept)]


def _named(row: Any) -> dict[str, Any]:
    return {str.__str__(k): v for k, v in row._mapping.items() if k != "decision_no"}
