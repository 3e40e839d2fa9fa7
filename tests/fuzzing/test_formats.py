"""Damaged messages in every form: never a crash, never a hang, never another amount than written.

2 000 per format here, 100 000 with `make fuzz`. What is still accepted is compared, amount for
amount, with what a reader by other hands (Apache's, the standard library's) finds in the bytes.
"""

from __future__ import annotations

import base64
import io
import json
import random
import time
from collections import Counter
from decimal import Context, Decimal
from typing import Any

import avro.io
import avro.schema
import msgspec
import pytest

from connectors.ledger_versions import ledger_version
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason
from schemas.registry import UnknownSubject
from schemas.versions import SubjectVersion
from tests.fuzzing.mutations import FORMATS, IDS, MESSAGES, REGISTRY, SUBJECTS, mutated, samples

SAMPLES = samples()
LONGEST_SECONDS = 5.0
ROOMY = Context(prec=100)
BY_ID = {number: subject for subject, number in IDS.items()}
PARSED: dict[str, Any] = {}


def without_logical(schema: Any) -> Any:
    if isinstance(schema, list):
        return [without_logical(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: without_logical(v) for k, v in schema.items() if k != "logicalType"}


def by_apache(version: SubjectVersion, datum: bytes) -> Any:
    """The datum as Apache's reader has it: longs and bytes, no logical types."""
    if version.label not in PARSED:
        PARSED[version.label] = avro.schema.parse(json.dumps(without_logical(version.schema)))
    reader = avro.io.DatumReader(PARSED[version.label])
    return reader.read(avro.io.BinaryDecoder(io.BytesIO(datum)))


def amounts(tree: Any, path: str = "") -> dict[str, Any]:
    """Every number and currency that the tree states, by path."""
    found: dict[str, Any] = {}
    if isinstance(tree, dict):
        for key, value in tree.items():
            at = f"{path}.{key}"
            if isinstance(value, dict | list | tuple):
                found |= amounts(value, at)
            elif (key.endswith("_minor") or key == "currency") and value is not None:
                found[at] = value
            elif isinstance(value, bytes):  # a decimal of Apache's
                found[at] = Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-12, ROOMY)
            elif isinstance(value, Decimal):
                found[at] = value
    elif isinstance(tree, list | tuple):
        for index, item in enumerate(tree):
            found |= amounts(item, f"{path}[{index}]")
    return found


def of_event(message: Message) -> dict[str, Any]:
    (event,) = message.events
    return amounts(tree_of(event))


def tree_of(value: Any) -> Any:
    """Structs as dicts, all else as it is."""
    if isinstance(value, msgspec.Struct):
        return {name: tree_of(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [tree_of(item) for item in value]
    return value


def said(body: bytes) -> dict[str, Any]:
    """What the bytes of an accepted message say, read by other hands."""
    if body.startswith(b"\xc3\x01"):
        return amounts(by_apache(REGISTRY.by_rabin(body[2:10][::-1].hex()), body[10:]))
    if body.startswith(b"\x00"):
        subject = BY_ID[int.from_bytes(body[1:5], "big")]
        return amounts(by_apache(REGISTRY.version(subject, 1), body[5:]))
    tree = json.loads(body, parse_float=Decimal)
    if "specversion" not in tree:
        return numbers(tree)
    if "data_base64" not in tree:
        return numbers(tree["data"])
    data = base64.b64decode(tree["data_base64"])
    if data.startswith(b"\xc3\x01"):
        return said(data)
    subject = next(name for name in SUBJECTS if tree["type"].startswith(name))
    return amounts(by_apache(REGISTRY.version(subject, 1), data))


def numbers(tree: Any) -> dict[str, Any]:
    """Amounts of JSON; decimals there are text, and are left to their own test."""
    return {k: v for k, v in amounts(tree).items() if not isinstance(v, Decimal)}


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_message_is_refused_or_says_what_its_bytes_say(name: str) -> None:
    make, decode = FORMATS[name]
    chance = random.Random(f"crossfoot {name}")
    sound = [make(sample) for sample in SAMPLES]
    ended: Counter[str] = Counter()
    for number in range(MESSAGES):
        at = number % len(SAMPLES)
        body = mutated(sound[at], chance.choice(sound), chance)
        started = time.monotonic()
        found = decode(body, SAMPLES[at])
        assert time.monotonic() - started < LONGEST_SECONDS, body
        for one in found:
            if isinstance(one, DeadLetter):
                assert one.reason in set(Reason), one
                ended[one.reason] += 1
                continue
            ended["accepted"] += 1
            expected, got = said(one.body), of_event(one)
            assert {k: got.get(k) for k in expected} == expected, (body, one)
    assert len(ended) >= 4, ended


@pytest.mark.parametrize("name", FORMATS)
def test_the_sound_messages_are_all_taken(name: str) -> None:
    """The test above compares something only where something is accepted."""
    make, decode = FORMATS[name]
    for sample in SAMPLES:
        for one in decode(make(sample), sample):
            assert isinstance(one, Message), one
            assert said(one.body).items() <= of_event(one).items()


def test_every_event_is_read_as_the_ledger_s_version() -> None:
    for subject in SUBJECTS:
        assert ledger_version(subject, REGISTRY) is REGISTRY.latest(subject)
    with pytest.raises(UnknownSubject):
        ledger_version("billing.lost", REGISTRY)
