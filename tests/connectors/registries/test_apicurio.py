"""A real Apicurio registry: takes plan and apply, refuses what breaks, and its ids are decoded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.decoding import DecodeContext
from connectors.event_files import DecodeSettings
from connectors.registries.confluent import ConfluentRegistry
from connectors.registries.learning import LearnedWriters, learned_ids, version_of
from connectors.registries.outer import OuterRegistry
from connectors.registries.steps import ids_of
from connectors.wire.confluent import decode_confluent
from ledger.messages import DeadLetter, Message
from runners.crossfoot import app
from runners.exit_codes import ExitCode
from schemas.lock import read_lock
from schemas.registry import PACKAGE_ROOT, load_registry
from schemas.wire_format import as_confluent
from tests.schemas.registry_copies import PAID, VOIDED, add_version, copy_registry, optional
from tests.servers.apicurio_server import ApicurioServer

INVOICE = "billing.invoice_issued"
Steps = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy_registry(tmp_path / "registry", VOIDED, PAID, INVOICE)
    add_version(tmp_path / "registry", VOIDED, lambda fields: fields.append(optional("why")))
    return tmp_path / "registry"


@pytest.fixture
def steps(root: Path, apicurio: ApicurioServer, request: pytest.FixtureRequest) -> Steps:
    """Run plan or apply; every test names its subjects there after itself."""
    naming = f"{request.node.name}.{{subject}}-value"

    def run(command: str, *words: str, expected: ExitCode = ExitCode.OK) -> list[dict[str, Any]]:
        fixed = ["--target", "confluent", "--url", apicurio.url, "--naming", naming, "--json"]
        line = ["schemas", command, *words, *fixed, "--registry", str(root)]
        done = CliRunner().invoke(app, line)
        assert done.exit_code == expected, done.output
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


def actions(steps: list[dict[str, Any]]) -> Counter[str]:
    return Counter(step["action"] for step in steps)


def applied(steps: Steps, *words: str, **more: Any) -> list[dict[str, Any]]:
    return steps("apply", "--yes", "--name", "apicurio", *words, **more)


def test_plan_changes_nothing_apply_registers_and_then_there_is_nothing_to_do(
    steps: Steps, root: Path, apicurio: ApicurioServer, request: pytest.FixtureRequest
) -> None:
    before = (root / "registry.lock").read_bytes()
    planned = [s for s in steps("plan") if s["version"] is not None]
    versions = [
        (name, version.number)
        for name in (INVOICE, VOIDED, PAID)
        for version in load_registry(root).subject(name).versions
    ]
    assert len(versions) > 3
    assert [(s["action"], s["subject"], s["version"]) for s in planned] == [
        ("register", *version) for version in versions
    ]
    assert [s["action"] for s in steps("apply") if s["version"]] == ["register"] * len(versions)
    outer = ConfluentRegistry(apicurio.url)
    voided_there = f"{request.node.name}.{VOIDED}-value"
    assert outer.versions(voided_there) == []
    assert (root / "registry.lock").read_bytes() == before

    applied(steps)
    assert outer.versions(voided_there) == [1, 2]
    assert outer.compatibility(voided_there) == "BACKWARD_TRANSITIVE"
    registry = load_registry(root)
    ids = {line.id: f"{line.subject}@{line.version}" for line in registry.outer_ids}
    assert sorted(ids.values()) == sorted(f"{name}@{number}" for name, number in versions)
    for id_, label in ids.items():
        found = outer.find(int(id_))
        assert found is not None
        assert version_of(found, registry).label == label
    (invoice_id,) = [i for i, label in ids.items() if label == f"{INVOICE}@1"]
    found = outer.find(int(invoice_id))
    assert found is not None and "crossfoot.common.InvoiceLine" in found.common

    assert set(actions(steps("plan"))) == {"keep"}
    lock = (root / "registry.lock").read_bytes()
    assert set(actions(applied(steps))) == {"keep"}
    assert (root / "registry.lock").read_bytes() == lock


def test_the_registry_itself_refuses_what_breaks_its_subject(
    steps: Steps, root: Path, apicurio: ApicurioServer, request: pytest.FixtureRequest
) -> None:
    outer = ConfluentRegistry(apicurio.url)
    name = f"{request.node.name}.{PAID}-value"
    theirs = {"type": "record", "name": "crossfoot.payments.PayoutPaid", "fields": [
        {"name": "colour", "type": "string"}]}  # fmt: skip
    outer.register(name, theirs, [])
    outer.set_compatibility(name, "BACKWARD_TRANSITIVE")
    planned = steps("plan", PAID, expected=ExitCode.DATA)
    assert [s["action"] for s in planned] == ["refused", "leave"] or actions(planned)[
        "refused"
    ] == 1
    done = applied(steps, PAID, VOIDED, expected=ExitCode.DATA)
    refused = [s["subject"] for s in done if s["action"] == "refused"]
    assert refused == [PAID]
    assert outer.versions(name) == [1]
    # What it takes is taken all the same, and its ids are locked.
    assert {line.subject for line in read_lock(root).ids} == {VOIDED}


def body_of(root: Path, subject: str, number: int, **more: Any) -> tuple[int, bytes, str]:
    """A message as a producer with this registry's ids writes it: id, bytes, tenant."""
    registry = load_registry(root)
    version = registry.version(subject, number)
    path = sorted((PACKAGE_ROOT / "subjects" / subject / "examples" / "v1" / "ok").glob("*.json"))[
        0
    ]
    record = registry.version(subject, 1).decode_json(path.read_bytes())
    if number > 1:
        record = {**record, **more}
    (id_,) = [x.id for x in read_lock(root).ids if (x.subject, x.version) == (subject, number)]
    return int(id_), as_confluent(int(id_), version.encode(record)), str(record["tenant"])


