"""Commands that read the books: trial balance, trace, standing questions, exports, dump."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from ledger.journal import posting_id

Run = Callable[..., Result]


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# --- trial balance -------------------------------------------------------------------------


def test_the_trial_balance_balances_and_can_stop_at_a_period(crossfoot: Run, books: Any) -> None:
    command = ("trial-balance", "--store", books.url, "--json")
    whole = _json(crossfoot(*command))
    january = _json(crossfoot(*command, "--through", "2019-01"))
    for report, revenue, deferred in ((whole, "31.00", "0.00"), (january, "17.00", "14.00")):
        found = {line["role"]: line["balance"] for line in report["lines"]}
        assert (found["revenue"], found["deferred_revenue"]) == (revenue, deferred)
        assert report["balanced"] is True
        assert [(t["debit"], t["credit"]) for t in report["totals"]] == [("31.00", "31.00")]


def test_the_trial_balance_can_be_of_one_entity_or_currency(crossfoot: Run, books: Any) -> None:
    command = ("trial-balance", "--store", books.url, "--json")
    assert _json(crossfoot(*command, "--entity", "MAIN", "--currency", "USD"))["lines"]
    assert _json(crossfoot(*command, "--entity", "DE01"))["lines"] == []
    assert _json(crossfoot(*command, "--currency", "EUR"))["lines"] == []
    assert "nothing is posted" in crossfoot(*command[:-1], "--currency", "EUR").stdout


# --- trace ---------------------------------------------------------------------------------


def test_an_invoice_leads_to_its_postings_and_to_the_bytes_of_its_events(
    crossfoot: Run, books: Any
) -> None:
    report = _json(crossfoot("trace", "in_1", "--store", books.url, "--json"))
    assert (report["kind"], report["id"]) == ("invoice", "stripe:in_1")
    told = {event["message_id"]: event for event in report["events"]}
    lines = books.events.read_text().splitlines()
    assert told["stripe:evt_1"]["body"] == lines[1]
    assert told["stripe:evt_1"]["schema_version"] == "billing.invoice_issued@3"
    assert {posting["rule"] for posting in report["postings"]} >= {"invoice_issued"}
    assert {posting["policy"] for posting in report["postings"]} == {"stripe-contra@1"}
    assert {posting["delivery"] for posting in report["postings"]} == {"pending"}
    assert report["invoices"][0]["status"] == "paid"


def test_a_posting_leads_back_to_its_event_and_the_event_to_the_posting(
    crossfoot: Run, books: Any
) -> None:
    wanted = next(
        posting
        for posting in _json(crossfoot("trace", "in_1", "--store", books.url, "--json"))["postings"]
        if posting["rule"] == "invoice_issued"
    )
    assert wanted["posting_id"] == posting_id("default", wanted["entry_key"], 1)
    back = _json(crossfoot("trace", wanted["posting_id"], "--store", books.url, "--json"))
    assert wanted["source_event_id"] in {event["message_id"] for event in back["events"]}
    forth = _json(crossfoot("trace", wanted["event_id"], "--store", books.url, "--json"))
    assert wanted["posting_id"] in {posting["posting_id"] for posting in forth["postings"]}


def test_the_trace_of_an_event_shows_its_bytes_and_its_lines(crossfoot: Run, books: Any) -> None:
    shown = crossfoot("trace", "evt_1", "--store", books.url).stdout
    assert books.events.read_text().splitlines()[1] in shown
    assert "rule invoice_issued, policy stripe-contra@1" in shown
    assert "delivery pending" in shown
    rows = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines()]
    assert ["accounts_receivable", "USD", "31.00", ""] in rows


@pytest.mark.parametrize("wanted", ["cus_1", "sub_1", "stripe:evt_1_paid"])
def test_customers_contracts_and_events_are_found(wanted: str, crossfoot: Run, books: Any) -> None:
    report = _json(crossfoot("trace", wanted, "--store", books.url, "--json"))
    assert report["postings"]
    assert report["events"]


def test_an_unknown_id_is_told_and_gives_its_own_exit_code(crossfoot: Run, books: Any) -> None:
    result = crossfoot("trace", "in_404", "--store", books.url)
    assert result.exit_code == 3
    assert "in_404" in result.stderr and "to mend:" in result.stderr


# --- standing questions --------------------------------------------------------------------


def test_the_standing_questions_name_the_invoice_its_money_and_why(
    crossfoot: Run, books: Any
) -> None:
    command = ("standing", "--store", books.url, "--as-of", "2019-02-28")
    report = _json(crossfoot(*command, "--json"))
    (unposted,) = report["invoices_not_posted"]
    assert (unposted["invoice_id"], unposted["total_minor"]) == ("stripe:in_9", 6200)
    assert unposted["reasons"] == ["unmatched_customer"]
    assert {(risk["reason"], risk["amount"]) for risk in report["exceptions"]} == {
        ("unmatched_customer", "62.00"),
        ("not_json", None),
    }
    assert crossfoot(*command, "--strict").exit_code == 3
    assert "stripe:in_9" in crossfoot(*command).stdout


def test_before_the_deadline_a_pending_is_no_exception(crossfoot: Run, books: Any) -> None:
    early = ("standing", "--store", books.url, "--as-of", "2019-01-16", "--json")
    report = _json(crossfoot(*early))
    assert [risk["reason"] for risk in report["exceptions"]] == ["not_json"]
    assert report["events"]["expired"] == 0


# --- exports, dump, migrations -------------------------------------------------------------


@pytest.mark.parametrize(("name", "sign"), [("beancount", " open "), ("hledger", "account ")])
def test_an_export_goes_to_stdout_or_into_a_file(
    name: str, sign: str, crossfoot: Run, books: Any, tmp_path: Path
) -> None:
    streamed = crossfoot("export", name, "--store", books.url).stdout
    assert sign in streamed and "31.00 USD" in streamed
    out = tmp_path / "books.out"
    done = _json(crossfoot("export", name, "--store", books.url, "--out", out, "--json"))
    assert out.read_text() == streamed
    assert done["postings"] == 4
    assert list(tmp_path.iterdir()) == [out]


def test_the_spreadsheet_has_every_line(crossfoot: Run, books: Any) -> None:
    text = crossfoot("export", "csv", "--store", books.url).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 8
    assert {row["rule"] for row in rows} >= {"invoice_issued", "payment_succeeded"}


def test_an_export_that_cannot_be_written_is_told(crossfoot: Run, books: Any) -> None:
    no_folder = crossfoot("export", "csv", "--store", books.url, "--out", "/no/such/folder/b.csv")
    assert no_folder.exit_code == 2 and "/no/such/folder" in no_folder.stderr
    both = crossfoot("export", "csv", "--store", books.url, "--json")
    assert both.exit_code == 2 and "--out" in both.stderr


def test_the_dump_holds_every_event_and_is_the_same_each_time(crossfoot: Run, books: Any) -> None:
    first, again = (crossfoot("dump", "--store", books.url).stdout for _ in range(2))
    assert first == again
    tables = [json.loads(line)["table"] for line in first.splitlines()]
    assert tables.count("messages") == 4
    assert tables.count("postings") == 4
    digest = _json(crossfoot("dump", "--store", books.url, "--json"))
    assert digest["lines"] == len(tables)


def test_migrating_makes_a_store_once(crossfoot: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    made = _json(crossfoot("migrate", "--store", url, "--json"))
    again = _json(crossfoot("migrate", "--store", url, "--json"))
    assert (made["changed"], again["changed"]) == (True, False)
    assert made["version"] == again["version_before"]


# --- stores that are not there -------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("trial-balance",),
        ("trace", "in_1"),
        ("standing",),
        ("exceptions", "list"),
        ("export", "csv"),
        ("dump",),
    ],
    ids=" ".join,
)
def test_a_store_that_is_not_there_is_told_and_not_made(
    command: tuple[str, ...], crossfoot: Run, tmp_path: Path
) -> None:
    missing = tmp_path / "nothing.db"
    result = crossfoot(*command, "--store", f"sqlite:///{missing}")
    assert result.exit_code == 4
    assert "there is no store" in result.stderr and "to mend:" in result.stderr
    assert not missing.exists()


def test_a_database_of_another_program_is_left_alone(crossfoot: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE notes (text)")
    before = (tmp_path / "other.db").read_bytes()
    result = crossfoot("migrate", "--store", f"sqlite:///{tmp_path / 'other.db'}")
    assert result.exit_code == 4
    assert (tmp_path / "other.db").read_bytes()[100:] == before[100:]


@pytest.mark.parametrize("url", ["mysql://root:hunter2@db/x", "books.db", "sqlite://"])
def test_a_url_that_is_none_is_told_without_its_password(url: str, crossfoot: Run) -> None:
    result = crossfoot("trial-balance", "--store", url)
    assert result.exit_code in (2, 4)
    assert "hunter2" not in result.stderr
    assert "to mend:" in result.stderr
