"""Customers, subscriptions, invoices, items and credit notes in the old shapes."""

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
from generator.deal import OLD_2017, Address, Deal
from generator.stripe_common import (
    address_of,
    discount_amounts,
    page,
)

Object = dict[str, Any]


def customer(deal: Deal, address: Address, created: int, metadata: dict[str, str]) -> Object:
    """A customer; the balance is `account_balance` before 2019-10-17."""
    balance = "account_balance" if deal.api_version == OLD_2017 else "balance"
    return {
        "id": deal.customer_id,
        "object": "customer",
        balance: 0,
        "address": address_of(address),
        "created": created,
        "currency": deal.currency.lower(),
        "default_source": f"card_1T{deal.index:06d}",
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": deal.email,
        "livemode": True,
        "metadata": metadata,
        "name": deal.name,
        "phone": None,
        "shipping": None,
        "sources": page([], f"/v1/customers/{deal.customer_id}/sources"),
        "subscriptions": page([], f"/v1/customers/{deal.customer_id}/subscriptions"),
    }


def subscription(deal: Deal, now: SubscriptionStanding) -> Object:
    """A subscription; its period is on the subscription itself."""
    return {
        "id": deal.subscription_id,
        "object": "subscription",
        **_collection(deal),
        "billing_cycle_anchor": deal.start,
        "cancel_at_period_end": now.cancel_at_period_end,
        "canceled_at": now.canceled_at,
        "created": now.created,
        "current_period_end": now.period_end,
        "current_period_start": now.period_start,
        "customer": deal.customer_id,
        "discount": _discount(deal),
        "ended_at": now.ended_at,
        "items": page(
            [_subscription_item(deal, item, now) for item in now.items],
            f"/v1/subscription_items?subscription={deal.subscription_id}",
        ),
        "livemode": True,
        "metadata": deal.metadata,
        "plan": _plan(now.items[0].price) if len(now.items) == 1 else None,
        "quantity": now.items[0].quantity if len(now.items) == 1 else None,
        "start" if deal.api_version == OLD_2017 else "start_date": now.created,
        "status": now.status,
        "tax_percent": None,
        "trial_end": now.trial_end,
        "trial_start": now.created if now.trial_end else None,
    }


def invoice(deal: Deal, bill: Invoice, now: Standing) -> Object:
    """An invoice as it stands; amounts in minor units."""
    due = bill.due_minor - now.credited_minor
    return {
        "id": bill.invoice_id,
        "object": "invoice",
        **_collection(deal),
        **(_dates_2017(bill, now) if deal.api_version == OLD_2017 else {"created": bill.created}),
        "amount_due": due,
        "amount_paid": now.paid_minor,
        "amount_remaining": due - now.paid_minor,
        "application_fee": None,
        "attempt_count": now.attempts,
        "attempted": now.attempts > 0,
        "billing_reason": bill.billing_reason,
        "charge": now.charge,
        "currency": bill.currency.lower(),
        "customer": deal.customer_id,
        "customer_email": deal.email,
        "customer_name": deal.name,
        "default_tax_rates": [_tax_rate(bill.tax)] if bill.tax else [],
        "discount": _discount(deal) if bill.coupon_percent else None,
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
        "paid": now.status == "paid",
        "paid_out_of_band": now.outside_processor,
        "payment_intent": now.payment_intent,
        "period_end": bill.period_end,
        "period_start": bill.period_start,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": now.credited_minor,
        "starting_balance": bill.balance_before_minor,
        "status": now.status,
        "status_transitions": {
            "finalized_at": None if now.status == "draft" else bill.finalized_at,
            "marked_uncollectible_at": now.uncollectible_at,
            "paid_at": now.paid_at,
            "voided_at": now.voided_at,
        },
        "subscription": deal.subscription_id,
        "subtotal": bill.subtotal_minor,
        "tax": bill.tax_minor if bill.tax else None,
        "tax_percent": None,
        "total": bill.total_minor,
        "total_discount_amounts": discount_amounts(deal, bill.discount_minor),
        "total_tax_amounts": _tax_amounts(bill.tax_minor, bill.tax),
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
        "invoice": None,
        "livemode": True,
        "metadata": deal.metadata,
        "period": {"end": line.end, "start": line.start},
        "plan": _plan(line.price),
        "proration": True,
        "quantity": line.quantity,
        "subscription": deal.subscription_id,
        "subscription_item": line.item_id,
    }


