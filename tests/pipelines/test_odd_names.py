"""Names and ids that look like markup, cells, formulas or commands: kept as text, everywhere."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.exports import EXPORTS, EXTENSIONS
from connectors.store import open_store
from ledger.events import CustomerAccountChanged
from tests.pipelines.bad_input_events import as_line, customer, event, invoice, invoice_line
from tests.pipelines.bad_input_runs import HEALTHY, Ran, counts, run, run_healthy, write

NAMES = [
    "<script>alert('x')</script>",
    '<img src=x onerror="alert(1)">&amp;&lt;',
    'Sons, "Daughters" & Co; GmbH',
    "two\nlines\tand a tab",
    '=HYPERLINK("https://books.example";"pay")',
    "'; DROP TABLE messages; --",
    "%s %d {0} ${x} $(x) `x`",
    "株式会社 Ünïcödé 👩🏽‍💻 \u202emorf",
    "\ufeffbegins with a mark",
    "\\N \\x00 \\u0000 \\",
    "null",
    "",
    " ",
    "x" * 10_000,
]

ODD_IDS = [
    "in_\",'",
    "in_<script>",
    "in_=1+1",
    "in_; comment",
    "in_株式",
    "in_a b",
    "in_\\",
    "in_{:}",
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The healthy customer alone."""
    return run_healthy(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A customer of every odd name, and invoices of one of them under every odd id."""
    folder = tmp_path_factory.mktemp("odd")
    customers = [
        event(f"evt_odd_{number}", "customer.created", customer(f"cus_odd_{number}", name))
        for number, name in enumerate(NAMES)
    ]
    invoices = [
        event(f"evt_{odd_id}", "invoice.finalized", _odd_invoice(odd_id)) for odd_id in ODD_IDS
    ]
    lines = [as_line(told) for told in [*customers, *invoices]]
    return run(folder, write(folder / "events.jsonl", [*lines, *HEALTHY]))


def _odd_invoice(odd_id: str) -> dict[str, object]:
    line = invoice_line(
        id=f"il_{odd_id}",
        description=NAMES[2],
        pricing={
            "type": "price_details",
            "price_details": {"price": "price_1", "product": f"prod_{odd_id}"},
            "unit_amount_decimal": "3100",
        },
    )
    return invoice(odd_id, line, customer="cus_odd_2")


def test_odd_names_and_ids_are_taken_and_touch_nothing(odd: Ran, undisturbed: Ran) -> None:
    names, ids = len(NAMES), len(ODD_IDS)
    assert counts(odd.report) == (3 + names + ids, 2 + ids, 1 + names, 0, 0, 0)
    assert odd.letters == []
    assert odd.journal == undisturbed.journal


def test_names_are_kept_letter_by_letter(odd: Ran) -> None:
    refs = [f"stripe:cus_odd_{number}" for number in range(len(NAMES))]
    with open_store(odd.url, create=False) as books:
        history = books.history("default", refs)
    kept = {
        told.customer_id: told.name
        for message in history.of(refs)
        for told in message.events
        if isinstance(told, CustomerAccountChanged)
    }
    assert kept == dict(zip(refs, NAMES, strict=True))


def test_odd_ids_survive_the_csv_export_cell_by_cell(odd: Ran) -> None:
    with open_store(odd.url, create=False) as books:
        postings = list(books.postings())
    text = "".join(EXPORTS["csv"](postings))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == sum(len(posted.entry.lines) for posted in postings)
    odd_ids = {f"stripe:{odd_id}" for odd_id in ODD_IDS}
    assert {row["invoice_id"] for row in rows} == {*odd_ids, "stripe:in_1"}
    assert {f"prod_{odd_id}" for odd_id in ODD_IDS} <= {row["product"] for row in rows}
    assert all(None not in row and None not in row.values() for row in rows)


@pytest.mark.parametrize(
    ("kind", "command"),
    [("beancount", ["bean-check"]), ("hledger", ["hledger", "check", "--strict", "-f"])],
)
def test_odd_ids_survive_the_export_to_other_books(
    odd: Ran, tmp_path: Path, kind: str, command: list[str]
) -> None:
    with open_store(odd.url, create=False) as books:
        text = "".join(EXPORTS[kind](books.postings()))
    exported = tmp_path / f"books.{EXTENSIONS[kind]}"
    exported.write_text(text, encoding="utf-8")
    assert text.count("stripe:in_1") > 0
    program = shutil.which(command[0]) or _beside_python(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    checked = subprocess.run(
        [program, *command[1:], str(exported)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _beside_python(name: str) -> str | None:
    """A program of this environment, which need not be on the path."""
    return shutil.which(name, path=str(Path(sys.executable).parent))
