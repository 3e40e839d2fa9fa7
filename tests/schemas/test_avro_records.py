"""Strict Avro: what stock readers let pass in silence is refused here, each for its reason."""

from __future__ import annotations

import base64
import io
import json
import random
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro_records import AvroCodec
from schemas.registry import PACKAGE_ROOT, Registry, load_registry
from schemas.rules import SchemaViolation, Violation
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    FieldShape,
    MapShape,
    OptionalShape,
    RecordShape,
    Scalar,
    Shape,
)
from schemas.single_objects import as_single_object, encode_single_object, split_single_object
from schemas.versions import SubjectVersion

REGISTRY = load_registry()
SUBJECTS = sorted(REGISTRY.subjects)


def example(subject: str, name: str = "full") -> dict[str, Any]:
    path = PACKAGE_ROOT / "subjects" / subject / "examples" / "v1" / "ok" / f"{name}.json"
    return REGISTRY.latest(subject).decode_json(path.read_bytes())


def refused(version: SubjectVersion, datum: bytes) -> Violation:
    with pytest.raises(SchemaViolation) as caught:
        version.decode(datum)
    return caught.value.violation


def test_bytes_left_over_are_refused(registry: Registry) -> None:
    version = registry.latest("payments.payout_paid")
    datum = version.encode(example("payments.payout_paid"))
    assert refused(version, datum + b"\x00").reason == "trailing_bytes"
    assert refused(version, datum + datum).reason == "trailing_bytes"


def test_every_truncation_is_refused(registry: Registry) -> None:
    version = registry.latest("billing.invoice_issued")
    datum = version.encode(example("billing.invoice_issued"))
    for length in range(len(datum)):
        assert refused(version, datum[:length]).reason == "avro_damaged", length


