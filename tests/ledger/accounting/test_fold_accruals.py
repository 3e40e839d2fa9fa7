"""Revenue before its invoice: items and meters, invoiced, deleted, corrected, late."""

from __future__ import annotations

from decimal import Decimal

from story import Story

APRIL_ON = ("2026-04-21", "2026-05-21")


def test_the_invoice_takes_over_an_item_in_the_middle_of_its_service() -> None:
    """30 over 30 days from April 21, invoiced on May 6: April's 10 were accrued, 20 are May's."""
    story = Story().item("2026-04-21", "30", "ii_1", APRIL_ON)
    story.invoice("2026-05-06", "30", lines=[story.line("30", service=APRIL_ON, accrual_id="ii_1")])
    assert story.months() == {
        "2026-04": {"revenue": "10", "unbilled_receivable": "10"},
        "2026-05": {"revenue": "20", "unbilled_receivable": "-10", "accounts_receivable": "30"},
    }


def test_an_item_invoiced_in_its_first_month_is_not_accrued() -> None:
    story = Story().item("2026-04-21", "30", "ii_1", APRIL_ON)
    story.invoice("2026-04-25", "30", lines=[story.line("30", service=APRIL_ON, accrual_id="ii_1")])
    rules = [one.rule for one in story.fold().entries]
    assert "item_accrued" not in rules
    assert story.months()["2026-04"] == {
        "accounts_receivable": "30",
        "revenue": "10",
        "deferred_revenue": "20",
    }


def test_an_item_that_waits_for_its_invoice_accrues_month_by_month() -> None:
    story = Story().item("2026-04-21", "30", "ii_1", APRIL_ON)
    assert story.months(as_of="2026-05-01") == {
        "2026-04": {"revenue": "10", "unbilled_receivable": "10"}
    }
    assert story.months(as_of="2026-05-21")["2026-05"] == {
        "revenue": "20",
        "unbilled_receivable": "20",
    }


def test_an_item_without_a_period_is_earned_when_it_is_made() -> None:
    story = Story().item("2026-04-21", "30", "ii_1")
    story.invoice("2026-05-06", "30", lines=[story.line("30", accrual_id="ii_1")])
    assert story.months() == {
        "2026-04": {"revenue": "30", "unbilled_receivable": "30"},
        "2026-05": {"accounts_receivable": "30", "unbilled_receivable": "-30"},
    }


def test_service_before_the_item_was_made_is_accrued_on_the_day_it_was() -> None:
    story = Story().item("2026-05-10", "30", "ii_1", ("2026-04-01", "2026-05-01"))
    [entry] = story.fold().entries
    assert (entry.accounting_date, entry.lines[0].amount_minor) == ("2026-05-10", 3000)


def test_an_item_deleted_later_voids_the_months_before_too() -> None:
    """30 days from April 21; on May 6 10 + 5 days were earned."""
    story = Story().item("2026-04-21", "30", "ii_1", APRIL_ON).delete_item("2026-05-06", "ii_1")
    assert story.months() == {
        "2026-04": {"revenue": "10", "unbilled_receivable": "10"},
        "2026-05": {"revenue": "5", "unbilled_receivable": "-10", "unbilled_voids": "15"},
    }


def test_an_item_deleted_before_its_service_leaves_nothing() -> None:
    story = Story().item("2026-04-01", "30", "ii_1", APRIL_ON).delete_item("2026-04-10", "ii_1")
    assert story.months() == {}


def test_the_deletion_of_an_invoiced_item_changes_nothing() -> None:
    story = Story().item("2026-04-21", "30", "ii_1", APRIL_ON)
    story.invoice("2026-05-06", "30", lines=[story.line("30", service=APRIL_ON, accrual_id="ii_1")])
    before = story.months()
    assert story.delete_item("2026-06-01", "ii_1").months() == before


def test_the_deletion_of_an_item_nobody_saw_changes_nothing() -> None:
    books = Story().delete_item("2026-06-01", "ii_9").fold()
    assert (books.entries, books.pending, books.refusals) == ((), (), ())


def test_an_item_changed_before_its_invoice_is_what_it_was_last() -> None:
    story = Story().item("2026-04-21", "30", "ii_1").item("2026-04-22", "40", "ii_1")
    assert story.months() == {"2026-04": {"revenue": "40", "unbilled_receivable": "40"}}


