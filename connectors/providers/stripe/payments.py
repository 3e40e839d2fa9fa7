"""Charges, payment intents and invoice payments -> money that came in, or failed to.

One payment is told by several events; they share the ids in `payment_refs`.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from connectors.decoding import Rejected
from connectors.providers.stripe.amounts import currency_code, micros
from connectors.providers.stripe.delivery import (
    Delivery,
    Mapped,
    belongs,
    optional_customer_of,
)
from connectors.providers.stripe.linking import ids_of, source_id, stated_links
from connectors.providers.stripe.settlement import settlement_of, settlement_of_charge
from connectors.providers.stripe.shapes import (
    Charge,
    ChargeRef,
    InvoicePayment,
    InvoiceRef,
    PaymentIntent,
    PaymentIntentRef,
)
from ledger.events import PaymentFailed, PaymentSucceeded
from ledger.reasons import Reason

_OUTSIDE = frozenset({"payment_record", "out_of_band_payment"})
"""Kinds of invoice payment that did not go through Stripe."""


def map_charge_paid(delivery: Delivery, charge: Charge) -> Mapped:
    """`charge.succeeded`, `charge.captured`, `charge.updated`: authorised money is no payment."""
    mapped = _of_payment(delivery, charge, ids_of(charge, charge.payment_intent))
    succeeded = charge.status in (None, "succeeded", "paid") and charge.paid is not False
    amount = _captured_minor(delivery, charge)
    if charge.captured is False or not succeeded or not amount:
        return mapped
    # An update tells of a fee that was not known yet, not of a new payment.
    when = micros(charge.created) if delivery.type == "charge.updated" else None
    mapped.events = [
        PaymentSucceeded(
            **delivery.about(
                "payments.payment_succeeded",
                optional_customer_of(charge),
                stated_links(delivery.keys, charge.metadata),
                occurred_at_micros=when,
            ),
            payment_refs=ids_of(charge, charge.payment_intent),
            currency=currency_code(charge.currency),
            amount_minor=amount,
            **_invoice_of(delivery, charge),
            **settlement_of(charge.balance_transaction),
        )
    ]
    return mapped


def _captured_minor(delivery: Delivery, charge: Charge) -> int:
    """What was taken of what was authorised.

    Before `amount_captured` (2020) a capture of a part gave the rest back as a refund.
    """
    if charge.amount_captured:
        return charge.amount_captured
    if delivery.type == "charge.captured":
        return charge.amount - (charge.amount_refunded or 0)
    return charge.amount


def map_charge_failed(delivery: Delivery, charge: Charge) -> Mapped:
    """`charge.failed`."""
    mapped = _of_payment(delivery, charge, ids_of(charge, charge.payment_intent))
    mapped.events = [
        PaymentFailed(
            **delivery.about(
                "payments.payment_failed",
                optional_customer_of(charge),
                stated_links(delivery.keys, charge.metadata),
            ),
            payment_refs=ids_of(charge, charge.payment_intent),
            currency=currency_code(charge.currency),
            amount_minor=charge.amount,
            invoice_id=_invoice_of(delivery, charge)["invoice_id"],
            failure_code=charge.failure_code,
        )
    ]
    return mapped


def map_intent_succeeded(delivery: Delivery, intent: PaymentIntent) -> Mapped:
    """`payment_intent.succeeded`: what was received, by its latest charge."""
    charge = _latest_charge(intent)
    mapped = _of_payment(delivery, intent, ids_of(intent, charge))
    received = intent.amount_received
    amount = intent.amount if received is None else received
    if not amount:
        return mapped
    mapped.events = [
        PaymentSucceeded(
            **delivery.about(
                "payments.payment_succeeded",
                optional_customer_of(intent),
                stated_links(delivery.keys, intent.metadata),
            ),
            payment_refs=ids_of(charge, intent),
            currency=currency_code(intent.currency),
            amount_minor=amount,
            **_invoice_of(delivery, intent),
            **settlement_of_charge(charge),
        )
    ]
    return mapped


def map_intent_failed(delivery: Delivery, intent: PaymentIntent) -> Mapped:
    """`payment_intent.payment_failed`."""
    error = intent.last_payment_error
    charge = _latest_charge(intent) or (error.charge if error else None)
    mapped = _of_payment(delivery, intent, ids_of(intent, charge))
    mapped.events = [
        PaymentFailed(
            **delivery.about(
                "payments.payment_failed",
                optional_customer_of(intent),
                stated_links(delivery.keys, intent.metadata),
            ),
            payment_refs=ids_of(charge, intent),
            currency=currency_code(intent.currency),
            amount_minor=intent.amount,
            invoice_id=_invoice_of(delivery, intent)["invoice_id"],
            failure_code=failure_code(_latest_charge(intent), intent),
        )
    ]
    return mapped


def map_invoice_payment(delivery: Delivery, payment: InvoicePayment) -> Mapped:
    """`invoice_payment.paid`: ties a payment to its invoice, which alone knows the customer."""
    invoice = payment.invoice
    if invoice is None:
        raise Rejected(Reason.MISSING_FIELD, "invoice is absent at $.data.object")
    if payment.currency is None:
        raise Rejected(Reason.MISSING_FIELD, "currency is absent at $.data.object")
    if payment.amount_paid is None:
        raise Rejected(Reason.MISSING_FIELD, "amount_paid is absent at $.data.object")
    customer = source_id(invoice.customer) if type(invoice) is InvoiceRef else None
    invoice_id = ids_of(invoice)[0]
    fields = paid_towards(payment, invoice_id, currency_code(payment.currency))
    about = delivery.about("payments.payment_succeeded", customer, stated_links(delivery.keys))
    movements = fields["payment_refs"][1:]
    return Mapped(
        events=[PaymentSucceeded(**about, **fields)] if payment.amount_paid else [],
        party_ref=customer,
        link_refs=() if customer else (invoice_id, *movements),
        links=belongs(movements, customer or invoice_id),
    )


def paid_towards(payment: InvoicePayment, invoice_id: str, currency: str) -> dict[str, Any]:
    """Fields of the payment that an invoice payment tells of."""
    paid_with = payment.payment
    if paid_with is None:
        refs, settlement, outside = ids_of(payment), {}, False
    else:
        refs = ids_of(payment, paid_with.charge, paid_with.payment_intent, paid_with.payment_record)
        settlement = settlement_of_charge(paid_with.charge)
        intent = paid_with.payment_intent
        if type(intent) is PaymentIntentRef:
            refs = tuple(dict.fromkeys((*refs, *ids_of(intent.latest_charge))))
            settlement = settlement or settlement_of_charge(intent.latest_charge)
        outside = paid_with.type in _OUTSIDE
    return {
        "payment_refs": refs,
        "currency": currency_code(payment.currency) if payment.currency else currency,
        "amount_minor": payment.amount_paid,
        "invoice_id": invoice_id,
        "linkage": "invoice",
        "out_of_band": outside,
        **settlement,
    }


def failure_code(charge: object, intent: object) -> str | None:
    """Why it failed, from whichever of the two is expanded."""
    if type(charge) is ChargeRef and charge.failure_code:
        return charge.failure_code
    if type(intent) in (PaymentIntent, PaymentIntentRef):
        error = intent.last_payment_error  # type: ignore[attr-defined]
        if error is not None:
            code: str | None = error.decline_code or error.code
            return code
    return None


def _latest_charge(intent: PaymentIntent) -> str | ChargeRef | None:
    if intent.latest_charge is not None:
        return intent.latest_charge
    return intent.charges.data[0] if intent.charges and intent.charges.data else None


def _invoice_of(delivery: Delivery, payment: Charge | PaymentIntent) -> dict[str, Any]:
    """`invoice_id` and how sure it is: absent and null differ only where Stripe means it."""
    if payment.invoice is UNSET:
        return {"invoice_id": None, "linkage": "unknown"}
    if payment.invoice is None:
        linkage = "standalone" if delivery.payments_name_invoices else "unknown"
        return {"invoice_id": None, "linkage": linkage}
    return {"invoice_id": source_id(payment.invoice), "linkage": "invoice"}


def _of_payment(
    delivery: Delivery, payment: Charge | PaymentIntent, refs: tuple[str, ...]
) -> Mapped:
    """Whose payment it is: the customer's, its invoice's, or nobody's but its own."""
    customer = optional_customer_of(payment)
    invoice = _invoice_of(delivery, payment)["invoice_id"]
    if customer is not None:
        ids = (*refs, invoice) if invoice else refs
        return Mapped(party_ref=customer, links=belongs(ids, customer))
    if invoice is not None:
        return Mapped(link_refs=(invoice, *refs), links=belongs(refs, invoice))
    # A guest: charge and intent meet under the intent's name, which both know.
    guest = next((ref for ref in refs if ref.startswith("stripe:pi_")), refs[0])
    return Mapped(party_ref=guest, links=belongs(tuple(r for r in refs if r != guest), guest))
