"""Metered usage told out of order, twice, corrected and late; aggregated; rated in tiers.

Every story reports units of the meter `si_1` at one dollar each, unless it says otherwise.
"""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from story import Story, micros

from ledger.events import InvoiceLine
from ledger.policies import BooksConfig, PendingDays

JANUARY = ("2026-01-01", "2026-02-01")
FEBRUARY = ("2026-02-01", "2026-03-01")


def period(dates: tuple[str, str]) -> dict[str, int]:
    return {"period_start_micros": micros(dates[0]), "period_end_micros": micros(dates[1])}


def bill(
    story: Story, on: str, total: str, service: tuple[str, str], invoice: str = "in_1"
) -> Story:
    """An invoice of one metered line."""
    line = story.line(total, service=service, accrual_id="si_1")
    return story.invoice(on, total, lines=[line], invoice=invoice)


def tier(
    story: Story, name: str, amount: str, service: tuple[str, str] | None = JANUARY
) -> InvoiceLine:
    return story.line(amount, service=service, line=name, accrual_id="si_1")


def test_reports_out_of_order_and_told_twice_are_the_same_books() -> None:
    """2 + 3 + 4 units in January are 9 dollars, in whichever order and however often told."""
    story = Story().use("2026-01-05", "2").use("2026-01-09", "3").use("2026-01-20", "4")
    bill(story, "2026-02-01", "9", JANUARY)
    expected = {
        "2026-01": {"revenue": "9", "unbilled_receivable": "9"},
        "2026-02": {"accounts_receivable": "9", "unbilled_receivable": "-9"},
    }
    assert story.months() == expected
    entries = story.fold().entries
    chance = random.Random(7)
    for _ in range(10):
        told = story.events * 2
        chance.shuffle(told)
        again = Story()
        again.events = told
        assert again.fold().entries == entries


def test_a_correction_before_its_invoice_may_move_the_use_into_the_month_before() -> None:
    """Told as of February 1, 00:30, then corrected to January 31: January's invoice settles it.

    Both came before the invoice of February 1, 01:00, so January's 10 + 4 are what it charges.
    """
    story = Story().use("2026-01-10", "10").use("2026-02-01T00:30", "4", usage_id="u")
    story.use("2026-01-31T23:50", "4", usage_id="u", reported="2026-02-01T00:45")
    bill(story, "2026-02-01T01:00", "14", JANUARY)
    assert story.months() == {
        "2026-01": {"revenue": "14", "unbilled_receivable": "14"},
        "2026-02": {"accounts_receivable": "14", "unbilled_receivable": "-14"},
    }


def test_a_correction_before_its_invoice_may_move_the_use_out_of_its_period() -> None:
    """Corrected from January 31 to February 1 before the invoice: 4 stay for February's."""
    story = Story().use("2026-01-10", "10").use("2026-01-31T23:50", "4", usage_id="u")
    story.use("2026-02-01T00:10", "4", usage_id="u", reported="2026-02-01T00:45")
    bill(story, "2026-02-01T01:00", "10", JANUARY)
    bill(story, "2026-03-01", "4", FEBRUARY, "in_2")
    assert story.months() == {
        "2026-01": {"revenue": "10", "unbilled_receivable": "10"},
        "2026-02": {"accounts_receivable": "10", "revenue": "4", "unbilled_receivable": "-6"},
        "2026-03": {"accounts_receivable": "4", "unbilled_receivable": "-4"},
    }


def test_two_corrections_after_the_invoice_are_two_differences() -> None:
    """10 became 12, then 9: +2 on February 5 and -3 on February 9; March charges -1 of it."""
    story = Story().use("2026-01-10", "10", usage_id="u")
    bill(story, "2026-02-01", "10", JANUARY)
    story.use("2026-01-10", "12", usage_id="u", reported="2026-02-05")
    story.use("2026-01-10", "9", usage_id="u", reported="2026-02-09")
    changes = [one for one in story.fold().entries if ":corrected:" in one.entry_key]
    assert [(one.accounting_date, one.lines[0].amount_minor) for one in changes] == [
        ("2026-02-05", 200),
        ("2026-02-09", -300),
    ]
    story.use("2026-02-15", "6")
    bill(story, "2026-03-01", "5", FEBRUARY, "in_2")
    assert story.months()["2026-03"] == {"accounts_receivable": "5", "unbilled_receivable": "-5"}


