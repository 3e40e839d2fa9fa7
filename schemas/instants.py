"""Instants in text: ISO 8601 with an offset, to microseconds since the epoch, and back."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII
)


class NotAnInstant(ValueError):
    """Text that names no instant; the message says why, without the text."""


def micros_from_iso(text: str) -> int:
    """Return microseconds since the epoch of `2026-01-15T08:00:00+01:00`.

    A time without an offset is refused: it would mean another instant on every machine.
    Digits beyond the microsecond are refused unless they are zero. Raises NotAnInstant.
    """
    if _ISO.fullmatch(text) is None:
        raise NotAnInstant("is not an ISO 8601 time with an offset")
    fraction = re.search(r"[.,]\d{6}(\d+)", text)
    if fraction is not None and fraction.group(1).strip("0"):
        raise NotAnInstant("is finer than a microsecond")
    try:
        moment = datetime.fromisoformat(text.replace(",", ".").upper())
    except ValueError:
        raise NotAnInstant("is no calendar time") from None
    return (moment - _EPOCH) // _MICROSECOND


def iso_from_micros(micros: int) -> str:
    """Return the instant as ISO 8601 in UTC: `2026-01-15T07:00:00Z`, fraction where it has one."""
    moment = _EPOCH + micros * _MICROSECOND
    return moment.isoformat().replace("+00:00", "Z")


def is_day(text: str) -> bool:
    """True for a calendar day as `2031-06-30`."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def end_of_day_micros(day: str) -> int:
    """Return when a day (`2031-06-30`) is over in UTC: the first instant of the next one."""
    following = date.fromisoformat(day) + timedelta(days=1)
    return (datetime.combine(following, datetime.min.time(), UTC) - _EPOCH) // _MICROSECOND
