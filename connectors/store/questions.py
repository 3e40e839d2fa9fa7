"""The standing questions: what is not posted, not provisioned, at risk, and why."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from connectors.store import delivering
from connectors.store.backend import Backend
from connectors.store.books_calendar import Calendars, read_calendars
from connectors.store.dead_letters import LetterStatus
from connectors.store.rows import drift_of, message_of
from connectors.store.tables import (
    contract_drifts,
    contracts,
    dead_letters,
    invoices,
    messages,
    parties,
    pending,
)
from ledger.events import InvoiceIssued
from ledger.journal import JournalEntry
from ledger.periods import MONTHS
from ledger.reasons import Reason
from ledger.results import ContractDrift


class UnpostedInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice that is not in the books, and why."""

    tenant: str
    customer_id: str
    contract_id: str | None
    """None when the invoice could not be given to a contract."""
    invoice_id: str
    entity: str | None
    currency: str
    total_minor: int
    issued_at_micros: int
    period: str
    """Accounting period at risk, `YYYY-MM`."""
    reasons: tuple[str, ...]
    """Codes of `ledger.reasons.Reason`; empty when the fold gave none."""
    waits_for: tuple[str, ...]
    deadline_micros: int | None
    """First deadline of what it waits for."""


class UnprovisionedContract(msgspec.Struct, frozen=True, kw_only=True):
    """A contract that is paid for and has no active subscription."""

    tenant: str
    customer_id: str
    contract_id: str
    entity: str
    currency: str | None
    paid_minor: int
    """Paid on its invoices."""
    subscription_ids: tuple[str, ...]


class RenewalAtRisk(msgspec.Struct, frozen=True, kw_only=True):
    """A contract whose renewal is due and in doubt."""

    tenant: str
    customer_id: str
    contract_id: str
    entity: str
    currency: str | None
    term_end_micros: int | None
    open_minor: int
    """Still owed on its posted invoices."""
    reasons: tuple[str, ...]


class ExceptionKind(StrEnum):
    """Where an exception comes from."""

    DEAD_LETTER = "dead_letter"
    """An event that could not be accepted."""
    EXPIRED = "expired"
    """An event whose partner did not come in time."""
    AMBIGUOUS = "ambiguous"
    """An event that belongs to more than one party; a person must decide."""
    DRIFT = "drift"
    """CRM and billing disagree about a contract for longer than they may."""
    UNDELIVERED = "undelivered"
    """A posting that the ERP refuses, or that cannot be sent as it is."""


class ExceptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """What finance must look at, with the money, entity and period at risk."""

    kind: str
    exception_id: str
    """Dead letter id, id of the event that waits, drift id, or posting id."""
    tenant: str
    reason: str
    detail: str
    """What is wrong, the id it waits for, or what the ERP said."""
    message_id: str | None
    amount_minor: int | None
    currency: str | None
    entity: str | None
    period: str | None
    position: str | None
    """Where a dead letter was read."""


_Names = msgspec.json.Decoder(tuple[str, ...])


def read_unposted_invoices(
    connection: Connection, backend: Backend, tenant: str | None = None
) -> list[UnpostedInvoice]:
    """Return open claims that are not in the books, by tenant and invoice id."""
    known = read_calendars(connection)
    waiting = _waiting_invoices(connection, backend, tenant, known)
    query = select(invoices).where(invoices.c.posted.is_(False), invoices.c.status != "voided")
    for row in connection.execute(_of_tenant(query, invoices.c.tenant, tenant)):
        key = (row.tenant, row.invoice_id)
        why = waiting.get(key)
        waiting[key] = UnpostedInvoice(
            tenant=row.tenant,
            customer_id=row.customer_id,
            contract_id=row.contract_id,
            invoice_id=row.invoice_id,
            entity=row.entity,
            currency=row.currency,
            total_minor=row.total_minor,
            issued_at_micros=row.issued_at_micros,
            period=_period(known, row.tenant, row.entity, row.issued_at_micros),
            reasons=why.reasons if why else (),
            waits_for=why.waits_for if why else (),
            deadline_micros=why.deadline_micros if why else None,
        )
    return [waiting[key] for key in sorted(waiting)]