def test_a_correction_after_the_invoice_may_move_the_use_to_the_month_that_is_open() -> None:
    """What January's invoice charged was used in February: nothing changes but where it counts."""
    story = Story().use("2026-01-31", "10", usage_id="u")
    bill(story, "2026-02-01", "10", JANUARY)
    story.use("2026-02-02", "10", usage_id="u", reported="2026-02-03")
    assert [one for one in story.fold().entries if ":corrected:" in one.entry_key] == []


PEAKS = ("max", "last_during_period")


@pytest.mark.parametrize("aggregation", PEAKS)
def test_a_late_report_is_aggregated_with_the_period_in_which_it_was_used(aggregation: str) -> None:
    """January peaked at 10, and its last value was 10: 5 used before add nothing, told late or not.

    February's own 8 are 8, not 3 more than January's late 5.
    """
    story = Story().use("2026-01-20", "10", aggregation=aggregation)
    bill(story, "2026-02-01", "10", JANUARY)
    story.use("2026-01-15", "5", aggregation=aggregation, reported="2026-02-03")
    story.use("2026-02-10", "8", aggregation=aggregation)
    bill(story, "2026-03-01", "8", FEBRUARY, "in_2")
    assert story.months() == {
        "2026-01": {"revenue": "10", "unbilled_receivable": "10"},
        "2026-02": {"accounts_receivable": "10", "revenue": "8", "unbilled_receivable": "-2"},
        "2026-03": {"accounts_receivable": "8", "unbilled_receivable": "-8"},
    }


def test_a_higher_peak_told_late_adds_only_what_it_exceeds() -> None:
    """January peaked at 10 when it was invoiced; 13 came to light later: 3 more, of January."""
    story = Story().use("2026-01-20", "10", aggregation="max")
    bill(story, "2026-02-01", "10", JANUARY)
    story.use("2026-01-25", "13", aggregation="max", reported="2026-02-03")
    assert story.months() == {
        "2026-01": {"revenue": "13", "unbilled_receivable": "13"},
        "2026-02": {"accounts_receivable": "10", "unbilled_receivable": "-10"},
    }


@pytest.mark.parametrize("aggregation", PEAKS)
def test_a_period_begins_anew_before_any_invoice(aggregation: str) -> None:
    """Two months wait for their invoices: 10 for January and 4 for February, not 10 for both."""
    story = Story().use("2026-01-20", "10", aggregation=aggregation, **period(JANUARY))
    story.use("2026-02-20", "4", aggregation=aggregation, **period(FEBRUARY))
    assert story.months() == {
        "2026-01": {"revenue": "10", "unbilled_receivable": "10"},
        "2026-02": {"revenue": "4", "unbilled_receivable": "4"},
    }


def test_last_ever_runs_through_all_periods() -> None:
    """10 seats in January, 12 in February: only 2 are new while nothing is billed."""
    story = Story().use("2026-01-20", "10", aggregation="last_ever", **period(JANUARY))
    story.use("2026-02-20", "12", aggregation="last_ever", **period(FEBRUARY))
    assert story.months() == {
        "2026-01": {"revenue": "10", "unbilled_receivable": "10"},
        "2026-02": {"revenue": "2", "unbilled_receivable": "2"},
    }


def test_the_sum_of_corrected_last_values_is_the_last_that_is_left() -> None:
    """5, then 9; the 9 is corrected to 7 before the invoice: 7."""
    story = Story().use("2026-01-05", "5", aggregation="last_during_period")
    story.use("2026-01-09", "9", aggregation="last_during_period", usage_id="u")
    story.use(
        "2026-01-09", "7", aggregation="last_during_period", usage_id="u", reported="2026-01-30"
    )
    bill(story, "2026-02-01", "7", JANUARY)
    assert story.months() == {
        "2026-01": {"revenue": "7", "unbilled_receivable": "7"},
        "2026-02": {"accounts_receivable": "7", "unbilled_receivable": "-7"},
    }


