"""Charges, payment intents, invoice payments and refunds in the shapes of 2025-09-30.clover."""

from __future__ import annotations

from typing import Any

from generator.billing import (
    Failure,
    Payment,
    Refund,
)
from generator.deal import Deal
from generator.stripe_common import (
    balance_transaction,
    card_details,
)

Object = dict[str, Any]


def charge(
    deal: Deal, payment: Payment, refunds: tuple[Refund, ...] = (), disputed: bool = False
) -> Object:
    """A succeeded charge; refunds are not embedded and the invoice is not named."""
    given_back = sum(refund.amount_minor for refund in refunds)
    return {
        "id": payment.charge,
        "object": "charge",
        "amount": payment.amount_minor,
        "amount_captured": payment.amount_minor,
        "amount_refunded": given_back,
        "balance_transaction": balance_transaction(payment),
        "billing_details": {"email": deal.email, "name": deal.name, "phone": None},
        "captured": True,
        "created": payment.at,
        "currency": payment.currency.lower(),
        "customer": deal.customer_id,
        "description": "Subscription",
        "disputed": disputed,
        "failure_code": None,
        "livemode": True,
        "metadata": {},
        "paid": True,
        "payment_intent": payment.payment_intent,
        "payment_method_details": card_details(deal),
        "refunded": given_back == payment.amount_minor,
        "status": "succeeded",
    }


def payment_intent(deal: Deal, payment: Payment) -> Object:
    """A succeeded payment intent."""
    return _intent(
        deal, payment.payment_intent, payment.amount_minor, payment.currency, payment.at
    ) | {
        "amount_received": payment.amount_minor,
        "latest_charge": payment.charge,
        "last_payment_error": None,
        "status": "succeeded",
    }


def failed_payment_intent(deal: Deal, failure: Failure) -> Object:
    """A payment intent whose last attempt failed."""
    return _intent(
        deal, failure.payment_intent, failure.amount_minor, failure.currency, failure.at
    ) | {
        "amount_received": 0,
        "latest_charge": failure.charge,
        "last_payment_error": {
            "charge": failure.charge,
            "code": failure.code,
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
            "type": "card_error",
        },
        "status": "requires_payment_method",
    }


def invoice_payment(deal: Deal, payment: Payment, invoice_payment_id: str) -> Object:
    """The link of an invoice and its payment intent."""
    return {
        "id": invoice_payment_id,
        "object": "invoice_payment",
        "amount_paid": payment.amount_minor,
        "amount_requested": payment.amount_minor,
        "created": payment.at,
        "currency": payment.currency.lower(),
        "invoice": payment.invoice_id,
        "is_default": True,
        "livemode": True,
        "payment": {"payment_intent": payment.payment_intent, "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": payment.at},
    }


def refund(deal: Deal, payment: Payment, back: Refund) -> Object:
    """A succeeded refund."""
    return {
        "id": back.refund_id,
        "object": "refund",
        "amount": back.amount_minor,
        "balance_transaction": back.settlement.transaction_id,
        "charge": payment.charge,
        "created": back.at,
        "currency": payment.currency.lower(),
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": payment.payment_intent,
        "reason": back.reason,
        "status": "succeeded",
    }


def _intent(deal: Deal, intent_id: str, amount_minor: int, currency: str, at: int) -> Object:
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount_minor,
        "amount_capturable": 0,
        "capture_method": "automatic",
        "confirmation_method": "automatic",
        "created": at - 2,
        "currency": currency.lower(),
        "customer": deal.customer_id,
        "description": "Subscription",
        "livemode": True,
        "metadata": {},
        "payment_method_types": ["card"],
    }
