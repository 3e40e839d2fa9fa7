"""Calendar arithmetic in whole seconds since the epoch, UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

HOUR = 3_600
DAY = 86_400
_EPOCH = date(1970, 1, 1)


def seconds(day: date) -> int:
    """Midnight UTC of `day`."""
    return (day - _EPOCH).days * DAY


def day_of(at_seconds: int) -> date:
    """The UTC date that contains the second."""
    return _day(at_seconds // DAY)


def add_months(at_seconds: int, months: int) -> int:
    """The same time of day `months` later; the 31st becomes the last day of a shorter month."""
    return _midnight_after(at_seconds // DAY, months) + at_seconds % DAY


def month_of(at_seconds: int) -> str:
    """`YYYY-MM` of the second."""
    return _month(at_seconds // DAY)


def iso(at_seconds: int) -> str:
    """ISO 8601 with offset, for people."""
    return datetime.fromtimestamp(at_seconds, UTC).isoformat()


@lru_cache(maxsize=8_192)
def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)


@lru_cache(maxsize=8_192)
def _month(number: int) -> str:
    return _day(number).isoformat()[:7]


@lru_cache(maxsize=65_536)
def _midnight_after(number: int, months: int) -> int:
    day = _day(number)
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return seconds(date(year, month, min(day.day, monthrange(year, month)[1])))
