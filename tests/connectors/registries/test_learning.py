"""Ids the lock does not know: asked for once, kept, recorded, and put into the lock."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.decoding import DecodeContext
from connectors.event_files import DecodeSettings
from connectors.registries.asking import FoundSchema, RegistryUnreachable
from connectors.registries.learning import (
    ASK_AGAIN_SECONDS,
    LearnedWriters,
    LearningDamaged,
    learned_ids,
)
from connectors.registries.outer import OuterRegistry
from connectors.wire.confluent import decode_confluent
from ledger.messages import DeadLetter, Message
from schemas.lock import LockedId
from schemas.parting import parts_of
from schemas.registry import PACKAGE_ROOT, Registry, load_registry
from schemas.wire_format import as_confluent
from tests.schemas.registry_copies import PAID, VOIDED, add_version, copy_registry, optional

INVOICE = "billing.invoice_issued"


class Shelf:
    """A registry that counts how often it is asked."""

    def __init__(self, **found: FoundSchema) -> None:
        self.found = {int(key[1:]): value for key, value in found.items()}
        self.asked: list[int] = []
        self.up = True

    def find(self, schema_id: int) -> FoundSchema | None:
        self.asked.append(schema_id)
        if not self.up:
            raise RegistryUnreachable("ConnectError: refused")
        return self.found.get(schema_id)


class Clock:
    """Seconds that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def stored(schema: Any, number: int = 1, **more: Any) -> FoundSchema:
    return FoundSchema(
        text=json.dumps(schema), kind="AVRO", registered_as=(("topic-value", number),), **more
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_registry(tmp_path / "registry", VOIDED, PAID, INVOICE)


@pytest.fixture
def registry(root: Path) -> Registry:
    return load_registry(root)


def datum(registry: Registry, subject: str = VOIDED) -> bytes:
    path = next((PACKAGE_ROOT / "subjects" / subject / "examples" / "v1" / "ok").glob("*.json"))
    version = registry.version(subject, 1)
    return version.encode(version.decode_json(path.read_bytes()))


def tenant_of(registry: Registry, subject: str = VOIDED) -> str:
    return str(registry.version(subject, 1).decode(datum(registry, subject))["tenant"])


def decode(body: bytes, registry: Registry, writers: Any) -> Message | DeadLetter:
    context = DecodeContext(tenant=tenant_of(registry), registry=registry, writers=writers)
    return decode_confluent(body, "t:1", context)


def test_an_unknown_id_is_looked_up_once_and_recorded(registry: Registry, tmp_path: Path) -> None:
    shelf, file = Shelf(_7=stored(registry.latest(VOIDED).schema)), tmp_path / "learned.jsonl"
    writers = LearnedWriters(registry, "prod", shelf, Clock(), file)
    for _ in range(3):
        assert isinstance(decode(as_confluent(7, datum(registry)), registry, writers), Message)
    assert shelf.asked == [7]
    again = LearnedWriters(registry, "prod", shelf, Clock(), file)
    assert isinstance(decode(as_confluent(7, datum(registry)), registry, again), Message)
    assert shelf.asked == [7]
    assert learned_ids(file, registry) == [
        LockedId(subject=VOIDED, version=1, registry="prod", id=7)
    ]
    other = LearnedWriters(registry, "test", shelf, Clock(), file)
    decode(as_confluent(7, datum(registry)), registry, other)
    assert shelf.asked == [7, 7]


def test_types_that_a_schema_refers_to_are_put_together(registry: Registry) -> None:
    *shared, top = parts_of(registry.latest(INVOICE).schema, "crossfoot.common")
    common = {part.name: part.schema for part in shared}
    assert common
    writers = LearnedWriters(registry, "prod", Shelf(_7=stored(top.schema, common=common)), Clock())
    assert writers.find(7) is registry.latest(INVOICE)


def test_what_the_registry_does_not_have_is_asked_again_only_after_a_while(
    registry: Registry,
) -> None:
    shelf, clock = Shelf(), Clock()
    writers = LearnedWriters(registry, "prod", shelf, clock)
    body = as_confluent(7, datum(registry))
    for _ in range(2):
        letter = decode(body, registry, writers)
        assert isinstance(letter, DeadLetter) and letter.reason == "unknown_schema_id"
    assert shelf.asked == [7]
    shelf.found[7] = stored(registry.latest(VOIDED).schema)
    clock.now += ASK_AGAIN_SECONDS
    assert isinstance(decode(body, registry, writers), Message)


def test_a_registry_that_is_down_holds_nothing_up(registry: Registry) -> None:
    shelf, clock = Shelf(_7=stored(registry.latest(VOIDED).schema)), Clock()
    shelf.up = False
    writers = LearnedWriters(registry, "prod", shelf, clock)
    for number in (7, 8, 9):
        letter = decode(as_confluent(number, datum(registry)), registry, writers)
        assert isinstance(letter, DeadLetter) and letter.reason == "registry_unreachable"
    assert shelf.asked == [7]
    shelf.up = True
    clock.now += ASK_AGAIN_SECONDS
    assert isinstance(decode(as_confluent(7, datum(registry)), registry, writers), Message)


def scaled(schema: Any) -> Any:
    """The same shape and the same fingerprint, and other amounts."""
    text = json.dumps(schema)
    assert '"scale": 12' in text
    return json.loads(text.replace('"scale": 12', '"scale": 2'))


def test_a_schema_that_is_not_ours_is_refused_even_with_our_fingerprint(
    registry: Registry,
) -> None:
    invoice = registry.latest(INVOICE).schema
    found = {
        "_1": stored(scaled(invoice)),
        "_2": stored({"type": "record", "name": "x.Y", "fields": []}),
        "_3": msgspec.structs.replace(stored(invoice), kind="PROTOBUF"),
        "_4": stored({"type": "record", "name": "x.Y", "fields": [
            {"name": "a", "type": "x.Unknown"}]}),
    }  # fmt: skip
    writers = LearnedWriters(registry, "prod", Shelf(**found), Clock())
    reasons = []
    for number in range(1, 5):
        letter = decode(as_confluent(number, datum(registry)), registry, writers)
        assert isinstance(letter, DeadLetter)
        reasons.append(letter.reason)
    assert reasons == ["unknown_schema_id"] * 3 + ["avro_damaged"]


def test_a_version_ahead_of_the_lock_is_learned_with_its_schema(
    registry: Registry, root: Path, tmp_path: Path
) -> None:
    ahead_root = copy_registry(tmp_path / "ahead", VOIDED, PAID, INVOICE)
    add_version(ahead_root, VOIDED, lambda fields: fields.append(optional("why")))
    ahead = load_registry(ahead_root)
    new = ahead.latest(VOIDED)
    record = ahead.version(VOIDED, 1).decode(datum(registry), new)
    shelf, file = Shelf(_9=stored(new.schema, 2)), tmp_path / "learned.jsonl"
    for _ in range(2):  # the second reads it from the file
        writers = LearnedWriters(registry, "prod", shelf, Clock(), file)
        same = decode(as_confluent(9, new.encode(record)), registry, writers)
        assert isinstance(same, Message) and same.schema_version == f"{VOIDED}@2"
        says_more = decode(
            as_confluent(9, new.encode({**record, "why": "typo"})), registry, writers
        )
        assert isinstance(says_more, DeadLetter) and says_more.reason == "newer_version"
    assert shelf.asked == [9]
    assert learned_ids(file, registry) == []
    assert learned_ids(file, ahead) == [LockedId(subject=VOIDED, version=2, registry="prod", id=9)]


def test_a_file_that_is_no_record_of_ids_is_named(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "learned.jsonl"
    file.write_text('{"subject": "x"}\n')
    with pytest.raises(LearningDamaged, match=r"learned\.jsonl line 1: "):
        LearnedWriters(registry, "prod", Shelf(), Clock(), file)


def test_settings_travel_and_the_client_is_only_made_when_it_is_needed() -> None:
    outer = OuterRegistry(name="prod", url="http://127.0.0.1:1")
    settings = pickle.loads(pickle.dumps(DecodeSettings(tenant="acme", outer=outer)))
    context = settings.context()
    assert context.writers is not None and context.writers.registry_name == "prod"
    letter = decode_confluent(as_confluent(7, b"x"), "t:1", context)
    assert isinstance(letter, DeadLetter) and letter.reason == "registry_unreachable"
    named = DecodeSettings(tenant="acme", outer=OuterRegistry(name="prod")).context()
    letter = decode_confluent(as_confluent(7, b"x"), "t:1", named)
    assert isinstance(letter, DeadLetter) and letter.reason == "unknown_schema_id"
