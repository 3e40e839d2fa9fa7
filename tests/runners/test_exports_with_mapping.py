"""Exports and traces on GL accounts, as a controller runs them on the quickstart."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from beancount import loader
from typer.testing import Result

from connectors.gl_mappings import load_gl_mapping
from connectors.store import open_store
from tests.connectors.deliveries.example_erp import ExampleErp, drainer

Run = Callable[..., Result]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MAPPING = EXAMPLES / "gl" / "mapping.yaml"


@pytest.fixture
def store(crossfoot: Run, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/books.db"
    done = crossfoot(
        *("run", "order-to-cash", "--input", EXAMPLES / "quickstart" / "events" / "*"),
        *("--books", EXAMPLES / "quickstart" / "books.yaml", "--store", url),
        *("--as-of", "2026-06-30", "--tenant", "acme"),
    )
    assert done.exit_code == 0, done.output
    return url


def export(crossfoot: Run, kind: str, store: str, path: Path, *more: object) -> Path:
    done = crossfoot("export", kind, "--store", store, "--out", path, *more)
    assert done.exit_code == 0, done.output
    return path


def test_hledger_and_beancount_accept_books_on_gl_accounts(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    journal = export(crossfoot, "hledger", store, tmp_path / "b.journal", "--mapping", MAPPING)
    subprocess.run(["hledger", "-f", journal, "check", "--strict"], check=True)
    assert "Income:DE01:4110  -50.00 EUR" not in journal.read_text()
    assert "account Income:DE01:4110" in journal.read_text()
    assert "account Liabilities:DE01:2200" in journal.read_text()
    beans = export(crossfoot, "beancount", store, tmp_path / "b.beancount", "--mapping", MAPPING)
    _, errors, _ = loader.load_file(str(beans))
    assert errors == []


def test_csv_has_accounts_in_columns_of_their_own(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    plain = export(crossfoot, "csv", store, tmp_path / "plain.csv").read_text()
    path = export(crossfoot, "csv", store, tmp_path / "gl.csv", "--mapping", MAPPING)
    rows = list(csv.DictReader(path.open(newline="")))
    found = {(row["account_role"], row["gl_account"], row["classification"]) for row in rows}
    assert ("revenue", "4110", "SaaS") in found and ("tax_payable", "2200", "") in found
    assert {row["mapping"] for row in rows} == {"example@1"}
    assert "gl_account" not in plain


def test_what_has_no_account_stays_on_its_role_and_is_counted(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    some = tmp_path / "gl.yaml"
    some.write_text("name: s\nversion: 1\ndefaults: {revenue: 1, deferred_revenue: 2}\n")
    path = tmp_path / "b.journal"
    done = crossfoot("export", "hledger", "--store", store, "--out", path, "--mapping", some)
    assert "postings have no GL account" in done.stderr
    assert "AccountsReceivable" in path.read_text() and ":DE01:1\n" in path.read_text()
    subprocess.run(["hledger", "-f", path, "check", "--strict"], check=True)


def test_delivered_postings_keep_their_accounts_and_trace_says_which_row_gave_them(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    with open_store(store) as books:
        drainer(books, ExampleErp(), mapping=load_gl_mapping(str(MAPPING))).drain()
    other = tmp_path / "gl.yaml"
    other.write_text(
        MAPPING.read_text().replace("chart: chart.csv", "").replace('"1200"', '"1299"')
        .replace("version: 1", "version: 2")
    )  # fmt: skip
    path = export(crossfoot, "csv", store, tmp_path / "gl.csv", "--mapping", other)
    assert "1299" not in path.read_text() and "example@2" not in path.read_text()
    traced = json.loads(crossfoot("trace", "evt_3", "--store", store, "--json").stdout)
    accounts = [one for posting in traced["postings"] for one in posting["accounts"]]
    assert {one["mapping"] for one in accounts} == {"example@1"}
    assert any(one["account"] == "4110" and one["row"] == 5 for one in accounts)
    shown = crossfoot("trace", "evt_3", "--store", store).stdout
    assert "4110 / 200 / SaaS by example@1 row 5" in shown


def test_the_trace_of_an_unmapped_posting_says_what_is_missing(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    some = tmp_path / "gl.yaml"
    some.write_text("name: s\nversion: 1\ndefaults: {revenue: 1}\n")
    with open_store(store) as books:
        books.mapping_desk.review(load_gl_mapping(str(some)))
    shown = crossfoot("trace", "evt_3", "--store", store).stdout
    assert "pending unmapped_account: s@1 has no account for" in shown
