"""Avro's own verdict: can a reader's schema read what a writer's schema wrote?

Apache's checker decides; this module only asks it field by field, so that the answer names the
field. The package is loaded when first asked: pipelines never need it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import msgspec

Json = Any
AvroSchema = Any
"""An `avro.schema.Schema`; the package has no complete annotations."""


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the reader cannot follow the writer, and why, in words."""

    path: str
    why: str


class NotAvro(Exception):
    """Apache's parser refuses the schema; the message is its own."""


def parse_avro(schema: Json) -> AvroSchema:
    """Parse a schema as Apache's package does. Raises NotAvro."""
    import avro.errors
    import avro.schema

    with warnings.catch_warnings():
        # A logical type that does not fit its type is ignored with a warning; the linter and
        # the comparison of logical types tell it better.
        warnings.simplefilter("ignore")
        try:
            return avro.schema.parse(json.dumps(schema))
        except (avro.errors.AvroException, AttributeError, KeyError, TypeError) as error:
            raise NotAvro(f"Avro does not accept the schema: {error}") from error


def can_read(reader: AvroSchema, writer: AvroSchema) -> bool:
    """Ask Apache's checker whether every datum of `writer` is read by `reader`."""
    from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

    checker: Any = ReaderWriterCompatibilityChecker
    result = checker().get_compatibility(reader, writer)
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


def unreadable(reader: AvroSchema, writer: AvroSchema) -> list[Unreadable]:
    """Return the deepest places where `reader` cannot follow `writer`; empty when it can."""
    return list(_blame(reader, writer, "", frozenset()))


def _blame(
    reader: AvroSchema, writer: AvroSchema, path: str, inside: frozenset[tuple[int, int]]
) -> Iterator[Unreadable]:
    pair = (id(reader), id(writer))
    if pair in inside or can_read(reader, writer):
        return
    found = list(_missing(reader, writer, path))
    for inner_reader, inner_writer, at in _parts(reader, writer, path):
        found += _blame(inner_reader, inner_writer, at, inside | {pair})
    yield from found or [Unreadable(path=path, why=_why(reader, writer))]


def _missing(reader: AvroSchema, writer: AvroSchema, path: str) -> Iterator[Unreadable]:
    """Fields that the reader needs and the writer does not have."""
    from avro.compatibility import lookup_writer_field

    if (reader.type, writer.type) == ("record", "record"):
        for field in reader.fields:
            if lookup_writer_field(writer, field) is None and not field.has_default:
                why = "it is missing there and has no default"
                yield Unreadable(path=_join(path, field.name), why=why)


def _parts(
    reader: AvroSchema, writer: AvroSchema, path: str
) -> Iterator[tuple[AvroSchema, AvroSchema, str]]:
    """The pairs of types inside that are read as one another."""
    from avro.compatibility import lookup_writer_field

    kinds = (reader.type, writer.type)
    if kinds == ("record", "record"):
        for field in reader.fields:
            match = lookup_writer_field(writer, field)
            if match is not None:
                yield field.type, match.type, _join(path, field.name)
    elif kinds == ("array", "array"):
        yield reader.items, writer.items, path
    elif kinds == ("map", "map"):
        yield reader.values, writer.values, path
    elif "union" in kinds:
        for branch in writer.schemas if writer.type == "union" else [writer]:
            same = [r for r in _branches(reader) if _name(r) == _name(branch)]
            yield from ((r, branch, path) for r in same)


def _branches(schema: AvroSchema) -> list[AvroSchema]:
    return list(schema.schemas) if schema.type == "union" else [schema]


def _name(schema: AvroSchema) -> str:
    return str(getattr(schema, "fullname", schema.type))


def _why(reader: AvroSchema, writer: AvroSchema) -> str:
    if reader.type == writer.type == "enum" and _name(reader) == _name(writer):
        unknown = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
        return f"the symbols {', '.join(unknown)} are unknown there"
    unread = [b for b in _branches(writer) if not can_read(reader, b)] or [writer]
    names = " and ".join(_name(branch) for branch in unread)
    return f"{names} cannot be read as {' or '.join(_name(b) for b in _branches(reader))}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
