"""`crossfoot tax` on the books of a run: Stripe invoices of both shapes, given back in part."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]

DAY = 86_400
JANUARY = 1_767_225_600
RATES = [{"id": "txr_de", "object": "tax_rate", "jurisdiction": "DE", "percentage": 19}]


def _event(name: str, kind: str, obj: dict[str, Any], at: int, version: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "event",
        "api_version": version,
        "created": at,
        "type": kind,
        "data": {"object": obj},
    }


def _line(name: str, amount: int, **taxes: Any) -> dict[str, Any]:
    at = {"start": JANUARY, "end": JANUARY}
    return {"id": name, "object": "line_item", "amount": amount, "period": at, **taxes}


def _invoice(name: str, total: int, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "object": "invoice",
        "customer": "cus_1",
        "currency": "eur",
        "total": total,
        "amount_due": total,
        "amount_paid": 0,
        "status": "open",
        "starting_balance": 0,
        "ending_balance": 0,
        "status_transitions": {"finalized_at": JANUARY},
        "lines": {"object": "list", "data": list(lines), "has_more": False},
        **fields,
    }


def _story() -> list[dict[str, Any]]:
    """Old: 100 + 19 exclusive, 119 inclusive. New: reverse charge of 200. 59.50 credited."""
    exclusive = [{"amount": 1_900, "inclusive": False, "tax_rate": "txr_de"}]
    inclusive = [{"amount": 1_900, "inclusive": True, "tax_rate": "txr_de"}]
    old = _invoice(
        "in_1",
        23_800,
        _line("il_1", 10_000, tax_amounts=exclusive, tax_rates=RATES),
        _line("il_2", 11_900, tax_amounts=inclusive, tax_rates=RATES),
        total_tax_amounts=[exclusive[0], inclusive[0]],
        tax=3_800,
    )
    reverse = {
        "amount": 0,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": {"id": "txr_fr", "jurisdiction": "FR"}},
        "taxability_reason": "reverse_charge",
        "taxable_amount": 20_000,
        "type": "tax_rate_details",
    }
    new = _invoice("in_2", 20_000, _line("il_9", 20_000, taxes=[reverse]), total_taxes=[reverse])
    credited = {
        "id": "cn_1",
        "object": "credit_note",
        "customer": "cus_1",
        "invoice": "in_1",
        "currency": "eur",
        "total": 5_950,
        "created": JANUARY + 40 * DAY,
        "type": "pre_payment",
        "status": "issued",
        "lines": {
            "object": "list",
            "has_more": False,
            "data": [
                {
                    "id": "cnli_1",
                    "amount": 5_000,
                    "invoice_line_item": "il_1",
                    "tax_amounts": [{"amount": 950, "inclusive": False, "tax_rate": "txr_de"}],
                    "tax_rates": RATES,
                }
            ],
        },
        "tax_amounts": [{"amount": 950, "inclusive": False, "tax_rate": "txr_de"}],
    }
    later = JANUARY + 40 * DAY
    customer = {"id": "cus_1", "object": "customer", "name": "Example"}
    return [
        _event("evt_0", "customer.created", customer, JANUARY, "2020-08-27"),
        _event("evt_1", "invoice.finalized", old, JANUARY, "2020-08-27"),
        _event("evt_2", "invoice.finalized", new, JANUARY, "2025-03-31.basil"),
        _event("evt_3", "credit_note.created", credited, later, "2020-08-27"),
    ]


@pytest.fixture
def store_url(crossfoot: Run, tmp_path: Path) -> str:
    events = tmp_path / "events.jsonl"
    events.write_text("".join(json.dumps(each) + "\n" for each in _story()))
    url = f"sqlite:///{tmp_path}/books.db"
    done = crossfoot(
        "run", "order-to-cash", "--input", events, "--store", url, "--as-of", "2026-06-30"
    )
    assert done.exit_code == 0, done.output
    return url


def _report(crossfoot: Run, url: str, *options: str) -> Any:
    done = crossfoot("tax", "--store", url, "--json", *options)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_tax_owed_is_what_was_stated_less_what_was_given_back(
    crossfoot: Run, store_url: str
) -> None:
    """19 + 19 in January, 9.50 back in February; 200 supplied under reverse charge."""
    report = _report(crossfoot, store_url)
    assert [
        (line["jurisdiction"], line["period"], line["stated_minor"], line["given_back_minor"],
         line["payable"])
        for line in report["taxes"]
    ] == [("DE", "2026-01", 3_800, 0, "38.00"), ("DE", "2026-02", 0, 950, "-9.50")]  # fmt: skip
    [supplied] = report["without_tax"]
    assert (supplied["jurisdiction"], supplied["treatment"], supplied["net"]) == (
        "FR",
        "reverse_charge",
        "200.00",
    )


def test_the_report_equals_the_account(crossfoot: Run, store_url: str) -> None:
    report = _report(crossfoot, store_url)
    balance = json.loads(crossfoot("trial-balance", "--store", store_url, "--json").stdout)
    [account] = [line for line in balance["lines"] if line["role"] == "tax_payable"]
    assert account["balance_minor"] == sum(line["payable_minor"] for line in report["taxes"])


def test_the_report_can_be_of_a_place_a_period_or_an_entity(crossfoot: Run, store_url: str) -> None:
    assert _report(crossfoot, store_url, "--jurisdiction", "FR")["taxes"] == []
    assert len(_report(crossfoot, store_url, "--period", "2026-02")["taxes"]) == 1
    assert len(_report(crossfoot, store_url, "--through", "2026-01")["taxes"]) == 1
    other = _report(crossfoot, store_url, "--entity", "DE01")
    assert (other["taxes"], other["without_tax"]) == ([], [])


def test_people_read_it_as_two_tables(crossfoot: Run, store_url: str) -> None:
    shown = crossfoot("tax", "--store", store_url).stdout
    for words in ("given back", "-9.50", "supplied without tax", "reverse_charge", "200.00"):
        assert words in shown
