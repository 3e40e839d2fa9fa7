"""Three legal entities with three functional currencies, from events to the consolidated books.

US sells an invoice of 1,000.00 EUR; DE collects it; JP collects another of 100.00 USD for US, which
settles in yen. The sums are done in the tests.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]

BOOKS = """default_entity: US
links: assumed
entities:
  US: {functional_currency: USD}
  DE: {functional_currency: EUR}
  JP: {functional_currency: JPY}
"""

RATES = """date,base,quote,rate,source
2026-01-05,EUR,USD,1.20,ECB
2026-01-10,EUR,USD,1.10,ECB
2026-02-10,USD,JPY,150,BOJ
2026-01-31,EUR,USD,1.15,ECB
2026-02-28,EUR,USD,1.25,ECB
2026-02-28,JPY,USD,0.0066,BOJ
2026-01-31,JPY,USD,0.0067,BOJ
"""


def event(subject: str, number: int, on: str, **fields: Any) -> dict[str, Any]:
    return {
        "subject": subject,
        "event_id": f"shop:{number}/{subject}",
        "source_event_id": f"shop:{number}",
        "source": "shop",
        "occurred_at_micros": f"{on}T12:00:00Z",
        **({} if "payout" in subject else {"customer_id": "shop:c1"}),
        **fields,
    }


def invoice(number: int, on: str, minor: int, currency: str) -> dict[str, Any]:
    return event(
        "billing.invoice_issued", number, on, issued_at_micros=f"{on}T12:00:00Z", entity="US",
        invoice_id=f"shop:in_{number}", currency=currency, total_minor=minor,
        lines=[{"line_id": f"l{number}", "amount_minor": minor}],
    )  # fmt: skip


def payment(number: int, on: str, of: int, minor: int, currency: str, **more: Any) -> Any:
    return event(
        "payments.payment_succeeded", number, on, payment_refs=[f"shop:p{number}"],
        currency=currency, amount_minor=minor, invoice_id=f"shop:in_{of}", linkage="invoice",
        **more,
    )  # fmt: skip


EVENTS = [
    invoice(1, "2026-01-05", 100_000, "EUR"),
    payment(2, "2026-01-10", 1, 100_000, "EUR", entity="DE", fee_minor=3_000),
    invoice(3, "2026-02-10", 10_000, "USD"),
    payment(
        4, "2026-02-10", 3, 10_000, "USD", entity="JP",
        settlement_currency="JPY", settlement_minor=14_900, fee_minor=400,
    ),
    event("payments.payout_paid", 5, "2026-02-12", entity="JP", payout_id="shop:po1",
          currency="JPY", amount_minor=14_500),
]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path, crossfoot: Run) -> str:
    (tmp_path / "books.yaml").write_text(BOOKS)
    (tmp_path / "rates.csv").write_text(RATES)
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in EVENTS))
    url = f"sqlite:///{tmp_path}/books.db"
    for _ in range(2):
        done = crossfoot(
            "run", "order-to-cash", "--input", tmp_path / "events.jsonl", "--store", url,
            "--books", tmp_path / "books.yaml", "--rates", tmp_path / "rates.csv",
            "--as-of", "2026-02-28",
        )  # fmt: skip
        assert done.exit_code == 0, done.stderr
    assert "nothing new was posted" in done.stdout
    return url


def balances(crossfoot: Run, store: str, *options: str) -> dict[tuple[str, str], dict[str, int]]:
    done = crossfoot("trial-balance", "--store", store, "--json", *options)
    assert done.exit_code == 0, done.stdout
    found: dict[tuple[str, str], dict[str, int]] = {}
    for line in json.loads(done.stdout)["lines"]:
        sign = 1 if line["side"] == "debit" else -1
        if line["balance_minor"]:
            book = found.setdefault((line["entity"], line["currency"]), {})
            book[line["role"]] = sign * line["balance_minor"]
    return found


def test_each_entity_balances_by_itself_in_its_functional_currency(
    crossfoot: Run, store: str
) -> None:
    """US: 1,000 EUR sold at 1.20 and collected for it at 1.10, 100.00 lost; 100 USD are owed by JP.

    DE: holds 970 EUR of the 1,000 it owes. JP: 14,900 JPY settled, 400 the fee, the rest paid out;
    it owes 100 USD, which is 14,900 JPY: what it was exchanged for.
    """
    assert balances(crossfoot, store, "--functional") == {
        ("US", "USD"): {"due_from": 120_000, "fx_gain_loss": 10_000, "revenue": -130_000},
        ("DE", "EUR"): {"cash_clearing": 97_000, "processing_fees": 3_000, "due_to": -100_000},
        ("JP", "JPY"): {"bank": 14_500, "processing_fees": 400, "due_to": -14_900},
    }


def test_what_entities_owe_each_other_cancels_in_the_consolidated_books(
    crossfoot: Run, store: str
) -> None:
    done = crossfoot("trial-balance", "--store", store, "--consolidated", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert not [line for line in report["lines"] if line["role"] in ("due_from", "due_to")]
    pairs = [(p["entity"], p["counterparty"], p["currency"], p["claim_minor"]) for p in
             report["eliminated"]]  # fmt: skip
    assert pairs == [("DE", "US", "EUR", -100_000), ("JP", "US", "USD", -10_000)]
    assert report["cancels"] and report["balanced"]


def test_the_group_is_translated_at_closing_and_period_rates(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    """In dollars, closing on 28 February: EUR 1.25, JPY 0.0066; January's fee at 1.15.

    Clearing 970 EUR = 1,212.50; bank 14,500 JPY = 95.70; fees 30 EUR in January at 1.15 = 34.50 and
    400 JPY at 0.0066 = 2.64; revenue 1,300, exchange loss 100. Debits 1,445.34, credits 1,300:
    145.34 is the group's translation difference.
    """
    options = ("--consolidated", "--into", "USD", "--rates", str(tmp_path / "rates.csv"))
    done = crossfoot("trial-balance", "--store", store, "--json", *options)
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["closing_day"] == "2026-02-28"
    lines = [line for line in report["lines"] if line["balance_minor"]]
    assert {line["role"]: (line["side"], line["balance"]) for line in lines} == {
        "cash_clearing": ("debit", "1212.50"),
        "bank": ("debit", "95.70"),
        "processing_fees": ("debit", "37.14"),
        "revenue": ("credit", "1300.00"),
        "fx_gain_loss": ("debit", "100.00"),
        "translation_difference": ("credit", "145.34"),
    }


def test_a_rate_that_the_translation_lacks_is_named(crossfoot: Run, store: str) -> None:
    done = crossfoot("trial-balance", "--store", store, "--consolidated", "--into", "GBP")
    assert done.exit_code == 2
    assert "EUR/GBP/2026-01-31" in done.stderr and "USD/GBP/2026-02-28" in done.stderr


def test_the_consolidated_balance_is_read_by_people_too(crossfoot: Run, store: str) -> None:
    done = crossfoot("trial-balance", "--store", store, "--consolidated")
    assert "all entities EUR: debits = credits" in done.stdout
    assert "between entities: eliminated" in done.stdout
    refused = crossfoot("trial-balance", "--store", store, "--consolidated", "--entity", "US")
    assert refused.exit_code == 2


def test_the_trace_says_which_rate_counted_and_where_it_is_from(crossfoot: Run, store: str) -> None:
    done = crossfoot("trace", "shop:in_1", "--store", store)
    assert "rate EUR/USD 1.20 of 2026-01-05 on file (ECB)" in done.stdout
    assert "rate EUR/USD 1.10 of 2026-01-10 on file (ECB)" in done.stdout
    assert "due_from (DE)" in done.stdout and "due_to (US)" in done.stdout


@pytest.mark.parametrize(
    ("form", "check"),
    [
        pytest.param(
            "hledger",
            ["hledger", "check", "--strict", "-f"],
            marks=pytest.mark.skipif(shutil.which("hledger") is None, reason="no hledger here"),
        ),
        ("beancount", [str(Path(sys.executable).with_name("bean-check"))]),
    ],
)
def test_other_programs_accept_the_books(
    form: str, check: list[str], crossfoot: Run, store: str, tmp_path: Path
) -> None:
    path = tmp_path / f"books.{form}"
    done = crossfoot("export", form, "--store", store, "--out", path)
    assert done.exit_code == 0, done.stderr
    checked = subprocess.run([*check, str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
