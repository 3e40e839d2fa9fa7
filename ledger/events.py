"""Canonical business events: one frozen struct per Avro subject under `schemas/subjects`.

Field names equal those of the Avro records. Times are integer microseconds since the epoch
in UTC; amounts integer minor units; quantities, unit prices and rates Decimal.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="subject"):
    """Envelope that every canonical event carries."""

    event_id: str
    """Unique: `<source_event_id>/<subject>[/<n>]`."""
    source_event_id: str
    """The message it came in: `<source>:<provider's event id>`."""
    source: str
    """Publishing system: `stripe`, `salesforce`, or a name of the company's own."""
    tenant: str
    occurred_at_micros: int
    """When it happened in the source system; decides the accounting date."""
    customer_id: str | None = None
    """The source's own customer: `stripe:cus_1`, `salesforce:001…`."""
    account_id: str | None = None
    """CRM account that the event says the customer is: `salesforce:001…`. A link, not a guess."""
    contract_id: str | None = None
    """CRM contract that the event names: `salesforce:800…` or the company's own contract number."""
    subscription_id: str | None = None
    """Billing subscription: `stripe:sub_1`."""
    entity: str | None = None
    """Legal entity code, where the source knows it."""


# --- CRM ---------------------------------------------------------------------------------


class CustomerAccountChanged(Event, frozen=True, kw_only=True, tag="crm.customer_account_changed"):
    """Attributes of a customer as one source sees them; only `attributes_set` were set."""

    attributes_set: tuple[str, ...] = ()
    """Names among name, email, country, city, state, postal_code, street, tax_id, currency."""
    name: str | None = None
    email: str | None = None
    country: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    street: str | None = None
    tax_id: str | None = None
    currency: str | None = None
    deleted: bool = False


class ContractLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was sold: `quantity` of `product` at `unit_amount` (major units) in a service period."""

    line_id: str
    product: str
    quantity: Decimal
    unit_amount: Decimal
    service_start_micros: int | None = None
    service_end_micros: int | None = None


class ContractTerms(Event, frozen=True, kw_only=True):
    """What a CRM contract says: shared by signed, amended and renewed."""

    currency: str
    term_start_micros: int
    term_end_micros: int | None = None
    """Exclusive; None for evergreen."""
    lines: tuple[ContractLine, ...] = ()
    auto_renew: bool = False
    region: str | None = None


class ContractSigned(ContractTerms, frozen=True, kw_only=True, tag="crm.contract_signed"):
    """A contract was signed (CRM status activated)."""


class ContractAmended(ContractTerms, frozen=True, kw_only=True, tag="crm.contract_amended"):
    """Lines added to or changed in a running contract from `term_start_micros` on."""


class ContractRenewed(ContractTerms, frozen=True, kw_only=True, tag="crm.contract_renewed"):
    """A contract was renewed for the term given."""


class ContractCancelled(Event, frozen=True, kw_only=True, tag="crm.contract_cancelled"):
    """A contract ends at `effective_at_micros`."""

    effective_at_micros: int
    reason: str | None = None


class OpportunityWon(Event, frozen=True, kw_only=True, tag="crm.opportunity_won"):
    """A deal was closed and won; no accounting effect."""

    opportunity_id: str
    amount_minor: int | None = None
    currency: str | None = None


class RecordChanged(Event, frozen=True, kw_only=True, tag="crm.record_changed"):
    """A delta of one CRM record, to be applied in commit order with the others of that record.

    `values` holds only changed fields, as canonical strings (`Status`, `ContractId`, …; ids as
    the source gives them, times as epoch microseconds, numbers as decimal strings).
    """

    entity_name: str
    record_id: str
    change_type: str
    """CREATE, UPDATE, DELETE or UNDELETE; GAP_* and overflow events keep their name."""
    commit_number: int
    sequence_number: int
    values: dict[str, str | None]


# --- billing -----------------------------------------------------------------------------


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


class SubscriptionItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One price of a subscription."""

    item_id: str
    product: str | None = None
    price_id: str | None = None
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    """Minor units, may have decimals (`unit_amount_decimal`)."""
    interval: str | None = None


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