def credit_note(deal: Deal, note: CreditNote) -> Object:
    """A credit note: at most one of refund and balance transaction names where it went."""
    on_open = note.destination == "receivable"
    return {
        "id": note.note_id,
        "object": "credit_note",
        "amount": note.total_minor,
        "created": note.at,
        "currency": note.invoice.currency.lower(),
        "customer": deal.customer_id,
        "customer_balance_transaction": note.balance_transaction,
        "discount_amount": note.discount_minor,
        "discount_amounts": discount_amounts(deal, note.discount_minor),
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
        "reason": "order_change",
        "refund": note.refund_id,
        "status": "void" if note.voided_at else "issued",
        "subtotal": note.subtotal_minor,
        "tax_amounts": _tax_amounts(note.tax_minor, note.invoice.tax),
        "total": note.total_minor,
        "type": "pre_payment" if on_open else "post_payment",
        "voided_at": note.voided_at,
    }


def _collection(deal: Deal) -> Object:
    how = "send_invoice" if deal.by_transfer else "charge_automatically"
    return {"billing" if deal.api_version == OLD_2017 else "collection_method": how}


def _dates_2017(bill: Invoice, now: Standing) -> Object:
    is_draft = now.status == "draft"
    return {
        "date": bill.created,
        "finalized_at": None if is_draft else bill.finalized_at,
        "closed": now.status in ("paid", "void", "uncollectible"),
        "forgiven": now.status == "uncollectible",
    }


def _discount(deal: Deal) -> Object | None:
    if not deal.coupon_percent:
        return None
    return {
        "id": f"di_1T{deal.index:06d}",
        "object": "discount",
        "coupon": {
            "id": f"OFF{deal.coupon_percent}",
            "object": "coupon",
            "duration": "forever",
            "percent_off": deal.coupon_percent,
            "valid": True,
        },
        "customer": deal.customer_id,
        "end": None,
        "start": deal.start,
        "subscription": deal.subscription_id,
    }


def _line(deal: Deal, line: Line, bill: Invoice) -> Object:
    is_item = line.invoice_item is not None
    return {
        "id": line.line_id,
        "object": "line_item",
        "amount": line.amount_minor,
        "currency": bill.currency.lower(),
        "description": line.description,
        "discount_amounts": discount_amounts(deal, line.discount_minor),
        "discountable": not is_item,
        "invoice_item": line.invoice_item,
        "livemode": True,
        "metadata": deal.metadata,
        "period": {"end": line.end, "start": line.start},
        "plan": _plan(line.price),
        "proration": is_item,
        "quantity": line.quantity,
        "subscription": deal.subscription_id,
        "subscription_item": line.item_id,
        "tax_amounts": _tax_amounts(line.tax_minor, bill.tax),
        "type": "invoiceitem" if is_item else "subscription",
    }


def _credit_line(deal: Deal, line: CreditLine, tax: TaxRate | None) -> Object:
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
        "tax_amounts": _tax_amounts(line.tax_minor, tax),
        "type": "invoice_line_item",
    }


def _tax_amounts(tax_minor: int, tax: TaxRate | None) -> list[Object]:
    if tax is None:
        return []
    return [{"amount": tax_minor, "inclusive": tax.inclusive, "tax_rate": tax.rate_id}]


def _subscription_item(deal: Deal, item: Item, now: SubscriptionStanding) -> Object:
    body: Object = {
        "id": item.item_id,
        "object": "subscription_item",
        "created": now.created,
        "metadata": {},
        "plan": _plan(item.price),
        "subscription": deal.subscription_id,
    }
    return body if item.price.metered else {**body, "quantity": item.quantity}


@cache
def _plan(price: Price) -> Object:
    return {
        "id": price.price_id,
        "object": "plan",
        "active": True,
        "amount": price.unit_minor,
        "amount_decimal": price.unit_amount_decimal,
        "billing_scheme": "per_unit",
        "currency": price.currency.lower(),
        "interval": price.interval,
        "interval_count": 1,
        "livemode": True,
        "metadata": {},
        "nickname": price.name,
        "product": price.product_id,
        "usage_type": "metered" if price.metered else "licensed",
    }


@cache
def _tax_rate(tax: TaxRate) -> Object:
    return {
        "id": tax.rate_id,
        "object": "tax_rate",
        "active": True,
        "display_name": tax.name,
        "inclusive": tax.inclusive,
        "jurisdiction": tax.jurisdiction,
        "percentage": Decimal(tax.hundredths_percent) / 100,
    }
