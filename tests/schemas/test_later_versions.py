"""Records that are ahead of a registry: read where nothing can be lost, refused otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.canonical import decode_canonical_json, decode_container, decode_single_object
from connectors.decoding import DecodeContext
from ledger.messages import DeadLetter, Message
from schemas.avro_containers import VERSION_KEY, write_container
from schemas.later_versions import parse_schema, registered_version
from schemas.registry import Registry, load_registry
from schemas.rules import SchemaViolation
from schemas.single_objects import encode_single_object, split_single_object
from tests.schemas.registry_copies import (
    PAID,
    VOIDED,
    add_version,
    copy_registry,
    optional,
    set_about,
)

LINE = {
    "subject": VOIDED,
    "event_id": "shop:e1",
    "occurred_at_micros": "2026-01-15T10:00:00+01:00",
    "customer_id": "c-17",
    "invoice_id": "I-2026-5",
}


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., tuple[Registry, DecodeContext]]:
    """(the producer's registry, the pipeline's context), which is a version behind."""

    def made(change: Any, **about: str) -> tuple[Registry, DecodeContext]:
        for name in ("behind", "ahead"):
            copy_registry(tmp_path / name, VOIDED, PAID)
            set_about(tmp_path / name, VOIDED, **about)
        add_version(tmp_path / "ahead", VOIDED, change)
        behind = load_registry(tmp_path / "behind")
        return load_registry(tmp_path / "ahead"), DecodeContext(tenant="acme", registry=behind)

    return made


def record(context: DecodeContext) -> dict[str, Any]:
    found = decode_canonical_json(json.dumps(LINE).encode(), "f:1", context)
    assert isinstance(found, Message)
    (event,) = found.events
    return {name: getattr(event, name) for name in event.__struct_fields__}


def decode(container: bytes, context: DecodeContext) -> Message | DeadLetter:
    (found,) = decode_container(container, "f.avro", context)
    return found


def why(fields: list[Any]) -> None:
    fields.insert(2, optional("why"))


def test_a_record_that_says_nothing_new_is_read_a_version_behind(pair: Any) -> None:
    ahead, context = pair(why)
    made = write_container(ahead.latest(VOIDED), [{**record(context), "why": None}])
    found = decode(made, context)
    assert isinstance(found, Message), found
    assert found.schema_version == f"{VOIDED}@2"
    expected = decode_canonical_json(json.dumps(LINE).encode(), "f:1", context)
    assert isinstance(expected, Message) and found.events == expected.events


def test_what_would_be_lost_is_refused_where_the_mode_does_not_promise_it(pair: Any) -> None:
    ahead, context = pair(why)
    made = write_container(ahead.latest(VOIDED), [{**record(context), "why": "typo"}])
    letter = decode(made, context)
    assert isinstance(letter, DeadLetter) and letter.reason == "newer_version"
    # Kept as a single object: it is read when the version has arrived.
    assert split_single_object(letter.body, ahead)[0] is ahead.latest(VOIDED)


def test_a_registry_that_is_ahead_of_the_program_is_read_the_same_way(pair: Any) -> None:
    ahead, behind = pair(why)
    context = DecodeContext(tenant="acme", registry=ahead)
    known = record(behind)
    for said, expected in ((None, Message), ("typo", DeadLetter)):
        body = encode_single_object(ahead.latest(VOIDED), {**known, "why": said})
        found = decode_single_object(body, "t:1", context)
        assert isinstance(found, expected), found
        line = json.dumps({**LINE, "version": 2, "why": said}).encode()
        assert isinstance(decode_canonical_json(line, "f:1", context), expected)
    assert isinstance(found, DeadLetter) and found.reason == "newer_version"


@pytest.mark.parametrize("mode", ["FULL", "FORWARD_TRANSITIVE"])
def test_a_mode_that_promises_older_readers_is_kept(pair: Any, mode: str) -> None:
    ahead, context = pair(why, compatibility=mode)
    made = write_container(ahead.latest(VOIDED), [{**record(context), "why": "typo"}])
    found = decode(made, context)
    assert isinstance(found, Message) and found.schema_version == f"{VOIDED}@2"


def rewritten(container: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new) and old in container
    return container.replace(old, new)


def test_a_schema_that_does_not_say_which_version_it_is_stays_unknown(pair: Any) -> None:
    ahead, context = pair(why)
    made = write_container(ahead.latest(VOIDED), [{**record(context), "why": None}])
    for label in (b"@1", b"@x", b"@0", b" 2"):
        unknown = rewritten(made, VOIDED.encode() + b"@2", VOIDED.encode() + label)
        letter = decode(unknown, context)
        assert isinstance(letter, DeadLetter) and letter.reason == "unknown_fingerprint"
    nameless = rewritten(made, VERSION_KEY, b"x" * len(VERSION_KEY))
    letter = decode(nameless, context)
    assert isinstance(letter, DeadLetter) and letter.reason == "unknown_fingerprint"


MONEY = {"name": "fee_minor", "type": "long", "crossfoot": "amount_minor", "default": 0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"crossfoot": "count", "name": "total"}, "newer_version"),
        ({"type": "double"}, "unknown_fingerprint"),
        ({"type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4},
          "crossfoot": "rate"}, "unknown_fingerprint"),
    ],
    ids=["amount that is a count", "float", "another scale"],
)  # fmt: skip
def test_a_later_version_that_changes_the_meaning_of_money_is_never_read(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    copy_registry(tmp_path, PAID)
    add_version(tmp_path, PAID, lambda fields: fields.append(MONEY))
    registry = load_registry(tmp_path)
    schema = json.loads(json.dumps(registry.latest(PAID).schema))
    schema["fields"][-1] |= {**change, "aliases": ["fee_minor"]}
    with pytest.raises(SchemaViolation) as caught:
        registered_version(schema, registry, f"{PAID}@3")
    assert caught.value.violation.reason == reason


def test_a_later_version_that_drops_what_is_needed_is_never_read(pair: Any) -> None:
    def without_invoice(fields: list[Any]) -> None:
        fields[:] = [f for f in fields if f["name"] != "invoice_id"]

    ahead, context = pair(without_invoice)
    content = {k: v for k, v in record(context).items() if k != "invoice_id"}
    letter = decode(write_container(ahead.latest(VOIDED), [content]), context)
    assert isinstance(letter, DeadLetter) and letter.reason == "newer_version"


DEEP = b'{"type":"array","items":' * 5000 + b'"long"' + b"}" * 5000


@pytest.mark.parametrize(
    ("schema", "reason"),
    [(DEEP, "too_deep"), (b"[" * 100_000, "too_deep"), (b"{}", "avro_damaged"),
     (b"7", "avro_damaged"), (b"\xff", "avro_damaged"), (b'"nothing.Known"', "avro_damaged")],
    ids=["deep type", "deep text", "empty", "number", "bytes", "unknown name"],
)  # fmt: skip
def test_a_writer_s_schema_that_is_none_or_a_bomb_is_refused(schema: bytes, reason: str) -> None:
    with pytest.raises(SchemaViolation) as caught:
        registered_version(parse_schema(schema), load_registry(), f"{VOIDED}@9")
    assert caught.value.violation.reason == reason