class TaxAmount(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tax of a line or invoice, as the source states it; never derived."""

    amount_minor: int
    jurisdiction: str | None = None
    inclusive: bool = False
    """True: the line's amount contains it."""


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class CreditNoteLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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


# --- payments ----------------------------------------------------------------------------


class PaymentSucceeded(Event, frozen=True, kw_only=True, tag="payments.payment_succeeded"):
    """Money came in. One payment is often told by several events: they share `payment_refs`."""

    payment_refs: tuple[str, ...]
    """Every id known for it: charge, payment intent, invoice payment. Events that share one
    are the same payment. Empty only for `evidence = invoice_total`."""
    currency: str
    amount_minor: int
    invoice_id: str | None = None
    linkage: str = "unknown"
    """invoice: `invoice_id` is stated. standalone: the source states that there is no invoice.
    unknown: the source cannot tell."""
    evidence: str = "payment"
    """payment: a movement of its own. invoice_total: the invoice says that so much of it has been
    paid in all (may be told by other payments too)."""
    out_of_band: bool = False
    """Received outside the payment processor."""
    fee_minor: int | None = None
    """In `settlement_currency`; None: not stated."""
    settlement_currency: str | None = None
    settlement_minor: int | None = None
    """Gross amount in the settlement currency, before fees."""
    exchange_rate: Decimal | None = None
    """Functional (settlement) currency per unit of `currency`, when stated."""


class PaymentFailed(Event, frozen=True, kw_only=True, tag="payments.payment_failed"):
    """An attempt to collect failed; no accounting effect, a lifecycle one."""

    payment_refs: tuple[str, ...] = ()
    currency: str
    amount_minor: int
    invoice_id: str | None = None
    failure_code: str | None = None
    attempt_count: int | None = None
    next_attempt_at_micros: int | None = None


class RefundIssued(Event, frozen=True, kw_only=True, tag="payments.refund_issued"):
    """Money given back. Events with the same `refund_id` tell the same refund; the latest
    status counts (pending and succeeded book it, failed and canceled undo it)."""

    refund_id: str
    payment_refs: tuple[str, ...]
    currency: str
    amount_minor: int
    evidence: str = "refund"
    """refund: one refund of its own. charge_total: the payment says that so much of it has been
    refunded in all (refunds of their own may tell it too); then `refund_id` names the payment."""
    status: str = "succeeded"
    invoice_id: str | None = None
    credit_note_id: str | None = None
    tax_minor: int | None = None
    settlement_currency: str | None = None
    settlement_minor: int | None = None
    exchange_rate: Decimal | None = None


class DisputeOpened(Event, frozen=True, kw_only=True, tag="payments.dispute_opened"):
    """A payment was disputed and the money withdrawn (events with one `dispute_id` are one
    dispute; several disputes per payment are normal)."""

    dispute_id: str
    payment_refs: tuple[str, ...]
    currency: str
    amount_minor: int
    fee_minor: int | None = None
    """Dispute fee withdrawn with it, in the settlement currency."""
    funds_withdrawn: bool = True
    """False: an inquiry, or told before the money moved; books nothing by itself."""
    settlement_currency: str | None = None
    settlement_minor: int | None = None
    exchange_rate: Decimal | None = None


class DisputeWon(Event, frozen=True, kw_only=True, tag="payments.dispute_won"):
    """The dispute was won and the money came back."""

    dispute_id: str
    payment_refs: tuple[str, ...]
    currency: str
    amount_minor: int
    fee_minor: int | None = None
    """Dispute fee given back, if any."""
    funds_reinstated: bool = True
    """False: the outcome without the money (books nothing by itself)."""
    settlement_currency: str | None = None
    settlement_minor: int | None = None
    exchange_rate: Decimal | None = None


class DisputeLost(Event, frozen=True, kw_only=True, tag="payments.dispute_lost"):
    """The dispute was lost for good."""

    dispute_id: str
    payment_refs: tuple[str, ...]
    currency: str
    amount_minor: int


class PayoutPaid(Event, frozen=True, kw_only=True, tag="payments.payout_paid"):
    """The processor sent money to the bank. Belongs to no customer."""

    payout_id: str
    currency: str
    amount_minor: int


class PayoutFailed(Event, frozen=True, kw_only=True, tag="payments.payout_failed"):
    """A payout came back."""

    payout_id: str
    currency: str
    amount_minor: int


CanonicalEvent = (
    CustomerAccountChanged
    | ContractSigned
    | ContractAmended
    | ContractRenewed
    | ContractCancelled
    | OpportunityWon
    | RecordChanged
    | SubscriptionActivated
    | SubscriptionChanged
    | SubscriptionCancelled
    | InvoiceIssued
    | InvoiceVoided
    | InvoiceMarkedUncollectible
    | ItemAccrued
    | ItemDeleted
    | CreditNoteIssued
    | CreditNoteVoided
    | UsageReported
    | PaymentSucceeded
    | PaymentFailed
    | RefundIssued
    | DisputeOpened
    | DisputeWon
    | DisputeLost
    | PayoutPaid
    | PayoutFailed
)


def subject_of(event: Event) -> str:
    """The registry subject of an event, e.g. `billing.invoice_issued`."""
    return event.__struct_config__.tag  # type: ignore[return-value]
