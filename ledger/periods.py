"""Accounting calendars: in which period a day lies, when periods begin and end, their names.

A legal entity keeps Gregorian months (`2026-01`) or periods of whole weeks (`2026-P01`: 4-4-5,
4-5-4 or 5-4-4 weeks a quarter, in years of 52 or 53 weeks). Days are days since the epoch, times
microseconds since it, UTC; a period's index is a number of its calendar only. Pure.
"""

from __future__ import annotations

import datetime
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

from ledger.instants import period_of
from ledger.policies import DAY_MICROS, BooksConfig, CalendarConfig

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_FIRST_YEAR, _LAST_YEAR = 1970, 2110
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
PERIODS = 12
"""In a year, whatever the calendar."""


class UnknownPeriod(ValueError):
    """A name that is no period of the calendar."""


class Calendar:
    """The periods of one kind of calendar; equal for equal configurations.

    `period_of_day[day]` and `first_days[index - base]` are plain lists, because recognition asks
    them millions of times.
    """

    __slots__ = ("_labels", "base", "config", "first_days", "period_of_day")

    def __init__(
        self, config: CalendarConfig, first_days: list[int], labels: list[str], base: int
    ) -> None:
        self.config = config
        self.first_days = first_days
        """Of every period, and of the one after the last."""
        self.base = base
        """Index of the first."""
        self._labels = labels
        self.period_of_day = [
            base + position
            for position in range(len(labels))
            for _ in range(max(first_days[position], 0), first_days[position + 1])
        ]

    def index_of(self, micros: int) -> int:
        """Return the period in which a time between 1970 and 2110 lies."""
        return self.period_of_day[micros // DAY_MICROS]

    def index_of_day(self, day: int) -> int:
        """Return the period of a day. Raises UnknownPeriod outside the calendar's years."""
        position = bisect_right(self.first_days, day) - 1
        if not 0 <= position < len(self._labels):
            raise UnknownPeriod(f"day {day} lies outside {_FIRST_YEAR} to {_LAST_YEAR}")
        return self.base + position

    def index_named(self, label: str) -> int:
        """Return the period of that name. Raises UnknownPeriod for what is none."""
        position = bisect_right(self._labels, label) - 1
        if position < 0 or self._labels[position] != label:
            example = self._labels[56 * PERIODS]
            raise UnknownPeriod(
                f"{label!r} is not a period of a calendar of {self.config.pattern}: "
                f"write it like {example}"
            )
        return self.base + position

    def label(self, index: int) -> str:
        """Return the name of a period: `2026-01`, or `2026-P01` where periods are weeks."""
        return self._labels[index - self.base]

    def first_day(self, index: int) -> int:
        """Return the first day of a period."""
        return self.first_days[index - self.base]

    def last_day(self, index: int) -> int:
        """Return the last day of a period."""
        return self.first_days[index - self.base + 1] - 1

    def start_micros(self, index: int) -> int:
        """Return the first microsecond of a period."""
        return self.first_days[index - self.base] * DAY_MICROS

    def end_micros(self, index: int) -> int:
        """Return the microsecond after the last one of a period."""
        return self.first_days[index - self.base + 1] * DAY_MICROS

    def weeks(self, index: int) -> int | None:
        """Return how many weeks a period has, None for a month."""
        if self.config.pattern == "months":
            return None
        return (self.last_day(index) - self.first_day(index) + 1) // 7

    def label_of_date(self, iso_date: str) -> str:
        """Return the name of the period of `YYYY-MM-DD`. Raises UnknownPeriod far outside."""
        if self.config.pattern == "months":
            return iso_date[:7]
        return self.label(self.index_of_day(day_number(iso_date)))

    def label_at(self, micros: int) -> str:
        """Return the name of the period of any moment; far outside the calendar, its month's."""
        day = micros // DAY_MICROS
        if self.config.pattern == "months" or not 0 <= day < len(self.period_of_day):
            return period_of(micros)
        return self.label(self.period_of_day[day])

    def next_label(self, label: str) -> str:
        """Return the name of the period after. Raises UnknownPeriod."""
        if self.config.pattern == "months":
            return _month_after(label)
        return self.label(self.index_named(label) + 1)

    def previous_label(self, label: str) -> str:
        """Return the name of the period before. Raises UnknownPeriod."""
        return self.label(self.index_named(label) - 1)

    def fiscal_name(self, label: str) -> str:
        """Return fiscal year and period, `FY2026 P01`; the year's name as configured."""
        if self.config.pattern != "months":
            return f"FY{label.replace('-', ' ')}"
        year, month = int(label[:4]), int(label[5:])
        first = self.config.first_month
        started = year if month >= first else year - 1
        ends_next = first > 1 and self.config.year_named_by == "end"
        return f"FY{started + ends_next} P{(month - first) % PERIODS + 1:02d}"


def day_number(iso_date: str) -> int:
    """Return `YYYY-MM-DD` as days since the epoch. Raises ValueError for what is no date."""
    return datetime.date.fromisoformat(iso_date).toordinal() - _EPOCH


def calendar_of(config: BooksConfig, entity: str) -> Calendar:
    """Return the calendar of a legal entity; months where the books say nothing."""
    settings = config.entities.get(entity)
    if settings is None or settings.calendar is None:
        return MONTHS
    return calendar_for(settings.calendar)


@lru_cache(maxsize=64)
def calendar_for(config: CalendarConfig) -> Calendar:
    """Return the calendar of a configuration, the same object for the same one."""
    if config.pattern == "months":
        return Calendar(config, _first_days(), _month_labels(), _FIRST_YEAR * 12)
    days: list[int] = []
    labels: list[str] = []
    after = 0
    for year in range(_FIRST_YEAR - 1, _LAST_YEAR + 2):
        first, after = _year_end(config, year - 1) + 1, _year_end(config, year) + 1
        for number, day in enumerate(_starts(config, first, after), 1):
            days.append(day)
            labels.append(f"{_year_name(config, year)}-P{number:02d}")
    return Calendar(config, [*days, after], labels, 0)


def year_of(config: CalendarConfig, label: str) -> str:
    """Return the fiscal year that a period belongs to, `FY2026`."""
    return calendar_for(config).fiscal_name(label).partition(" ")[0]


# --- months -------------------------------------------------------------------------------


def _first_days() -> list[int]:
    years = range(_FIRST_YEAR, _LAST_YEAR + 1)
    return [
        datetime.date(year, month, 1).toordinal() - _EPOCH
        for year in years
        for month in range(1, 13)
    ]


def _month_labels() -> list[str]:
    """Names of the months whose end is known: all but the last."""
    years = range(_FIRST_YEAR, _LAST_YEAR + 1)
    return [f"{year:04d}-{month:02d}" for year in years for month in range(1, 13)][:-1]


def _month_after(label: str) -> str:
    if _MONTH.fullmatch(label) is None:
        raise UnknownPeriod(f"{label!r} is not an accounting period: write 2026-01")
    year, month = int(label[:4]), int(label[5:])
    return f"{year + 1:04d}-01" if month == 12 else f"{year:04d}-{month + 1:02d}"


# --- weeks --------------------------------------------------------------------------------


def _year_end(config: CalendarConfig, year: int) -> int:
    """Return the last day of the fiscal year that ends with (or near) its last month in `year`."""
    month_after = config.first_month
    next_month = datetime.date(year if month_after > 1 else year + 1, month_after, 1)
    month_end = next_month.toordinal() - 1
    back = (datetime.date.fromordinal(month_end).weekday() - _WEEKDAYS.index(config.week_ends)) % 7
    last = month_end - back
    if config.year_end == "nearest" and back > 3:
        last += 7
    return last - _EPOCH


def _year_name(config: CalendarConfig, year: int) -> int:
    started_before = config.first_month > 1 and config.year_named_by == "start"
    return year - 1 if started_before else year


def _starts(config: CalendarConfig, first: int, after: int) -> Iterator[int]:
    """Yield the first day of each of the twelve periods of a year [first, after)."""
    has_53_weeks = after - first == 53 * 7
    weeks = [int(part) for part in config.pattern.split("-")] * 4
    day = first
    for number, count in enumerate(weeks, 1):
        yield day
        day += 7 * (count + (has_53_weeks and number == config.extra_week_in))


MONTHS = calendar_for(CalendarConfig())
"""Gregorian months; the index of a month is `year * 12 + month - 1`."""
