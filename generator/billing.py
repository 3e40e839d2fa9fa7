"""Invoices and payments as the billing system computes them: exact, in integer minor units.

`Invoice.total_minor` = line amounts - discounts + exclusive taxes. Both provider shapes are
rendered from these structs, so old and present events say the same.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ledger.money import convert


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """A price of a product in one currency."""

    price_id: str
    product_id: str
    name: str
    currency: str
    interval: str
    """month or year."""
    unit_amount_decimal: str
    """Minor units per unit, may have decimals."""
    metered: bool = False

    @property
    def unit_minor(self) -> int | None:
        """The whole minor units, or None for a price with decimals."""
        return int(self.unit_amount_decimal) if self.unit_amount_decimal.isdigit() else None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A price of a subscription with its quantity."""

    item_id: str
    price: Price
    quantity: int


class TaxRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate of tax, in hundredths of a percent."""

    rate_id: str
    name: str
    jurisdiction: str
    country: str
    hundredths_percent: int
    inclusive: bool


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice line; `amount_minor` before discounts, with inclusive tax."""

    line_id: str
    amount_minor: int
    discount_minor: int = 0
    tax_minor: int = 0
    start: int
    end: int
    price: Price
    quantity: int
    item_id: str
    invoice_item: str | None = None
    description: str

    @property
    def net_minor(self) -> int:
        """After the discount; still with inclusive tax."""
        return self.amount_minor - self.discount_minor


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice as finalised."""

    invoice_id: str
    number: str
    currency: str
    created: int
    finalized_at: int
    due_at: int | None
    period_start: int
    period_end: int
    lines: tuple[Line, ...]
    tax: TaxRate | None = None
    coupon_percent: int = 0
    payment_intent: str
    """Every attempt to collect it goes through this one."""
    balance_before_minor: int = 0
    """Customer balance before, credit negative as Stripe keeps it."""
    billing_reason: str = "subscription_cycle"
    send_invoice: bool = False
    subtotal_minor: int = 0
    """Sum of line amounts before discounts; this and the sums below follow from the lines."""
    discount_minor: int = 0
    tax_minor: int = 0
    """Inclusive or not."""
    total_minor: int = 0
    """What the invoice claims."""

    def __post_init__(self) -> None:
        """Add up once; every event that shows the invoice needs the sums."""
        subtotal = sum([line.amount_minor for line in self.lines])
        discount = sum([line.discount_minor for line in self.lines])
        tax = sum([line.tax_minor for line in self.lines])
        msgspec.structs.force_setattr(self, "subtotal_minor", subtotal)
        msgspec.structs.force_setattr(self, "discount_minor", discount)
        msgspec.structs.force_setattr(self, "tax_minor", tax)
        total = subtotal - discount + self.exclusive_tax_minor
        msgspec.structs.force_setattr(self, "total_minor", total)

    @property
    def exclusive_tax_minor(self) -> int:
        """Tax that is added to the lines."""
        return 0 if self.tax is None or self.tax.inclusive else self.tax_minor

    @property
    def balance_applied_minor(self) -> int:
        """Customer balance spent on it."""
        return max(0, min(-self.balance_before_minor, self.total_minor))

    @property
    def due_minor(self) -> int:
        """What is left to pay when it is finalised."""
        return max(0, self.total_minor - self.balance_applied_minor)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an invoice stands at the moment an event tells of it."""

    status: str = "open"
    paid_minor: int = 0
    credited_minor: int = 0
    """By credit notes while it was open."""
    attempts: int = 0
    next_attempt_at: int | None = None
    paid_at: int | None = None
    voided_at: int | None = None
    uncollectible_at: int | None = None
    payment_intent: str | None = None
    charge: str | None = None
    outside_processor: bool = False


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of the processor's balance, in the settlement currency."""

    transaction_id: str
    currency: str
    gross_minor: int
    fee_minor: int
    exchange_rate: Decimal | None = None

    @property
    def net_minor(self) -> int:
        """What the balance moves by."""
        return self.gross_minor - self.fee_minor


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A collected payment."""

    charge: str
    payment_intent: str
    amount_minor: int
    currency: str
    at: int
    settlement: Settlement
    fee_stated: bool
    """False: the charge names its balance transaction by id only."""
    invoice_id: str | None


def rounded(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero, as billing systems do."""
    sign = 1 if numerator >= 0 else -1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def tax_of(net_minor: int, tax: TaxRate | None) -> int:
    """Tax of a line's amount after discount: contained in it or on top of it."""
    if tax is None:
        return 0
    base = 10_000 + tax.hundredths_percent if tax.inclusive else 10_000
    return rounded(net_minor * tax.hundredths_percent, base)


def settle(
    transaction_id: str,
    amount_minor: int,
    currency: str,
    into: str,
    rate: Decimal | None,
    fee_minor: int = 0,
) -> Settlement:
    """The balance movement for an amount; `rate` None when both currencies are the same."""
    gross = amount_minor if rate is None else convert(amount_minor, currency, rate, into)
    return Settlement(
        transaction_id=transaction_id, currency=into, gross_minor=gross, fee_minor=fee_minor,
        exchange_rate=rate,
    )  # fmt: skip


class SubscriptionStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription at the moment an event tells of it."""

    status: str
    created: int
    items: tuple[Item, ...]
    period_start: int
    period_end: int
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    trial_end: int | None = None
    latest_invoice: str | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back on a payment; the settlement's amounts are negative."""

    refund_id: str
    amount_minor: int
    at: int
    settlement: Settlement
    reason: str = "requested_by_customer"


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A disputed payment with the balance movements so far (withdrawal, reinstatement)."""

    dispute_id: str
    amount_minor: int
    opened_at: int
    status: str
    movements: tuple[Settlement, ...] = ()


class CreditLine(msgspec.Struct, frozen=True, kw_only=True):
    """The credited part of an invoice line; amounts mean what they mean on `Line`."""

    line_id: str
    invoice_line: Line
    amount_minor: int
    discount_minor: int
    tax_minor: int


class CreditNote(msgspec.Struct, frozen=True, kw_only=True):
    """A credit note; exactly one of the destinations takes the total."""

    note_id: str
    number: str
    at: int
    invoice: Invoice
    lines: tuple[CreditLine, ...]
    destination: str
    """receivable, refund or balance."""
    refund_id: str | None = None
    balance_transaction: str | None = None
    voided_at: int | None = None

    @property
    def tax_minor(self) -> int:
        """Sum of the lines' taxes."""
        return sum(line.tax_minor for line in self.lines)

    @property
    def subtotal_minor(self) -> int:
        """Sum of the lines before discounts."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def discount_minor(self) -> int:
        """Sum of the lines' discounts."""
        return sum(line.discount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        """What is credited, taxes included."""
        tax = self.invoice.tax
        exclusive = 0 if tax is None or tax.inclusive else self.tax_minor
        return self.subtotal_minor - self.discount_minor + exclusive


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A failed attempt to collect."""

    charge: str
    payment_intent: str
    amount_minor: int
    currency: str
    at: int
    invoice_id: str
    code: str = "card_declined"


def credited_part(line: Line, line_id: str, percent: int) -> CreditLine:
    """`percent` of an invoice line, rounded down so that no credit exceeds the line."""
    return CreditLine(
        line_id=line_id,
        invoice_line=line,
        amount_minor=line.amount_minor * percent // 100,
        discount_minor=line.discount_minor * percent // 100,
        tax_minor=line.tax_minor * percent // 100,
    )
