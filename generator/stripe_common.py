"""Parts of Stripe objects that have the same shape in every API version."""

from __future__ import annotations

from typing import Any

from generator.billing import Dispute, Payment, Settlement
from generator.deal import Address, Deal

Object = dict[str, Any]


def page(data: list[Object], url: str) -> Object:
    """A complete embedded list."""
    return {
        "object": "list",
        "data": data,
        "has_more": False,
        "total_count": len(data),
        "url": url,
    }


def address_of(address: Address) -> Object:
    """A postal address."""
    return {
        "city": address.city,
        "country": address.country,
        "line1": address.street,
        "line2": None,
        "postal_code": address.postal_code,
        "state": address.state,
    }


def discount_amounts(deal: Deal, discount_minor: int) -> list[Object]:
    """The discount of a line or total; empty without one."""
    if discount_minor == 0:
        return []
    return [{"amount": discount_minor, "discount": f"di_1T{deal.index:06d}"}]


def movement(settlement: Settlement, kind: str, at: int, of: str) -> Object:
    """A balance transaction; the exchange rate is settlement currency per charged unit."""
    return {
        "id": settlement.transaction_id,
        "object": "balance_transaction",
        "amount": settlement.gross_minor,
        "available_on": at + 172_800,
        "created": at,
        "currency": settlement.currency.lower(),
        "exchange_rate": settlement.exchange_rate,
        "fee": settlement.fee_minor,
        "net": settlement.net_minor,
        "reporting_category": "charge" if kind == "charge" else kind,
        "source": of,
        "status": "pending",
        "type": kind,
    }


def balance_transaction(payment: Payment) -> Object | str:
    """A charge's balance transaction, expanded where the fee is stated, else its id."""
    if not payment.fee_stated:
        return payment.settlement.transaction_id
    return movement(payment.settlement, "charge", payment.at, payment.charge)


def card_details(deal: Deal) -> Object:
    """How it was paid."""
    if deal.by_transfer:
        return {"customer_balance": {}, "type": "customer_balance"}
    return {
        "card": {"brand": "visa", "country": deal.entity.country, "last4": "4242"},
        "type": "card",
    }


def dispute(deal: Deal, payment: Payment, now: Dispute) -> Object:
    """A dispute with the balance movements it has caused so far."""
    return {
        "id": now.dispute_id,
        "object": "dispute",
        "amount": now.amount_minor,
        "balance_transactions": [
            movement(settlement, "adjustment", now.opened_at, now.dispute_id)
            for settlement in now.movements
        ],
        "charge": payment.charge,
        "created": now.opened_at,
        "currency": payment.currency.lower(),
        "evidence_details": {
            "due_by": now.opened_at + 8 * 86_400,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": True,
        "metadata": {},
        "payment_intent": payment.payment_intent,
        "reason": "product_not_received",
        "status": now.status,
    }


def payout(payout_id: str, amount_minor: int, currency: str, at: int, entity: str) -> Object:
    """A payout to the bank account of a legal entity."""
    return {
        "id": payout_id,
        "object": "payout",
        "amount": amount_minor,
        "arrival_date": at,
        "automatic": False,
        "balance_transaction": payout_id.replace("po_", "txn_"),
        "created": at - 172_800,
        "currency": currency.lower(),
        "description": "Weekly payout",
        "destination": f"ba_1T{entity}{currency}",
        "failure_code": None,
        "livemode": True,
        "metadata": {"legal_entity": entity},
        "method": "standard",
        "source_type": "card",
        "status": "paid",
        "type": "bank_account",
    }
