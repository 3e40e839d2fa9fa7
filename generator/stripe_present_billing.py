"""Customers, subscriptions, invoices, items and credit notes in the shapes of 2025-09-30.clover."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from generator.billing import (
    CreditLine,
    CreditNote,
    Invoice,
    Item,
    Line,
    Price,
    Standing,
    SubscriptionStanding,
    TaxRate,
)
from generator.deal import Address, Deal
from generator.stripe_common import (
    address_of,
    discount_amounts,
    page,
)

Object = dict[str, Any]


def customer(deal: Deal, address: Address, created: int, metadata: dict[str, str]) -> Object:
    """A customer; `metadata.crm_account_id` is the link to CRM."""
    return {
        "id": deal.customer_id,
        "object": "customer",
        "address": address_of(address),
        "balance": 0,
        "created": created,
        "currency": deal.currency.lower(),
        "delinquent": False,
        "description": None,
        "email": deal.email,
        "invoice_prefix": f"CF{deal.index:06d}",
        "invoice_settings": {"default_payment_method": None, "footer": None},
        "livemode": True,
        "metadata": metadata,
        "name": deal.name,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
    }


def subscription(deal: Deal, now: SubscriptionStanding) -> Object:
    """A subscription; periods are on its items."""
    return {
        "id": deal.subscription_id,
        "object": "subscription",
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_cycle_anchor": deal.start,
        "billing_mode": {"type": "classic"},
        "cancel_at": now.period_end if now.cancel_at_period_end else None,
        "cancel_at_period_end": now.cancel_at_period_end,
        "canceled_at": now.canceled_at,
        "collection_method": "send_invoice" if deal.by_transfer else "charge_automatically",
        "created": now.created,
        "currency": deal.currency.lower(),
        "customer": deal.customer_id,
        "days_until_due": 30 if deal.by_transfer else None,
        "default_tax_rates": [_tax_rate(deal.tax)] if deal.tax else [],
        "ended_at": now.ended_at,
        "items": page(
            [_subscription_item(deal, item, now) for item in now.items],
            f"/v1/subscription_items?subscription={deal.subscription_id}",
        ),
        "latest_invoice": now.latest_invoice,
        "livemode": True,
        "metadata": deal.metadata,
        "start_date": now.created,
        "status": now.status,
        "trial_end": now.trial_end,
        "trial_start": now.created if now.trial_end else None,
    }


def invoice(deal: Deal, bill: Invoice, now: Standing) -> Object:
    """An invoice as it stands; amounts in minor units."""
    due = bill.due_minor - now.credited_minor
    taxes = _taxes(bill.tax_minor, bill.subtotal_minor - bill.discount_minor, bill.tax)
    return {
        "id": bill.invoice_id,
        "object": "invoice",
        "account_country": deal.entity.country,
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": now.paid_minor,
        "amount_remaining": due - now.paid_minor,
        "attempt_count": now.attempts,
        "attempted": now.attempts > 0,
        "auto_advance": now.status == "open",
        "billing_reason": bill.billing_reason,
        "collection_method": "send_invoice" if bill.send_invoice else "charge_automatically",
        "created": bill.created,
        "currency": bill.currency.lower(),
        "customer": deal.customer_id,
        "customer_email": deal.email,
        "customer_name": deal.name,
        "default_tax_rates": [_tax_rate(bill.tax)] if bill.tax else [],
        "discounts": [f"di_1T{deal.index:06d}"] if bill.coupon_percent else [],
        "due_date": bill.due_at,
        "ending_balance": bill.balance_before_minor + bill.balance_applied_minor,
        "lines": page(
            [_line(deal, line, bill) for line in bill.lines],
            f"/v1/invoices/{bill.invoice_id}/lines",
        ),
        "livemode": True,
        "metadata": {},
        "next_payment_attempt": now.next_attempt_at,
        "number": bill.number,
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": deal.metadata,
                "subscription": deal.subscription_id,
            },
            "type": "subscription_details",
        },
        "period_end": bill.period_end,
        "period_start": bill.period_start,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": now.credited_minor,
        "starting_balance": bill.balance_before_minor,
        "status": now.status,
        "status_transitions": {
            "finalized_at": bill.finalized_at,
            "marked_uncollectible_at": now.uncollectible_at,
            "paid_at": now.paid_at,
            "voided_at": now.voided_at,
        },
        "subtotal": bill.subtotal_minor,
        "total": bill.total_minor,
        "total_discount_amounts": discount_amounts(deal, bill.discount_minor),
        "total_excluding_tax": bill.subtotal_minor
        - bill.discount_minor
        - (bill.tax_minor - bill.exclusive_tax_minor),
        "total_taxes": taxes,
    }


def invoice_item(deal: Deal, line: Line, created: int) -> Object:
    """A pending invoice item: a proration that the next invoice will bill."""
    return {
        "id": line.invoice_item,
        "object": "invoiceitem",
        "amount": line.amount_minor,
        "currency": deal.currency.lower(),
        "customer": deal.customer_id,
        "date": created,
        "description": line.description,
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": True,
        "metadata": deal.metadata,
        "net_amount": line.amount_minor,
        "parent": {
            "subscription_details": {
                "subscription": deal.subscription_id,
                "subscription_item": line.item_id,
            },
            "type": "subscription_details",
        },
        "period": {"end": line.end, "start": line.start},
        "pricing": _pricing(line.price),
        "proration": True,
        "quantity": line.quantity,
        "tax_rates": [],
    }


def credit_note(deal: Deal, note: CreditNote) -> Object:
    """A credit note; where the credit goes is stated in `*_amount`, `refunds` and the balance."""
    total = note.total_minor
    on_open = note.destination == "receivable"
    refunds = [{"amount_refunded": total, "refund": note.refund_id, "type": "refund"}]
    net = note.subtotal_minor - note.discount_minor
    return {
        "id": note.note_id,
        "object": "credit_note",
        "amount": total,
        "created": note.at,
        "currency": note.invoice.currency.lower(),
        "customer": deal.customer_id,
        "customer_balance_transaction": note.balance_transaction,
        "discount_amount": note.discount_minor,
        "discount_amounts": discount_amounts(deal, note.discount_minor),
        "effective_at": note.at,
        "invoice": note.invoice.invoice_id,
        "lines": page(
            [_credit_line(deal, line, note.invoice.tax) for line in note.lines],
            f"/v1/credit_notes/{note.note_id}/lines",
        ),
        "livemode": True,
        "memo": None,
        "metadata": {},
        "number": note.number,
        "out_of_band_amount": None,
        "post_payment_amount": 0 if on_open else total,
        "pre_payment_amount": total if on_open else 0,
        "reason": "order_change",
        "refunds": refunds if note.refund_id else [],
        "status": "void" if note.voided_at else "issued",
        "subtotal": note.subtotal_minor,
        "total": total,
        "total_taxes": _taxes(note.tax_minor, net, note.invoice.tax),
        "type": "pre_payment" if on_open else "post_payment",
        "voided_at": note.voided_at,
    }


def _line(deal: Deal, line: Line, bill: Invoice) -> Object:
    is_item = line.invoice_item is not None
    details = {
        "invoice_item": line.invoice_item,
        "proration": is_item,
        "proration_details": {"credited_items": None},
        "subscription": deal.subscription_id,
    }
    parent: Object = {
        "invoice_item_details": details if is_item else None,
        "subscription_item_details": None
        if is_item
        else {**details, "subscription_item": line.item_id},
        "type": "invoice_item_details" if is_item else "subscription_item_details",
    }
    return {
        "id": line.line_id,
        "object": "line_item",
        "amount": line.amount_minor,
        "currency": bill.currency.lower(),
        "description": line.description,
        "discount_amounts": discount_amounts(deal, line.discount_minor),
        "discountable": not is_item,
        "invoice": bill.invoice_id,
        "livemode": True,
        "metadata": deal.metadata,
        "parent": parent,
        "period": {"end": line.end, "start": line.start},
        "pricing": _pricing(line.price),
        "quantity": line.quantity,
        "subtotal": line.amount_minor,
        "taxes": _taxes(line.tax_minor, line.net_minor, bill.tax),
    }


def _credit_line(deal: Deal, line: CreditLine, tax: TaxRate | None) -> Object:
    net = line.amount_minor - line.discount_minor
    return {
        "id": line.line_id,
        "object": "credit_note_line_item",
        "amount": line.amount_minor,
        "description": line.invoice_line.description,
        "discount_amount": line.discount_minor,
        "discount_amounts": discount_amounts(deal, line.discount_minor),
        "invoice_line_item": line.invoice_line.line_id,
        "livemode": True,
        "quantity": line.invoice_line.quantity,
        "taxes": _taxes(line.tax_minor, net, tax),
        "type": "invoice_line_item",
    }


def _taxes(tax_minor: int, net_minor: int, tax: TaxRate | None) -> list[Object]:
    if tax is None:
        return []
    return [
        {
            "amount": tax_minor,
            "tax_behavior": "inclusive" if tax.inclusive else "exclusive",
            "tax_rate_details": {"tax_rate": tax.rate_id},
            "taxability_reason": "standard_rated",
            "taxable_amount": net_minor - tax_minor if tax.inclusive else net_minor,
            "type": "tax_rate_details",
        }
    ]


def _subscription_item(deal: Deal, item: Item, now: SubscriptionStanding) -> Object:
    body: Object = {
        "id": item.item_id,
        "object": "subscription_item",
        "created": now.created,
        "current_period_end": now.period_end,
        "current_period_start": now.period_start,
        "metadata": {},
        "price": _price(item.price),
        "subscription": deal.subscription_id,
        "tax_rates": [],
    }
    return body if item.price.metered else {**body, "quantity": item.quantity}


@cache
def _pricing(price: Price) -> Object:
    return {
        "price_details": {"price": price.price_id, "product": price.product_id},
        "type": "price_details",
        "unit_amount_decimal": price.unit_amount_decimal,
    }


@cache
def _price(price: Price) -> Object:
    usage = "metered" if price.metered else "licensed"
    return {
        "id": price.price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "currency": price.currency.lower(),
        "livemode": True,
        "metadata": {},
        "nickname": price.name,
        "product": price.product_id,
        "recurring": {"interval": price.interval, "interval_count": 1, "usage_type": usage},
        "type": "recurring",
        "unit_amount": price.unit_minor,
        "unit_amount_decimal": price.unit_amount_decimal,
    }


@cache
def _tax_rate(tax: TaxRate) -> Object:
    return {
        "id": tax.rate_id,
        "object": "tax_rate",
        "active": True,
        "country": tax.country,
        "display_name": tax.name,
        "inclusive": tax.inclusive,
        "jurisdiction": tax.jurisdiction,
        "percentage": Decimal(tax.hundredths_percent) / 100,
    }
