"""Charges, payment intents and refunds in the shapes of 2017-08-15 and 2020-08-27."""

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
    movement,
    page,
)

Object = dict[str, Any]


def charge(
    deal: Deal, payment: Payment, refunds: tuple[Refund, ...] = (), disputed: bool = False
) -> Object:
    """A succeeded charge with its invoice and its refunds; no invoice: standalone."""
    given_back = sum(refund.amount_minor for refund in refunds)
    return {
        "id": payment.charge,
        "object": "charge",
        "amount": payment.amount_minor,
        "amount_refunded": given_back,
        "balance_transaction": balance_transaction(payment),
        "billing_details": {"email": deal.email, "name": deal.name, "phone": None},
        "captured": True,
        "created": payment.at,
        "currency": payment.currency.lower(),
        "customer": deal.customer_id,
        "description": "Subscription" if payment.invoice_id else "Setup fee",
        "dispute": f"dp_of_{payment.charge}" if disputed else None,
        "failure_code": None,
        "invoice": payment.invoice_id,
        "livemode": True,
        "metadata": {} if payment.invoice_id else deal.metadata,
        "paid": True,
        "payment_intent": payment.payment_intent,
        "payment_method_details": card_details(deal),
        "refunded": given_back == payment.amount_minor,
        "refunds": page(
            [refund(deal, payment, back) for back in reversed(refunds)],
            f"/v1/charges/{payment.charge}/refunds",
        ),
        "status": "succeeded",
    }


def payment_intent(deal: Deal, payment: Payment) -> Object:
    """A succeeded payment intent with its charge embedded."""
    intent = _intent(
        deal, payment.payment_intent, payment.amount_minor, payment.currency, payment.at
    )
    return intent | {
        "amount_received": payment.amount_minor,
        "charges": page(
            [charge(deal, payment)], f"/v1/charges?payment_intent={payment.payment_intent}"
        ),
        "invoice": payment.invoice_id,
        "last_payment_error": None,
        "status": "succeeded",
    }


def failed_payment_intent(deal: Deal, failure: Failure) -> Object:
    """A payment intent whose last attempt failed."""
    intent = _intent(
        deal, failure.payment_intent, failure.amount_minor, failure.currency, failure.at
    )
    return intent | {
        "amount_received": 0,
        "charges": page([], f"/v1/charges?payment_intent={failure.payment_intent}"),
        "invoice": failure.invoice_id,
        "last_payment_error": {
            "charge": failure.charge,
            "code": failure.code,
            "message": "Your card was declined.",
            "type": "card_error",
        },
        "status": "requires_payment_method",
    }


def refund(deal: Deal, payment: Payment, back: Refund) -> Object:
    """A succeeded refund, as embedded in its charge, with its balance movement."""
    return {
        "id": back.refund_id,
        "object": "refund",
        "amount": back.amount_minor,
        "balance_transaction": movement(back.settlement, "refund", back.at, back.refund_id),
        "charge": payment.charge,
        "created": back.at,
        "currency": payment.currency.lower(),
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
        "created": at - 2,
        "currency": currency.lower(),
        "customer": deal.customer_id,
        "description": "Subscription",
        "livemode": True,
        "metadata": {},
        "payment_method_types": ["card"],
    }
