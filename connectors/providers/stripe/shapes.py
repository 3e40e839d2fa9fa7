"""The parts of Stripe's objects that carry meaning here; everything else is skipped unread.

Invoices, items and credit notes are in invoice_shapes.py.

One struct serves every API version: fields that came or went are optional, and where Stripe
may put an expanded object in place of an id, both are accepted. Field names are Stripe's.
Amounts are integers in Stripe's unit of the currency, times seconds since the epoch.
Source: https://docs.stripe.com/api and its changelog.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType


class HasId(Struct, gc=False):
    """An expanded object of which only the identity matters."""

    id: str


Ref = str | HasId | None
"""An id, the object itself, or nothing."""
Metadata = dict[str, str] | None


class Amount(Struct, gc=False):
    """An element of a list of amounts (`discount_amounts`)."""

    amount: int


class Period(Struct, gc=False):
    """Service period of a line; `end` is exclusive."""

    start: int | None = None
    end: int | None = None


# --- prices ------------------------------------------------------------------------------


class Recurring(Struct, gc=False):
    """How a price recurs."""

    interval: str | None = None
    interval_count: int | None = None
    usage_type: str | None = None


class Price(Struct, gc=False):
    """A price; also read as the older plan, which has `amount` and `interval` of its own."""

    id: str | None = None
    product: Ref = None
    currency: str | None = None
    unit_amount: int | None = None
    unit_amount_decimal: Decimal | None = None
    amount: int | None = None
    amount_decimal: Decimal | None = None
    interval: str | None = None
    interval_count: int | None = None
    usage_type: str | None = None
    recurring: Recurring | None = None


class PriceDetails(Struct, gc=False):
    """Names the price and product of a line in the present shape."""

    price: Ref = None
    product: Ref = None


class Pricing(Struct, gc=False):
    """How a line was priced, in the present shape."""

    price_details: PriceDetails | None = None


# --- payments ----------------------------------------------------------------------------


class BalanceTransaction(Struct, gc=False):
    """What a movement did to the Stripe balance: gross amount and fee in its own currency."""

    id: str | None = None
    amount: int | None = None
    currency: str | None = None
    fee: int | None = None
    exchange_rate: Decimal | None = None
    reporting_category: str | None = None
    type: str | None = None


class Refund(Struct, gc=False):
    """Money given back for a charge."""

    id: str
    amount: int
    currency: str | None = None
    charge: str | ChargeRef | None = None
    payment_intent: str | PaymentIntentRef | None = None
    balance_transaction: str | BalanceTransaction | None = None
    created: int | None = None
    customer: Ref = None
    metadata: Metadata = None
    status: str | None = None


class Refunds(Struct, gc=False):
    """The refunds that older charges carry."""

    data: list[Refund] = []
    has_more: bool = False


class PaymentError(Struct, gc=False):
    """Why an attempt failed."""

    code: str | None = None
    decline_code: str | None = None
    charge: Ref = None


class ChargeRef(Struct, gc=False):
    """A charge expanded inside another object; any of it may be left out."""

    id: str
    balance_transaction: str | BalanceTransaction | None = None
    customer: Ref = None
    failure_code: str | None = None
    invoice: Ref = None
    payment_intent: Ref = None


class PaymentIntentRef(Struct, gc=False):
    """A payment intent expanded inside another object; any of it may be left out."""

    id: str
    customer: Ref = None
    invoice: Ref = None
    last_payment_error: PaymentError | None = None
    latest_charge: str | ChargeRef | None = None


class Charge(Struct, gc=False):
    """One movement of money from a customer."""

    id: str
    amount: int
    currency: str
    amount_captured: int | None = None
    amount_refunded: int | None = None
    balance_transaction: str | BalanceTransaction | None = None
    captured: bool | None = None
    created: int | None = None
    customer: Ref = None
    failure_code: str | None = None
    invoice: Ref | UnsetType = UNSET
    metadata: Metadata = None
    paid: bool | None = None
    payment_intent: str | PaymentIntentRef | None = None
    refunds: Refunds | None = None
    status: str | None = None


class Charges(Struct, gc=False):
    """The charges that older payment intents carry, latest first."""

    data: list[ChargeRef] = []


class PaymentIntent(Struct, gc=False):
    """An intent to collect an amount; the charge is its latest attempt."""

    id: str
    amount: int
    currency: str
    amount_received: int | None = None
    charges: Charges | None = None
    customer: Ref = None
    invoice: Ref | UnsetType = UNSET
    last_payment_error: PaymentError | None = None
    latest_charge: str | ChargeRef | None = None
    metadata: Metadata = None
    status: str | None = None


class InvoicePaymentMeans(Struct, gc=False):
    """What an invoice payment was paid with."""

    type: str | None = None
    charge: str | ChargeRef | None = None
    payment_intent: str | PaymentIntentRef | None = None
    payment_record: Ref = None


class InvoiceRef(Struct, gc=False):
    """An invoice expanded inside another object."""

    id: str
    customer: Ref = None


class InvoicePayment(Struct, gc=False):
    """How much of a payment went to an invoice, in the present shape."""

    id: str
    currency: str | None = None
    amount_paid: int | None = None
    invoice: str | InvoiceRef | None = None
    payment: InvoicePaymentMeans | None = None
    status: str | None = None


class InvoicePayments(Struct, gc=False):
    """First page of an invoice's payments."""

    data: list[InvoicePayment] = []
    has_more: bool = False


