"""Compiled validators: each rule, in both ways a record may be held, and no crash on anything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import rules
from schemas.registry import load_registry
from schemas.rules import AMOUNT_LIMIT_MINOR, EARLIEST_MICROS, LATEST_MICROS, Violation
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    FieldShape,
    MapShape,
    OptionalShape,
    RecordShape,
    Scalar,
)
from schemas.validators import compile_validator, validator_source

CURRENCIES = frozenset({"EUR", "JPY"})


class Held(msgspec.Struct):
    """A record with one field."""

    x: Any


def verdict(shape: Any, value: Any, limit: int = 3) -> tuple[str, str] | None:
    """(reason, path) of the fault, the same for structs and mappings, or None."""
    record = RecordShape("crossfoot.test.Held", (FieldShape("x", shape),))
    by_attribute = compile_validator(record, CURRENCIES, limit)(Held(value))
    by_key = compile_validator(record, CURRENCIES, limit, mappings=True)({"x": value})
    assert by_attribute == by_key
    return (by_attribute.reason, by_attribute.path) if by_attribute else None


def rule(kind: Any, name: str | None = None) -> Scalar:
    return Scalar(kind, name)


ID, TEXT = rule("string", "id"), rule("string", "text")
AMOUNT = rule("long", "amount_minor")
NOT_NEGATIVE = rule("long", "amount_minor_not_negative")
RATE, QUANTITY = rule("decimal", "rate"), rule("decimal", "quantity")

GOOD = [
    (ID, "stripe:in_1"),
    (ID, "é" * 255),
    (ID, "no\u00a0break"),
    (ID, "\U0001f9fe"),
    (rule("string", "word"), "charge_automatically"),
    (TEXT, ""),
    (TEXT, "two\nlines\r\nthree\tand a tab"),
    (TEXT, "<script>alert('x')</script>, \"quoted\""),
    (TEXT, "x" * 10_000),
    (rule("string", "currency"), "JPY"),
    (rule("string", "date"), "2028-02-29"),
    (rule("string", "period"), "2026-12"),
    (AMOUNT, -AMOUNT_LIMIT_MINOR),
    (NOT_NEGATIVE, 0),
    (NOT_NEGATIVE, AMOUNT_LIMIT_MINOR),
    (rule("long", "count"), 2**63 - 1),
    (rule("timestamp"), EARLIEST_MICROS),
    (rule("timestamp"), LATEST_MICROS - 1),
    (QUANTITY, Decimal("-12345678901234567890123456.123456789012")),
    (RATE, Decimal("0.000000000001")),
    (RATE, Decimal("1.10000000000000000")),
    (rule("boolean"), False),
    (rule("bytes"), b"\x00"),
    (EnumShape("E", ("a", "b")), "b"),
    (OptionalShape(ID), None),
    (ArrayShape(ID), ("a", "b", "c")),
    (MapShape(OptionalShape(TEXT)), {"k": None, "l": "v"}),
]

BAD = [
    (ID, None, "missing_field"),
    (ID, "", "invalid_value"),
    (ID, "x" * 256, "invalid_value"),
    (ID, "in_1\n", "invalid_value"),
    (ID, "in\x00_1", "invalid_value"),
    (ID, "in\x7f", "invalid_value"),
    (ID, "in\x85", "invalid_value"),
    (ID, "in\u2028", "invalid_value"),
    (ID, "in\ud800", "invalid_value"),
    (ID, 7, "wrong_type"),
    (ID, b"in_1", "wrong_type"),
    (TEXT, "bell\x07", "invalid_value"),
    (TEXT, "form\x0cfeed", "invalid_value"),
    (ID, "in\r", "invalid_value"),
    (TEXT, "x" * 10_001, "invalid_value"),
    (TEXT, ["x"], "wrong_type"),
    (rule("string", "currency"), "XYZ", "unknown_currency"),
    (rule("string", "currency"), "eur", "unknown_currency"),
    (rule("string", "currency"), "", "unknown_currency"),
    (rule("string", "currency"), ["EUR"], "wrong_type"),
    (rule("string", "date"), "2026-02-29", "invalid_value"),
    (rule("string", "date"), "20260228", "invalid_value"),
    (rule("string", "date"), None, "missing_field"),
    (rule("string", "period"), "2026-00", "invalid_value"),
    (rule("string", "period"), "2026-1", "invalid_value"),
    (rule("string", "period"), 202601, "wrong_type"),
    (AMOUNT, AMOUNT_LIMIT_MINOR + 1, "amount_out_of_range"),
    (AMOUNT, -AMOUNT_LIMIT_MINOR - 1, "amount_out_of_range"),
    (AMOUNT, 10**30, "amount_out_of_range"),
    (AMOUNT, True, "wrong_type"),
    (AMOUNT, 1.0, "wrong_type"),
    (AMOUNT, Decimal(1), "wrong_type"),
    (AMOUNT, "1", "wrong_type"),
    (NOT_NEGATIVE, -1, "negative_amount"),
    (NOT_NEGATIVE, -(10**30), "amount_out_of_range"),
    (rule("long", "count"), -1, "invalid_value"),
    (rule("long", "count"), 2**63, "invalid_value"),
    (rule("timestamp"), EARLIEST_MICROS - 1, "timestamp_out_of_range"),
    (rule("timestamp"), LATEST_MICROS, "timestamp_out_of_range"),
    (rule("timestamp"), 1_768_467_600, "timestamp_out_of_range"),
    (rule("timestamp"), "2026-01-15T09:00:00Z", "wrong_type"),
    (QUANTITY, Decimal("NaN"), "invalid_value"),
    (QUANTITY, Decimal("sNaN"), "invalid_value"),
    (QUANTITY, Decimal("Infinity"), "invalid_value"),
    (QUANTITY, Decimal("1E-13"), "amount_precision"),
    (QUANTITY, Decimal("1E+26"), "amount_out_of_range"),
    (QUANTITY, Decimal("1E+999999"), "amount_out_of_range"),
    (QUANTITY, 1.5, "wrong_type"),
    (RATE, Decimal(0), "invalid_value"),
    (RATE, Decimal(-1), "invalid_value"),
    (rule("boolean"), 0, "wrong_type"),
    (rule("bytes"), "x", "wrong_type"),
    (EnumShape("E", ("a", "b")), "c", "invalid_value"),
    (EnumShape("E", ("a",)), ["a"], "wrong_type"),
    (OptionalShape(ID), "", "invalid_value"),
    (ArrayShape(ID), "abc", "wrong_type"),
    (ArrayShape(ID), None, "missing_field"),
    (ArrayShape(ID), ("a", "b", "c", "d"), "too_large"),
    (MapShape(TEXT), {"a": "", "b": "", "c": "", "d": ""}, "too_large"),
    (MapShape(TEXT), ("a",), "wrong_type"),
    (MapShape(TEXT), None, "missing_field"),
]


@pytest.mark.parametrize(("shape", "value"), GOOD)
def test_a_value_its_rule_allows_passes(shape: Any, value: Any) -> None:
    assert verdict(shape, value) is None


@pytest.mark.parametrize(("shape", "value", "reason"), BAD)
def test_a_value_its_rule_refuses_is_named(shape: Any, value: Any, reason: str) -> None:
    assert verdict(shape, value) == (reason, "x")


def test_paths_name_the_place_in_lists_and_maps() -> None:
    assert verdict(ArrayShape(ID), ("a", "")) == ("invalid_value", "x[1]")
    assert verdict(MapShape(TEXT), {"k": 1}) == ("wrong_type", "x{value}")
    assert verdict(MapShape(TEXT), {"": "v"}) == ("invalid_value", "x{key}")
    inner = RecordShape("I", (FieldShape("taxes", ArrayShape(AMOUNT)),))
    shape = RecordShape("H", (FieldShape("lines", ArrayShape(inner)),))
    validate = compile_validator(shape, CURRENCIES, 3, mappings=True)
    found = validate({"lines": ({"taxes": (1,)}, {"taxes": (1, 2, None)})})
    assert found is not None and found.path == "lines[1].taxes[2]"
    assert validate({"lines": (7,)}) == Violation(
        reason="wrong_type", path="lines[0]", detail="must be an object, is int"
    )


def test_no_detail_repeats_the_value() -> None:
    canary = "Canary Islands"
    for shape, value in ((ID, canary + "\x00"), (rule("string", "currency"), canary)):
        record = RecordShape("H", (FieldShape("x", shape),))
        found = compile_validator(record, CURRENCIES, 3)(Held(value))
        assert found is not None and canary not in found.detail


REASONS = {reason for _, _, reason in BAD}
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)


@given(ANYTHING, st.sampled_from([shape for shape, _ in GOOD]))
def test_no_value_makes_a_validator_crash(value: Any, shape: Any) -> None:
    found = verdict(shape, value)
    assert found is None or (found[0] in REASONS and found[1].startswith("x"))


@given(st.text() | st.integers() | st.decimals() | st.booleans() | st.none() | st.binary())
def test_the_fast_guard_and_the_explanation_agree(value: Any) -> None:
    for name, explain in rules.FAULTS.items():
        if name == "currency":
            continue  # explained only after its guard
        kind = {"timestamp": "timestamp", "boolean": "boolean", "bytes": "bytes"}.get(name)
        found = verdict(Scalar(kind or "long", None if kind else name), value)
        told = explain(value, "x")
        if name in ("boolean", "bytes") and found is None:
            continue  # explained only after its guard
        assert found == ((told.reason, told.path) if told else None), name


def test_the_generated_code_can_be_read() -> None:
    source = validator_source(load_registry().latest("billing.invoice_voided").shape, 10)
    assert "v0 = r0.invoice_id" in source
    assert source.startswith("def validate(r0):")
