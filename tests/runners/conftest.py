"""Tiny timelines as the providers send them, and a way to run the command line on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner, Result

from runners.crossfoot import app

OLD_API = "2017-08-15"
NEW_API = "2025-09-30.clover"


@pytest.fixture(scope="session")
def crossfoot() -> Callable[..., Result]:
    """Run `crossfoot ARGS…` in this process; stdout and stderr apart."""

    def run(*args: object) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args])

    return run


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """Write JSON objects (or raw bytes) as lines of a file and return its path."""

    def write(*events: Mapping[str, Any] | bytes, name: str = "events.jsonl") -> Path:
        return _write(tmp_path / name, events)

    return write


def _write(path: Path, events: Sequence[Mapping[str, Any] | bytes]) -> Path:
    path.write_bytes(b"\n".join(_line(event) for event in events) + b"\n")
    return path


def _line(event: Mapping[str, Any] | bytes) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event).encode()


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def _stripe_event(event_id: str, kind: str, at: str, thing: Any, api: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "api_version": api,
        "created": _epoch(at),
        "type": kind,
        "data": {"object": thing},
        "livemode": False,
    }


def _period(period: Sequence[str]) -> dict[str, int]:
    start, end = period
    return {"start": _epoch(start), "end": _epoch(end)}


def _invoice(total: int, at: str, paid: bool, of: str, currency: str = "usd") -> dict[str, Any]:
    return {
        "id": f"in_{of}",
        "object": "invoice",
        "customer": f"cus_{of}",
        "currency": currency,
        "created": _epoch(at),
        "subtotal": total,
        "total": total,
        "amount_due": total,
        "amount_paid": total if paid else 0,
        "amount_remaining": 0 if paid else total,
        "starting_balance": 0,
        "ending_balance": 0,
        "collection_method": "charge_automatically",
        "metadata": {},
        "status": "paid" if paid else "open",
        "status_transitions": {
            "finalized_at": _epoch(at),
            "paid_at": _epoch(at) if paid else None,
            "marked_uncollectible_at": None,
            "voided_at": None,
        },
    }


def _new_line(total: int, period: Sequence[str], of: str, currency: str) -> dict[str, Any]:
    return {
        "id": f"il_{of}",
        "object": "line_item",
        "amount": total,
        "currency": currency,
        "description": "Pro",
        "discount_amounts": [],
        "quantity": 1,
        "period": _period(period),
        "taxes": [],
        "metadata": {},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": "price_1", "product": "prod_1"},
            "unit_amount_decimal": str(total),
        },
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {
                "subscription": f"sub_{of}",
                "subscription_item": f"si_{of}",
                "invoice_item": None,
                "proration": False,
            },
        },
    }


def new_stripe_events(
    total: int,
    at: str,
    period: Sequence[str],
    *,
    paid: bool = True,
    of: str = "1",
    currency: str = "usd",
) -> list[dict[str, Any]]:
    """One subscription invoice of customer `of`: finalized, and maybe paid."""

    def invoice(is_paid: bool) -> dict[str, Any]:
        return _invoice(total, at, is_paid, of, currency) | {
            "lines": {
                "object": "list",
                "has_more": False,
                "data": [_new_line(total, period, of, currency)],
            },
            "total_taxes": [],
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": f"sub_{of}", "metadata": {}},
            },
        }

    events = [_stripe_event(f"evt_{of}", "invoice.finalized", at, invoice(False), NEW_API)]
    if paid:
        events.append(_stripe_event(f"evt_{of}_paid", "invoice.paid", at, invoice(True), NEW_API))
    return events


def customer_event(of: str, at: str, name: str = "Example") -> dict[str, Any]:
    """The customer as billing created it."""
    customer = {
        "id": f"cus_{of}",
        "object": "customer",
        "created": _epoch(at),
        "name": name,
        "email": f"{name.lower()}@customer.example",
        "currency": None,
        "address": None,
        "metadata": {},
        "livemode": False,
    }
    return _stripe_event(f"evt_{of}_new", "customer.created", at, customer, NEW_API)


@pytest.fixture
def new_stripe() -> Callable[..., list[dict[str, Any]]]:
    """Stripe events of the present shape."""
    return new_stripe_events


@pytest.fixture
def customer() -> Callable[..., dict[str, Any]]:
    """A customer as billing created it."""
    return customer_event


@pytest.fixture
def old_stripe() -> Callable[..., list[dict[str, Any]]]:
    """The same told in the shapes of 2017: no finalized event, `plan`, no `parent`."""

    def timeline(total: int, at: str, period: Sequence[str]) -> list[dict[str, Any]]:
        line = {
            "id": "il_1",
            "object": "line_item",
            "amount": total,
            "currency": "usd",
            "description": "Pro",
            "quantity": 1,
            "period": _period(period),
            "plan": {"id": "pro", "object": "plan", "amount": total, "product": "prod_1"},
            "proration": False,
            "subscription": "sub_1",
            "subscription_item": "si_1",
            "tax_amounts": [],
            "metadata": {},
            "type": "subscription",
        }
        invoice = _invoice(total, at, True, "1") | {
            "date": _epoch(at),
            "lines": {"object": "list", "has_more": False, "total_count": 1, "data": [line]},
            "charge": None,
            "payment_intent": None,
            "subscription": "sub_1",
            "tax": None,
            "total_tax_amounts": [],
        }
        return [_stripe_event("evt_2", "invoice.payment_succeeded", at, invoice, OLD_API)]

    return timeline


@pytest.fixture
def canonical() -> Callable[..., list[dict[str, Any]]]:
    """The same as canonical JSON lines."""

    def timeline(total: int, at: str, period: Sequence[str]) -> list[dict[str, Any]]:
        start, end = (f"{day}T00:00:00+00:00" for day in period)
        return [
            {
                "subject": "billing.invoice_issued",
                "event_id": "billing:1/billing.invoice_issued",
                "source_event_id": "billing:1",
                "source": "billing",
                "occurred_at_micros": f"{at}T00:00:00+00:00",
                "issued_at_micros": f"{at}T00:00:00+00:00",
                "customer_id": "billing:c1",
                "subscription_id": "billing:s1",
                "invoice_id": "billing:i1",
                "currency": "USD",
                "total_minor": total,
                "lines": [
                    {
                        "line_id": "l1",
                        "amount_minor": total,
                        "service_start_micros": start,
                        "service_end_micros": end,
                    }
                ],
            },
            {
                "subject": "payments.payment_succeeded",
                "event_id": "billing:2/payments.payment_succeeded",
                "source_event_id": "billing:2",
                "source": "billing",
                "occurred_at_micros": f"{at}T00:00:00+00:00",
                "customer_id": "billing:c1",
                "invoice_id": "billing:i1",
                "linkage": "invoice",
                "payment_refs": ["billing:p1"],
                "currency": "USD",
                "amount_minor": total,
            },
        ]

    return timeline


class Books(NamedTuple):
    """A store that two runs filled; small enough to know every figure in it."""

    url: str
    events: Path
    first: Result
    again: Result


CANARY = "Zilpah Canarywood"
"""A customer's name; it must show nowhere but in the bytes of an event."""

BROKEN = b'{"id": "evt_broken", "object": "event", "name": "' + CANARY.encode()


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory, crossfoot: Callable[..., Result]) -> Books:
    """31 USD paid by a known customer, 62 USD owed by an unknown one, one line of no JSON, one
    redelivery; run twice as of the end of February 2019."""
    folder = tmp_path_factory.mktemp("books")
    january = ("2019-01-15", ("2019-01-15", "2019-02-15"))
    known = new_stripe_events(3100, *january)
    unknown = new_stripe_events(6200, *january, paid=False, of="9")
    told = [customer_event("1", "2019-01-14", CANARY), *known, known[1], *unknown, BROKEN]
    events = _write(folder / "events.jsonl", told)
    url = f"sqlite:///{folder / 'books.db'}"
    command = ("run", "order-to-cash", "--input", events, "--store", url, "--as-of", "2019-02-28")
    return Books(url, events, crossfoot(*command), crossfoot("--verbose", *command))
