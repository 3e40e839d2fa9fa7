"""Lines and taxes of an invoice, made to add up the way Stripe adds them.

total = line amounts - discounts - credits + exclusive taxes + shipping. Discounts and taxes
are told per line, on the invoice only, or both, depending on version and settings. Taxes
flagged as inclusive count as exclusive where the total shows that they came on top. What does
not add up by what the event states is left as it is, and refused with the event.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import msgspec

from connectors.decoding import Rejected
from connectors.providers.stripe.invoice_shapes import (
    CreditNoteLine,
    Invoice,
    InvoiceItem,
    Line,
    LineOrigin,
)
from connectors.providers.stripe.linking import own_id, source_id
from connectors.providers.stripe.shapes import Price
from connectors.providers.stripe.taxes import jurisdictions_of, stated_taxes, sums
from ledger.events import InvoiceLine, TaxAmount
from ledger.money import allocate
from ledger.reasons import Reason

Taxes = tuple[TaxAmount, ...]


def lines_and_taxes(invoice: Invoice) -> tuple[tuple[InvoiceLine, ...], Taxes]:
    """The lines, net of discounts, and the taxes that only the invoice states.

    Raises Rejected(lines_incomplete) when the event carries only the first page of lines.
    """
    lines = invoice.lines.data
    if invoice.lines.has_more:
        raise Rejected(Reason.LINES_INCOMPLETE, f"only the first {len(lines)} lines are here")
    nets = [net_minor(line) for line in lines]
    line_taxes, invoice_taxes = _divide_taxes(invoice)
    gap = invoice.total - sum(nets)
    if line_taxes or invoice_taxes:
        gap -= sum([sums(taxes)[0] for taxes in [*line_taxes, invoice_taxes]])
    shipping: tuple[InvoiceLine, ...] = ()
    if gap and gap == _inclusive_minor(line_taxes, invoice_taxes):
        line_taxes = [_on_top(taxes) for taxes in line_taxes]
        invoice_taxes = _on_top(invoice_taxes)
    elif gap:
        nets, invoice_taxes, shipping = _close_gap(invoice, gap, nets, invoice_taxes)
    names = _line_names(lines)
    made = [
        _line(line, nets[i], names[i], line_taxes[i] if line_taxes else ())
        for i, line in enumerate(lines)
    ]
    return (*made, *shipping), invoice_taxes


def net_minor(line: Line | CreditNoteLine) -> int:
    """Amount of a line after its discounts and the billing credits spent on it."""
    net = line.amount
    if line.discount_amounts:
        net -= sum([discount.amount for discount in line.discount_amounts])
    for credit in line.pretax_credit_amounts or ():
        # A discount is told in both lists by some versions and in one by others.
        if credit.type != "discount" or not line.discount_amounts:
            net -= credit.amount
    return net


# --- taxes -------------------------------------------------------------------------------


def _divide_taxes(invoice: Invoice) -> tuple[list[Taxes], Taxes]:
    """(taxes per line, none) when the lines tell all of the invoice's tax, else (none, taxes)."""
    lines = invoice.lines.data
    on_invoice = invoice.total_taxes or invoice.total_tax_amounts or invoice.tax
    if not on_invoice and not [line for line in lines if line.taxes or line.tax_amounts]:
        return [], ()
    known = jurisdictions_of(invoice.default_tax_rates, *[line.tax_rates for line in lines])
    per_line = [stated_taxes(line.taxes, line.tax_amounts, known) for line in lines]
    stated = stated_taxes(invoice.total_taxes, invoice.total_tax_amounts, known)
    told = sums([tax for taxes in per_line for tax in taxes])
    if not stated and invoice.tax:
        if sum(told) == invoice.tax:
            return per_line, ()
        return [], (TaxAmount(amount_minor=invoice.tax),)
    if told == sums(stated) or not on_invoice:
        return per_line, ()
    return [], stated


def _inclusive_minor(line_taxes: list[Taxes], invoice_taxes: Taxes) -> int:
    return sum([sums(taxes)[1] for taxes in [*line_taxes, invoice_taxes]])


def _on_top(taxes: Taxes) -> Taxes:
    """The same taxes as exclusive: what the total proves wins over the flag."""
    return tuple([msgspec.structs.replace(tax, inclusive=False) for tax in taxes])


# --- discounts and shipping --------------------------------------------------------------


def _close_gap(
    invoice: Invoice, gap: int, nets: list[int], taxes: Taxes
) -> tuple[list[int], Taxes, tuple[InvoiceLine, ...]]:
    """Explain what is missing between lines and total by discount or shipping as stated."""
    discount = _invoice_discount(invoice, sum(nets), -gap)
    if discount:
        return _spread_discount(invoice, nets, discount), taxes, ()
    shipping = invoice.shipping_cost
    if shipping and gap in (
        shipping.amount_subtotal,
        shipping.amount_subtotal + shipping.amount_tax,
    ):
        tax = gap - shipping.amount_subtotal
        line = InvoiceLine(
            line_id=f"{invoice.id}/shipping",
            amount_minor=shipping.amount_subtotal,
            description="Shipping",
            taxes=(TaxAmount(amount_minor=tax),) if tax else (),
        )
        return nets, taxes, (line,)
    return nets, taxes, ()


