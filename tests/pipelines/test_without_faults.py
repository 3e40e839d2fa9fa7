"""A company in which nothing goes wrong, through the real job: the books say what billing says.

Usual habits, so with payments that settle in another currency and fees that are not stated. What is
expected is added up here from the delivered events, by other means than the ledger's.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.store import LedgerStore, open_store
from generator.company import write_company
from generator.plan import CompanyPlan, Habits, no_faults
from pipelines.report import RunReport
from tests.pipelines.runs import Run

AFTER_ALL_SERVICE = datetime(2032, 1, 1, tzinfo=UTC)
IN_BOOKS_ONLY = ("fx_gain_loss", "currency_conversion")
"""Roles whose transaction currency says nothing by itself."""
Cells = dict[tuple[str, str], int]


def stripe_events(directory: Path) -> list[dict[str, Any]]:
    """Every Stripe event of the company, as it happened."""
    found = []
    for path in directory.glob("stripe-*"):
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        found += [json.loads(line) for line in text.splitlines()]
    return sorted(found, key=lambda event: (event["created"], event["id"]))


def cash_received(store: LedgerStore) -> Cells:
    """Cash that payments put into clearing, by entity and currency."""
    found: Counter[tuple[str, str]] = Counter()
    for entry in (posted.entry for posted in store.postings()):
        if entry.rule == "payment_succeeded":
            found[entry.entity, entry.currency] += sum(
                line.amount_minor for line in entry.lines if line.role == "cash_clearing"
            )
    return dict(found)


class Books:
    """The company, the run over it and the trial balance it left."""

    def __init__(self, directory: Path, report: RunReport, store: LedgerStore) -> None:
        self.events = stripe_events(directory)
        self.report = report
        self.rows = store.trial_balance()
        self.received = cash_received(store)
        self.entity_of = {
            event["data"]["object"]["id"]: event["data"]["object"]["metadata"]["legal_entity"]
            for event in self.events
            if event["type"] == "customer.created"
        }

    def balances(self, role: str) -> Cells:
        """Transaction currency, by entity and currency; zero balances left out."""
        return {
            (row.entity, row.currency): row.balance_minor
            for row in self.rows
            if row.role == role and row.balance_minor
        }


@pytest.fixture(scope="module", params=["stripe-contra", "receivable"])
def books(
    request: pytest.FixtureRequest, run_job: Run, tmp_path_factory: pytest.TempPathFactory
) -> Books:
    """Seed 3 has each of: credit notes, refunds, disputes, upgrades, settlement at a rate."""
    directory = tmp_path_factory.mktemp("faultless")
    plan = CompanyPlan(seed=3, contracts=150, months=8, faults=no_faults(), habits=Habits())
    write_company(directory, plan)
    report = run_job(
        directory / "books.db",
        f"{directory}/*.jsonl*",
        books=directory / "company.yaml",
        rates=directory / "rates.csv",
        as_of=AFTER_ALL_SERVICE,
        policy=request.param,
    )
    with open_store(f"sqlite:///{directory / 'books.db'}", create=False) as store:
        return Books(directory, report, store)


def test_nothing_waits_and_nothing_is_refused(books: Books) -> None:
    report = books.report
    assert report.conserved and report.posted > 3_000
    assert (report.pending, report.dead_lettered, report.duplicates) == (0, 0, 0)


def test_every_deferral_has_ended(books: Books) -> None:
    assert books.balances("deferred_revenue") == {}
    assert sum(books.balances("revenue").values()) < 0


def test_the_receivable_is_what_billing_says_is_open(books: Books) -> None:
    left: dict[str, tuple[tuple[str, str], int]] = {}
    status: dict[str, str] = {}
    for event in books.events:
        item = event["data"]["object"]
        if event["type"].startswith("invoice.") and item.get("status", "draft") != "draft":
            status[item["id"]] = item["status"]
            key = books.entity_of[item["customer"]], item["currency"].upper()
            left[item["id"]] = key, item["amount_remaining"]
        elif item.get("type") == "pre_payment" and status[item["invoice"]] == "open":
            key, amount = left[item["invoice"]]
            sign = 1 if event["type"] == "credit_note.created" else -1
            left[item["invoice"]] = key, amount - sign * item["total"]
    expected: Counter[tuple[str, str]] = Counter()
    for invoice_id, (key, amount) in left.items():
        expected[key] += amount if status[invoice_id] == "open" else 0
    assert books.balances("accounts_receivable") == {k: v for k, v in expected.items() if v}


def test_unbilled_is_what_no_invoice_has_taken_up(books: Books) -> None:
    items: dict[str, tuple[tuple[str, str], int]] = {}
    billed: set[str | None] = set()
    for event in books.events:
        item = event["data"]["object"]
        if event["type"] == "invoiceitem.created":
            key = books.entity_of[item["customer"]], item["currency"].upper()
            items[item["id"]] = key, item["amount"]
        elif event["type"] == "invoiceitem.deleted":
            del items[item["id"]]
        elif event["type"].startswith("invoice.") and item.get("status", "draft") != "draft":
            for line in item["lines"]["data"]:
                parent = line.get("parent") or {}
                details = parent.get("invoice_item_details") or {}
                billed |= {line.get("invoice_item"), details.get("invoice_item")}
    expected: Counter[tuple[str, str]] = Counter()
    for item_id, (key, amount) in items.items():
        expected[key] += 0 if item_id in billed else amount
    assert books.balances("unbilled_receivable") == {k: v for k, v in expected.items() if v}
    assert expected


def test_the_bank_has_what_was_paid_out(books: Books) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for event in books.events:
        if event["type"] == "payout.paid":
            payout = event["data"]["object"]
            key = payout["metadata"]["legal_entity"], payout["currency"].upper()
            expected[key] += payout["amount"]
    assert books.balances("bank") == dict(expected)


def settled(books: Books, *, as_charged: bool) -> Cells:
    """What charges brought, less fees where they are stated, in the currency charged or held."""
    found: Counter[tuple[str, str]] = Counter()
    for event in books.events:
        if event["type"] == "charge.succeeded":
            charge = event["data"]["object"]
            moved = charge["balance_transaction"]
            stated = isinstance(moved, dict) and (
                not as_charged or moved["currency"] == charge["currency"]
            )
            currency = moved["currency"] if stated else charge["currency"]
            key = books.entity_of[charge["customer"]], currency.upper()
            found[key] += moved["net"] if stated else charge["amount"]
    return dict(found)


def test_the_example_has_charges_that_settle_in_another_currency(books: Books) -> None:
    assert settled(books, as_charged=True) != settled(books, as_charged=False)


def test_payments_stand_in_the_currency_that_the_processor_holds(books: Books) -> None:
    assert books.received == settled(books, as_charged=False)


def test_a_balance_of_zero_is_zero_in_both_currencies(books: Books) -> None:
    left = {
        (row.entity, row.currency, row.role): row.functional_balance_minor
        for row in books.rows
        if row.balance_minor == 0 and row.functional_balance_minor and row.role not in IN_BOOKS_ONLY
    }
    assert left == {}


def test_conversions_are_worth_nothing_in_the_books(books: Books) -> None:
    left: Counter[str] = Counter()
    for row in books.rows:
        if row.role == "currency_conversion":
            left[row.entity] += row.functional_balance_minor
    assert left and not any(left.values())
