"""Spans of time in months, exactly: what a price per month comes to over a span, and back.

A month is a calendar month from its own day to the same day of the next one; a part of a month is
its share of the days of that month. Times are microseconds since the epoch (UTC).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from ledger.policies import DAY_MICROS
from ledger.terms import add_months

_MONTHS_OF = {"month": Fraction(1), "quarter": Fraction(3), "year": Fraction(12)}
_DAYS_OF = {"day": Fraction(1), "week": Fraction(7)}
_DAYS_OF_A_YEAR = 365
_SEVERAL = re.compile(r"(\d{1,3}) ([a-z]+)s", re.ASCII)


@lru_cache(maxsize=4096)
def months_between(start: int, end: int) -> Fraction:
    """Months from `start` to `end`; negative never, 0 when it does not last."""
    if end <= start:
        return Fraction(0)
    whole = max((end - start) // (31 * DAY_MICROS), 0)
    while add_months(start, whole + 1) <= end:
        whole += 1
    begun = add_months(start, whole)
    return whole + Fraction(end - begun, add_months(start, whole + 1) - begun)


def months_counted_from(anchor: int, start: int, end: int) -> Fraction:
    """Months from `start` to `end`, counted from the day of `anchor`, as billing does."""
    while anchor > start:
        anchor = add_months(anchor, -12)
    return months_between(anchor, end) - months_between(anchor, start)


@lru_cache(maxsize=256)
def months_of(interval: str | None) -> Fraction | None:
    """Months of a billing interval (`month`, `3 months`, `week`); None for what is no rhythm."""
    if interval is None:
        return None
    several = _SEVERAL.fullmatch(interval)
    count, unit = (int(several[1]), several[2]) if several else (1, interval)
    if unit in _MONTHS_OF:
        return count * _MONTHS_OF[unit]
    days = _DAYS_OF.get(unit)
    return None if days is None else Fraction(count * days * 12, _DAYS_OF_A_YEAR)


def end_of_period(anchor: int, months: Fraction, at: int) -> int:
    """End of the period of so many months, counted from `anchor`, in which `at` lies."""
    if months.denominator != 1:
        length = int(months * _DAYS_OF_A_YEAR * DAY_MICROS) // 12
        return anchor + ((at - anchor) // length + 1) * length
    count = int(months)
    passed = int(months_between(anchor, at)) // count if at > anchor else 0
    return add_months(anchor, (passed + 1) * count)
