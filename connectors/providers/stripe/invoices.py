"""Invoices -> issued, voided, uncollectible, paid, failed to be paid.

Every invoice that is no draft is evidence that it was issued: webhooks come in any order and
may be lost, and versions before 2018-11 have no `invoice.finalized` at all.
"""

from __future__ import annotations

from typing import Any

from connectors.providers.stripe.amounts import currency_code, micros
from connectors.providers.stripe.delivery import Delivery, Mapped, belongs, customer_of
from connectors.providers.stripe.invoice_lines import lines_and_taxes
from connectors.providers.stripe.invoice_shapes import Invoice, SubscriptionRef
from connectors.providers.stripe.linking import (
    StatedLinks,
    first_stated,
    ids_of,
    source_id,
    stated_links,
)
from connectors.providers.stripe.payments import failure_code, paid_towards
from connectors.providers.stripe.settlement import settlement_of_charge
from connectors.providers.stripe.shapes import InvoicePayment, PaymentIntentRef
from ledger.events import (
    CanonicalEvent,
    InvoiceIssued,
    InvoiceMarkedUncollectible,
    InvoiceVoided,
    PaymentFailed,
    PaymentSucceeded,
)

_STATUS_TOLD_BY_TYPE = {
    "invoice.finalized": "open",
    "invoice.marked_uncollectible": "uncollectible",
    "invoice.overdue": "open",
    "invoice.paid": "paid",
    "invoice.payment_action_required": "open",
    "invoice.payment_failed": "open",
    "invoice.payment_succeeded": "paid",
    "invoice.voided": "void",
}
_PAID_TYPES = frozenset({"invoice.paid", "invoice.payment_succeeded"})


def map_invoice(delivery: Delivery, invoice: Invoice) -> Mapped:
    """Any `invoice.*` event with a meaning; a draft has none yet."""
    status = _status(delivery.type, invoice)
    if status == "draft":
        return Mapped(party_ref=customer_of(invoice))
    customer = customer_of(invoice)
    links = _links(delivery, invoice)
    subscription = _subscription(invoice)
    events: list[CanonicalEvent] = [_issued(delivery, invoice, customer, links, subscription)]
    if status == "void":
        events.append(_voided(delivery, invoice, customer, links))
    elif status == "uncollectible":
        events.append(_uncollectible(delivery, invoice, customer, links))
    if status == "paid" or delivery.type in _PAID_TYPES:
        events += _payments(delivery, invoice, customer, links, paid=status == "paid")
    if delivery.type == "invoice.payment_failed":
        events.append(_failed(delivery, invoice, customer, links))
    return Mapped(events=events, party_ref=customer, links=belongs(_known_ids(invoice), customer))


def _known_ids(invoice: Invoice) -> tuple[str, ...]:
    """Ids that this invoice tells the customer of."""
    known = ids_of(invoice, invoice.charge, invoice.payment_intent)
    for payment in _listed_payments(invoice):
        if payment.payment is not None:
            known += ids_of(payment.payment.charge, payment.payment.payment_intent)
    return known


def _status(event_type: str, invoice: Invoice) -> str:
    """draft, open, paid, void or uncollectible.

    The type names a fact, so it wins over a draft status; before 2018-11 there was no status
    but `paid`, `forgiven`, `closed` and `attempted`.
    """
    if invoice.status is not None and invoice.status != "draft":
        return invoice.status
    told = _STATUS_TOLD_BY_TYPE.get(event_type)
    if told is not None:
        return told
    if invoice.status is None:
        if invoice.paid:
            return "paid"
        if invoice.forgiven:
            return "uncollectible"
        if invoice.attempted or invoice.closed:
            return "open"
    return "draft"


def _subscription(invoice: Invoice) -> str | None:
    details = invoice.parent.subscription_details if invoice.parent else None
    return source_id(invoice.subscription or (details.subscription if details else None))


def _links(delivery: Delivery, invoice: Invoice) -> StatedLinks:
    """Links from the invoice, its subscription, and lines where they name one contract."""
    parent = invoice.parent.subscription_details if invoice.parent else None
    details = invoice.subscription_details
    expanded = invoice.subscription
    above = (
        invoice.metadata,
        parent.metadata if parent else None,
        details.metadata if details else None,
        expanded.metadata if type(expanded) is SubscriptionRef else None,
    )
    links = stated_links(delivery.keys, *above)
    on_lines = [
        line.metadata for line in invoice.lines.data if line.metadata and line.metadata not in above
    ]
    if not on_lines:
        return links
    told = {stated_links(delivery.keys, metadata).contract_id for metadata in on_lines}
    by_line = stated_links(delivery.keys, *on_lines)
    named = told - {None}
    return StatedLinks(
        links.contract_id or (by_line.contract_id if len(named) == 1 else None),
        links.account_id or by_line.account_id,
        links.entity or by_line.entity,
    )


# --- issued, voided, given up ------------------------------------------------------------


def _issued(
    delivery: Delivery,
    invoice: Invoice,
    customer: str,
    links: StatedLinks,
    subscription: str | None,
) -> InvoiceIssued:
    lines, taxes = lines_and_taxes(invoice)
    if subscription is None:
        named = {line.subscription_id for line in lines}
        subscription = named.pop() if len(named) == 1 else None
    when = invoice.status_transitions
    finalized_at = micros(when.finalized_at) if when else None
    return InvoiceIssued(
        **delivery.about("billing.invoice_issued", customer, links, subscription_id=subscription),
        invoice_id="stripe:" + invoice.id,
        number=invoice.number,
        currency=currency_code(invoice.currency),
        total_minor=invoice.total,
        lines=lines,
        taxes=taxes,
        issued_at_micros=finalized_at or delivery.occurred_at_micros,
        due_at_micros=micros(invoice.due_date),
        balance_applied_minor=balance_applied_minor(invoice),
        collection_method=invoice.collection_method or invoice.billing,
        billing_entity=first_stated(delivery.keys.billing_entity, invoice.metadata)
        or delivery.entity,
    )


