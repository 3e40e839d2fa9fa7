"""What a schema may not say, one case each."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.lint import Limits, lint

LIMITS = Limits(schema_bytes=4000, fields=5, depth=3, symbols=3, list_items=10)
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 12}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


def record(*fields: dict[str, Any], name: str = "crossfoot.a.B") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def a(name: str, type_: Any, rule: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **({"crossfoot": rule} if rule else {}), **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "crossfoot.a.E", "symbols": list(symbols), **more}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def test_a_sound_schema_has_no_problems() -> None:
    line = record(a("line_id", "string", "id"), name="crossfoot.a.Line")
    schema = record(
        a("event_id", "string", "id"),
        a("total_minor", "long", "amount_minor", default=0),
        a("at_micros", ["null", MICROS], default=None),
        a("lines", array(line), default=[]),
        a("rate", ["null", DECIMAL], "rate", default=None),
    )
    assert lint(schema, LIMITS) == []


NESTED: Any = "string"
for level in range(5):
    NESTED = record(a("x", NESTED, "id" if level == 0 else None), name=f"crossfoot.a.L{level}")

CASES = {
    "float": (a("x", "float"), "cannot hold money"),
    "double in a list": (a("x", array("double")), "cannot hold money"),
    "int": (a("x", "int"), "int is not used here"),
    "recursive": (a("x", ["null", "crossfoot.a.B"]), "contains itself"),
    "list of nothing": (a("x", array("null")), "items without bytes"),
    "list of empty records": (a("x", array(record(name="crossfoot.a.N"))), "items without bytes"),
    "list of fixed of no bytes": (
        a("x", array({"type": "fixed", "name": "F", "size": 0})),
        "items without bytes",
    ),
    "wide union": (a("x", ["null", "string", "long"], "id"), "a union must be"),
    "union without null": (a("x", ["string", "long"], "id"), "a union must be"),
    "null last": (a("x", ["string", "null"], "id"), "a union must be"),
    "enum default": (a("x", enum("A", default="A")), "silently turn an unknown symbol"),
    "enum default that is no symbol": (
        a("x", enum("A", default="B"), enum_default="safe"),
        "the enum's default is not a symbol",
    ),
    "mark of a safe default without one": (a("x", enum("A"), enum_default="safe"), "belongs to"),
    "mark of a safe default in other words": (
        a("x", enum("A", default="A"), enum_default="yes"),
        "silently turn an unknown symbol",
    ),
    "lists in lists": (a("x", array(array(array(array("string")))), "id"), "nested deeper than 3"),
    "symbol twice": (a("x", enum("A", "A")), "each once"),
    "odd symbol": (a("x", enum("../etc")), "is not a name"),
    "too many symbols": (a("x", enum("A", "B", "C", "D")), "4 symbols"),
    "string without a rule": (a("x", "string"), "must be one of"),
    "long without a rule": (a("x", "long"), "must be one of"),
    "decimal without a rule": (a("x", DECIMAL), "must be one of"),
    "rule of another type": (a("x", "string", "amount_minor"), "must be one of"),
    "rule on a boolean": (a("x", "boolean", "id"), "has no meaning"),
    "amount that is a count": (a("fee_minor", "long", "count"), "must be an amount"),
    "time that is a count": (a("at_micros", "long", "count"), "timestamp-micros"),
    "time named otherwise": (a("at", MICROS), "timestamp-micros"),
    "milliseconds": (
        a("at_micros", {"type": "long", "logicalType": "timestamp-millis"}),
        "timestamp-millis on long is not used here",
    ),
    "another scale": (a("x", {**DECIMAL, "scale": 4}, "rate"), "scale 12"),
    "another precision": (a("x", {**DECIMAL, "precision": 18}, "rate"), "precision 38"),
    "optional with a value": (a("x", ["null", "string"], "id", default="y"), "must be null"),
    "default of another type": (a("x_minor", "long", "amount_minor", default="0"), "another type"),
    "true for zero": (a("x_minor", "long", "amount_minor", default=True), "another type"),
    "default that is no symbol": (a("x", enum("A"), default="B"), "not a symbol"),
    "list with a default item": (a("x", array("string"), "id", default=["y"]), "must be empty"),
    "odd name": (a("a/b", "string", "id"), "is not a name"),
    "nested too deep": (a("x", NESTED), "nested deeper than 3"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_schema_is_refused(case: str) -> None:
    field, expected = CASES[case]
    problems = lint(record(field), LIMITS)
    assert any(expected in problem for problem in problems), problems
    assert all(problem.startswith(field["name"]) for problem in problems), problems


def test_a_field_named_twice_is_refused() -> None:
    problems = lint(record(a("x", "boolean"), a("x", "boolean")), LIMITS)
    assert problems == ["x: named twice"]


def test_an_enum_default_is_let_through_where_the_field_says_that_it_is_safe() -> None:
    safe = a("x", ["null", enum("A", "B", default="A")], default=None, enum_default="safe")
    assert lint(record(safe), LIMITS) == []


def test_an_alias_means_one_field() -> None:
    one, two = a("x", "boolean", aliases=["z"]), a("y", "boolean", aliases=["z"])
    expected = "an alias that names two fields; readers disagree on which is meant"
    assert lint(record(one, two), LIMITS) == [f"z: {expected}"]
    assert lint(record(one, a("z", "boolean")), LIMITS) == [f"z: {expected}"]
    assert lint(record(one), LIMITS) == []


def test_sizes_are_limited() -> None:
    fields = [a(f"x{i}", "string", "id", doc="d" * 1000) for i in range(6)]
    problems = "\n".join(lint(record(*fields), LIMITS))
    assert "6 fields; a record may have 5" in problems
    assert "a schema may have 4000" in problems


@pytest.mark.parametrize("top", ["string", ["null", "string"], {"type": "array", "items": "long"}])
def test_only_a_record_is_a_subject(top: Any) -> None:
    assert lint(top, LIMITS) == ["the top must be a record"]