def rebuilt(version: SubjectVersion, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A datum with a raw value that our writer would refuse."""
    raw = fastavro.schemaless_reader(
        io.BytesIO(version.encode(example(version.subject))), version.avro._raw_schema, None
    )
    change(raw)
    return version.avro._write(raw)


def test_a_decimal_beyond_its_precision_is_refused_not_rounded(registry: Registry) -> None:
    version = registry.latest("payments.refund_issued")
    most = (10**38 - 1).to_bytes(16, "big", signed=True)
    sound = rebuilt(version, lambda raw: raw.update(exchange_rate=most))
    assert version.decode(sound)["exchange_rate"] == Decimal("9" * 26 + "." + "9" * 12)
    beyond = (10**38).to_bytes(16, "big", signed=True)
    damaged = rebuilt(version, lambda raw: raw.update(exchange_rate=beyond))
    assert refused(version, damaged).reason == "amount_precision"


def test_a_decimal_without_bytes_is_refused(registry: Registry) -> None:
    version = registry.latest("payments.refund_issued")
    damaged = rebuilt(version, lambda raw: raw.update(exchange_rate=b""))
    assert refused(version, damaged).reason == "avro_damaged"


@pytest.mark.parametrize("index", [b"\x0a", b"\x01"], ids=["5 of 5", "negative"])
def test_a_symbol_that_is_not_there_is_refused(registry: Registry, index: bytes) -> None:
    version = registry.latest("payments.refund_issued")
    record = example("payments.refund_issued")
    pending = version.encode({**record, "status": "pending"})
    succeeded = version.encode({**record, "status": "succeeded"})
    (at,) = [i for i, (a, b) in enumerate(zip(pending, succeeded, strict=True)) if a != b]
    found = refused(version, pending[:at] + index + pending[at + 1 :])
    assert (found.reason, found.path) == ("unknown_symbol", "status")


LONG = Scalar("long", "count")


def bare(*fields: tuple[str, Shape]) -> AvroCodec:
    """The codec of a record with these fields."""
    shape = RecordShape("t.R", tuple(FieldShape(name, shape) for name, shape in fields))
    types = [{"name": name, "type": avro_of(shape)} for name, shape in fields]
    return AvroCodec({"type": "record", "name": "t.R", "fields": types}, shape)


def avro_of(shape: Shape) -> Any:
    match shape:
        case OptionalShape():
            return ["null", avro_of(shape.inner)]
        case ArrayShape():
            return {"type": "array", "items": avro_of(shape.items)}
        case MapShape():
            return {"type": "map", "values": avro_of(shape.values)}
        case EnumShape():
            return {"type": "enum", "name": shape.name, "symbols": list(shape.symbols)}
        case Scalar():
            return {"timestamp": "long", "decimal": "bytes"}.get(shape.kind, shape.kind)
    raise AssertionError(shape)


DAMAGE = {
    "varint of 11 bytes": (LONG, b"\xff" * 10 + b"\x01"),
    "varint beyond 64 bits": (LONG, b"\xff" * 9 + b"\x02"),
    "union branch 2 of 2": (OptionalShape(LONG), b"\x04\x02"),
    "union branch -1": (OptionalShape(LONG), b"\x01\x02"),
    "boolean 2": (Scalar("boolean"), b"\x02"),
    "text of negative length": (Scalar("string", "id"), b"\x01"),
    "text longer than the bytes": (Scalar("string", "id"), b"\x06ab"),
    "text that is not UTF-8": (Scalar("string", "id"), b"\x02\xff"),
    "surrogate in UTF-8": (Scalar("string", "id"), b"\x06\xed\xa0\x80"),
    "block smaller than it says": (ArrayShape(LONG), b"\x01\x04\x02\x00"),
    "list without its end": (ArrayShape(LONG), b"\x02\x02"),
    "key twice": (MapShape(LONG), b"\x04\x02a\x02\x02a\x04\x00"),
    "key twice in two blocks": (MapShape(LONG), b"\x02\x02a\x02\x02\x02a\x04\x00"),
}


def test_a_count_beyond_the_bytes_has_a_reason_of_its_own() -> None:
    ten_million_in_five_bytes = b"\x80\xda\xc4\x09\x02"
    with pytest.raises(SchemaViolation) as caught:
        bare(("x", ArrayShape(LONG))).decode(ten_million_in_five_bytes)
    assert (caught.value.violation.reason, caught.value.violation.path) == ("too_many_items", "x")


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_refused(case: str) -> None:
    shape, datum = DAMAGE[case]
    with pytest.raises(SchemaViolation) as caught:
        bare(("x", shape)).decode(datum)
    assert caught.value.violation.reason == "avro_damaged", caught.value


LEGAL = {
    "longest varint": (LONG, b"\xff" * 9 + b"\x01", -(2**63)),
    "list in two blocks": (ArrayShape(LONG), b"\x02\x02\x02\x04\x00", (1, 2)),
    "block with its size": (ArrayShape(LONG), b"\x03\x04\x02\x04\x00", (1, 2)),
    "map in two blocks": (MapShape(LONG), b"\x02\x02a\x02\x02\x02b\x04\x00", {"a": 1, "b": 2}),
}


@pytest.mark.parametrize("case", LEGAL)
def test_what_other_writers_may_do_is_read(case: str) -> None:
    shape, datum, value = LEGAL[case]
    assert bare(("x", shape)).decode(datum) == {"x": value}


def test_nothing_invalid_is_ever_written(registry: Registry) -> None:
    version = registry.latest("payments.payout_paid")
    record = example("payments.payout_paid")
    for wrong in (1.9, True, 10**18, "1", None):
        with pytest.raises(SchemaViolation):
            version.encode({**record, "amount_minor": wrong})


# --- any record ----------------------------------------------------------------------------

IDS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"),
    min_size=1,
    max_size=20,
)
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
)
VALUES: dict[str, Any] = {
    "id": IDS,
    "word": IDS,
    "text": st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=50).filter(
        lambda text: not {"\u2028", "\u2029"} & set(text)
    ),
    "currency": st.sampled_from(sorted(REGISTRY.currencies)),
    "date": st.dates().filter(lambda day: day.year >= 1000).map(str),
    "period": st.sampled_from(["2026-01", "2099-12"]),
    "amount_minor": st.integers(-(10**17), 10**17),
    "amount_minor_not_negative": st.integers(0, 10**17),
    "count": st.integers(0, 2**63 - 1),
    "timestamp": st.integers(946_684_800_000_000, 4_102_444_799_999_999),
    "quantity": DECIMALS,
    "unit_price": DECIMALS,
    "rate": DECIMALS.map(abs).filter(bool),
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=20),
}


def values(shape: Shape) -> Any:
    """A strategy for valid values of a shape, as records hold them."""
    match shape:
        case OptionalShape():
            return st.none() | values(shape.inner)
        case ArrayShape():
            return st.lists(values(shape.items), max_size=3).map(tuple)
        case MapShape():
            return st.dictionaries(IDS, values(shape.values), max_size=3)
        case EnumShape():
            return st.sampled_from(shape.symbols)
        case RecordShape():
            return st.fixed_dictionaries({f.name: values(f.shape) for f in shape.fields})
        case Scalar():
            return VALUES[shape.rule or shape.kind]


RECORDS = st.sampled_from(SUBJECTS).flatmap(
    lambda name: st.tuples(st.just(REGISTRY.latest(name)), values(REGISTRY.latest(name).shape))
)


@settings(max_examples=300, deadline=None)
@given(RECORDS)
def test_any_valid_record_survives_avro_and_json(
    made: tuple[SubjectVersion, dict[str, Any]],
) -> None:
    version, record = made
    assert version.validate_mapping(record) is None
    body = encode_single_object(version, record)
    found, datum = split_single_object(body, REGISTRY)
    assert found is version
    assert version.decode(datum) == record
    assert version.decode_json(json.dumps(record, default=as_json).encode()) == record


def as_json(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def test_mutated_bytes_are_refused_or_read_as_what_they_say() -> None:
    """2,000 mutations: never a crash, never a value that the bytes do not say."""
    chance = random.Random(20260115)
    for round_number in range(2000):
        version = REGISTRY.latest(SUBJECTS[round_number % len(SUBJECTS)])
        datum = mutated(version.encode(example(version.subject)), chance)
        try:
            record = version.decode(datum)
        except SchemaViolation as fault:
            assert fault.violation.reason in {
                "avro_damaged",
                "trailing_bytes",
                "unknown_symbol",
                "amount_precision",
                "too_many_items",
            }
            continue
        assert version.avro.decode(version.avro.encode(record)) == record
        version.validate_mapping(record)


def mutated(datum: bytes, chance: random.Random) -> bytes:
    data = bytearray(datum)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                data[at] ^= 1 << chance.randrange(8)
            case 2:
                data[at:at] = chance.randbytes(chance.randint(1, 12))
            case _:
                del data[at : at + chance.randint(1, 8)]
        data = data or bytearray(b"\x00")
    return bytes(data)


# --- single objects and versions -------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"\xc3\x01", b"\xc3\x01short", b"Obj\x01" + b"x" * 20])
def test_what_does_not_begin_like_a_single_object_is_damaged(
    registry: Registry, body: bytes
) -> None:
    with pytest.raises(SchemaViolation) as caught:
        split_single_object(body, registry)
    assert caught.value.violation.reason == "avro_damaged"


def test_an_unknown_fingerprint_has_its_own_reason(registry: Registry) -> None:
    with pytest.raises(SchemaViolation) as caught:
        split_single_object(b"\xc3\x01" + b"\x07" * 8 + b"x", registry)
    assert caught.value.violation.reason == "unknown_fingerprint"
    assert "0707070707070707" in caught.value.violation.detail


def test_the_fingerprint_is_written_little_endian(registry: Registry) -> None:
    version = registry.latest("payments.payout_paid")
    assert as_single_object(version, b"")[2:][::-1].hex() == version.rabin


@pytest.fixture
def two_versions(tmp_path: Path) -> Registry:
    """billing.invoice_voided with a second version that says why, and which period."""
    for name in ("registry.yaml", "common", "subjects/billing.invoice_voided"):
        source = PACKAGE_ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    folder = tmp_path / "subjects" / "billing.invoice_voided"
    schema = json.loads((folder / "v1.avsc").read_text())
    note = {"name": "note", "type": "string", "crossfoot": "text", "default": "none given"}
    schema["fields"].insert(3, note)
    (folder / "v2.avsc").write_text(json.dumps(schema))
    return load_registry(tmp_path)


def test_a_record_of_an_older_version_is_read_as_the_newer(two_versions: Registry) -> None:
    old, new = two_versions.subject("billing.invoice_voided").versions
    record = example("billing.invoice_voided")
    body = encode_single_object(old, record)
    version, datum = split_single_object(body, two_versions)
    assert version is old
    assert version.decode(datum, new) == {**record, "note": "none given"}


def test_a_record_of_a_newer_version_is_read_as_the_older(two_versions: Registry) -> None:
    old, new = two_versions.subject("billing.invoice_voided").versions
    record = example("billing.invoice_voided")
    assert new.decode(new.encode({**record, "note": "typo"}), old) == record
