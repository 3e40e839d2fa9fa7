"""The value rules that Avro cannot say, by the name a field's `crossfoot` property gives.

`id`, `word`, `text`, `currency`, `date`, `period` for strings; `amount_minor`,
`amount_minor_not_negative`, `count` for longs; `quantity`, `unit_price`, `rate` for decimals.
Each `fault_…` explains what is wrong with one value, or returns None. Generated validators
(`schemas.validators`) call them only when a cheap guard has tripped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec

MISSING_FIELD = "missing_field"
WRONG_TYPE = "wrong_type"
INVALID_VALUE = "invalid_value"
UNKNOWN_FIELD = "unknown_field"
UNKNOWN_CURRENCY = "unknown_currency"
AMOUNT_PRECISION = "amount_precision"
AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
NEGATIVE_AMOUNT = "negative_amount"
TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
TOO_LARGE = "too_large"
# Reason codes used in this room; each equals a value of `ledger.reasons.Reason`.

AMOUNT_LIMIT_MINOR = 10**17
"""Amounts lie within plus or minus this many minor units."""
COUNT_LIMIT = 2**63 - 1
EARLIEST_MICROS = 946_684_800_000_000
"""2000-01-01T00:00:00Z: no business event happened before."""
LATEST_MICROS = 4_102_444_800_000_000
"""2100-01-01T00:00:00Z: none happens at or after."""
ID_LIMIT_CHARS = 255
TEXT_LIMIT_CHARS = 10_000

# Unicode category Cc, the separators that break lines in some readers, and lone surrogates,
# which no encoder can write.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PERIOD = re.compile(r"2\d\d\d-(0[1-9]|1[0-2])", re.ASCII)

_DECIMAL_STEP = Decimal("1e-12")
_EXACT = Context(prec=38, traps=[Inexact, InvalidOperation])


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a record and where; never the value, which may be personal data."""

    reason: str
    """A code that equals one of `ledger.reasons.Reason`."""
    path: str
    """Where: `lines[2].amount_minor`; empty for the record as a whole."""
    detail: str


class SchemaViolation(Exception):
    """Raised inside readers; carries the one Violation that ends the reading."""

    def __init__(self, reason: str, path: str, detail: str) -> None:
        super().__init__(f"{reason} at {path or 'the record'}: {detail}")
        self.violation = Violation(reason=reason, path=path, detail=detail)

    @classmethod
    def of(cls, found: Violation) -> SchemaViolation:
        """The exception that carries `found`."""
        return cls(found.reason, found.path, found.detail)


def violation(reason: str, path: str, detail: str) -> Violation:
    """Shorter to write than the struct."""
    return Violation(reason=reason, path=path, detail=detail)


def wrong_type(value: object, path: str, expected: str) -> Violation:
    """A value of another type; None counts as absent."""
    if value is None:
        return violation(MISSING_FIELD, path, "is absent")
    return violation(WRONG_TYPE, path, f"must be {expected}, is {type(value).__name__}")


# --- strings -----------------------------------------------------------------------------


def fault_id(value: Any, path: str) -> Violation | None:
    """Ids and words: 1 to 255 characters, none of them a control character."""
    if type(value) is not str:
        return wrong_type(value, path, "a string")
    if not value:
        return violation(INVALID_VALUE, path, "must not be empty")
    if len(value) > ID_LIMIT_CHARS:
        return violation(INVALID_VALUE, path, f"longer than {ID_LIMIT_CHARS} characters")
    if _CONTROL.search(value):
        return violation(INVALID_VALUE, path, "has a control character")
    return None


def fault_text(value: Any, path: str) -> Violation | None:
    """Free text: kept as it is, HTML too, but no control characters except tab, newline
    and carriage return (CRM addresses end their lines with both)."""
    if type(value) is not str:
        return wrong_type(value, path, "a string")
    if len(value) > TEXT_LIMIT_CHARS:
        return violation(INVALID_VALUE, path, f"longer than {TEXT_LIMIT_CHARS} characters")
    if _CONTROL_IN_TEXT.search(value):
        return violation(INVALID_VALUE, path, "has a control character")
    return None


def fault_currency(value: Any, path: str) -> Violation | None:
    """Called for what is not in the list of currencies."""
    if type(value) is not str:
        return wrong_type(value, path, "a string")
    return violation(UNKNOWN_CURRENCY, path, "is not an ISO 4217 code the registry knows")


def fault_date(value: Any, path: str) -> Violation | None:
    """A calendar date `YYYY-MM-DD`."""
    if type(value) is not str:
        return wrong_type(value, path, "a string")
    return None if is_date(value) else violation(INVALID_VALUE, path, "is not a YYYY-MM-DD date")


def fault_period(value: Any, path: str) -> Violation | None:
    """An accounting period `YYYY-MM`."""
    if type(value) is not str:
        return wrong_type(value, path, "a string")
    return None if is_period(value) else violation(INVALID_VALUE, path, "is not a YYYY-MM period")


