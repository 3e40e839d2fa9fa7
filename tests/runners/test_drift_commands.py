"""Contract drift on the command line: a run's report, the queue, one exception, a trace; and gone
when billing has followed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Write = Callable[..., Path]

CUSTOMER = "shop:cedar"


def event(number: int, subject: str, on: str, **fields: Any) -> dict[str, Any]:
    """A canonical event of the company's own systems."""
    return {
        "subject": subject, "event_id": f"shop:{number}", "source": "shop",
        "occurred_at_micros": f"{on}T00:00:00Z", "customer_id": CUSTOMER, **fields,
    }  # fmt: skip


def terms(number: int, subject: str, on: str, seats: str) -> dict[str, Any]:
    """A contract of 2026 over seats at 24.00 a month."""
    line = {"line_id": "1", "product": "SEAT", "quantity": seats, "unit_amount": "24.00"}
    return event(
        number, subject, on, contract_id="K-7", currency="EUR", lines=[line],
        term_start_micros=f"{on}T00:00:00Z", term_end_micros="2027-01-01T00:00:00Z",
    )  # fmt: skip


def billed(number: int, subject: str, on: str, seats: str) -> dict[str, Any]:
    """The subscription that runs it."""
    item = {
        "item_id": "i1", "product": "SEAT", "quantity": seats, "unit_amount": "2400",
        "interval": "month",
    }  # fmt: skip
    return event(
        number, subject, on, contract_id="K-7", subscription_id="shop:sub", status="active",
        currency="EUR", items=[item], period_start_micros="2026-01-01T00:00:00Z",
    )  # fmt: skip


AGREED = (
    event(1, "crm.customer_account_changed", "2026-01-01"),
    terms(2, "crm.contract_signed", "2026-01-01", "10"),
    billed(3, "billing.subscription_activated", "2026-01-01", "10"),
)
AMENDED = terms(4, "crm.contract_amended", "2026-02-01", "12")
FOLLOWED = billed(5, "billing.subscription_changed", "2026-02-01", "12")


@pytest.fixture
def run(crossfoot: Run, lines: Write, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs events into one store; the report as JSON."""

    def start(*events: dict[str, Any], as_of: str = "2026-02-20") -> dict[str, Any]:
        result = crossfoot(
            "run", "order-to-cash", "--input", lines(*events), "--store", url(tmp_path),
            "--as-of", as_of, "--json",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        report: dict[str, Any] = json.loads(result.stdout)
        return report

    return start


def url(directory: Path) -> str:
    """The store of a test."""
    return f"sqlite:///{directory / 'books.db'}"


def queue(crossfoot: Run, directory: Path, as_of: str) -> list[dict[str, Any]]:
    """Contracts that drift, as exceptions."""
    result = crossfoot(
        "exceptions", "list", "--store", url(directory), "--reason", "contract_drift",
        "--as-of", as_of, "--json",
    )  # fmt: skip
    items: list[dict[str, Any]] = json.loads(result.stdout)["exceptions"]
    return items


def test_drift_is_reported_explained_and_released(
    crossfoot: Run, run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """2 seats x 24.00 for February, whose billing period runs on 20 February: 48.00."""
    assert run(*AGREED)["contract_drifts"] == 0
    report = run(AMENDED)
    assert (report["contract_drifts"], report["contract_drifts_overdue"]) == (1, 1)
    assert report["recorded"] == 1 and report["pending"] == 0

    assert queue(crossfoot, tmp_path, "2026-02-07") == []
    (drift,) = queue(crossfoot, tmp_path, "2026-02-20")
    assert (drift["kind"], drift["amount"], drift["currency"]) == ("drift", "48.00", "EUR")
    assert (drift["entity"], drift["period"]) == ("MAIN", "2026-02")
    assert "sold 12 x 24.00 EUR a month, billed 10 x 24.00 EUR a month" in drift["detail"]
    assert "amend the contract" in drift["mend"]

    shown = crossfoot(
        "exceptions", "show", drift["exception_id"], "--store", url(tmp_path),
        "--as-of", "2026-02-20", "--json",
    )  # fmt: skip
    trace = json.loads(shown.stdout)["trace"]
    assert {one["message_id"] for one in trace["events"]} >= {"shop:2", "shop:3", "shop:4"}
    (traced,) = json.loads(crossfoot("trace", "K-7", "--store", url(tmp_path), "--json").stdout)[
        "drifts"
    ]
    assert (traced["attribute"], traced["difference_minor"]) == ("quantity", 4800)
    assert (traced["crm_event_id"], traced["billing_event_id"]) == ("shop:4", "shop:3")
    assert "CRM and billing disagree" in crossfoot("trace", "K-7", "--store", url(tmp_path)).stdout

    assert run(FOLLOWED)["contract_drifts"] == 0
    assert queue(crossfoot, tmp_path, "2026-02-20") == []


def test_a_run_says_how_many_contracts_drift(crossfoot: Run, lines: Write, tmp_path: Path) -> None:
    result = crossfoot(
        "run", "order-to-cash", "--input", lines(*AGREED, AMENDED), "--store", url(tmp_path),
        "--as-of", "2026-02-20",
    )  # fmt: skip
    assert "CRM and billing disagree about contracts: 1, past the deadline 1" in result.stdout
