"""How a service period is spread over calendar months, in integers only.

Times are microseconds since the epoch (UTC), days are days since the epoch, months are
`year * 12 + month - 1`. Nothing here knows amounts of an invoice or accounts.
"""

from __future__ import annotations

import datetime
from functools import lru_cache

from ledger.policies import DAY_MICROS

FIRST_MICROS = 946_684_800 * 1_000_000
"""2000-01-01: service before it is taken for a mistake."""
LAST_MICROS = 4_133_980_800 * 1_000_000
"""2101-01-01: service from it on is taken for a mistake."""

_EPOCH = datetime.date(1970, 1, 1).toordinal()


def _first_days() -> list[int]:
    """Return the first day of every month from 1970 to 2110, indexed by month - 1970 * 12."""
    return [
        datetime.date(year, month, 1).toordinal() - _EPOCH
        for year in range(1970, 2111)
        for month in range(1, 13)
    ]


_BASE = 1970 * 12
_FIRST_DAY = _first_days()
_MONTH_OF_DAY = [
    _BASE + index
    for index in range(len(_FIRST_DAY) - 1)
    for _ in range(_FIRST_DAY[index + 1] - _FIRST_DAY[index])
]


def day_of(micros: int) -> int:
    """Return the day in which a time lies."""
    return micros // DAY_MICROS


def month_of(micros: int) -> int:
    """Return the month in which a time between 1970 and 2110 lies."""
    return _MONTH_OF_DAY[micros // DAY_MICROS]


def month_start(month: int) -> int:
    """Return the first microsecond of a month."""
    return _FIRST_DAY[month - _BASE] * DAY_MICROS


@lru_cache(maxsize=65_536)
def iso_date(day: int) -> str:
    """Return `YYYY-MM-DD` of a day."""
    return datetime.date.fromordinal(day + _EPOCH).isoformat()


@lru_cache(maxsize=4_096)
def month_label(month: int) -> str:
    """Return `YYYY-MM` of a month."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def is_service_time(micros: int) -> bool:
    """Tell whether a time can be the start or end of a service (2000 to 2100)."""
    return FIRST_MICROS <= micros <= LAST_MICROS


Segment = tuple[int, int, int, int, int, int]
"""(month, weight, first unit, unit after the last, end in micros, last service day).

Units are what the granularity counts: microseconds, days or months.
"""


def unit_of(micros: int, granularity: str) -> int:
    """Return a time in the units of `granularity`; what is smaller than a unit is not over yet."""
    if granularity == "day":
        return micros // DAY_MICROS
    return micros if granularity == "second" else _MONTH_OF_DAY[micros // DAY_MICROS]


def segments(start: int, end: int, granularity: str) -> list[Segment]:
    """Cut the service period [start, end) at month ends. `end` must be after `start`.

    The methods are those of https://docs.stripe.com/revenue-recognition/revenue-settings/examples:
    `second` weighs a month by its time, `day` by its dates from the start's to the one before the
    end's, at least one, `even_months` gives equal parts from the start's month on.
    """
    if granularity == "day":
        return _by_day(start, end)
    return _by_time(start, end) if granularity == "second" else _evenly(start, end)


def _by_day(start: int, end: int) -> list[Segment]:
    day = start // DAY_MICROS
    after = max(end // DAY_MICROS, day + 1)
    month = _MONTH_OF_DAY[day]
    cut: list[Segment] = []
    while True:
        until = _FIRST_DAY[month - _BASE + 1]
        if until >= after:
            cut.append((month, after - day, day, after, min(after * DAY_MICROS, end), after - 1))
            return cut
        cut.append((month, until - day, day, until, until * DAY_MICROS, until - 1))
        day = until
        month += 1


def _by_time(start: int, end: int) -> list[Segment]:
    month = month_of(start)
    cut: list[Segment] = []
    while start < end:
        until = min(month_start(month + 1), end)
        cut.append((month, until - start, start, until, until, (until - 1) // DAY_MICROS))
        start = until
        month += 1
    return cut


def _evenly(start: int, end: int) -> list[Segment]:
    first = month_of(start)
    last = month_of(end)
    into_start = start - month_start(first)
    into_end = end - month_start(last)
    count = max(last - first + (1 if into_end > into_start else 0), 1)
    cut: list[Segment] = []
    for month in range(first, first + count):
        until = min(month_start(month + 1), end)
        cut.append((month, 1, month, month + 1, until, (until - 1) // DAY_MICROS))
    return cut
