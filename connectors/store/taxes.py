"""Tax per jurisdiction and period: what was stated, given back and is owed; supplies without tax.

What is owed is read off the journal, so it equals the account. A supply that bears no tax (reverse
charge, exempt) leaves no line there: it is read off the archived events that were posted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, case, func, or_, select

from connectors.store.books_calendar import booked_through
from connectors.store.rows import message_of
from connectors.store.tables import (
    invoices,
    journal_entries,
    journal_lines,
    messages,
    parties,
)
from ledger.accounts import AccountRole
from ledger.events import (
    CreditNoteIssued,
    CreditNoteLine,
    CreditNoteVoided,
    Event,
    InvoiceIssued,
    InvoiceLine,
    TaxAmount,
)
from ledger.instants import period_of
from ledger.messages import Outcome

_CHUNK = 500


class TaxRow(msgspec.Struct, frozen=True, kw_only=True):
    """Tax of one jurisdiction that was booked in one period; minor units."""

    tenant: str
    entity: str
    currency: str
    functional_currency: str
    jurisdiction: str | None
    """None: the source names no place."""
    period: str
    stated_minor: int
    """By invoices, as they state it."""
    given_back_minor: int
    """By credit notes, refunds, voids, disputes and write-offs, less what is owed again."""
    functional_payable_minor: int

    @property
    def payable_minor(self) -> int:
        """What the period adds to the debt."""
        return self.stated_minor - self.given_back_minor


class UntaxedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was supplied without tax in one period, by how the source treats it; minor units."""

    tenant: str
    entity: str
    currency: str
    jurisdiction: str | None
    treatment: str
    """The source's word: reverse_charge, customer_exempt, …"""
    period: str
    supplied_minor: int
    credited_minor: int


def read_taxes(
    connection: Connection, tenant: str | None = None, through_period: str | None = None
) -> list[TaxRow]:
    """Return the tax that was booked, sorted. Raises StoreError for what is no period."""
    entry, line = journal_entries.c, journal_lines.c
    keys = (
        entry.tenant,
        entry.entity,
        entry.currency,
        entry.functional_currency,
        line.jurisdiction,
        entry.period,
    )
    issued = entry.rule == "invoice_issued"
    query = (
        select(
            *keys,
            func.sum(case((issued, -line.amount_minor), else_=0)),
            func.sum(case((issued, 0), else_=line.amount_minor)),
            func.sum(-line.functional_minor),
        )
        .join(journal_entries, entry.posting_no == line.posting_no)
        .where(line.role == AccountRole.TAX_PAYABLE.value)
        .group_by(*keys)
    )
    if tenant is not None:
        query = query.where(entry.tenant == tenant)
    if through_period is not None:
        query = query.where(booked_through(connection, through_period))
    names = TaxRow.__struct_fields__
    rows = [
        TaxRow(**dict(zip(names, (*row[:6], *map(int, row[6:])), strict=True)))
        for row in connection.execute(query)
    ]
    return sorted(
        (row for row in rows if row.stated_minor or row.given_back_minor),
        key=lambda row: (*_place(row), row.period),
    )


def _place(row: TaxRow | UntaxedRow) -> tuple[str, str, str, str]:
    return row.tenant, row.entity, row.currency, row.jurisdiction or ""


# --- without tax -------------------------------------------------------------------------


class _Supply(msgspec.Struct, frozen=True, kw_only=True):
    """Part of an invoice or credit note that bears no tax."""

    tenant: str
    key: str
    """Of the entry that books it."""
    tax: TaxAmount
    base_minor: int
    event: InvoiceIssued | CreditNoteIssued


def read_untaxed(
    connection: Connection, tenant: str | None = None, through_period: str | None = None
) -> list[UntaxedRow]:
    """Return what was supplied without tax, sorted; voided invoices and notes are left out."""
    supplies = list(_supplies(connection, tenant))
    booked = _booked(connection, {(each.tenant, each.key) for each in supplies})
    sums: dict[tuple[str, ...], list[int]] = {}
    for each in supplies:
        entity, period = booked.get((each.tenant, each.key)) or _unbooked(each.event)
        if through_period is not None and period > through_period:
            continue
        key = (each.tenant, entity, each.event.currency, each.tax.jurisdiction or "")
        cell = sums.setdefault((*key, each.tax.treatment or "", period), [0, 0])
        cell[isinstance(each.event, CreditNoteIssued)] += each.base_minor
    return [_untaxed(key, *sums[key]) for key in sorted(sums)]


