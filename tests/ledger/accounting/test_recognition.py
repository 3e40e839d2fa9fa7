"""How a service period falls into months, and when its revenue is due."""

from __future__ import annotations

import pytest
from story import Story, micros, pack

from ledger.recognition import iso_date, month_label, month_of, segments

Cut = list[tuple[str, int, str]]


def cut(start: str, end: str, granularity: str) -> Cut:
    """(month, weight in its units, last service day) of each segment."""
    return [
        (month_label(month), weight, iso_date(last_day))
        for month, weight, _, _, _, last_day in segments(micros(start), micros(end), granularity)
    ]


def test_days_run_from_the_start_to_the_day_before_the_end() -> None:
    assert cut("2026-01-15", "2026-03-01", "day") == [
        ("2026-01", 17, "2026-01-31"),
        ("2026-02", 28, "2026-02-28"),
    ]


def test_a_service_within_one_day_has_that_day() -> None:
    assert cut("2026-01-31T10:00", "2026-01-31T14:00", "day") == [("2026-01", 1, "2026-01-31")]


def test_seconds_weigh_a_month_by_its_time() -> None:
    hour = 3_600_000_000
    assert cut("2026-01-31T22:00", "2026-02-01T03:00", "second") == [
        ("2026-01", 2 * hour, "2026-01-31"),
        ("2026-02", 3 * hour, "2026-02-01"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-01-01", "2027-01-01", 12),
        ("2026-06-15T12:00", "2026-10-13T12:00", 4),
        ("2026-06-15T12:00", "2026-10-15T12:00", 4),
        ("2026-06-15T12:00", "2026-10-15T12:01", 5),
        ("2026-01-31", "2026-02-28", 1),
        ("2026-01-10", "2026-01-12", 1),
        ("2025-12-31", "2026-01-31", 1),
    ],
)
def test_even_months_count_from_the_day_and_time_of_the_start(
    start: str, end: str, months: int
) -> None:
    found = cut(start, end, "even_months")
    assert len(found) == months
    assert {weight for _, weight, _ in found} == {1}
    assert found[0][0] == start[:7]


def test_a_leap_day_is_a_day() -> None:
    assert cut("2024-02-01", "2024-03-01", "day") == [("2024-02", 29, "2024-02-29")]
    assert month_of(micros("2024-02-29T23:59")) == 2024 * 12 + 1


def quarter() -> Story:
    return Story().invoice("2026-01-01", "90", service=("2026-01-01", "2026-04-01"))


def recognised(story: Story, as_of: str) -> list[str]:
    entries = story.fold(as_of=as_of).entries
    return [one.accounting_date for one in entries if one.rule == "revenue_recognised"]


def test_revenue_is_due_when_its_month_is_over_and_not_a_moment_before() -> None:
    assert recognised(quarter(), "2026-01-31T23:59") == []
    assert recognised(quarter(), "2026-02-01") == ["2026-01-31"]
    assert recognised(quarter(), "2026-04-01") == ["2026-01-31", "2026-02-28", "2026-03-31"]


def test_the_last_part_is_due_when_the_service_ends_and_dated_its_last_day() -> None:
    story = Story().invoice("2026-01-15", "31", service=("2026-01-15", "2026-02-15"))
    assert recognised(story, "2026-02-14T23:59") == ["2026-01-31"]
    assert recognised(story, "2026-02-15") == ["2026-01-31", "2026-02-14"]


def test_one_entry_per_line_and_month_named_by_both() -> None:
    keys = [one.entry_key for one in quarter().fold(as_of="2026-03-01").entries]
    assert keys == [
        "in_1:invoice_issued",
        "in_1:recognise:il_1:2026-01",
        "in_1:recognise:il_1:2026-02",
    ]


def test_the_first_month_has_its_revenue() -> None:
    """One open-source ledger starts a month after the invoice; the first month then has none."""
    assert quarter().months()["2026-01"]["revenue"] == "31"


def test_past_service_is_caught_up_in_one_entry_on_the_day_of_the_invoice() -> None:
    story = Story().invoice("2026-03-10", "90", service=("2026-01-01", "2026-04-01"))
    entries = story.fold().entries
    assert [(one.rule, one.accounting_date, one.lines[0].amount_minor) for one in entries] == [
        ("invoice_issued", "2026-03-10", 9000),
        ("revenue_caught_up", "2026-03-10", 5900),
        ("revenue_recognised", "2026-03-31", 3100),
    ]


def test_revenue_is_never_dated_before_its_invoice() -> None:
    story = Story().invoice("2026-03-20", "30", service=("2026-03-01", "2026-03-15"))
    assert {one.accounting_date for one in story.fold().entries} == {"2026-03-20"}


def test_revenue_can_start_with_the_invoice_instead_of_the_service() -> None:
    """90 invoiced on March 2 for January to March: 30 days are left, all in March."""
    late = Story().invoice("2026-03-02", "90", service=("2026-01-01", "2026-04-01"))
    assert late.months(pack(revenue_start="invoice_date"))["2026-03"]["revenue"] == "90"
    early = Story().invoice("2026-02-01", "59", service=("2026-03-01", "2026-04-01"))
    months = early.months(pack(revenue_start="invoice_date"))
    assert months["2026-02"]["revenue"] == "28"
    assert months["2026-03"]["revenue"] == "31"


def test_a_cent_that_cannot_be_split_goes_to_the_largest_remainder() -> None:
    """1.00 over 31, 28 and 31 of 90 days: 34.44, 31.11, 34.44; the cent goes to the first."""
    story = Story().invoice("2026-01-01", "1", service=("2026-01-01", "2026-04-01"))
    months = story.months()
    assert [months[month]["revenue"] for month in sorted(months)] == ["0.35", "0.31", "0.34"]


def test_yen_have_no_decimals_to_lose() -> None:
    story = Story("JPY").invoice("2026-01-01", "100", service=("2026-01-01", "2026-04-01"))
    months = story.months()
    assert [months[month]["revenue"] for month in sorted(months)] == ["35", "31", "34"]
