"""Confluent's wire format: the lock says what an id means, and every failure has its reason."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from connectors.canonical import decode_canonical_json, decode_single_object
from connectors.decoding import DecodeContext
from connectors.decoding_any import decode_event
from connectors.wire.confluent import decode_confluent
from ledger.messages import DeadLetter, Message
from schemas.lock import LockedId
from schemas.publishing import record_ids
from schemas.registry import load_registry
from schemas.single_objects import encode_single_object
from schemas.wire_format import as_confluent
from tests.schemas.registry_copies import PAID, VOIDED, copy_registry

LINE = {
    "subject": VOIDED,
    "event_id": "shop:e1",
    "occurred_at_micros": "2026-01-15T10:00:00+01:00",
    "customer_id": "c-17",
    "invoice_id": "I-2026-5",
}


def an_id(number: int, subject: str = VOIDED, registry: str = "prod") -> LockedId:
    return LockedId(subject=subject, version=1, registry=registry, id=number)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy_registry(tmp_path, VOIDED, PAID)
    record_ids(
        tmp_path, [an_id(7), an_id(8, PAID), an_id(8, VOIDED, "test"), an_id(9, PAID, "test")]
    )
    return tmp_path


@pytest.fixture
def context(root: Path) -> DecodeContext:
    return DecodeContext(tenant="acme", registry=load_registry(root))


def by_json(context: DecodeContext) -> Message:
    found = decode_canonical_json(json.dumps(LINE).encode(), "t:0:1", context)
    assert isinstance(found, Message)
    return found


def datum(context: DecodeContext) -> bytes:
    (event,) = by_json(context).events
    return context.registry.version(VOIDED, 1).encode(event)


def test_an_id_of_the_lock_is_decoded_and_asks_nobody(context: DecodeContext) -> None:
    body = as_confluent(7, datum(context))
    (found,) = decode_event(body, "t:0:1", context)
    assert isinstance(found, Message)
    expected = by_json(context)
    assert (found.digest, found.events, found.body) == (expected.digest, expected.events, body)
    assert found.schema_version == f"{VOIDED}@1"


def test_the_three_binary_forms_are_one_message(context: DecodeContext) -> None:
    version = context.registry.version(VOIDED, 1)
    single = decode_single_object(
        encode_single_object(version, by_json(context).events[0]), "t:0:1", context
    )
    wire = decode_confluent(as_confluent(7, datum(context)), "t:0:1", context)
    assert isinstance(single, Message) and isinstance(wire, Message)
    assert msgspec.structs.replace(single, body=b"") == msgspec.structs.replace(wire, body=b"")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda d: as_confluent(6, d), "unknown_schema_id"),
        (lambda d: as_confluent(7, d) + b"\x00", "trailing_bytes"),
        (lambda d: as_confluent(7, d)[:-1], "avro_damaged"),
        (lambda d: as_confluent(7, d + b"x" * 1_000_000), "too_large"),
        (lambda d: b"\x00\x00\x00", "avro_damaged"),
        (lambda d: as_confluent(8, d), "unknown_schema_id"),
    ],
    ids=["unknown id", "trailing", "cut", "large", "short", "two registries, two meanings"],
)
def test_what_is_wrong_is_a_dead_letter_of_its_own_reason(
    context: DecodeContext, damage: object, reason: str
) -> None:
    body = damage(datum(context))  # type: ignore[operator]
    letter = decode_confluent(body, "t:0:1", context)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.body, letter.position) == (reason, body, "t:0:1")


def test_zero_bytes_are_no_message_of_a_registry(context: DecodeContext) -> None:
    (letter,) = decode_event(b"\x00" * 64, "f:1", context)
    assert isinstance(letter, DeadLetter) and letter.reason == "not_json"


class Named:
    """Says whose ids messages carry, and knows no other."""

    registry_name = "test"

    def find(self, schema_id: int) -> object:
        raise AssertionError("asked for an id that the lock has")


def test_the_same_id_means_what_the_named_registry_means(context: DecodeContext) -> None:
    named = msgspec.structs.replace(context, writers=Named())
    found = decode_confluent(as_confluent(8, datum(context)), "t:0:1", named)
    assert isinstance(found, Message) and found.provider_type == VOIDED
