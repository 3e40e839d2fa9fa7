"""Revenue is recognised at the ends of the entity's own periods."""

from __future__ import annotations

import msgspec
from story import Story, micros, pack

from ledger.fold import fold_contract
from ledger.policies import BooksConfig, CalendarConfig, EntityConfig

WEEKS = BooksConfig(entities={"MAIN": EntityConfig(calendar=CalendarConfig(pattern="4-4-5"))})
MONTHS = BooksConfig(entities={"MAIN": EntityConfig(calendar=CalendarConfig())})
# Fiscal 2026 begins on Sunday 28 December 2025; its periods end on 24 January, 21 February,
# 28 March and 25 April.
STORY = Story().invoice("2026-01-01", "91", service=("2026-01-01", "2026-04-02"))


def recognised(config: BooksConfig, as_of: str, granularity: str = "day") -> list[tuple[str, ...]]:
    folded = fold_contract(
        "acme",
        "cus",
        "direct",
        STORY.events,
        pack(granularity=granularity),
        config,
        micros(as_of),
    )
    return [
        (
            entry.entry_key.rpartition(":")[2],
            entry.accounting_date,
            str(entry.lines[0].amount_minor),
        )
        for entry in folded.entries
        if entry.rule == "revenue_recognised"
    ]


def test_a_91_day_service_is_recognised_by_its_days_in_each_period_of_weeks() -> None:
    # 24 days to 24 January, 28 to 21 February, 35 to 28 March, 4 to 1 April: 1.00 a day.
    assert recognised(WEEKS, "2026-06-01") == [
        ("2026-P01", "2026-01-24", "2400"),
        ("2026-P02", "2026-02-21", "2800"),
        ("2026-P03", "2026-03-28", "3500"),
        ("2026-P04", "2026-04-01", "400"),
    ]


def test_a_period_of_weeks_is_due_when_its_last_day_is_over() -> None:
    assert len(recognised(WEEKS, "2026-01-24T23:59")) == 0
    assert len(recognised(WEEKS, "2026-01-25")) == 1


def test_even_parts_are_parts_per_period_of_the_calendar() -> None:
    # From the fifth day of P01 to the fifth of P04: three, as from 15 January to 15 April.
    amounts = [amount for _, _, amount in recognised(WEEKS, "2026-06-01", "even_months")]
    assert amounts == ["3034", "3033", "3033"]


def test_a_calendar_of_months_books_what_no_calendar_books() -> None:
    def entries(config: BooksConfig) -> bytes:
        folded = fold_contract(
            "acme", "cus", "direct", STORY.events, pack(), config, micros("2026-06-01")
        )
        return msgspec.json.encode(folded.entries)

    assert entries(MONTHS) == entries(BooksConfig())
