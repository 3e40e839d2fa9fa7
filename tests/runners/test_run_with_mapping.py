"""A run with a GL mapping, from event files to what an ERP gets: held, released, delivered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from connectors.gl_mappings import load_gl_mapping
from connectors.store import open_store
from schemas.registry import load_registry
from tests.connectors.deliveries.example_erp import ExampleErp, drainer
from tests.connectors.store.conftest import new_postgres_url, store_url

__all__ = ["new_postgres_url", "store_url"]

Run = Callable[..., Result]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "quickstart"
EVENTS = ("--input", EXAMPLE / "events" / "*", "--books", EXAMPLE / "books.yaml")
DAY = ("--as-of", "2026-06-30", "--tenant", "acme")

ROLES = (
    "accounts_receivable bank cash_clearing deferred_revenue processing_fees refunds revenue"
).split()
HALF = "name: acme\nversion: 1\ndefaults:\n" + "".join(f"  {role}: gl-{role}\n" for role in ROLES)
WHOLE = HALF + "rows:\n  - {role: tax_payable, entity: DE01, account: '2200', class: VAT}\n"


@pytest.fixture
def run(crossfoot: Run, tmp_path: Path) -> Callable[..., Any]:
    """Run the example company with a mapping; return the run's JSON."""

    def go(mapping: str, *where: object) -> Any:
        path = tmp_path / "gl.yaml"
        path.write_text(mapping)
        command = ("run", "order-to-cash", *EVENTS, *DAY, "--mapping", path, *where)
        result = crossfoot(*command, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return go


def queue(crossfoot: Run, url: str) -> list[Any]:
    listed = crossfoot("exceptions", "list", "--store", url, "--as-of", "2026-06-30", "--json")
    return [
        row
        for row in json.loads(listed.stdout)["exceptions"]
        if row["reason"] == "unmapped_account"
    ]


def delivered(url: str, mapping: str, tmp_path: Path) -> dict[str, Any]:
    """What the ERP has after draining the outbox: accounts and amounts by posting id."""
    path = tmp_path / "gl.yaml"
    path.write_text(mapping)
    with open_store(url) as store:
        erp = ExampleErp()
        drainer(store, erp, mapping=load_gl_mapping(str(path))).drain()
    return {
        parcel.posting_id: parcel.posting
        for shipment in erp.booked.values()
        for parcel in shipment.parcels
        if parcel.posting_id in erp.booked
    }


def test_a_posting_without_a_row_waits_with_its_money_until_the_row_is_there(
    crossfoot: Run, run: Any, store_url: str, tmp_path: Path
) -> None:
    first = run(HALF, "--store", store_url)
    assert (first["mapping"], first["unmapped"], first["released"]) == ("acme@1", 3, 0)
    # The two invoices and the refund have VAT; the payments and nothing else go on.
    waiting = queue(crossfoot, store_url)
    assert sorted((row["amount"], row["period"], row["entity"]) for row in waiting) == [
        ("1071.00", "2026-01", "DE01"),
        ("119.00", "2026-02", "DE01"),
        ("59.50", "2026-02", "DE01"),
    ]
    assert all("tax_payable · family none" in row["detail"] for row in waiting)
    early = delivered(store_url, HALF, tmp_path)
    assert len(early) == first["new_entries"] - 3

    again = run(WHOLE, "--store", store_url)
    assert (again["nothing_new"], again["unmapped"], again["released"]) == (True, 0, 3)
    assert queue(crossfoot, store_url) == []
    late = delivered(store_url, WHOLE, tmp_path)
    assert len(late) == 3 and not early.keys() & late.keys()

    other = f"sqlite:///{tmp_path}/other.db"
    run(WHOLE, "--store", other)
    at_once = delivered(other, WHOLE, tmp_path)
    assert {key: said(one) for key, one in (early | late).items()} == {
        key: said(one) for key, one in at_once.items()
    }
    assert {line.gl_account for one in late.values() for line in one.lines} >= {"2200"}


def said(posting: Any) -> Any:
    """A posting but for the batch and the moment it went in."""
    return {
        name: getattr(posting, name)
        for name in posting.__struct_fields__
        if name not in ("batch_id", "booked_at_micros")
    }


def test_files_hold_what_has_accounts_and_the_rest_apart(run: Any, tmp_path: Path) -> None:
    first = run(HALF, "--output", tmp_path / "out")
    assert first["unmapped"] == 3
    assert len(postings(tmp_path / "out", "unmapped-postings")) == 3
    assert len(postings(tmp_path / "out", "erp-postings")) == first["new_entries"] - 3
    assert all(
        line["gl_account"] == f"gl-{line['account_role']}"
        for posting in postings(tmp_path / "out", "erp-postings")
        for line in posting["lines"]
    )
    assert run(WHOLE, "--output", tmp_path / "out")["unmapped"] == 0
    assert run(WHOLE, "--output", tmp_path / "new")["unmapped"] == 0
    assert postings(tmp_path / "out", "unmapped-postings") == []
    assert texts(tmp_path / "out") == texts(tmp_path / "new")


def postings(folder: Path, stem: str) -> list[Any]:
    return [
        json.loads(line)
        for path in sorted(folder.glob(f"{stem}-*"))
        for line in path.read_text().splitlines()
    ]


def texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_written_is_a_posting_of_the_schema(run: Any, tmp_path: Path) -> None:
    run(WHOLE, "--output", tmp_path / "out")
    latest = load_registry().latest("erp.posting")
    written = postings(tmp_path / "out", "erp-postings")
    for posting in written:
        record = latest.decode_json(json.dumps(posting).encode())
        assert latest.decode(latest.encode(record)) == record
    assert {posting["mapping"] for posting in written} == {"acme@1"}
    lines = [line for posting in written for line in posting["lines"]]
    tax = [line for line in lines if line["account_role"] == "tax_payable"]
    assert {(line["gl_account"], line["classification"]) for line in tax} == {("2200", "VAT")}


def test_without_a_mapping_nothing_waits_for_one(crossfoot: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    result = crossfoot("run", "order-to-cash", *EVENTS, *DAY, "--store", url, "--json")
    outcome = json.loads(result.stdout)
    assert (outcome["mapping"], outcome["unmapped"]) == (None, 0)
    assert queue(crossfoot, url) == []


def test_strict_fails_while_something_is_unmapped(crossfoot: Run, tmp_path: Path) -> None:
    path = tmp_path / "gl.yaml"
    path.write_text(HALF)
    command = ("run", "order-to-cash", *EVENTS, *DAY, "--store", f"sqlite:///{tmp_path}/b.db")
    assert crossfoot(*command, "--mapping", path, "--strict").exit_code == 3


def test_a_mapping_that_is_wrong_is_told_before_anything_is_done(
    crossfoot: Run, tmp_path: Path
) -> None:
    path = tmp_path / "gl.yaml"
    path.write_text("name: m\nversion: 1\nrows:\n  - {role: revenu, account: 1}\n")
    url = f"sqlite:///{tmp_path}/books.db"
    refused = crossfoot("run", "order-to-cash", *EVENTS, "--store", url, "--mapping", path)
    assert refused.exit_code == 2
    assert "'revenu' is no account role; revenue?" in refused.stderr
    assert not (tmp_path / "books.db").exists()