# --- disputes, payouts, customers, subscriptions -----------------------------------------


class Dispute(Struct, gc=False):
    """A disputed charge; its balance transactions tell what moved and what it cost."""

    id: str
    amount: int
    currency: str
    balance_transactions: list[str | BalanceTransaction] | None = None
    charge: str | ChargeRef | None = None
    payment_intent: str | PaymentIntentRef | None = None
    metadata: Metadata = None
    status: str | None = None


class Payout(Struct, gc=False):
    """Money sent to the bank."""

    id: str
    amount: int
    currency: str
    metadata: Metadata = None


class Address(Struct, gc=False):
    """A postal address."""

    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class TaxId(Struct, gc=False):
    """A customer's tax number."""

    value: str | None = None


class TaxIds(Struct, gc=False):
    """First page of a customer's tax numbers."""

    data: list[TaxId] = []


class TaxInfo(Struct, gc=False):
    """The tax number of a customer between 2018 and 2019."""

    tax_id: str | None = None


class Customer(Struct, gc=False):
    """A customer; a deleted one has only its id."""

    id: str
    deleted: bool = False
    address: Address | None = None
    business_vat_id: str | None = None
    currency: str | None = None
    email: str | None = None
    metadata: Metadata = None
    name: str | None = None
    tax_ids: TaxIds | None = None
    tax_info: TaxInfo | None = None


class SubscriptionItem(Struct, gc=False):
    """One price of a subscription; it has a period of its own in the present shape."""

    id: str
    current_period_end: int | None = None
    current_period_start: int | None = None
    plan: Price | None = None
    price: str | Price | None = None
    quantity: Decimal | None = None


class SubscriptionItems(Struct, gc=False):
    """First page of a subscription's items."""

    data: list[SubscriptionItem] = []


class PauseCollection(Struct, gc=False):
    """That collection is paused, and what becomes of invoices meanwhile."""

    behavior: str | None = None
    resumes_at: int | None = None


class Subscription(Struct, gc=False):
    """A subscription in any version."""

    id: str
    status: str
    cancel_at: int | None = None
    pause_collection: PauseCollection | None = None
    customer: Ref = None
    customer_account: str | None = None
    cancel_at_period_end: bool | None = None
    currency: str | None = None
    current_period_end: int | None = None
    current_period_start: int | None = None
    ended_at: int | None = None
    items: SubscriptionItems | None = None
    metadata: Metadata = None
    plan: Price | None = None
    quantity: Decimal | None = None


# --- the event ---------------------------------------------------------------------------


class EventData(Struct, gc=False):
    """The object as it stood, and what it was before an update, both unread."""

    object: msgspec.Raw
    previous_attributes: msgspec.Raw = msgspec.Raw(b"null")


class Named(Struct, gc=False):
    """Any object, of which only the id is of interest, whatever it is."""

    id: Any = None


class StripeEvent(Struct, gc=False):
    """The envelope of a webhook event."""

    id: str
    type: str
    created: int
    data: EventData
    object: str = "event"
    account: str | None = None
    """The connected account it comes from; absent for the platform's own events."""
    api_version: str | None = None
