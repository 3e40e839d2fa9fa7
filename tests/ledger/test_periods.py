"""Calendars: every day in exactly one period, and years of weeks as companies publish them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.periods import MONTHS, UnknownPeriod, calendar_for, calendar_of
from ledger.policies import DAY_MICROS, BooksConfig, CalendarConfig, EntityConfig
from ledger.recognition import segments

EPOCH = date(1970, 1, 1)
LAST_DAY = (date(2110, 11, 30) - EPOCH).days

# Years as published. NRF: https://nrf.com/resources/4-5-4-calendar (2006, 2012, 2017 and 2023
# have 53 weeks). Apple, 10-K of fiscal 2023: "The Company's fiscal year is the 52- or 53-week
# period that ends on the last Saturday of September. An additional week is included in the first
# fiscal quarter every five or six years"; fiscal 2023 spanned 53 weeks. Johnson & Johnson, 10-K:
# the Sunday nearest the end of December; 2015 and 2020 had 53 weeks. Intel, 10-K: the last
# Saturday in December; 2016 and 2022 had 53 weeks.
NRF = CalendarConfig(
    pattern="4-5-4", first_month=2, year_named_by="start", week_ends="saturday", year_end="nearest"
)
APPLE = CalendarConfig(pattern="5-4-4", first_month=10, week_ends="saturday", extra_week_in=3)
JOHNSON = CalendarConfig(pattern="4-4-5", week_ends="sunday", year_end="nearest")
INTEL = CalendarConfig(pattern="4-4-5", week_ends="saturday")

PUBLISHED = [
    (NRF, 2006, "2006-01-29", "2007-02-03", 53),
    (NRF, 2012, "2012-01-29", "2013-02-02", 53),
    (NRF, 2016, "2016-01-31", "2017-01-28", 52),
    (NRF, 2017, "2017-01-29", "2018-02-03", 53),
    (NRF, 2022, "2022-01-30", "2023-01-28", 52),
    (NRF, 2023, "2023-01-29", "2024-02-03", 53),
    (NRF, 2024, "2024-02-04", "2025-02-01", 52),
    (APPLE, 2017, "2016-09-25", "2017-09-30", 53),
    (APPLE, 2022, "2021-09-26", "2022-09-24", 52),
    (APPLE, 2023, "2022-09-25", "2023-09-30", 53),
    (APPLE, 2024, "2023-10-01", "2024-09-28", 52),
    (JOHNSON, 2015, "2014-12-29", "2016-01-03", 53),
    (JOHNSON, 2020, "2019-12-30", "2021-01-03", 53),
    (JOHNSON, 2021, "2021-01-04", "2022-01-02", 52),
    (INTEL, 2016, "2015-12-27", "2016-12-31", 53),
    (INTEL, 2021, "2020-12-27", "2021-12-25", 52),
    (INTEL, 2022, "2021-12-26", "2022-12-31", 53),
]


def iso(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()


@pytest.mark.parametrize(("config", "year", "starts", "ends", "weeks"), PUBLISHED)
def test_a_year_of_weeks_is_as_published(
    config: CalendarConfig, year: int, starts: str, ends: str, weeks: int
) -> None:
    calendar = calendar_for(config)
    periods = [calendar.index_named(f"{year}-P{number:02d}") for number in range(1, 13)]
    assert iso(calendar.first_day(periods[0])) == starts
    assert iso(calendar.last_day(periods[-1])) == ends
    counts = [calendar.weeks(period) for period in periods]
    pattern = [int(part) for part in config.pattern.split("-")] * 4
    if weeks == 53:
        pattern[config.extra_week_in - 1] += 1
    assert counts == pattern
    assert sum(pattern) == weeks


def test_quarters_end_as_apple_published_them() -> None:
    calendar = calendar_for(APPLE)
    ends = [calendar.last_day(calendar.index_named(f"2023-P{n:02d}")) for n in (3, 6, 9, 12)]
    # Form 10-Q and 10-K cover pages of fiscal 2023.
    assert [iso(day) for day in ends] == ["2022-12-31", "2023-04-01", "2023-07-01", "2023-09-30"]


def test_the_second_nrf_period_of_2024_has_five_weeks() -> None:
    calendar = calendar_for(NRF)
    march = calendar.index_named("2024-P02")
    assert (iso(calendar.first_day(march)), iso(calendar.last_day(march))) == (
        "2024-03-03",
        "2024-04-06",
    )


configs = st.builds(
    CalendarConfig,
    pattern=st.sampled_from(["months", "4-4-5", "4-5-4", "5-4-4"]),
    first_month=st.integers(1, 12),
    year_named_by=st.sampled_from(["end", "start"]),
    week_ends=st.sampled_from(["monday", "friday", "saturday", "sunday"]),
    year_end=st.sampled_from(["last", "nearest"]),
    extra_week_in=st.integers(1, 12),
)
days = st.integers(0, LAST_DAY)


@given(configs, days)
def test_every_day_lies_in_exactly_the_period_that_holds_it(
    config: CalendarConfig, day: int
) -> None:
    calendar = calendar_for(config)
    period = calendar.period_of_day[day]
    assert calendar.first_day(period) <= day <= calendar.last_day(period)
    assert calendar.index_of_day(day) == calendar.index_of(day * DAY_MICROS) == period
    assert calendar.start_micros(period) <= day * DAY_MICROS < calendar.end_micros(period)
    assert calendar.label_of_date(iso(day)) == calendar.label(period)
    assert calendar.label_at((day + 1) * DAY_MICROS - 1) == calendar.label(period)


@given(configs)
def test_periods_follow_each_other_without_gap_and_names_sort_as_they_do(
    config: CalendarConfig,
) -> None:
    calendar = calendar_for(config)
    firsts = calendar.first_days
    assert all(one < other for one, other in itertools.pairwise(firsts))
    assert len(calendar.period_of_day) == firsts[-1]
    first = calendar.period_of_day[0]
    labels = [calendar.label(index) for index in range(first, calendar.period_of_day[-1] + 1)]
    assert labels == sorted(set(labels))
    for one, other in itertools.pairwise(labels):
        assert calendar.next_label(one) == other
        assert calendar.previous_label(other) == one
        assert calendar.last_day(calendar.index_named(one)) + 1 == calendar.first_day(
            calendar.index_named(other)
        )


@given(configs.filter(lambda config: config.pattern != "months"))
def test_a_year_of_weeks_has_52_or_53_and_ends_on_its_weekday_near_the_month_end(
    config: CalendarConfig,
) -> None:
    calendar = calendar_for(config)
    for year in range(1972, 2109):
        first = calendar.first_day(calendar.index_named(f"{year}-P01"))
        last = date.fromisoformat(iso(calendar.last_day(calendar.index_named(f"{year}-P12"))))
        assert (last.toordinal() - EPOCH.toordinal() - first + 1) // 7 in (52, 53)
        assert last.strftime("%A").lower() == config.week_ends
        ends_in = year
        if config.first_month > 1 and config.year_named_by == "start":
            ends_in += 1
        month_after = date(ends_in + (config.first_month == 1), config.first_month, 1)
        away = (last - (month_after - timedelta(days=1))).days
        assert -3 <= away <= 3 if config.year_end == "nearest" else -6 <= away <= 0


def test_months_keep_their_names_and_fiscal_years_are_told_beside_them() -> None:
    april = calendar_for(CalendarConfig(first_month=4))
    assert april.label_of_date("2026-03-31") == "2026-03"
    assert april.fiscal_name("2026-03") == "FY2026 P12"
    assert april.fiscal_name("2026-04") == "FY2027 P01"
    by_start = calendar_for(CalendarConfig(first_month=4, year_named_by="start"))
    assert by_start.fiscal_name("2026-04") == "FY2026 P01"
    assert MONTHS.fiscal_name("2026-12") == "FY2026 P12"
    assert calendar_for(NRF).fiscal_name("2023-P12") == "FY2023 P12"


@pytest.mark.parametrize("name", ["2026-13", "2026-1", "2026-P01", "january", "", "9999-01"])
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(UnknownPeriod):
        MONTHS.index_named(name)


@pytest.mark.parametrize("name", ["2026-01", "2026-P13", "2026-P1", "2026-P00"])
def test_what_is_no_period_of_weeks_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(UnknownPeriod, match="write it like 20"):
        calendar_for(NRF).index_named(name)


def test_an_entity_without_a_calendar_keeps_months() -> None:
    books = BooksConfig(entities={"US": EntityConfig(calendar=NRF), "DE": EntityConfig()})
    assert calendar_of(books, "US") is calendar_for(NRF)
    assert calendar_of(books, "DE") is MONTHS
    assert calendar_of(books, "ANY") is MONTHS


def test_a_misspelt_pattern_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"pattern": "4-4-4"}, CalendarConfig)


@given(configs, days, st.integers(1, 800), st.sampled_from(["second", "day", "even_months"]))
def test_service_is_cut_at_period_ends_without_gap(
    config: CalendarConfig, day: int, length: int, granularity: str
) -> None:
    calendar = calendar_for(config)
    start = min(day, LAST_DAY - 1000) * DAY_MICROS
    end = start + length * DAY_MICROS
    cut = segments(start, end, granularity, calendar)
    assert cut[0][0] == calendar.index_of(start)
    for period, weight, _, _, over, last_day in cut:
        assert weight > 0
        assert calendar.start_micros(period) < over <= calendar.end_micros(period)
        assert calendar.first_day(period) <= last_day <= calendar.last_day(period)
    assert [one[0] for one in cut] == list(range(cut[0][0], cut[-1][0] + 1))
    if granularity != "even_months":
        assert cut[-1][4] == end
    if granularity == "day":
        assert sum(one[1] for one in cut) == length
