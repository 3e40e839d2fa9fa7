"""Stripe's billing credits for tests, in the shape of their published reference."""

from __future__ import annotations

from typing import Any

from stripe_builders import at

Json = dict[str, Any]


def money(value: int, currency: str = "usd") -> Json:
    return {"monetary": {"currency": currency, "value": value}, "type": "monetary"}


def grant(**fields: Any) -> Json:
    """A paid grant of 100.00, as https://docs.stripe.com/api/billing/credit-grant/object."""
    return {
        "id": "credgr_1",
        "object": "billing.credit_grant",
        "amount": money(10_000),
        "applicability_config": {"scope": {"price_type": "metered"}},
        "category": "paid",
        "created": at("2026-01-01"),
        "customer": "cus_1",
        "customer_account": None,
        "effective_at": at("2026-01-01"),
        "expires_at": None,
        "livemode": False,
        "metadata": {"invoice_id": "in_1"},
        "name": "Purchased credits",
        "priority": 50,
        "test_clock": None,
        "updated": at("2026-01-01"),
        "voided_at": None,
        **fields,
    }


def debit(kind: str, value: int, day: str, number: int = 1, **fields: Any) -> Json:
    """A transaction that takes credit."""
    spent = {"invoice": "in_2", "invoice_line_item": "il_7"}
    return {
        "id": f"cbtxn_{number}",
        "object": "billing.credit_balance_transaction",
        "created": at(day),
        "credit": None,
        "credit_grant": "credgr_1",
        "debit": {
            "amount": money(value),
            "credits_applied": spent if kind == "credits_applied" else None,
            "type": kind,
        },
        "effective_at": at(day),
        "livemode": False,
        "test_clock": None,
        "type": "debit",
        **fields,
    }


def credit(kind: str, value: int, day: str, number: int = 1) -> Json:
    """A transaction that gives credit."""
    back = {"invoice": "in_2", "invoice_line_item": "il_7"}
    voided = kind == "credits_application_invoice_voided"
    return {
        **debit(kind, value, day, number),
        "credit": {
            "amount": money(value),
            "credits_application_invoice_voided": back if voided else None,
            "type": kind,
        },
        "debit": None,
        "type": "credit",
    }
