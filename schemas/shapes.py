"""The typed tree of a schema version, from which validators, readers and writers are compiled.

Only the part of Avro that the linter lets through has a shape: boolean, long, string, bytes,
decimal, timestamp-micros, enum, array, map, record and optional (`["null", T]`).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Json = Any
"""A value of JSON as Python has it: an `.avsc` is read as such."""


class Scalar(msgspec.Struct, frozen=True):
    """A leaf; `rule` is the field's `crossfoot` property, for strings, longs and decimals."""

    kind: Literal["boolean", "long", "timestamp", "string", "bytes", "decimal"]
    rule: str | None = None


class EnumShape(msgspec.Struct, frozen=True):
    """One of `symbols`."""

    name: str
    symbols: tuple[str, ...]


class ArrayShape(msgspec.Struct, frozen=True):
    """A list; records hold it as a tuple."""

    items: Shape


class MapShape(msgspec.Struct, frozen=True):
    """A map from names to values."""

    values: Shape


class OptionalShape(msgspec.Struct, frozen=True):
    """None, or the inner shape: the union `["null", inner]`."""

    inner: Shape


class FieldShape(msgspec.Struct, frozen=True):
    """A named field of a record; `default` is `msgspec.UNSET` for a required one."""

    name: str
    shape: Shape
    default: Json = msgspec.UNSET

    @property
    def required(self) -> bool:
        """True when a record without the field is refused."""
        return self.default is msgspec.UNSET


class RecordShape(msgspec.Struct, frozen=True):
    """A record with its full name."""

    name: str
    fields: tuple[FieldShape, ...]


Shape = Scalar | EnumShape | ArrayShape | MapShape | OptionalShape | RecordShape


def shape_of(schema: Json) -> RecordShape:
    """Build the shape of a linted, inlined record schema."""
    shape = _shape(schema, None, {})
    assert isinstance(shape, RecordShape)
    return shape


def _shape(schema: Json, rule: str | None, named: dict[str, Shape]) -> Shape:
    if isinstance(schema, list):
        return OptionalShape(_shape(schema[1], rule, named))
    if isinstance(schema, str):
        return named[schema] if schema in named else Scalar(schema, rule)  # type: ignore[arg-type]
    match schema["type"]:
        case "record":
            fields = tuple(_field(field, named) for field in schema["fields"])
            shape: Shape = RecordShape(schema["name"], fields)
            named[schema["name"]] = shape
        case "enum":
            shape = EnumShape(schema["name"], tuple(schema["symbols"]))
            named[schema["name"]] = shape
        case "array":
            shape = ArrayShape(_shape(schema["items"], rule, named))
        case "map":
            shape = MapShape(_shape(schema["values"], rule, named))
        case _:
            shape = Scalar(_scalar_kind(schema), rule)
    return shape


def _field(field: Json, named: dict[str, Shape]) -> FieldShape:
    shape = _shape(field["type"], field.get("crossfoot"), named)
    return FieldShape(field["name"], shape, field.get("default", msgspec.UNSET))


_LOGICAL: dict[str, Literal["timestamp", "decimal"]] = {
    "timestamp-micros": "timestamp",
    "decimal": "decimal",
}


def _scalar_kind(schema: Json) -> Any:
    return _LOGICAL.get(schema.get("logicalType"), schema["type"])
