"""Reads JSON objects into records: the shape strictly, the values' rules left to validators.

A record is a dict with every field of the version: lists as tuples, timestamps as integer
microseconds, decimals as Decimal, defaults filled in.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from schemas import rules
from schemas.decimals import decimal_from_text, plain
from schemas.instants import NotAnInstant, micros_from_iso
from schemas.rules import SchemaViolation
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    MapShape,
    OptionalShape,
    RecordShape,
    Scalar,
    Shape,
)

Read = Callable[[Any], Any]
_PARSE = msgspec.json.Decoder(float_hook=Decimal)
_PRINTABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


class _Misread(Exception):
    """What is wrong with a value; the levels above put the path together."""

    def __init__(self, reason: str, detail: str, path: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.path = path

    def within(self, outer: str) -> _Misread:
        """The same, seen from the value that contains it."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return _Misread(self.reason, self.detail, f"{outer}{joint}{self.path}")


class JsonReader:
    """The reader of one version, compiled into closures."""

    def __init__(self, shape: RecordShape) -> None:
        self._read = _record_reader(shape)

    def read(self, value: bytes | Mapping[str, Any]) -> dict[str, Any]:
        """Read an object, given as bytes or parsed. Raises SchemaViolation.

        Numbers of a parsed object should be int and Decimal: a float has lost digits already
        and is refused where it matters.
        """
        if isinstance(value, bytes):
            value = _parse(value)
        try:
            record: dict[str, Any] = self._read(value)
        except _Misread as fault:
            raise SchemaViolation(fault.reason, fault.path, fault.detail) from None
        return record


def _parse(body: bytes) -> Any:
    try:
        return _PARSE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SchemaViolation("not_json", "", "is not JSON in UTF-8") from None
    except RecursionError:
        raise SchemaViolation("too_deep", "", "is nested too deep") from None
    except InvalidOperation:
        detail = "has a number whose exponent no reader can follow"
        raise SchemaViolation(rules.AMOUNT_OUT_OF_RANGE, "", detail) from None


def _reader(shape: Shape) -> Read | None:
    """The reader of a value; None where the value is kept and the validator checks it."""
    match shape:
        case OptionalShape():
            return _optional_reader(_reader(shape.inner))
        case ArrayShape():
            return _array_reader(_reader(shape.items))
        case MapShape():
            return _map_reader(_reader(shape.values))
        case RecordShape():
            return _record_reader(shape)
        case Scalar():
            return _scalar_reader(shape)
        case EnumShape():
            return None


def _record_reader(shape: RecordShape) -> Read:
    fields = [(f.name, _reader(f.shape), _default(f.default, f.shape)) for f in shape.fields]
    known = frozenset(name for name, _, _ in fields)

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _Misread(rules.WRONG_TYPE, "must be an object")
        record = {}
        found = 0
        for name, read_field, default in fields:
            if name in value:
                found += 1
                given = value[name]
                try:
                    record[name] = given if read_field is None else read_field(given)
                except _Misread as fault:
                    raise fault.within(name) from None
            elif default is msgspec.UNSET:
                raise _Misread(rules.MISSING_FIELD, "is absent", name)
            else:
                record[name] = default
        if found != len(value):
            raise _unknown_field(value, known)
        return record

    return read


def _default(default: Any, shape: Shape) -> Any:
    """A field's default as records hold it: a list is a tuple."""
    return tuple(default) if isinstance(default, list) else default


def _unknown_field(value: Mapping[str, Any], known: frozenset[str]) -> _Misread:
    """A key that no field has; an odd name is not repeated, it may be anything."""
    name = next(key for key in value if key not in known)
    shown = name if _PRINTABLE_NAME.fullmatch(name) else "(a name that is not one)"
    return _Misread(rules.UNKNOWN_FIELD, "is no field of this version", shown)


def _optional_reader(inner: Read | None) -> Read | None:
    if inner is None:
        return None
    return lambda value: None if value is None else inner(value)


def _array_reader(item: Read | None) -> Read:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _Misread(rules.WRONG_TYPE, "must be a list")
        if item is None:
            return tuple(value)
        items = []
        for given in value:
            try:
                items.append(item(given))
            except _Misread as fault:
                raise fault.within(f"[{len(items)}]") from None
        return tuple(items)

    return read


def _map_reader(inner: Read | None) -> Read:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _Misread(rules.WRONG_TYPE, "must be an object")
        return dict(value) if inner is None else {k: inner(v) for k, v in value.items()}

    return read


def _scalar_reader(shape: Scalar) -> Read | None:
    match shape.kind:
        case "timestamp":
            return _read_timestamp
        case "decimal":
            return _read_decimal
        case "bytes":
            return _read_bytes
        case "long" if (shape.rule or "").startswith("amount_minor"):
            return _read_amount
    return None


def _read_timestamp(value: Any) -> Any:
    """Integer microseconds, or ISO 8601 with an offset."""
    if not isinstance(value, str):
        return value
    try:
        return micros_from_iso(value)
    except NotAnInstant as error:
        raise _Misread(rules.INVALID_VALUE, str(error)) from None


def _read_decimal(value: Any) -> Any:
    """A string of digits, or a JSON number (exact, as the parser keeps it)."""
    if isinstance(value, Decimal):
        return plain(value)
    if type(value) is int:
        return Decimal(value)
    if not isinstance(value, str):
        return value
    number = decimal_from_text(value)
    if number is None:
        raise _Misread(rules.INVALID_VALUE, "is not a decimal number")
    return number


def _read_amount(value: Any) -> Any:
    """Minor units are whole: a number with a point or an exponent is refused, never rounded."""
    if not isinstance(value, Decimal):
        return value
    if value.is_finite() and value.adjusted() > 18:
        raise _Misread(rules.AMOUNT_OUT_OF_RANGE, "larger than any amount the ledger accepts")
    raise _Misread(rules.AMOUNT_PRECISION, "minor units are whole numbers")


def _read_bytes(value: Any) -> Any:
    """Base64 text."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _Misread(rules.INVALID_VALUE, "is not base64") from None
