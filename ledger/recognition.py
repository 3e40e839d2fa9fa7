"""How a service period is spread over accounting periods, in integers only.

Times are microseconds since the epoch (UTC), days are days since the epoch, periods are indexes of
the legal entity's calendar (`ledger.periods`); a month is `year * 12 + month - 1`. Nothing here
knows amounts of an invoice or accounts.
"""

from __future__ import annotations

import datetime
from functools import lru_cache

from ledger.periods import MONTHS, Calendar
from ledger.policies import DAY_MICROS

FIRST_MICROS = 946_684_800 * 1_000_000
"""2000-01-01: service before it is taken for a mistake."""
LAST_MICROS = 4_133_980_800 * 1_000_000
"""2101-01-01: service from it on is taken for a mistake."""

_EPOCH = datetime.date(1970, 1, 1).toordinal()


def day_of(micros: int) -> int:
    """Return the day in which a time lies."""
    return micros // DAY_MICROS


def month_of(micros: int) -> int:
    """Return the month in which a time between 1970 and 2110 lies."""
    return MONTHS.period_of_day[micros // DAY_MICROS]


def month_start(month: int) -> int:
    """Return the first microsecond of a month."""
    return MONTHS.start_micros(month)


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
"""(period, weight, first unit, unit after the last, end in micros, last service day).

Units are what the granularity counts: microseconds, days or periods.
"""


def unit_of(micros: int, granularity: str, calendar: Calendar = MONTHS) -> int:
    """Return a time in the units of `granularity`; what is smaller than a unit is not over yet."""
    if granularity == "day":
        return micros // DAY_MICROS
    return micros if granularity == "second" else calendar.period_of_day[micros // DAY_MICROS]


def segments(start: int, end: int, granularity: str, calendar: Calendar = MONTHS) -> list[Segment]:
    """Cut the service period [start, end) at period ends. `end` must be after `start`.

    The methods are those of https://docs.stripe.com/revenue-recognition/revenue-settings/examples:
    `second` weighs a month by its time, `day` by its dates from the start's to the one before the
    end's, at least one, `even_months` gives equal parts from the start's month on. Where an entity
    keeps periods of weeks, these stand for the months, in all three.
    """
    if granularity == "day":
        return _by_day(start, end, calendar)
    return (
        _by_time(start, end, calendar) if granularity == "second" else _evenly(start, end, calendar)
    )


def _by_day(start: int, end: int, calendar: Calendar) -> list[Segment]:
    first_days, base = calendar.first_days, calendar.base
    day = start // DAY_MICROS
    after = max(end // DAY_MICROS, day + 1)
    period = calendar.period_of_day[day]
    cut: list[Segment] = []
    while True:
        until = first_days[period - base + 1]
        if until >= after:
            cut.append((period, after - day, day, after, min(after * DAY_MICROS, end), after - 1))
            return cut
        cut.append((period, until - day, day, until, until * DAY_MICROS, until - 1))
        day = until
        period += 1


def _by_time(start: int, end: int, calendar: Calendar) -> list[Segment]:
    period = calendar.index_of(start)
    cut: list[Segment] = []
    while start < end:
        until = min(calendar.end_micros(period), end)
        cut.append((period, until - start, start, until, until, (until - 1) // DAY_MICROS))
        start = until
        period += 1
    return cut


def _evenly(start: int, end: int, calendar: Calendar) -> list[Segment]:
    first = calendar.index_of(start)
    last = calendar.index_of(end)
    into_start = start - calendar.start_micros(first)
    into_end = end - calendar.start_micros(last)
    count = max(last - first + (1 if into_end > into_start else 0), 1)
    cut: list[Segment] = []
    for period in range(first, first + count):
        until = min(calendar.end_micros(period), end)
        cut.append((period, 1, period, period + 1, until, (until - 1) // DAY_MICROS))
    return cut
