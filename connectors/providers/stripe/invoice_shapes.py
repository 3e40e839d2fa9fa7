"""Invoices, their lines and items, and credit notes, as far as they carry meaning here.

The same rules as in shapes.py: one struct for every API version, everything else unread.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from connectors.providers.stripe.shapes import (
    Amount,
    ChargeRef,
    InvoicePayments,
    InvoiceRef,
    Metadata,
    PaymentIntentRef,
    Period,
    Price,
    Pricing,
    Ref,
)
from connectors.providers.stripe.tax_shapes import TaxAmountNew, TaxAmountOld, TaxRate

# --- invoice lines -----------------------------------------------------------------------


class LineOrigin(Struct, gc=False):
    """`parent.invoice_item_details` or `parent.subscription_item_details` of a line."""

    invoice_item: Ref = None
    proration: bool | None = None
    subscription: Ref = None
    subscription_item: Ref = None


class LineParent(Struct, gc=False):
    """What a line came from, in the present shape."""

    type: str | None = None
    invoice_item_details: LineOrigin | None = None
    subscription_item_details: LineOrigin | None = None


class PretaxCredit(Struct, gc=False):
    """A credit taken off before tax; discounts are told here and in `discount_amounts`."""

    amount: int
    type: str | None = None


class Line(Struct, gc=False):
    """An invoice line. `amount` is before the discounts in `discount_amounts`."""

    id: str
    amount: int
    unique_id: str | None = None
    type: str | None = None
    description: str | None = None
    discountable: bool | None = None
    discount_amounts: list[Amount] | None = None
    pretax_credit_amounts: list[PretaxCredit] | None = None
    metadata: Metadata = None
    parent: LineParent | None = None
    period: Period | None = None
    plan: Price | None = None
    price: str | Price | None = None
    pricing: Pricing | None = None
    proration: bool | None = None
    quantity: Decimal | None = None
    quantity_decimal: Decimal | None = None
    subscription: Ref = None
    subscription_item: Ref = None
    invoice_item: Ref = None
    tax_amounts: list[TaxAmountOld] | None = None
    taxes: list[TaxAmountNew] | None = None
    tax_rates: list[TaxRate] | None = None


class Lines(Struct, gc=False):
    """First page of an invoice's lines."""

    data: list[Line]
    has_more: bool = False


# --- invoice -----------------------------------------------------------------------------


class SubscriptionDetails(Struct, gc=False):
    """The subscription an invoice belongs to, with its metadata of that moment."""

    metadata: Metadata = None
    subscription: str | SubscriptionRef | None = None


class SubscriptionRef(Struct, gc=False):
    """A subscription expanded inside another object."""

    id: str
    metadata: Metadata = None


class InvoiceParent(Struct, gc=False):
    """What an invoice came from, in the present shape."""

    subscription_details: SubscriptionDetails | None = None


class StatusTransitions(Struct, gc=False):
    """When an invoice changed its status."""

    finalized_at: int | None = None
    marked_uncollectible_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None


class Coupon(Struct, gc=False):
    """What an old invoice-wide discount took off."""

    amount_off: int | None = None
    percent_off: Decimal | None = None


class Discount(Struct, gc=False):
    """An old invoice-wide discount."""

    coupon: Coupon | None = None


class ShippingCost(Struct, gc=False):
    """Shipping on an invoice or credit note, outside of its lines."""

    amount_subtotal: int = 0
    amount_tax: int = 0


class Invoice(Struct, gc=False):
    """An invoice in any version; `paid`, `closed`, `forgiven` are its status before 2018-11."""

    id: str
    currency: str
    total: int
    lines: Lines
    customer: Ref = None
    customer_account: str | None = None
    status: str | None = None
    number: str | None = None
    amount_due: int | None = None
    amount_paid: int | None = None
    amount_paid_off_stripe: int | None = None
    amount_remaining: int | None = None
    attempt_count: int | None = None
    attempted: bool | None = None
    billing: str | None = None
    charge: str | ChargeRef | None = None
    closed: bool | None = None
    collection_method: str | None = None
    default_tax_rates: list[TaxRate] | None = None
    discount: Discount | None = None
    due_date: int | None = None
    ending_balance: int | None = None
    forgiven: bool | None = None
    metadata: Metadata = None
    next_payment_attempt: int | None = None
    paid: bool | None = None
    paid_out_of_band: bool | None = None
    parent: InvoiceParent | None = None
    payment_intent: str | PaymentIntentRef | None = None
    payments: InvoicePayments | None = None
    pre_payment_credit_notes_amount: int | None = None
    shipping_cost: ShippingCost | None = None
    starting_balance: int | None = None
    status_transitions: StatusTransitions | None = None
    subscription: str | SubscriptionRef | None = None
    subscription_details: SubscriptionDetails | None = None
    subtotal: int | None = None
    tax: int | None = None
    total_discount_amounts: list[Amount] | None = None
    total_tax_amounts: list[TaxAmountOld] | None = None
    total_taxes: list[TaxAmountNew] | None = None


class InvoiceItem(Struct, gc=False):
    """An item that waits for its invoice."""

    id: str
    amount: int | None = None
    currency: str | None = None
    customer: Ref = None
    customer_account: str | None = None
    discountable: bool | None = None
    invoice: Ref = None
    metadata: Metadata = None
    net_amount: int | None = None
    parent: InvoiceParent | None = None
    period: Period | None = None
    plan: Price | None = None
    price: str | Price | None = None
    pricing: Pricing | None = None
    proration: bool | None = None
    subscription: str | SubscriptionRef | None = None


# --- credit notes ------------------------------------------------------------------------


class CreditNoteLine(Struct, gc=False):
    """A credited part; `amount` is before `discount_amount`."""

    id: str
    amount: int
    discount_amount: int | None = None
    discount_amounts: list[Amount] | None = None
    pretax_credit_amounts: list[PretaxCredit] | None = None
    invoice_line_item: Ref = None
    tax_amounts: list[TaxAmountOld] | None = None
    taxes: list[TaxAmountNew] | None = None
    tax_rates: list[TaxRate] | None = None


class CreditNoteLines(Struct, gc=False):
    """First page of a credit note's lines."""

    data: list[CreditNoteLine] = []
    has_more: bool = False


class CreditNoteRefund(Struct, gc=False):
    """How much of a refund a credit note explains."""

    amount_refunded: int
    refund: Ref = None


class CustomerBalanceTransaction(Struct, gc=False):
    """A change of the customer's balance; negative is a credit to the customer."""

    id: str
    amount: int | None = None


class RefundRef(Struct, gc=False):
    """A refund expanded inside a credit note."""

    id: str
    amount: int | None = None


class CreditNote(Struct, gc=False):
    """A credit note in any version."""

    id: str
    currency: str
    invoice: str | InvoiceRef
    total: int | None = None
    amount: int | None = None
    created: int | None = None
    customer: Ref = None
    customer_account: str | None = None
    customer_balance_transaction: str | CustomerBalanceTransaction | None = None
    lines: CreditNoteLines | None = None
    metadata: Metadata = None
    out_of_band_amount: int | None = None
    post_payment_amount: int | None = None
    pre_payment_amount: int | None = None
    refund: str | RefundRef | None = None
    refunds: list[CreditNoteRefund] | None = None
    shipping_cost: ShippingCost | None = None
    status: str | None = None
    tax_amounts: list[TaxAmountOld] | None = None
    total_excluding_tax: int | None = None
    total_taxes: list[TaxAmountNew] | None = None
    type: str | None = None
    voided_at: int | None = None
