"""Strict Avro binary for one schema version: what fastavro lets pass is refused here.

fastavro does the work on a schema without logical types, so it rounds nothing. What it read
is written back and compared with the bytes: equal bytes mean that nothing was guessed, left
over or wrapped around. Where they differ (lists in several blocks are legal) or where fastavro
gave up, `schemas.avro_walk` goes through the bytes and names what is wrong.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import fastavro

from schemas.avro_walk import AVRO_DAMAGED, walk_datum
from schemas.decimals import decimal_from_bytes, decimal_to_bytes
from schemas.rules import AMOUNT_PRECISION, SchemaViolation
from schemas.shapes import ArrayShape, MapShape, OptionalShape, RecordShape, Scalar, Shape

Json = Any
Convert = Callable[[Any], Any]

# What fastavro raises on bytes it cannot follow.
_UNREADABLE = (EOFError, IndexError, ValueError, OverflowError, TypeError, KeyError)
_LOGICAL_KEYS = frozenset("logicalType precision scale crossfoot doc".split())


class AvroCodec:
    """Reads and writes the binary form of one version's records."""

    def __init__(self, schema: Json, shape: RecordShape) -> None:
        self.shape = shape
        self._raw_schema = fastavro.parse_schema(_without_logical_types(schema))
        self._load = _loader(shape)
        self._dump_struct = _dumper(shape, getattr)
        self._dump_mapping = _dumper(shape, dict.__getitem__)

    def encode(self, record: Any) -> bytes:
        """Write a valid record (struct or dict). What is not valid must not come here."""
        dump = self._dump_mapping if isinstance(record, dict) else self._dump_struct
        return self._write(dump(record))

    def decode(self, datum: bytes, reader: AvroCodec | None = None) -> dict[str, Any]:
        """Read one datum written with this version; `reader` resolves it to another version.

        Raises SchemaViolation: avro_damaged, trailing_bytes, unknown_symbol, amount_precision.
        """
        raw = self._read_strictly(datum)
        if reader is None or reader is self:
            return self._loaded(raw)
        try:
            resolved = fastavro.schemaless_reader(
                io.BytesIO(datum), self._raw_schema, reader._raw_schema
            )
        except (fastavro.read.SchemaResolutionError, *_UNREADABLE):
            detail = "cannot be read as the version asked for"
            raise SchemaViolation(AVRO_DAMAGED, "", detail) from None
        return reader._loaded(resolved)

    def _read_strictly(self, datum: bytes) -> Any:
        try:
            raw = fastavro.schemaless_reader(io.BytesIO(datum), self._raw_schema, None)
            if self._write(raw) == datum:
                return raw
        except _UNREADABLE:
            raw = None
        walk_datum(self.shape, datum)
        if raw is None:
            raise SchemaViolation(AVRO_DAMAGED, "", "cannot be decoded")
        return raw

    def _loaded(self, raw: Any) -> dict[str, Any]:
        record: dict[str, Any] = self._load(raw) if self._load else raw
        return record

    def _write(self, raw: Any) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self._raw_schema, raw)
        return out.getvalue()


def _without_logical_types(schema: Json) -> Json:
    """The schema as bytes and longs: fastavro then neither rounds decimals nor makes dates."""
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value if key == "default" else _without_logical_types(value)
        for key, value in schema.items()
        if key not in _LOGICAL_KEYS
    }


# --- raw values <-> records ----------------------------------------------------------------


def _loader(shape: Shape) -> Convert | None:
    """From fastavro's value to the record's; None where they are the same."""
    match shape:
        case OptionalShape():
            inner = _loader(shape.inner)
            return inner and (lambda value: None if value is None else inner(value))
        case ArrayShape():
            item = _loader(shape.items)
            return tuple if item is None else lambda value: tuple([item(v) for v in value])
        case MapShape():
            inner = _loader(shape.values)
            return inner and (lambda value: {k: inner(v) for k, v in value.items()})
        case RecordShape():
            return _record_loader(shape)
        case Scalar(kind="decimal"):
            return _load_decimal
    return None


def _record_loader(shape: RecordShape) -> Convert | None:
    found = [(field.name, _loader(field.shape)) for field in shape.fields]
    converted = [(name, load) for name, load in found if load is not None]
    if not converted:
        return None

    def load(raw: dict[str, Any]) -> dict[str, Any]:
        for name, convert in converted:
            raw[name] = convert(raw[name])
        return raw

    return load


def _load_decimal(data: bytes) -> Any:
    if not data:
        raise SchemaViolation(AVRO_DAMAGED, "", "a decimal has no bytes")
    value = decimal_from_bytes(data)
    if value is None:
        raise SchemaViolation(AMOUNT_PRECISION, "", "a decimal has more digits than its precision")
    return value


def _dumper(shape: Shape, get: Callable[[Any, str], Any]) -> Convert:
    """From the record's value to fastavro's; `get` reads a field of a record."""
    match shape:
        case OptionalShape():
            inner = _dumper(shape.inner, get)
            return lambda value: None if value is None else inner(value)
        case ArrayShape():
            item = _dumper(shape.items, get)
            return lambda value: [item(v) for v in value]
        case MapShape():
            inner = _dumper(shape.values, get)
            return lambda value: {k: inner(v) for k, v in value.items()}
        case RecordShape():
            fields = [(field.name, _dumper(field.shape, get)) for field in shape.fields]
            return lambda record: {name: dump(get(record, name)) for name, dump in fields}
        case Scalar(kind="decimal"):
            return decimal_to_bytes
    return _same


def _same(value: Any) -> Any:
    return value