def _untaxed(key: tuple[str, ...], supplied: int, credited: int) -> UntaxedRow:
    return UntaxedRow(
        tenant=key[0],
        entity=key[1],
        currency=key[2],
        jurisdiction=key[3] or None,
        treatment=key[4],
        period=key[5],
        supplied_minor=supplied,
        credited_minor=credited,
    )


def _unbooked(event: InvoiceIssued | CreditNoteIssued) -> tuple[str, str]:
    """Entity and month of what left no entry (a refund books its credit note)."""
    at = event.issued_at_micros if isinstance(event, InvoiceIssued) else event.occurred_at_micros
    return event.entity or "", period_of(at)


def _supplies(connection: Connection, tenant: str | None) -> Iterator[_Supply]:
    """Every untaxed part of invoices and notes that stand, each document once."""
    documents: dict[tuple[str, str], InvoiceIssued | CreditNoteIssued] = {}
    gone = _voided_invoices(connection, tenant)
    for event in _events(connection, tenant):
        if isinstance(event, CreditNoteVoided):
            gone.add((event.tenant, event.credit_note_id))
        elif isinstance(event, InvoiceIssued):
            documents.setdefault((event.tenant, event.invoice_id), event)
        elif isinstance(event, CreditNoteIssued):
            documents.setdefault((event.tenant, event.credit_note_id), event)
    for name, event in documents.items():
        if name in gone or (event.tenant, event.invoice_id) in gone:
            continue
        rule = "invoice_issued" if isinstance(event, InvoiceIssued) else "credit_note_issued"
        for tax, base in _untaxed_parts(event):
            key = f"{name[1]}:{rule}"
            yield _Supply(tenant=event.tenant, key=key, tax=tax, base_minor=base, event=event)


def _untaxed_parts(event: InvoiceIssued | CreditNoteIssued) -> Iterator[tuple[TaxAmount, int]]:
    lines: Sequence[InvoiceLine | CreditNoteLine] = event.lines
    for line in lines:
        for tax in line.taxes:
            if not tax.amount_minor and tax.treatment is not None:
                yield tax, _net(line) if tax.taxable_minor is None else tax.taxable_minor
    for tax in event.taxes if isinstance(event, InvoiceIssued) else ():
        if not tax.amount_minor and tax.treatment is not None:
            whole = sum(_net(line) for line in lines)
            yield tax, whole if tax.taxable_minor is None else tax.taxable_minor


def _net(line: InvoiceLine | CreditNoteLine) -> int:
    return line.amount_minor - sum(tax.amount_minor for tax in line.taxes if tax.inclusive)


def _events(connection: Connection, tenant: str | None) -> Iterator[Event]:
    """Events of posted messages that issue invoices or notes, or void notes, in order of time."""
    subjects = ("invoice_issued", "credit_note_issued", "credit_note_voided")
    version = messages.c.schema_version
    query = (
        select(messages, parties.c.party_ref)
        .join(parties, parties.c.party_no == messages.c.party_no)
        .where(
            messages.c.outcome == Outcome.POSTED.value,
            or_(*(version.contains(f"billing.{subject}@") for subject in subjects)),
        )
        .order_by(messages.c.occurred_at_micros, messages.c.message_id)
    )
    if tenant is not None:
        query = query.where(messages.c.tenant == tenant)
    for row in connection.execute(query):
        yield from message_of(row, row.party_ref).events


def _voided_invoices(connection: Connection, tenant: str | None) -> set[tuple[str, str]]:
    query = select(invoices.c.tenant, invoices.c.invoice_id).where(invoices.c.status == "voided")
    if tenant is not None:
        query = query.where(invoices.c.tenant == tenant)
    return {(row[0], row[1]) for row in connection.execute(query)}


def _booked(
    connection: Connection, keys: set[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Entity and period of the last entry of each (tenant, entry key)."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    wanted = sorted(keys)
    entry: Any = journal_entries.c
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        query = (
            select(entry.tenant, entry.entry_key, entry.entity, entry.period)
            .where(
                and_(
                    entry.tenant.in_({tenant for tenant, _ in chunk}),
                    entry.entry_key.in_([key for _, key in chunk]),
                    entry.reverses.is_(None),
                )
            )
            .order_by(entry.posting_no)
        )
        for row in connection.execute(query):
            found[row.tenant, row.entry_key] = (row.entity, row.period)
    return found
