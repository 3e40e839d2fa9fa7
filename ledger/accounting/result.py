"""What the accounting part of a fold gives: entries, and the facts lifecycle rules need."""

from __future__ import annotations

import msgspec

from ledger.journal import JournalEntry
from ledger.results import InvoiceState, Pending, Refusal


class PaymentFact(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A payment as the fold took it: one per payment, however many events told it."""

    at_micros: int
    """When it happened (the earliest event that tells it)."""
    event_id: str
    source_event_id: str
    currency: str
    amount_minor: int
    invoice_id: str | None = None
    """None: a standalone payment."""


class FailedPaymentFact(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An attempt to collect that failed."""

    at_micros: int
    event_id: str
    source_event_id: str
    currency: str
    amount_minor: int
    invoice_id: str | None = None
    failure_code: str | None = None
    attempt_count: int | None = None
    next_attempt_at_micros: int | None = None


class AccountingResult(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Accounting of one contract: what should be posted, what waits, what is refused.

    `entries` are sorted by (accounting date, entry key); `invoices` by (issued at, id);
    `payments` and `failed_payments` by (time, event id). Payments and invoices that wait for a
    rate or a partner are not in `payments` (invoices appear with `posted = False`).
    """

    entries: tuple[JournalEntry, ...] = ()
    pending: tuple[Pending, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    invoices: tuple[InvoiceState, ...] = ()
    payments: tuple[PaymentFact, ...] = ()
    failed_payments: tuple[FailedPaymentFact, ...] = ()
