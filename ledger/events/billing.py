"""What billing says: subscriptions, invoices, items, credit notes, usage."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ledger.events.envelope import Event


class SubscriptionState(Event, frozen=True, kw_only=True):
    """A billing subscription as it stands: shared by activated, changed and cancelled."""

    status: str
    """The provider's word: active, trialing, past_due, canceled, …"""
    currency: str | None = None
    period_start_micros: int | None = None
    period_end_micros: int | None = None
    cancel_at_period_end: bool = False
    ended_at_micros: int | None = None
    items: tuple[SubscriptionItem, ...] = ()
    pause_behavior: str | None = None
    """While collection is paused: what becomes of invoices (`void`, `keep_as_draft`,
    `mark_uncollectible`)."""
    resumes_at_micros: int | None = None
    """When a pause ends by itself."""
    cancel_at_micros: int | None = None
    """When it is going to end, stated before it does."""


class SubscriptionItem(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One price of a subscription."""

    item_id: str
    product: str | None = None
    price_id: str | None = None
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    """Minor units, may have decimals (`unit_amount_decimal`)."""
    interval: str | None = None
    """`month`, `year`, …; several of them as `3 months`."""


class SubscriptionActivated(
    SubscriptionState, frozen=True, kw_only=True, tag="billing.subscription_activated"
):
    """The subscription started (created active or trialing, or became active)."""


class SubscriptionChanged(
    SubscriptionState, frozen=True, kw_only=True, tag="billing.subscription_changed"
):
    """Items, period or status changed."""


class SubscriptionCancelled(
    SubscriptionState, frozen=True, kw_only=True, tag="billing.subscription_cancelled"
):
    """The subscription ended."""


class TaxAmount(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Tax of a line or invoice, as the source states it; never derived."""

    amount_minor: int
    jurisdiction: str | None = None
    inclusive: bool = False
    """True: the line's amount contains it."""
    treatment: str | None = None
    """Why it is what it is, in the source's word: reverse_charge, customer_exempt, …; None: an
    ordinary tax."""
    taxable_minor: int | None = None
    """What it was reckoned on, without it; None: the line without taxes."""


class InvoiceLine(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One invoice line: `amount_minor` after discounts; taxes as stated."""

    line_id: str
    amount_minor: int
    service_start_micros: int | None = None
    service_end_micros: int | None = None
    """Exclusive. Equal to the start, or both None: delivered at once."""
    product: str | None = None
    quantity: Decimal | None = None
    description: str | None = None
    subscription_id: str | None = None
    taxes: tuple[TaxAmount, ...] = ()
    accrual_id: str | None = None
    """What was accrued unbilled for this line: an invoice item (`stripe:ii_1`) or a meter
    (`stripe:si_1`)."""
    proration: bool = False


class InvoiceIssued(Event, frozen=True, kw_only=True, tag="billing.invoice_issued"):
    """An invoice became a legal claim (finalised).

    `total_minor` = sum of line amounts + exclusive taxes (lines' and invoice's).
    """

    invoice_id: str
    number: str | None = None
    currency: str
    total_minor: int
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxAmount, ...] = ()
    """Taxes stated on the invoice only, not on its lines."""
    issued_at_micros: int
    due_at_micros: int | None = None
    balance_applied_minor: int = 0
    """Customer balance spent on it (positive) or credited by it (negative)."""
    collection_method: str | None = None
    exchange_rate: Decimal | None = None
    """Functional currency per unit of `currency`, when the source states it."""
    billing_entity: str | None = None
    """Legal entity in whose name it is issued, where that is not the contract's `entity`: the claim
    and its tax are in its books."""


class InvoiceVoided(Event, frozen=True, kw_only=True, tag="billing.invoice_voided"):
    """An open invoice was voided."""

    invoice_id: str


class InvoiceMarkedUncollectible(
    Event, frozen=True, kw_only=True, tag="billing.invoice_marked_uncollectible"
):
    """An open invoice was given up."""

    invoice_id: str


class ItemAccrued(Event, frozen=True, kw_only=True, tag="billing.item_accrued"):
    """A pending invoice item (proration, one-off) that is earned before it is invoiced."""

    accrual_id: str
    currency: str
    amount_minor: int
    service_start_micros: int | None = None
    service_end_micros: int | None = None
    product: str | None = None
    proration: bool = False


class ItemDeleted(Event, frozen=True, kw_only=True, tag="billing.item_deleted"):
    """A pending invoice item was deleted before it was invoiced."""

    accrual_id: str


class CreditNoteLine(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A credited part; `invoice_line_id` None for a line of its own."""

    line_id: str
    amount_minor: int
    invoice_line_id: str | None = None
    taxes: tuple[TaxAmount, ...] = ()


class CreditNoteIssued(Event, frozen=True, kw_only=True, tag="billing.credit_note_issued"):
    """A credit note on an invoice; where the credit goes is stated, not guessed.

    `total_minor` = on the open receivable + to balance + refunded + out of band.
    """

    credit_note_id: str
    invoice_id: str
    currency: str
    total_minor: int
    tax_minor: int | None = None
    """Tax contained in the total as the note states it; None: proportional to the invoice."""
    lines: tuple[CreditNoteLine, ...] = ()
    to_receivable_minor: int = 0
    """Lowers what is still owed (pre-payment)."""
    to_balance_minor: int = 0
    refunded_minor: int = 0
    """Given back by refunds, which are events of their own."""
    refund_ids: tuple[str, ...] = ()
    out_of_band_minor: int = 0
    exchange_rate: Decimal | None = None


class CreditNoteVoided(Event, frozen=True, kw_only=True, tag="billing.credit_note_voided"):
    """A credit note was voided."""

    credit_note_id: str
    invoice_id: str


class UsageReported(Event, frozen=True, kw_only=True, tag="billing.usage_reported"):
    """Usage of a meter, earned before it is invoiced."""

    usage_id: str
    """Idempotency key of the report; a later report with the same id corrects it."""
    accrual_id: str
    """The meter: matches `InvoiceLine.accrual_id`."""
    currency: str
    quantity: Decimal
    unit_amount: Decimal
    """Price of one unit in minor units."""
    aggregation: str = "sum"
    """sum, max, last_during_period or last_ever."""
    used_at_micros: int
    period_start_micros: int | None = None
    period_end_micros: int | None = None
    product: str | None = None
    amount_minor: int | None = None
    """What the report is worth by itself where the source has rated it; None: quantity times
    price."""
