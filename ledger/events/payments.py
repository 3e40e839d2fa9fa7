"""What the payment processor says: payments, refunds, disputes, payouts."""

from __future__ import annotations

from decimal import Decimal

from ledger.events.envelope import Event


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