def test_messages_with_its_ids_are_decoded_without_asking_it(steps: Steps, root: Path) -> None:
    applied(steps)
    for subject in (VOIDED, INVOICE, PAID):
        _, body, tenant = body_of(root, subject, 1)
        context = DecodeContext(tenant=tenant, registry=load_registry(root))
        found = decode_confluent(body, "topic:0:1", context)
        assert isinstance(found, Message), found
        assert (found.schema_version, found.body) == (f"{subject}@1", body)


def test_an_id_that_the_lock_lacks_is_asked_for_once_and_recorded(
    steps: Steps, root: Path, tmp_path: Path, apicurio: ApicurioServer
) -> None:
    applied(steps)
    _, body, tenant = body_of(root, INVOICE, 1)
    ahead_id, ahead, _ = body_of(root, VOIDED, 2, why="typo")
    same_id, same, voided_tenant = body_of(root, VOIDED, 2, why=None)
    assert ahead_id == same_id
    record = tmp_path / "ids.jsonl"
    outer = OuterRegistry(name="apicurio", url=apicurio.url, recorded=str(record))
    context = DecodeSettings(tenant=tenant, outer=outer).context()  # a lock without these ids
    found = decode_confluent(body, "topic:0:1", context)
    assert isinstance(found, Message) and found.schema_version == f"{INVOICE}@1"
    context = DecodeSettings(tenant=voided_tenant, outer=outer).context()
    assert isinstance(decode_confluent(same, "topic:0:2", context), Message)
    lossy = decode_confluent(ahead, "topic:0:3", context)
    assert isinstance(lossy, DeadLetter) and lossy.reason == "newer_version"
    unknown = decode_confluent(as_confluent(999_999, b"x"), "topic:0:4", context)
    assert isinstance(unknown, DeadLetter) and unknown.reason == "unknown_schema_id"
    assert [line.subject for line in learned_ids(record, load_registry())] == [INVOICE]


def test_confluent_s_own_serializer_writes_what_the_pipeline_reads(
    steps: Steps, root: Path, apicurio: ApicurioServer, request: pytest.FixtureRequest
) -> None:
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    applied(steps)
    registry = load_registry(root)
    version = registry.version(PAID, 1)
    path = PACKAGE_ROOT / "subjects" / PAID / "examples" / "v1" / "ok" / "full.json"
    record = version.decode_json(path.read_bytes())
    serialize = AvroSerializer(
        SchemaRegistryClient({"url": apicurio.url}),
        json.dumps(version.schema),
        conf={"auto.register.schemas": False, "normalize.schemas": True},
    )
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    given = {
        k: epoch + timedelta(microseconds=v) if k.endswith("_micros") and v is not None else v
        for k, v in record.items()
    }
    topic = f"{request.node.name}.{PAID}"
    body = serialize(given, SerializationContext(topic, MessageField.VALUE))
    context = DecodeContext(tenant=record["tenant"], registry=registry)
    found = decode_confluent(bytes(body), "topic:0:1", context)
    assert isinstance(found, Message), found
    (event,) = found.events
    assert event.amount_minor == record["amount_minor"]  # type: ignore[union-attr]


def test_what_is_learned_needs_no_network_the_next_time(root: Path, tmp_path: Path) -> None:
    record = tmp_path / "ids.jsonl"
    line = {"subject": VOIDED, "version": 1, "registry": "apicurio", "id": 3}
    record.write_text(json.dumps(line) + "\n")
    registry = load_registry(root)

    class Nobody:
        def find(self, schema_id: int) -> None:
            raise AssertionError(schema_id)

    assert LearnedWriters(registry, "apicurio", Nobody(), lambda: 0.0, record).find(3).label == (
        f"{VOIDED}@1"
    )
    assert ids_of([], "apicurio", read_lock(root)) == []