def meter(story: Story, on: str, total: str, invoice: str = "in_1") -> Story:
    return story.invoice(on, total, lines=[story.line(total, accrual_id="si_1")], invoice=invoice)


def test_use_after_its_invoice_stays_unbilled_until_the_next() -> None:
    story = meter(Story().use("2026-01-10", "10"), "2026-02-01", "10")
    story.use("2026-02-10", "7")
    assert story.months()["2026-02"] == {
        "accounts_receivable": "10",
        "revenue": "7",
        "unbilled_receivable": "-3",
    }
    assert meter(story, "2026-03-01", "7", "in_2").months()["2026-03"] == {
        "accounts_receivable": "7",
        "unbilled_receivable": "-7",
    }


def test_use_reported_after_its_invoice_is_earned_when_it_was_used() -> None:
    story = meter(Story().use("2026-01-10", "10"), "2026-02-01", "10")
    story.use("2026-01-31", "5", reported="2026-02-03")
    assert story.months()["2026-01"] == {"revenue": "15", "unbilled_receivable": "15"}
    assert story.months()["2026-02"] == {
        "accounts_receivable": "10",
        "unbilled_receivable": "-10",
    }


def test_use_beyond_the_invoiced_period_is_not_settled_by_it() -> None:
    """Invoiced an hour after the period: what was used in that hour is the next invoice's."""
    story = Story().use("2026-01-10", "10").use("2026-02-01T00:30", "4")
    line = story.line("10", service=("2026-01-01", "2026-02-01"), accrual_id="si_1")
    story.invoice("2026-02-01T01:00", "10", lines=[line])
    assert story.months()["2026-02"] == {
        "accounts_receivable": "10",
        "revenue": "4",
        "unbilled_receivable": "-6",
    }


def test_a_correction_before_the_invoice_replaces_the_report() -> None:
    story = Story().use("2026-01-10", "10", usage_id="mbur_a")
    story.use("2026-01-10", "8", usage_id="mbur_a", reported="2026-01-12")
    assert story.months() == {"2026-01": {"revenue": "8", "unbilled_receivable": "8"}}


def test_a_correction_after_the_invoice_is_a_difference_of_its_own_date() -> None:
    story = Story().use("2026-01-10", "10", usage_id="mbur_a")
    meter(story, "2026-02-01", "10")
    story.use("2026-01-10", "12", usage_id="mbur_a", reported="2026-02-05")
    assert story.months() == {
        "2026-01": {"revenue": "10", "unbilled_receivable": "10"},
        "2026-02": {
            "accounts_receivable": "10",
            "revenue": "2",
            "unbilled_receivable": "-8",
        },
    }


def test_more_invoiced_than_was_accrued_is_earned_with_the_invoice() -> None:
    story = meter(Story().use("2026-01-10", "10"), "2026-02-01", "13")
    assert story.months()["2026-02"] == {
        "accounts_receivable": "13",
        "unbilled_receivable": "-10",
        "revenue": "3",
    }


def test_less_invoiced_than_was_accrued_was_earned_too_much() -> None:
    story = meter(Story().use("2026-01-10", "10"), "2026-02-01", "8")
    assert story.months()["2026-02"] == {
        "accounts_receivable": "8",
        "unbilled_receivable": "-10",
        "revenue": "-2",
    }


def test_fractions_of_a_cent_are_rounded_on_the_sum() -> None:
    """Three times 0.4 cents are 1.2 cents: one cent, not three times none."""
    story = Story()
    for day in ("2026-01-10", "2026-01-11", "2026-01-12"):
        story.use(day, "1", unit_amount=Decimal("0.4"))
    assert story.months() == {"2026-01": {"revenue": "0.01", "unbilled_receivable": "0.01"}}


def test_use_in_another_currency_than_its_meter_is_refused() -> None:
    story = Story().use("2026-01-10", "10").use("2026-01-11", "10", currency="EUR")
    assert [one.reason for one in story.fold().refusals] == ["currency_mismatch"]


def test_use_worth_more_than_any_amount_is_refused() -> None:
    story = Story().use("2026-01-10", "1", unit_amount=Decimal("1E+40"))
    assert [one.reason for one in story.fold().refusals] == ["amount_out_of_range"]
