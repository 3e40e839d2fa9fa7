"""Examples are read by both versions; a change of schemas that moves money shows the entries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.schema_samples import compare_samples, compare_samples_with
from runners.crossfoot import app
from runners.exit_codes import ExitCode
from schemas.judging import Finding
from schemas.publishing import publish
from schemas.registry import PACKAGE_ROOT, load_registry
from tests.schemas.registry_copies import copy_registry, optional

INVOICE = "billing.invoice_issued"
CUSTOMER = "crm.customer_account_changed"
LATEST = load_registry().latest(INVOICE).number


def drafted(root: Path, change: Callable[[list[Any]], object]) -> Path:
    """The invoice's next version beside the published ones, not published itself."""
    copy_registry(root, INVOICE, CUSTOMER)
    folder = root / "subjects" / INVOICE
    schema = json.loads((folder / f"v{LATEST}.avsc").read_text())
    change(schema["fields"])
    (folder / f"v{LATEST + 1}.avsc").write_text(json.dumps(schema))
    return root


def field(fields: list[Any], name: str) -> dict[str, Any]:
    return next(f for f in fields if f["name"] == name)


def found(root: Path) -> list[Finding]:
    return list(compare_samples(root, load_registry(root)))


def test_the_registry_that_is_shipped_moves_nothing() -> None:
    assert list(compare_samples(PACKAGE_ROOT, load_registry())) == []


def test_a_harmless_field_moves_nothing(tmp_path: Path) -> None:
    assert found(drafted(tmp_path, lambda fields: fields.append(optional("why")))) == []


def spent(fields: list[Any]) -> None:
    """Who says nothing of the customer's balance now says that 2.50 of it were spent."""
    field(fields, "balance_applied_minor")["default"] = 250


def test_a_default_that_moves_money_shows_the_entries(tmp_path: Path) -> None:
    told = found(drafted(tmp_path, spent))
    assert told and {f.cause for f in told} == {"money"}
    entries = [f for f in told if "other journal entries" in f.what]
    assert entries
    assert any("customer_balance 2.50 " in f.what and "; + " in f.what for f in entries), entries


def test_since_a_commit_the_examples_of_both_sides_are_read(tmp_path: Path) -> None:
    before = copy_registry(tmp_path / "before", INVOICE, CUSTOMER)
    after = drafted(tmp_path / "after", spent)
    told = list(compare_samples_with(after, load_registry(after), before, load_registry(before)))
    assert any("other journal entries" in f.what for f in told)
    assert (
        list(compare_samples_with(before, load_registry(before), before, load_registry(before)))
        == []
    )


@pytest.mark.parametrize(("change", "code"), [(spent, ExitCode.DATA), (None, ExitCode.OK)])
def test_the_check_shows_the_difference_in_the_journal(
    tmp_path: Path, change: Any, code: ExitCode
) -> None:
    root = drafted(tmp_path, change or (lambda fields: fields.append(optional("why"))))
    if change is None:
        publish(root)
    line = ["schemas", "check", "--with-samples", "--registry", str(root), "--json"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == code, done.output
    assert ("other journal entries" in done.stdout) is (code == ExitCode.DATA)
