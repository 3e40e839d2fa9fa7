"""Stripe events for tests, in the shape of 2017-08-15 and in that of 2026.

Objects of the present shape start from the published example of their resource, with all its
placeholders, so that nothing depends on a field being absent.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"
OLD = "2017-08-15"
NEW = "2026-06-24.dahlia"

_RESOURCES: dict[str, Any] = json.loads((FIXTURES / "resources_2026.json").read_text())

Json = dict[str, Any]


def at(day: str) -> int:
    """Epoch seconds of `2026-01-31` or `2026-01-31T12:00`, UTC."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def micros(day: str) -> int:
    """The same in microseconds."""
    return at(day) * 1_000_000


def event(
    event_type: str,
    obj: Json,
    *,
    created: str = "2026-01-01",
    version: str | None = NEW,
    event_id: str = "evt_1",
    previous: Json | None = None,
) -> Json:
    """A webhook event about `obj`."""
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": event_id,
        "object": "event",
        "api_version": version,
        "created": at(created),
        "type": event_type,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": data,
    }


def resource(kind: str, /, **fields: Any) -> Json:
    """The published example of a resource with `fields` in place of its own."""
    return {**copy.deepcopy(_RESOURCES[kind]), **fields}


def subscription(**fields: Any) -> Json:
    """A subscription of the present shape in its first month."""
    given = {
        "id": "sub_1",
        "customer": "cus_1",
        "status": "active",
        "ended_at": None,
        "cancel_at_period_end": False,
    }
    obj = resource("subscription", **{**given, **fields})
    for item in obj["items"]["data"]:
        if "items" not in fields:
            item["current_period_start"] = at("2026-01-01")
            item["current_period_end"] = at("2026-02-01")
    return obj


# --- invoices ----------------------------------------------------------------------------


def line(
    line_id: str,
    amount: int,
    start: str | None = None,
    end: str | None = None,
    **fields: Any,
) -> Json:
    """An invoice line with what both shapes share; delivered at once without a period."""
    moment = start or "2026-01-01"
    return {
        "id": line_id,
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "description": "A line",
        "period": {"start": at(moment), "end": at(end or moment)},
        **fields,
    }


def listed(*data: Json, has_more: bool = False) -> Json:
    """Stripe's list object, of copies."""
    return {"object": "list", "data": [dict(each) for each in data], "has_more": has_more}


def old_invoice(*lines: Json, total: int, **fields: Any) -> Json:
    """An invoice as of 2017-08-15: status from booleans, no transitions."""
    return {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "currency": "usd",
        "amount_due": total,
        "attempted": True,
        "attempt_count": 1,
        "billing": "charge_automatically",
        "charge": None,
        "closed": False,
        "date": at("2026-01-01"),
        "discount": None,
        "ending_balance": 0,
        "forgiven": False,
        "lines": listed(*lines),
        "metadata": {},
        "paid": False,
        "starting_balance": 0,
        "subscription": "sub_1",
        "subtotal": sum(each["amount"] for each in lines),
        "tax": None,
        "total": total,
        **fields,
    }


def new_invoice(*lines: Json, total: int, **fields: Any) -> Json:
    """An invoice of the present shape: parent, payments elsewhere, no charge."""
    given = {
        "id": "in_1",
        "customer": "cus_1",
        "currency": "usd",
        "amount_due": total,
        "amount_paid": 0,
        "amount_remaining": total,
        "amount_overpaid": 0,
        "ending_balance": 0,
        "starting_balance": 0,
        "lines": listed(*lines),
        "number": "A-0001",
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"subscription": "sub_1", "metadata": {}},
        },
        "shipping_cost": None,
        "status": "open",
        "status_transitions": {
            "finalized_at": at("2026-01-01"),
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": sum(each["amount"] for each in lines),
        "total": total,
        "total_taxes": [],
        **fields,
    }
    return resource("invoice", **given)


# --- money -------------------------------------------------------------------------------


def balance_transaction(amount: int, fee: int = 0, **fields: Any) -> Json:
    """An expanded balance transaction."""
    return resource("balance_transaction", amount=amount, fee=fee, net=amount - fee, **fields)


def old_charge(amount: int, **fields: Any) -> Json:
    """A charge as of 2017-08-15: names its invoice and carries its refunds."""
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": amount,
        "amount_refunded": 0,
        "balance_transaction": "txn_1",
        "captured": True,
        "created": at("2026-01-01"),
        "currency": "usd",
        "customer": "cus_1",
        "failure_code": None,
        "invoice": None,
        "metadata": {},
        "paid": True,
        "refunded": False,
        "refunds": listed(),
        "status": "succeeded",
        **fields,
    }


def new_charge(amount: int, **fields: Any) -> Json:
    """A charge of the present shape: knows no invoice and carries no refunds."""
    charge = resource("charge", id="ch_1", amount=amount, amount_captured=amount)
    charge.pop("refunds")
    given = {"captured": True, "customer": "cus_1", "payment_intent": "pi_1", "currency": "usd"}
    return {**charge, "created": at("2026-01-01"), **given, **fields}


def intent(amount: int, **fields: Any) -> Json:
    """A payment intent of the present shape that succeeded."""
    given = {
        "id": "pi_1",
        "amount": amount,
        "amount_received": amount,
        "customer": "cus_1",
        "latest_charge": "ch_1",
        "last_payment_error": None,
        "status": "succeeded",
    }
    return resource("payment_intent", **{**given, **fields})


def refund(amount: int, **fields: Any) -> Json:
    """A refund of the present shape."""
    given = {"id": "re_1", "amount": amount, "charge": "ch_1", "payment_intent": "pi_1"}
    return resource("refund", **{**given, "created": at("2026-02-01"), **fields})


def dispute(amount: int, **fields: Any) -> Json:
    """A dispute of the present shape."""
    given = {
        "id": "dp_1",
        "amount": amount,
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": "needs_response",
    }
    return resource("dispute", **{**given, **fields})


def invoice_payment(amount: int, **fields: Any) -> Json:
    """What ties a payment to an invoice in the present shape."""
    given = {
        "id": "inpay_1",
        "amount_paid": amount,
        "amount_requested": amount,
        "currency": "usd",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status": "paid",
    }
    return resource("invoice_payment", **{**given, **fields})


def credit_note(total: int, *lines: Json, **fields: Any) -> Json:
    """A credit note of the present shape."""
    given = {
        "id": "cn_1",
        "amount": total,
        "total": total,
        "subtotal": total,
        "created": at("2026-02-01"),
        "customer": "cus_1",
        "invoice": "in_1",
        "lines": listed(*lines),
        "pre_payment_amount": total,
        "post_payment_amount": 0,
        "refunds": [],
        "shipping_cost": None,
        "voided_at": None,
        "pretax_credit_amounts": [],
    }
    return resource("credit_note", **{**given, **fields})


def credit_note_line(line_id: str, amount: int, **fields: Any) -> Json:
    """A credited part."""
    return {
        "id": line_id,
        "object": "credit_note_line_item",
        "amount": amount,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": "il_1",
        "type": "invoice_line_item",
        "taxes": [],
        **fields,
    }
