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

from schemas.avro_walk import AVRO_DAMAGED, TRAILING_BYTES, AvroWalker
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
        raw, end = self.split(datum)
        if end != len(datum):
            left = f"{len(datum) - end} bytes are left over after the record"
            raise SchemaViolation(TRAILING_BYTES, "", left)
        return self.load(raw) if reader is None or reader is self else self.resolve(datum, reader)

    def split(self, data: bytes, start: int = 0) -> tuple[Any, int]:
        """Read the datum that starts at `start`, strictly: (raw value for `load`, its end).

        Raises SchemaViolation: avro_damaged, unknown_symbol.
        """
        stream = io.BytesIO(data)
        stream.seek(start)
        try:
            raw = fastavro.schemaless_reader(stream, self._raw_schema, None)
            end = stream.tell()
            if self._write(raw) == data[start:end]:
                return raw, end
        except _UNREADABLE:
            raw = None
        walker = AvroWalker(data, start)
        walker.value(self.shape, "")
        if raw is None:
            raise SchemaViolation(AVRO_DAMAGED, "", "cannot be decoded")
        return raw, walker.at

    def load(self, raw: Any) -> dict[str, Any]:
        """Turn what `split` read into a record. Raises SchemaViolation(amount_precision)."""
        record: dict[str, Any] = self._load(raw) if self._load else raw
        return record

    def resolve(self, datum: bytes, reader: AvroCodec) -> dict[str, Any]:
        """Read a datum of this version, known to be sound, as a record of another version.

        Raises SchemaViolation where the versions do not fit.
        """
        try:
            raw = fastavro.schemaless_reader(
                io.BytesIO(datum), self._raw_schema, reader._raw_schema
            )
        except (fastavro.read.SchemaResolutionError, *_UNREADABLE):
            detail = "cannot be read as the version asked for"
            raise SchemaViolation(AVRO_DAMAGED, "", detail) from None
        return reader.load(raw)

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
            load = _loader(shape.inner)
            return None if load is None else _optional_loader(load)
        case ArrayShape():
            load = _loader(shape.items)
            return tuple if load is None else _array_loader(load)
        case MapShape():
            load = _loader(shape.values)
            return None if load is None else _map_loader(load)
        case RecordShape():
            return _record_loader(shape)
        case Scalar(kind="decimal"):
            return _load_decimal
    return None


def _optional_loader(load: Convert) -> Convert:
    return lambda value: None if value is None else load(value)


def _array_loader(load: Convert) -> Convert:
    return lambda value: tuple([load(item) for item in value])


def _map_loader(load: Convert) -> Convert:
    return lambda value: {key: load(item) for key, item in value.items()}


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
