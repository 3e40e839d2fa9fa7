"""Every field that the schemas mark as personal data, planted in good and bad events: what it
holds shows in no log, no report, no count and no detail of a dead letter.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import create_engine, text
from typer.testing import Result

from connectors.ledger_versions import EVENT_TYPES
from schemas.registry import PACKAGE_ROOT, load_registry
from tests.pipelines.bad_input_events import (
    Json,
    as_line,
    charge,
    crm_change,
    customer,
    event,
    invoice,
    invoice_line,
)

CANARY = "zilpahcanarywood"
AS_OF = "2026-12-31"
ROOT = Path(__file__).parents[2]
REGISTRY = load_registry()

FIELDS = [
    (name, path)
    for name, subject in sorted(REGISTRY.subjects.items())
    for path in subject.about.personal_data
    if name in EVENT_TYPES
]
"""(subject, path) of each marked field of an event."""


class Told(NamedTuple):
    """A store filled with canaries, the run that filled it, and the lines it read."""

    url: str
    lines: list[bytes]
    run: subprocess.CompletedProcess[str]


def canary(number: int) -> str:
    """A value that could be a name or, with its sign, an address."""
    return f"{CANARY}{number}@person.example"


def _event_of(subject: str) -> Json:
    """The full example of a subject, as a JSON line of this tenant."""
    folder = PACKAGE_ROOT / "subjects" / subject / "examples"
    (path,) = sorted(folder.glob("v*/ok/full.json"))[-1:]
    return {"subject": subject, **json.loads(path.read_text()), "tenant": "default"}


def _planted(subject: str, path: str, value: Any) -> Json:
    """The example with `value` in the marked field; in each value, where the field is a map."""
    told = _event_of(subject)
    *parents, last = path.split(".")
    targets: list[Any] = [told]
    for step in parents:
        targets = [item for target in targets for item in target[step]]
    for target in targets:
        is_map = isinstance(target.get(last), dict)
        target[last] = dict.fromkeys(target[last] or {"name": ""}, value) if is_map else value
    return told


def _good_and_bad(subject: str, path: str, name: str) -> Iterator[Json | bytes]:
    """The field as it should be, and every way it or its event could be wrong."""
    good = _planted(subject, path, name)
    yield good
    yield from (_planted(subject, path, value) for value in _wrong_values(name))
    yield {**good, "occurred_at_micros": "9999-12-31T00:00:00Z"}
    yield {**good, "occurred_at_micros": name}
    yield {**good, "currency": name}
    yield {**good, "deleted": name, "lines": name, "attributes_set": name, "values": name}
    yield {**good, "attributes_set": [name], "change_type": name, "entity_name": name}
    yield {**good, "contact": name}
    yield {**good, "version": name}
    yield {**good, "subject": name}
    yield as_line(good)[:-1]
    yield as_line(good) + name.encode()
    yield as_line(good)[:-1] + b', "source": "a", "source": "' + name.encode() + b'"}'
    yield as_line(good).replace(name.encode(), name.encode() + b"\xff")
    yield {key: value for key, value in good.items() if key != "event_id"}


def _wrong_values(name: str) -> list[Any]:
    return [[name], {"is": name}, name + "\x1b[2J", name * 1000, [[name]], {name: {name: name}}]


def _provider_events(name: str) -> Iterator[Json | bytes]:
    """What Stripe and Salesforce know of a person, whole and broken in every field."""
    address = dict.fromkeys(("line1", "line2", "city", "state", "postal_code"), name)
    person = {"name": name, "email": name, "phone": name, "address": {**address, "country": "DE"}}
    listed = {"object": "list", "data": [{"type": "eu_vat", "value": name}]}
    buyer = customer(**person, description=name, tax_ids=listed, shipping=person)
    line = invoice_line(description=name)
    bill = invoice("in_1", line, customer_name=name, customer_email=name, description=name)
    paid = charge(3100, billing_details=person, receipt_email=name, description=name)
    account = crm_change("Account", "0014H00002LbR7QQAV", Name=name, BillingStreet=name, Phone=name)
    stripe = [("customer.created", buyer), ("invoice.finalized", bill), ("charge.succeeded", paid)]
    for number, (kind, thing) in enumerate(stripe):
        whole = event(f"evt_{number}", kind, thing)
        yield whole
        yield as_line(whole)[:-1]
        yield {**whole, "id": f"evt_{number}v", "api_version": name}
        yield {**whole, "id": f"evt_{number}t", "type": f"{kind}.{name}"}
        for key, wrong in _each_field_wrong(thing, name):
            yield {**whole, "id": f"evt_{number}{key}", "data": {"object": wrong}}
    yield account
    for key, wrong in _each_field_wrong(account["payload"], name):
        yield {**account, "id": f"ce_{key}", "payload": wrong}


def _each_field_wrong(thing: Json, name: str) -> Iterator[tuple[str, Json]]:
    """The object with one of its fields (ids aside, which reports do show) holding the name."""
    for key in thing:
        if key in ("id", "customer", "ChangeEventHeader"):
            continue
        for number, value in enumerate([name, *_wrong_values(name), {"metadata": name}]):
            yield f"{key}{number}", {**copy.deepcopy(thing), key: value}


def _all_lines() -> list[bytes]:
    lines: list[bytes] = []
    for number, (subject, path) in enumerate(FIELDS):
        for told in _good_and_bad(subject, path, canary(number)):
            lines.append(told if isinstance(told, bytes) else as_line(told))
    for told in _provider_events(canary(len(FIELDS))):
        lines.append(told if isinstance(told, bytes) else as_line(told))
    return [_under_an_id_of_its_own(line, number) for number, line in enumerate(lines)]


def _under_an_id_of_its_own(line: bytes, number: int) -> bytes:
    return line.replace(b"salesforce:ce_", b"salesforce:ce_%d_" % number).replace(
        b'"evt_', b'"evt_%d_' % number
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One verbose run, in a process of its own so that every log is seen."""
    folder = tmp_path_factory.mktemp("personal")
    lines = _all_lines()
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    url = f"sqlite:///{folder / 'books.db'}"
    words = ["--verbose", "run", "order-to-cash", "--input", str(folder / "events.jsonl")]
    words += ["--store", url, "--as-of", AS_OF]
    command = [sys.executable, "-c", "from runners.crossfoot import app; app()", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Told(url, lines, run)


def assert_silent(output: str) -> None:
    """No canary in the output, nor half of one that was cut to fit a column."""
    assert CANARY[:8] not in output.casefold()


def test_every_marked_field_of_an_event_is_planted(told: Told) -> None:
    assert len(FIELDS) >= 10
    for number in range(len(FIELDS)):
        assert sum(canary(number).encode() in line for line in told.lines) > 10


def test_the_run_takes_the_good_and_refuses_the_bad(told: Told) -> None:
    assert told.run.returncode == 0, told.run.stderr
    with create_engine(told.url).connect() as store:
        reasons = store.execute(text("select distinct reason from dead_letters")).scalars().all()
        held = store.execute(text("select count(*) from messages")).scalar_one()
    assert held > len(FIELDS)
    assert {"wrong_type", "invalid_value", "unknown_field", "unknown_currency"} <= set(reasons)
    assert {"not_json", "missing_field", "unknown_subject", "duplicate_key"} <= set(reasons)
    assert {"unknown_api_version", "unknown_event_type"} <= set(reasons)
    assert "timestamp_out_of_range" in reasons


def test_no_log_and_no_count_of_the_run_names_anybody(told: Told) -> None:
    assert "INFO" in told.run.stderr, "a verbose run logs"
    assert_silent(told.run.stdout)
    assert_silent(told.run.stderr)


def test_no_column_of_a_dead_letter_but_its_bytes_names_anybody(told: Told) -> None:
    with create_engine(told.url).connect() as store:
        for table in ("dead_letters", "pending", "runs", "ownership_conflicts", "contracts"):
            for row in store.execute(text(f"select * from {table}")).mappings():
                kept = {key: value for key, value in row.items() if not key.startswith("body")}
                assert_silent(repr(kept))


@pytest.mark.parametrize(
    "command",
    [
        ("exceptions", "list", "--as-of", AS_OF),
        ("exceptions", "list", "--as-of", AS_OF, "--json"),
        ("exceptions", "resubmit", "--all", "--as-of", AS_OF),
        ("standing", "--as-of", AS_OF),
        ("trial-balance", "--json"),
        ("export", "csv"),
        ("export", "hledger"),
        ("export", "beancount"),
    ],
    ids=" ".join,
)
def test_no_report_names_anybody(
    command: tuple[str, ...], told: Told, crossfoot: Callable[..., Result]
) -> None:
    result = crossfoot("--verbose", *command, "--store", told.url)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip()
    assert_silent(result.output)