def is_date(value: str) -> bool:
    """Tell whether `value` is a calendar date `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_period(value: str) -> bool:
    """Tell whether `value` is a month `YYYY-MM`."""
    return _PERIOD.fullmatch(value) is not None


def fault_symbol(value: Any, path: str, symbols: Collection[str]) -> Violation | None:
    """Called for what is not a symbol of an enum."""
    if type(value) is not str:
        return wrong_type(value, path, "a string")
    return violation(INVALID_VALUE, path, f"must be one of {', '.join(sorted(symbols))}")


# --- numbers -----------------------------------------------------------------------------


def fault_amount_minor(value: Any, path: str) -> Violation | None:
    """An amount in minor units: a whole number within the ledger's range."""
    if type(value) is not int:
        return wrong_type(value, path, "an integer of minor units")
    if not -AMOUNT_LIMIT_MINOR <= value <= AMOUNT_LIMIT_MINOR:
        return violation(AMOUNT_OUT_OF_RANGE, path, "larger than any amount the ledger accepts")
    return None


def fault_amount_minor_not_negative(value: Any, path: str) -> Violation | None:
    """An amount of which only zero and more has a meaning."""
    fault = fault_amount_minor(value, path)
    if fault is None and value < 0:
        return violation(NEGATIVE_AMOUNT, path, "must not be negative")
    return fault


def fault_count(value: Any, path: str) -> Violation | None:
    """A whole number of something: zero or more, in 64 bits."""
    if type(value) is not int:
        return wrong_type(value, path, "an integer")
    if not 0 <= value <= COUNT_LIMIT:
        return violation(INVALID_VALUE, path, "must be zero or more, in 64 bits")
    return None


def fault_timestamp(value: Any, path: str) -> Violation | None:
    """Microseconds since the epoch, in the years 2000 to 2099."""
    if type(value) is not int:
        return wrong_type(value, path, "an integer of microseconds since the epoch")
    if not EARLIEST_MICROS <= value < LATEST_MICROS:
        return violation(TIMESTAMP_OUT_OF_RANGE, path, "is not in 2000-2099")
    return None


def fits_decimal(value: Decimal) -> bool:
    """Tell whether the schemas' decimal (38 digits, 12 of them after the point) holds it."""
    return value.is_finite() and _fits(value)


@lru_cache(maxsize=4_096)
def _fits(value: Decimal) -> bool:
    """Equal values fit alike, however many zeros they are written with; most come again."""
    try:
        value.quantize(_DECIMAL_STEP, context=_EXACT)
    except (Inexact, InvalidOperation):
        return False
    return True


def fault_quantity(value: Any, path: str) -> Violation | None:
    """A Decimal that can be kept exactly."""
    if type(value) is not Decimal:
        return wrong_type(value, path, "a decimal")
    if not value.is_finite():
        return violation(INVALID_VALUE, path, "is not a number")
    if fits_decimal(value):
        return None
    if value.adjusted() >= 26:
        return violation(AMOUNT_OUT_OF_RANGE, path, "has more than 26 digits before the point")
    return violation(AMOUNT_PRECISION, path, "has more than 12 digits after the point")


fault_unit_price = fault_quantity


def fault_rate(value: Any, path: str) -> Violation | None:
    """An exchange rate: a Decimal above zero."""
    fault = fault_quantity(value, path)
    if fault is None and value <= 0:
        return violation(INVALID_VALUE, path, "a rate must be above zero")
    return fault


# --- the rest ----------------------------------------------------------------------------


def fault_boolean(value: Any, path: str) -> Violation | None:
    """Called for what is not a bool."""
    return wrong_type(value, path, "true or false")


def fault_bytes(value: Any, path: str) -> Violation | None:
    """Called for what is not bytes."""
    return wrong_type(value, path, "bytes")


def fault_list(value: Any, path: str, limit: int) -> Violation | None:
    """A tuple or list of at most `limit` items."""
    if not isinstance(value, tuple | list):
        return wrong_type(value, path, "a list")
    if len(value) > limit:
        return violation(TOO_LARGE, path, f"{len(value)} items; a list may have {limit}")
    return None


def fault_map(value: Any, path: str, limit: int) -> Violation | None:
    """A dict of at most `limit` entries."""
    if type(value) is not dict:
        return wrong_type(value, path, "a map")
    if len(value) > limit:
        return violation(TOO_LARGE, path, f"{len(value)} entries; a map may have {limit}")
    return None


def fault_record(value: Any, path: str) -> Violation | None:
    """Called for what is not a record held in a dict."""
    return wrong_type(value, path, "an object")


FAULTS: dict[str, Callable[[Any, str], Violation | None]] = {
    "id": fault_id,
    "word": fault_id,
    "text": fault_text,
    "date": fault_date,
    "period": fault_period,
    "currency": fault_currency,
    "amount_minor": fault_amount_minor,
    "amount_minor_not_negative": fault_amount_minor_not_negative,
    "count": fault_count,
    "timestamp": fault_timestamp,
    "quantity": fault_quantity,
    "unit_price": fault_unit_price,
    "rate": fault_rate,
    "boolean": fault_boolean,
    "bytes": fault_bytes,
}
"""What explains a value of each rule, or of each kind of scalar that needs none."""
