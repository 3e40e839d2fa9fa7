"""One healthy customer and the parts that bad events are made of, as their sources send them.

Shapes are those of Stripe API 2025-09-30, of canonical JSON lines and of Salesforce change events.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

API = "2025-09-30.clover"
MONEY_MINOR = 3100
ISSUED = "2026-01-15"
_PERIOD = ("2026-01-15", "2026-02-15")


def epoch(day: str) -> int:
    """Epoch seconds of a day's first moment, UTC."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def as_line(event: Json) -> bytes:
    """An event as a source writes it: one line of JSON."""
    return json.dumps(event, ensure_ascii=False).encode()


# --- events of the present Stripe shape ------------------------------------------------------


def event(event_id: str, kind: str, thing: Any, **fields: Any) -> Json:
    """A webhook event about `thing`; `fields` stand in place of the envelope's own."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": API,
        "created": epoch(ISSUED),
        "type": kind,
        "data": {"object": thing},
        "livemode": False,
        **fields,
    }


def customer(customer_id: str = "cus_1", name: str = "Example", **fields: Any) -> Json:
    """A customer as billing creates it."""
    return {
        "id": customer_id,
        "object": "customer",
        "created": epoch("2026-01-14"),
        "name": name,
        "email": "billing@customer.example",
        "currency": None,
        "address": None,
        "metadata": {},
        **fields,
    }


def invoice_line(amount: Any = MONEY_MINOR, **fields: Any) -> Json:
    """A month of a subscription."""
    return {
        "id": "il_1",
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "description": "Pro",
        "discount_amounts": [],
        "quantity": 1,
        "period": {"start": epoch(_PERIOD[0]), "end": epoch(_PERIOD[1])},
        "taxes": [],
        "metadata": {},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": "price_1", "product": "prod_1"},
            "unit_amount_decimal": "3100",
        },
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {
                "subscription": "sub_1",
                "subscription_item": "si_1",
                "invoice_item": None,
                "proration": False,
            },
        },
        **fields,
    }


def invoice(invoice_id: str = "in_bad", *lines: Json, **fields: Any) -> Json:
    """An open invoice of `cus_1` over one month; `fields` stand in place of its own."""
    return {
        "id": invoice_id,
        "object": "invoice",
        "customer": "cus_1",
        "currency": "usd",
        "created": epoch(ISSUED),
        "subtotal": MONEY_MINOR,
        "total": MONEY_MINOR,
        "amount_due": MONEY_MINOR,
        "amount_paid": 0,
        "amount_remaining": MONEY_MINOR,
        "starting_balance": 0,
        "ending_balance": 0,
        "collection_method": "charge_automatically",
        "metadata": {},
        "status": "open",
        "status_transitions": {
            "finalized_at": epoch(ISSUED),
            "paid_at": None,
            "marked_uncollectible_at": None,
            "voided_at": None,
        },
        "lines": {"object": "list", "has_more": False, "data": list(lines) or [invoice_line()]},
        "total_taxes": [],
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1", "metadata": {}},
        },
        **fields,
    }


def paid(invoice_id: str, amount_paid: Any = MONEY_MINOR, **fields: Any) -> Json:
    """The same invoice, paid."""
    done = {"status": "paid", "amount_paid": amount_paid, "amount_remaining": 0}
    return invoice(invoice_id, **done, **fields)


def charge(amount: Any, **fields: Any) -> Json:
    """A captured charge of `cus_1`."""
    return {
        "id": "ch_bad",
        "object": "charge",
        "customer": "cus_1",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "captured": True,
        "paid": True,
        "status": "succeeded",
        "currency": "usd",
        "created": epoch(ISSUED),
        "payment_intent": None,
        "metadata": {},
        **fields,
    }


def refund(amount: Any) -> Json:
    """A refund of a charge of nobody in particular."""
    return {
        "id": "re_bad",
        "object": "refund",
        "amount": amount,
        "charge": "ch_bad",
        "currency": "usd",
        "created": epoch(ISSUED),
        "payment_intent": None,
        "status": "succeeded",
        "metadata": {},
    }


def healthy_customer(of: str = "1", name: str = "Example") -> list[Json]:
    """A customer that is created, invoiced and pays: a posted invoice, a posted payment."""
    mine: Json = {"customer": f"cus_{of}"}
    if of != "1":
        about = {"subscription": f"sub_{of}", "metadata": {}}
        mine["parent"] = {"type": "subscription_details", "subscription_details": about}
    return [
        event(f"evt_{of}_new", "customer.created", customer(f"cus_{of}", name)),
        event(f"evt_{of}_issued", "invoice.finalized", invoice(f"in_{of}", **mine)),
        event(f"evt_{of}_paid", "invoice.paid", paid(f"in_{of}", **mine)),
    ]


# --- canonical events and change events ------------------------------------------------------


def canonical_invoice(**fields: Any) -> Json:
    """An invoice of `stripe:cus_1` as a canonical JSON line."""
    return {
        "subject": "billing.invoice_issued",
        "version": 1,
        "event_id": "shop:bad/billing.invoice_issued",
        "source": "shop",
        "occurred_at_micros": f"{ISSUED}T00:00:00Z",
        "issued_at_micros": f"{ISSUED}T00:00:00Z",
        "customer_id": "stripe:cus_1",
        "invoice_id": "shop:bad",
        "currency": "USD",
        "total_minor": MONEY_MINOR,
        "lines": [{"line_id": "l1", "amount_minor": MONEY_MINOR}],
        **fields,
    }


def canonical_usage(**fields: Any) -> Json:
    """Metered usage of `stripe:cus_1` as a canonical JSON line."""
    return {
        "subject": "billing.usage_reported",
        "event_id": "shop:usage/billing.usage_reported",
        "source": "shop",
        "occurred_at_micros": f"{ISSUED}T00:00:00Z",
        "used_at_micros": f"{ISSUED}T00:00:00Z",
        "customer_id": "stripe:cus_1",
        "subscription_id": "stripe:sub_1",
        "usage_id": "shop:usage",
        "accrual_id": "shop:meter",
        "quantity": "1",
        "unit_amount": "100",
        "currency": "JPY",
        "aggregation": "sum",
        **fields,
    }


def crm_change(entity: str, record_id: str, **fields: Any) -> Json:
    """A CRM record as the Pub/Sub API delivers its creation."""
    header = {
        "entityName": entity,
        "recordIds": [record_id],
        "changeType": "CREATE",
        "changeOrigin": "",
        "transactionKey": f"000046c7-a642-11e2-c29b-{record_id[:12]}",
        "sequenceNumber": 1,
        "commitTimestamp": epoch(ISSUED) * 1000,
        "commitNumber": 11657372702433,
        "commitUser": "00558000000yFyDAAU",
        "nulledFields": [],
        "diffFields": [],
        "changedFields": [],
    }
    return {
        "id": f"ce_{record_id}",
        "schemaId": "a01VpgrsZNJdn-7KStJcxQ",
        "replayId": 1,
        "payload": {"ChangeEventHeader": header, **fields},
    }