def _invoice_discount(invoice: Invoice, subtotal: int, missing: int) -> int:
    """The discount that only the invoice states, when it is what is missing; else 0."""
    if missing <= 0:
        return 0
    if invoice.total_discount_amounts:
        stated = sum([discount.amount for discount in invoice.total_discount_amounts])
        return missing if stated == missing else 0
    coupon = invoice.discount.coupon if invoice.discount else None
    if coupon is None:
        return 0
    if coupon.amount_off is not None:
        return missing if missing == min(coupon.amount_off, subtotal) else 0
    percent = coupon.percent_off
    if percent is None or not percent.is_finite() or not 0 < percent <= 100:
        return 0
    exact = Decimal(subtotal) * percent / 100
    return missing if abs(exact - missing) < 1 else 0


def _spread_discount(invoice: Invoice, nets: list[int], discount: int) -> list[int]:
    """Take an invoice-wide discount off the lines it applies to, by their amounts."""
    weights = [
        max(net, 0) if line.discountable is not False else 0
        for net, line in zip(nets, invoice.lines.data, strict=True)
    ]
    parts = allocate(discount, weights) if any(weights) else [0] * len(nets)
    return [net - part for net, part in zip(nets, parts, strict=True)]


# --- one line ----------------------------------------------------------------------------


def _line(line: Line, net: int, name: str, taxes: Taxes) -> InvoiceLine:
    start, end = (line.period.start, line.period.end) if line.period else (None, None)
    origin = _origin(line) if line.parent else None
    quantity = line.quantity_decimal if line.quantity_decimal is not None else line.quantity
    return InvoiceLine(
        line_id=name,
        amount_minor=net,
        service_start_micros=None if start is None else start * 1_000_000,
        service_end_micros=None if end is None else end * 1_000_000,
        product=product_of(line),
        quantity=quantity,
        description=line.description,
        subscription_id=_subscription(line, origin),
        taxes=taxes,
        accrual_id=_accrual(line, origin),
        proration=bool(line.proration or (origin and origin.proration)),
    )


def _origin(line: Line) -> LineOrigin | None:
    """What a line of the present shape came from: the one of two that `type` names."""
    parent = line.parent
    if parent is None:
        return None
    if parent.type == "invoice_item_details":
        return parent.invoice_item_details
    if parent.type == "subscription_item_details":
        return parent.subscription_item_details
    return parent.invoice_item_details or parent.subscription_item_details


def _subscription(line: Line, origin: LineOrigin | None) -> str | None:
    """The subscription of a line; old lines of a subscription carry its id as their own."""
    if line.subscription:
        return source_id(line.subscription)
    if origin is not None and origin.subscription:
        return source_id(origin.subscription)
    return source_id(line.id) if line.id.startswith("sub_") else None


def _accrual(line: Line, origin: LineOrigin | None) -> str | None:
    """What may have been accrued for the line: its invoice item, else its metered price.

    The present shape does not say whether a price is metered; a licensed one has no usage,
    so naming its subscription item finds nothing.
    """
    item = line.invoice_item or (origin.invoice_item if origin else None)
    if item:
        return source_id(item)
    if line.id.startswith("ii_"):
        return source_id(line.id)
    if _is_licensed(line.price) or _is_licensed(line.plan):
        return None
    return source_id(line.subscription_item or (origin.subscription_item if origin else None))


def _is_licensed(price: str | Price | None) -> bool:
    if price is None or type(price) is str:
        return False
    recurring = price.recurring  # type: ignore[union-attr]
    usage = price.usage_type or (recurring.usage_type if recurring else None)  # type: ignore[union-attr]
    return usage == "licensed"


def product_of(priced: Line | InvoiceItem) -> str | None:
    """Stripe's product id of a line or item: `prod_1`; None where it has none."""
    pricing = priced.pricing
    if pricing is not None and pricing.price_details is not None:
        return own_id(pricing.price_details.product)
    for price in (priced.price, priced.plan):
        if price is not None and type(price) is not str:
            return own_id(price.product)  # type: ignore[union-attr]
    return None


def _line_names(lines: list[Line]) -> list[str]:
    """A name per line that is unique in the invoice.

    Before 2019-12-03 the id of a line was that of its subscription or item, which several
    lines can share; they are numbered in their order.
    """
    names = [line.unique_id or line.id for line in lines]
    if len(names) == 1 or len(set(names)) == len(names):
        return names
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}/{seen[name]}")
    return unique
