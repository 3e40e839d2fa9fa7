"""A field's value as canonical text: exact numbers, times as epoch microseconds, long ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.decoding import Rejected
from connectors.providers.salesforce.field_names import Field, Kind
from connectors.providers.salesforce.record_ids import long_id
from ledger.money import is_currency
from ledger.reasons import Reason
from schemas.rules import EARLIEST_MICROS, LATEST_MICROS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_MAX_DIGITS = 30
"""Salesforce numbers have at most 18 digits; beyond this it is no number of a business."""

_MAX_MONTHS = 1200


def canonical_text(field: Field, value: Any) -> str | None:
    """Return the value as text, None for null and for empty text (Salesforce knows no empty text).

    What text may hold is checked with the canonical event. Raises Rejected naming the field and
    never the value.
    """
    if value is None or value == "":
        return None
    return _CONVERT[field.kind](field.path, value)


def _text(path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "text")
    return value


def _record_id(path: str, value: Any) -> str:
    found = long_id(_text(path, value))
    if found is None:
        raise Rejected(Reason.INVALID_VALUE, f"{path} is not a record id")
    return found


def _currency(path: str, value: Any) -> str:
    code = _text(path, value)
    if not is_currency(code):
        raise Rejected(Reason.UNKNOWN_CURRENCY, f"{path} is not a currency the ledger can keep")
    return code


def _flag(path: str, value: Any) -> str:
    if not isinstance(value, bool):
        raise _wrong(path, "a flag")
    return "true" if value else "false"


def _decimal(path: str, value: Any) -> Decimal:
    """An exact number; fractions arrive as Decimal, never as float."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong(path, "a number")
    number = Decimal(value)
    if not number.is_finite() or not -_MAX_DIGITS < number.adjusted() < _MAX_DIGITS:
        raise Rejected(Reason.AMOUNT_OUT_OF_RANGE, f"{path} is no number of a business")
    if len(number.as_tuple().digits) > _MAX_DIGITS:
        raise Rejected(Reason.AMOUNT_OUT_OF_RANGE, f"{path} has more than {_MAX_DIGITS} digits")
    return number


def _number(path: str, value: Any) -> str:
    """Plain notation without needless zeros, so that 40.0 and 40 are one value."""
    text = format(_decimal(path, value), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _months(path: str, value: Any) -> str:
    text = _number(path, value)
    if not text.isdigit() or not 1 <= int(text) <= _MAX_MONTHS:
        raise Rejected(Reason.INVALID_VALUE, f"{path} is not a whole number of months")
    return text


def _time(path: str, value: Any) -> str:
    """Epoch milliseconds, or ISO 8601 as CometD clients get it; a bare date is midnight UTC."""
    micros = _iso_micros(path, value) if isinstance(value, str) else _epoch_micros(path, value)
    if not EARLIEST_MICROS <= micros < LATEST_MICROS:
        raise Rejected(Reason.TIMESTAMP_OUT_OF_RANGE, f"{path} is not in 2000-2099")
    return str(micros)


def _epoch_micros(path: str, value: Any) -> int:
    millis = _decimal(path, value)
    if millis != millis.to_integral_value():
        raise Rejected(Reason.INVALID_VALUE, f"{path} is not whole milliseconds")
    return int(millis) * 1000


def _iso_micros(path: str, value: str) -> int:
    try:
        if "T" not in value:
            day = date.fromisoformat(value)
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(value)
    except ValueError:
        raise Rejected(Reason.INVALID_VALUE, f"{path} is not an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise Rejected(Reason.INVALID_VALUE, f"{path} has no offset from UTC")
    return (moment - _EPOCH) // _MICROSECOND


def _wrong(path: str, expected: str) -> Rejected:
    return Rejected(Reason.WRONG_TYPE, f"{path} is not {expected}")


_CONVERT: dict[Kind, Callable[[str, Any], str]] = {
    Kind.TEXT: _text,
    Kind.RECORD_ID: _record_id,
    Kind.TIME: _time,
    Kind.NUMBER: _number,
    Kind.MONTHS: _months,
    Kind.FLAG: _flag,
    Kind.CURRENCY: _currency,
}
