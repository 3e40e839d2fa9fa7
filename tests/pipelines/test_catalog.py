"""The catalog names all there is, and a change reaches all that rests on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.policy_packs import pack_names
from pipelines.catalog import KINDS, catalog, impact, jobs
from runners.crossfoot import app
from runners.exit_codes import ExitCode
from schemas.registry import load_registry

REGISTRY = load_registry()
ITEMS = catalog(REGISTRY)
ROOT = Path(__file__).parents[2]


def keys(kind: str) -> set[str]:
    return {item.name for item in ITEMS if item.kind == kind}


def reached(key: str) -> set[str]:
    return {item.key for item in impact(ITEMS, key)}


def test_everything_is_in_it_once_with_owner_and_version() -> None:
    assert keys("subject") == set(REGISTRY.subjects)
    assert keys("policy") == set(pack_names())
    assert {"order_to_cash", "order_to_cash_live", "preview", "resubmit"} <= keys("pipeline")
    assert {"stripe", "salesforce"} <= keys("mapping") & keys("source")
    assert len({item.key for item in ITEMS}) == len(ITEMS)
    assert all(item.owner and item.version and item.about for item in ITEMS)
    assert {item.kind for item in ITEMS} == set(KINDS)


def test_nothing_needs_what_is_not_there() -> None:
    known = {item.key for item in ITEMS}
    assert {need for item in ITEMS for need in item.needs} <= known


def test_every_event_is_read_by_a_process() -> None:
    read = {need for item in ITEMS if item.kind == "process" for need in item.needs}
    outputs = {"erp.posting", "lifecycle.update", "ops.dead_letter"}
    assert {f"subject:{name}" for name in set(REGISTRY.subjects) - outputs} <= read


def test_jobs_are_files_of_the_room() -> None:
    assert set(jobs()) <= {path.stem for path in (ROOT / "pipelines").glob("*.py")}
    assert "options" not in jobs() and "catalog" not in jobs()


def test_an_invoice_reaches_the_books_and_the_erp() -> None:
    found = reached("subject:billing.invoice_issued")
    assert {
        "process:posting",
        "subject:erp.posting",
        "consumer:erp",
        "pipeline:order_to_cash",
    } <= found
    assert "subject:billing.invoice_voided" not in found
    assert "policy:receivable" not in found


def test_a_mapping_reaches_what_it_produces_and_a_source_reaches_its_mapping() -> None:
    found = reached("source:salesforce")
    assert {"mapping:salesforce", "subject:crm.record_changed", "process:contracts"} <= found
    assert "mapping:stripe" not in found


def test_a_policy_reaches_postings_and_no_event() -> None:
    found = reached("policy:stripe-contra")
    assert {"process:posting", "subject:erp.posting"} <= found
    assert not any(key.startswith("subject:billing.") for key in found)


def test_what_is_unknown_is_an_error() -> None:
    with pytest.raises(KeyError):
        impact(ITEMS, "subject:billing.lost")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.stdout


def test_commands_print_it_for_people_and_machines() -> None:
    code, out = run("catalog", "--json")
    assert code == ExitCode.OK
    listed = {f"{x['kind']}:{x['name']}": x for x in json.loads(out)}
    assert listed.keys() == {item.key for item in ITEMS}
    assert "process:posting" in listed["subject:billing.invoice_issued"]["dependents"]
    code, out = run("catalog", "--kind", "mapping")
    assert code == ExitCode.OK and "salesforce" in out and "2015-01-01" in out
    code, out = run("impact", "billing.invoice_issued", "--json")
    assert code == ExitCode.OK and {x["kind"] for x in json.loads(out)} >= {"process", "pipeline"}
    assert run("impact", "posting")[0] == ExitCode.OK
    assert run("impact", "stripe")[0] == ExitCode.USAGE  # a source and a mapping
    assert run("impact", "mapping:stripe")[0] == ExitCode.OK
    assert run("impact", "nothing")[0] == run("catalog", "--kind", "x")[0] == ExitCode.USAGE