def _waiting_invoices(
    connection: Connection, backend: Backend, tenant: str | None, known: Calendars
) -> dict[tuple[str, str], UnpostedInvoice]:
    """Invoices whose own event waits, by (tenant, invoice id)."""
    query = (
        select(
            messages,
            parties.c.party_ref,
            parties.c.party_id,
            pending.c.event_id,
            pending.c.reason,
            pending.c.waits_for,
            pending.c.deadline_micros,
            pending.c.entity,
        )
        .join(
            messages,
            and_(
                messages.c.tenant == pending.c.tenant,
                messages.c.message_id == pending.c.source_event_id,
            ),
        )
        .join(parties, parties.c.party_no == messages.c.party_no)
        .where(pending.c.event_id.contains("/billing.invoice_issued"))
        .order_by(pending.c.deadline_micros, pending.c.event_id, pending.c.reason)
    )
    found: dict[tuple[str, str], UnpostedInvoice] = {}
    for row in connection.execute(_of_tenant(query, pending.c.tenant, tenant)):
        for event in message_of(row, row.party_ref).events:
            if isinstance(event, InvoiceIssued) and event.event_id == row.event_id:
                key = (row.tenant, event.invoice_id)
                period = _period(known, row.tenant, row.entity, event.issued_at_micros)
                found[key] = _waiting_invoice(row, event, period, found.get(key))
    return found


def _waiting_invoice(
    row: Any, event: InvoiceIssued, period: str, known: UnpostedInvoice | None
) -> UnpostedInvoice:
    """The invoice with one reason more; the first deadline stays."""
    reasons = known.reasons if known else ()
    waits_for = known.waits_for if known else ()
    return UnpostedInvoice(
        tenant=row.tenant,
        customer_id=row.party_id,
        contract_id=None,
        invoice_id=event.invoice_id,
        entity=row.entity,
        currency=event.currency,
        total_minor=event.total_minor,
        issued_at_micros=event.issued_at_micros,
        period=period,
        reasons=reasons if row.reason in reasons else (*reasons, row.reason),
        waits_for=waits_for if row.waits_for in waits_for else (*waits_for, row.waits_for),
        deadline_micros=known.deadline_micros if known else row.deadline_micros,
    )


def read_unprovisioned(
    connection: Connection, tenant: str | None = None
) -> list[UnprovisionedContract]:
    """Return contracts that are paid, not cancelled and not provisioned."""
    wanted = and_(
        contracts.c.paid, contracts.c.provisioned.is_(False), contracts.c.cancelled.is_(False)
    )
    return [
        UnprovisionedContract(
            tenant=row.tenant,
            customer_id=row.customer_id,
            contract_id=row.contract_id,
            entity=row.entity,
            currency=row.currency,
            paid_minor=int(row.money),
            subscription_ids=_Names.decode(row.subscription_ids),
        )
        for row in _contracts_with_money(connection, wanted, invoices.c.paid_minor, tenant)
    ]


def read_renewals_at_risk(connection: Connection, tenant: str | None = None) -> list[RenewalAtRisk]:
    """Return contracts whose renewal is at risk as of their last fold."""
    owed = invoices.c.total_minor - invoices.c.paid_minor - invoices.c.credited_minor
    still_open = and_(invoices.c.posted, invoices.c.status.not_in(("voided", "paid")))
    rows = _contracts_with_money(connection, contracts.c.renewal_at_risk, owed, tenant, still_open)
    return [
        RenewalAtRisk(
            tenant=row.tenant,
            customer_id=row.customer_id,
            contract_id=row.contract_id,
            entity=row.entity,
            currency=row.currency,
            term_end_micros=row.term_end_micros,
            open_minor=int(row.money),
            reasons=_Names.decode(row.renewal_risk_reasons),
        )
        for row in rows
    ]


def _contracts_with_money(
    connection: Connection,
    wanted: ColumnElement[bool],
    amount: ColumnElement[int],
    tenant: str | None,
    of_invoices: ColumnElement[bool] | None = None,
) -> list[Any]:
    """Contracts with the sum of an amount over their invoices, sorted by their keys."""
    same = and_(
        invoices.c.party_no == contracts.c.party_no,
        invoices.c.contract_id == contracts.c.contract_id,
        invoices.c.customer_id == contracts.c.customer_id,
    )
    counted = same if of_invoices is None else and_(same, of_invoices)
    money = select(func.coalesce(func.sum(amount), 0)).where(counted).scalar_subquery()
    query = (
        select(contracts, money.label("money"))
        .where(wanted)
        .order_by(contracts.c.tenant, contracts.c.customer_id, contracts.c.contract_id)
    )
    return list(connection.execute(_of_tenant(query, contracts.c.tenant, tenant)))