def test_graduated_tiers_of_one_meter_clear_one_accrual() -> None:
    """150 units accrued at 0.10 are 15; billing charges 100 x 0.10 + 50 x 0.06 = 13.

    The two lines clear all of the 15, and the 2 that were too much come off revenue.
    """
    story = Story().use("2026-01-10", "150", unit_amount=Decimal(10))
    lines = [tier(story, "il_1", "10"), tier(story, "il_2", "3")]
    story.invoice("2026-02-01", "13", lines=lines)
    assert story.months() == {
        "2026-01": {"revenue": "15", "unbilled_receivable": "15"},
        "2026-02": {"accounts_receivable": "13", "revenue": "-2", "unbilled_receivable": "-15"},
    }
    cleared = {
        line.invoice_line_id: line.amount_minor
        for entry in story.fold().entries
        if entry.rule == "invoice_issued"
        for line in entry.lines
        if line.role.value == "unbilled_receivable"
    }
    assert cleared == {"il_1": -1154, "il_2": -346}  # 15.00 x 10/13 and x 3/13


def test_a_volume_price_and_a_flat_part_clear_one_accrual() -> None:
    """150 units at 0.10 accrued; volume pricing charges all at 0.08 = 12, and a flat fee of 5."""
    story = Story().use("2026-01-10", "150", unit_amount=Decimal(10))
    lines = [tier(story, "il_1", "12"), tier(story, "il_2", "5")]
    story.invoice("2026-02-01", "17", lines=lines)
    assert story.months()["2026-02"] == {
        "accounts_receivable": "17",
        "revenue": "2",
        "unbilled_receivable": "-15",
    }


def test_a_free_tier_clears_what_was_accrued() -> None:
    """The first 100 units turn out to be free: the line is zero and nothing stays unbilled."""
    story = Story().use("2026-01-10", "100", unit_amount=Decimal(10))
    story.invoice("2026-02-01", "0", lines=[tier(story, "il_1", "0")])
    assert story.months()["2026-02"] == {"revenue": "-10", "unbilled_receivable": "-10"}


def test_tiers_in_another_currency_are_translated_without_loss() -> None:
    """JPY: 3 lines of 1 share an accrual of 100: 34 + 33 + 33 are cleared, 97 come off revenue."""
    story = Story("JPY").use("2026-01-10", "1", unit_amount=Decimal(100))
    lines = [tier(story, f"il_{number}", "1") for number in range(3)]
    story.invoice("2026-02-01", "3", lines=lines)
    assert story.months()["2026-02"] == {
        "accounts_receivable": "3",
        "revenue": "-97",
        "unbilled_receivable": "-100",
    }


def test_what_the_source_has_rated_is_accrued_as_stated() -> None:
    """Two reports rated at 4.20 and 1.05 by billing; quantity times price would be 30."""
    story = (
        Story().use("2026-01-10", "20", amount_minor=420).use("2026-01-11", "10", amount_minor=105)
    )
    assert story.months() == {"2026-01": {"revenue": "5.25", "unbilled_receivable": "5.25"}}


def test_usage_that_no_invoice_asks_for_is_an_exception_with_its_money() -> None:
    """3 + 4 of January and 5 of February wait, each month from its end; their entries stand."""
    story = Story().use("2026-01-10", "3", **period(JANUARY))
    story.use("2026-01-12", "4", **period(JANUARY)).use("2026-02-12", "5", **period(FEBRUARY))
    books = story.fold(as_of="2026-03-20")
    assert [
        (one.reason, one.waits_for, one.amount_minor, one.currency, one.period, one.expired)
        for one in books.pending
    ] == [
        ("unbilled_usage", "si_1", 700, "USD", "2026-02", True),  # due 45 days from February 1
        ("unbilled_usage", "si_1", 500, "USD", "2026-03", False),
    ]
    assert len(books.entries) == 3


def test_usage_is_released_by_its_invoice() -> None:
    story = Story().use("2026-01-10", "3", **period(JANUARY))
    assert story.fold().pending
    assert not bill(story, "2026-02-01", "3", JANUARY).fold().pending


def test_how_long_usage_may_wait_is_configured() -> None:
    config = BooksConfig(pending_days=PendingDays(unbilled_usage=1))
    story = Story().use("2026-01-10", "3")
    [waiting] = story.fold(config=config).pending
    assert waiting.deadline_micros == micros("2026-01-11")


def test_usage_corrected_to_nothing_waits_for_nothing() -> None:
    story = Story().use("2026-01-10", "3", usage_id="u")
    story.use("2026-01-10", "0", usage_id="u", reported="2026-01-11")
    assert story.fold().pending == ()
    assert story.months() == {}
