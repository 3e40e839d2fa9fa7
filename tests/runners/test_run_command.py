"""`crossfoot run order-to-cash` from files into a store, and what it says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import Result

import runners.fn_api
from connectors.store import LedgerStore
from pipelines.report import ConservationBroken

Run = Callable[..., Result]
Write = Callable[..., Path]

MONTHLY = (3100, "2019-01-15", ("2019-01-15", "2019-02-15"))


def test_a_run_prints_the_equation_and_the_trial_balance(books: Any) -> None:
    assert books.first.exit_code == 0
    shown = books.first.stdout
    assert "6 read = 2 posted + 1 recorded + 1 pending + 1 dead-lettered + 1 duplicates" in shown
    assert "MAIN USD: debits = credits" in shown
    rows = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines()]
    assert ["cash_clearing", "31.00", ""] in rows
    assert ["revenue", "", "31.00"] in rows


def test_the_same_files_again_post_nothing_new_and_the_run_says_so(books: Any) -> None:
    assert "nothing new was posted" in books.again.stdout
    assert "nothing new was posted" not in books.first.stdout
    equation = "6 read = 0 posted + 0 recorded + 0 pending + 0 dead-lettered + 6 duplicates"
    assert equation in books.again.stdout


def test_json_gives_counts_and_balances(
    crossfoot: Run, lines: Write, new_stripe: Any, customer: Any, tmp_path: Path
) -> None:
    path = lines(customer("1", "2019-01-14"), *new_stripe(*MONTHLY))
    url = f"sqlite:///{tmp_path / 'books.db'}"
    result = crossfoot(
        *("run", "order-to-cash", "--input", path, "--store", url),
        *("--as-of", "2019-02", "--policy", "stripe-contra", "--json"),
    )
    outcome = json.loads(result.stdout)
    assert outcome["adds_up"] is True
    assert (outcome["messages_read"], outcome["posted"], outcome["new_entries"]) == (3, 2, 4)
    assert outcome["as_of"] == "2019-03-01T00:00:00+00:00"
    assert outcome["nothing_new"] is False
    balances = {
        row["role"]: (row["side"], row["balance"]) for row in outcome["trial_balance"]["lines"]
    }
    assert balances["cash_clearing"] == ("debit", "31.00")
    assert balances["revenue"] == ("credit", "31.00")
    assert balances["deferred_revenue"] == ("credit", "0.00")
    assert outcome["trial_balance"]["balanced"] is True


def test_without_a_store_the_postings_are_files(
    crossfoot: Run, lines: Write, new_stripe: Any, customer: Any, tmp_path: Path
) -> None:
    path = lines(customer("1", "2019-01-14"), *new_stripe(*MONTHLY))
    result = crossfoot(
        *("run", "order-to-cash", "--input", path, "--output", tmp_path / "out"),
        *("--as-of", "2019-02-28", "--json"),
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["trial_balance"] is None
    postings = [
        json.loads(line)
        for file in (tmp_path / "out").glob("erp-postings-*")
        for line in file.read_bytes().splitlines()
    ]
    assert len(postings) == json.loads(result.stdout)["new_entries"]


def test_strict_fails_when_something_waits_or_was_refused(crossfoot: Run, books: Any) -> None:
    command = ("run", "order-to-cash", "--input", books.events, "--store", books.url)
    assert crossfoot(*command, "--as-of", "2019-02-28", "--strict").exit_code == 3


def test_options_that_are_wrong_are_told_before_anything_is_done(
    crossfoot: Run, lines: Write, new_stripe: Any, tmp_path: Path
) -> None:
    path = lines(*new_stripe(*MONTHLY))
    nowhere = crossfoot("run", "order-to-cash", "--input", path)
    assert nowhere.exit_code == 2
    assert "--store" in nowhere.stderr and "--output" in nowhere.stderr
    url = f"sqlite:///{tmp_path / 'books.db'}"
    unknown = crossfoot(
        "run", "order-to-cash", "--input", path, "--store", url, "--policy", "nobodys"
    )
    assert unknown.exit_code == 2
    assert not (tmp_path / "books.db").exists()


def test_an_equation_that_does_not_add_up_fails_loudly(
    crossfoot: Run, lines: Write, new_stripe: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    def lose_one(options: object) -> None:
        raise ConservationBroken("2 read ≠ 1 posted")

    monkeypatch.setattr(runners.fn_api, "run_order_to_cash", lose_one)
    url = f"sqlite:///{tmp_path / 'books.db'}"
    path = lines(*new_stripe(*MONTHLY))
    result = crossfoot("run", "order-to-cash", "--input", path, "--store", url)
    assert result.exit_code == 3
    assert "does not add up: 2 read ≠ 1 posted" in result.stderr
    assert result.stdout == ""


def test_a_store_that_fails_in_a_worker_is_told_without_the_statements_data(
    crossfoot: Run,
    lines: Write,
    new_stripe: Any,
    tmp_path: Path,
    monkeypatch: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(self: LedgerStore, *_: object) -> None:
        statement = "INSERT INTO messages VALUES (?)"
        raise OperationalError(statement, ("SECRET NAME",), Exception("disk is full"))

    monkeypatch.setattr(LedgerStore, "commit", fail)
    url = f"sqlite:///{tmp_path / 'books.db'}"
    path = lines(*new_stripe(*MONTHLY))
    result = crossfoot("run", "order-to-cash", "--input", path, "--store", url)
    assert result.exit_code == 4
    assert "the store failed: disk is full" in result.stderr
    assert "to mend:" in result.stderr
    told = capfd.readouterr()
    assert "SECRET NAME" not in result.output + told.out + told.err


def test_another_policy_than_the_last_run_is_warned_of(
    crossfoot: Run, lines: Write, new_stripe: Any, customer: Any, tmp_path: Path
) -> None:
    path = lines(customer("1", "2019-01-14"), *new_stripe(*MONTHLY))
    command = ("run", "order-to-cash", "--input", path, "--as-of", "2019-02-28")
    store = ("--store", f"sqlite:///{tmp_path / 'books.db'}")
    assert "booked anew" not in crossfoot(*command, *store).stderr
    other = crossfoot(*command, *store, "--policy", "receivable")
    assert "the last run used policy stripe-contra@1, this one receivable@1" in other.stderr


def test_the_runner_script_starts_the_same_pipeline(
    lines: Write, new_stripe: Any, customer: Any, tmp_path: Path
) -> None:
    path = lines(customer("1", "2019-01-14"), *new_stripe(*MONTHLY))
    url = f"sqlite:///{tmp_path / 'books.db'}"
    words = ["order_to_cash", "--input", str(path), "--store", url, "--as-of", "2019-02-28"]
    finished = subprocess.run(
        [sys.executable, "-m", "runners.local", *words], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert "3 read = 2 posted + 1 recorded" in finished.stdout