def balance_applied_minor(invoice: Invoice) -> int:
    """Customer balance spent on the invoice; negative when the invoice credited it.

    Stripe's balance is what the customer owes, so a credit is negative and spending it
    raises the balance. A negative total always becomes credit.
    """
    if invoice.starting_balance is not None and invoice.ending_balance is not None:
        return invoice.ending_balance - invoice.starting_balance
    return min(invoice.total, 0)


def _voided(
    delivery: Delivery, invoice: Invoice, customer: str, links: StatedLinks
) -> InvoiceVoided:
    when = None
    if delivery.type != "invoice.voided" and invoice.status_transitions:
        when = micros(invoice.status_transitions.voided_at)
    about = delivery.about("billing.invoice_voided", customer, links, occurred_at_micros=when)
    return InvoiceVoided(**about, invoice_id="stripe:" + invoice.id)


def _uncollectible(
    delivery: Delivery, invoice: Invoice, customer: str, links: StatedLinks
) -> InvoiceMarkedUncollectible:
    when = None
    if delivery.type != "invoice.marked_uncollectible" and invoice.status_transitions:
        when = micros(invoice.status_transitions.marked_uncollectible_at)
    about = delivery.about(
        "billing.invoice_marked_uncollectible", customer, links, occurred_at_micros=when
    )
    return InvoiceMarkedUncollectible(**about, invoice_id="stripe:" + invoice.id)


# --- paid --------------------------------------------------------------------------------


def _payments(
    delivery: Delivery, invoice: Invoice, customer: str, links: StatedLinks, *, paid: bool
) -> list[PaymentSucceeded]:
    """How much of the invoice has been paid in all, and each payment that the event lists."""
    when = None
    if delivery.type not in _PAID_TYPES and invoice.status_transitions:
        when = micros(invoice.status_transitions.paid_at)
    listed = [each for each in _listed_payments(invoice) if each.amount_paid]
    inside, outside = _paid_minor(invoice, paid=paid)
    total: dict[str, Any] = {
        "payment_refs": (),
        "currency": currency_code(invoice.currency),
        "invoice_id": "stripe:" + invoice.id,
        "linkage": "invoice",
        "evidence": "invoice_total",
    }
    told: list[dict[str, Any]] = []
    if inside:
        told.append(total | {"amount_minor": inside} | ({} if listed else _charged(invoice)))
    if outside:
        # A total includes what was paid before it, so this one tells of the difference.
        told.append(total | {"amount_minor": inside + outside, "out_of_band": True})
    told += [paid_towards(each, total["invoice_id"], total["currency"]) for each in listed]
    subject = "payments.payment_succeeded"
    return [
        PaymentSucceeded(
            **delivery.about(subject, customer, links, number=number, occurred_at_micros=when),
            **fields,
        )
        for number, fields in enumerate(told, start=1)
    ]


def _listed_payments(invoice: Invoice) -> list[InvoicePayment]:
    """The payments that the present shape may carry, without those that came to nothing."""
    if invoice.payments is None:
        return []
    return [payment for payment in invoice.payments.data if payment.status in (None, "paid")]


def _paid_minor(invoice: Invoice, *, paid: bool) -> tuple[int, int]:
    """(paid through Stripe, paid outside of it) in all; what the balance paid is neither."""
    amount = invoice.amount_paid
    if amount is None:
        amount = _due_minor(invoice) if paid else 0
    if invoice.paid_out_of_band:
        return 0, amount or (_due_minor(invoice) if paid else 0)
    outside = invoice.amount_paid_off_stripe or 0
    return (amount - outside, outside) if amount >= outside else (amount, outside)


def _due_minor(invoice: Invoice) -> int:
    """What was due of a paid invoice that does not say what was paid."""
    if invoice.amount_due is not None:
        return invoice.amount_due
    credited = invoice.pre_payment_credit_notes_amount or 0
    return invoice.total - balance_applied_minor(invoice) - credited


def _charged(invoice: Invoice) -> dict[str, Any]:
    """The ids of the payment, and its fee and settlement wherever the charge is expanded."""
    settlement = settlement_of_charge(invoice.charge)
    intent = invoice.payment_intent
    if not settlement and type(intent) is PaymentIntentRef:
        settlement = settlement_of_charge(intent.latest_charge)
    return {"payment_refs": ids_of(invoice.charge, intent), **settlement}


# --- failed ------------------------------------------------------------------------------


def _failed(
    delivery: Delivery, invoice: Invoice, customer: str, links: StatedLinks
) -> PaymentFailed:
    due = invoice.amount_remaining
    if due is None:
        due = _due_minor(invoice)
    return PaymentFailed(
        **delivery.about("payments.payment_failed", customer, links),
        payment_refs=ids_of(invoice.charge, invoice.payment_intent),
        currency=currency_code(invoice.currency),
        amount_minor=due,
        invoice_id="stripe:" + invoice.id,
        failure_code=failure_code(invoice.charge, invoice.payment_intent),
        attempt_count=invoice.attempt_count,
        next_attempt_at_micros=micros(invoice.next_payment_attempt),
    )