def read_exceptions(
    connection: Connection, as_of_micros: int, tenant: str | None = None
) -> Iterator[ExceptionRow]:
    """Open dead letters, waiting events that are late or ambiguous, contracts that drift."""
    known = read_calendars(connection)
    query = (
        select(dead_letters)
        .where(dead_letters.c.status == LetterStatus.OPEN.value)
        .order_by(dead_letters.c.reason, dead_letters.c.dead_letter_id)
    )
    for row in connection.execute(_of_tenant(query, dead_letters.c.tenant, tenant)):
        yield _letter_exception(row, known)
    ambiguous = pending.c.reason == Reason.AMBIGUOUS_CUSTOMER.value
    late = (
        select(pending)
        .where(or_(pending.c.deadline_micros < as_of_micros, ambiguous))
        .order_by(pending.c.reason, pending.c.event_id, pending.c.waits_for)
    )
    for row in connection.execute(_of_tenant(late, pending.c.tenant, tenant)):
        yield _pending_exception(row)
    for drift in read_drifts(connection, as_of_micros, tenant):
        if drift.expired:
            yield _drift_exception(drift)


def read_drifts(
    connection: Connection, as_of_micros: int, tenant: str | None = None
) -> Iterator[ContractDrift]:
    """Every contract on which CRM and billing disagree, also within the deadline."""
    query = select(contract_drifts).order_by(
        contract_drifts.c.tenant, contract_drifts.c.contract_id, contract_drifts.c.drift_id
    )
    for row in connection.execute(_of_tenant(query, contract_drifts.c.tenant, tenant)):
        yield drift_of(row, as_of_micros)


def read_undelivered(
    connection: Connection, backend: Backend, tenant: str | None = None
) -> Iterator[ExceptionRow]:
    """Postings that the ERP refused or that cannot be sent yet, in the order of the outbox."""
    for posting in delivering.read_undelivered(connection, backend, tenant):
        entry = posting.entry
        amount_minor, currency = money_of(entry)
        yield ExceptionRow(
            kind=ExceptionKind.UNDELIVERED.value,
            exception_id=posting.posting_id,
            tenant=entry.tenant,
            reason=posting.delivery_reason or Reason.ERP_REFUSED.value,
            detail=posting.erp_words or "",
            message_id=entry.source_event_id,
            amount_minor=amount_minor,
            currency=currency,
            entity=entry.entity,
            period=posting.period,
            position=None,
        )


def money_of(entry: JournalEntry) -> tuple[int, str]:
    """What an entry moves, (minor units, currency): the sum of its debits.

    In its transaction currency; in the functional one where it only moves that (a revaluation).
    """
    moved = sum(max(line.amount_minor, 0) for line in entry.lines)
    if moved:
        return moved, entry.currency
    return sum(max(line.functional_minor, 0) for line in entry.lines), entry.functional_currency


def _letter_exception(row: Any, known: Calendars) -> ExceptionRow:
    occurred = row.occurred_at_micros
    return ExceptionRow(
        kind=ExceptionKind.DEAD_LETTER.value,
        exception_id=row.dead_letter_id,
        tenant=row.tenant,
        reason=row.reason,
        detail=row.detail,
        message_id=row.message_id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        entity=row.entity,
        period=None if occurred is None else _period(known, row.tenant, row.entity, occurred),
        position=row.position,
    )


def _drift_exception(drift: ContractDrift) -> ExceptionRow:
    return ExceptionRow(
        kind=ExceptionKind.DRIFT.value,
        exception_id=drift.drift_id,
        tenant=drift.tenant,
        reason=Reason.CONTRACT_DRIFT.value,
        detail=f"{drift.contract_id}: {drift.detail}",
        message_id=drift.source_event_id,
        amount_minor=drift.difference_minor,
        currency=drift.currency,
        entity=drift.entity,
        period=drift.period,
        position=None,
    )


def _pending_exception(row: Any) -> ExceptionRow:
    ambiguous = row.reason == Reason.AMBIGUOUS_CUSTOMER.value
    return ExceptionRow(
        kind=(ExceptionKind.AMBIGUOUS if ambiguous else ExceptionKind.EXPIRED).value,
        exception_id=row.event_id,
        tenant=row.tenant,
        reason=row.reason,
        detail=row.waits_for,
        message_id=row.source_event_id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        entity=row.entity,
        period=row.period,
        position=None,
    )


def _period(known: Calendars, tenant: str, entity: str | None, micros: int) -> str:
    """Accounting period of a moment in the entity's calendar; its month while none is known."""
    return known.get((tenant, entity or ""), MONTHS).label_at(micros)


def _of_tenant(query: Any, column: ColumnElement[str], tenant: str | None) -> Any:
    return query if tenant is None else query.where(column == tenant)
