"""Revenue taken back: refunds, credit notes, disputes, voids and write-offs under either policy."""

from __future__ import annotations

import pytest
from story import Story, lines_of, pack

from ledger.events import CreditNoteLine, TaxAmount

QUARTER = ("2026-01-01", "2026-04-01")
RECEIVABLE = pack("receivable", granularity="day")


def quarter() -> Story:
    return Story().invoice("2026-01-01", "90", service=QUARTER)


def paid() -> Story:
    return quarter().pay("2026-01-01", "90")


def taxed(total: str = "99", tax: str = "9") -> Story:
    """90 for a quarter and 9 of tax, paid."""
    story = Story()
    line = story.line("90", service=QUARTER, tax=tax)
    return story.invoice("2026-01-01", total, lines=[line]).pay("2026-01-01", total)


# --- refunds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granularity", "recognised"), [("second", "45.5"), ("day", "45"), ("even_months", "30")]
)
def test_what_a_refund_finds_recognised_depends_on_the_granularity(
    granularity: str, recognised: str
) -> None:
    """February 15 at noon: 31 + 14.5 of 90 days, 31 + 14 whole days, one whole month of three."""
    story = paid().refund("2026-02-15T12:00", "90")
    assert story.months(pack(granularity=granularity))["2026-02"]["refunds"] == recognised


def test_the_month_a_full_refund_cuts_short_ends_on_that_day() -> None:
    story = paid().refund("2026-02-15", "90")
    last = [one for one in story.fold().entries if one.rule == "revenue_recognised"][-1]
    assert (last.accounting_date, last.lines[0].amount_minor) == ("2026-02-15", 1400)
    early = story.fold(as_of="2026-02-15").entries
    assert last.entry_key in {one.entry_key for one in early}


def test_after_a_partial_refund_the_rest_is_spread_over_the_days_left() -> None:
    """On February 15, 45 of 90 are recognised; 40 back: 20 contra, 20 off the 14 + 31 days left.

    The 14 days of February give 14 * 25 / 45 = 7.78, March 31 * 25 / 45 = 17.22.
    """
    months = paid().refund("2026-02-15", "40").months()
    assert months["2026-02"] == {
        "cash_clearing": "-40",
        "refunds": "20",
        "revenue": "21.78",
        "deferred_revenue": "-41.78",
    }
    assert months["2026-03"] == {"revenue": "17.22", "deferred_revenue": "-17.22"}


def test_contra_only_leaves_the_deferral_alone() -> None:
    months = paid().refund("2026-02-01", "90").months(pack(refund_of_deferred="contra_only"))
    assert months["2026-02"] == {
        "cash_clearing": "-90",
        "refunds": "90",
        "revenue": "28",
        "deferred_revenue": "-28",
    }
    assert months["2026-03"] == {"revenue": "31", "deferred_revenue": "-31"}


def test_contra_only_knows_what_was_given_back_already() -> None:
    policy = pack(refund_of_deferred="contra_only")
    story = paid().refund("2026-02-01", "60").refund("2026-03-01", "60", "re_2")
    months = story.months(policy)
    assert months["2026-03"]["refunds"] == "30"
    assert months["2026-03"]["other_loss"] == "30"


def test_tax_follows_the_refunded_share() -> None:
    """A third of 99 back on February 1: 33 of which 3 tax, 10.33 contra and 19.67 deferred."""
    months = taxed().refund("2026-02-01", "33").months()
    assert months["2026-02"]["tax_payable"] == "-3"
    assert months["2026-02"]["refunds"] == "10.33"


def test_tax_of_a_refund_is_taken_as_stated_where_the_policy_says_so() -> None:
    story = taxed().refund("2026-02-01", "33", tax_minor=100)
    stated = story.months(pack(tax_on_refund="from_event"))["2026-02"]
    assert stated["tax_payable"] == "-1"
    assert stated["refunds"] == "11.02"  # 32 * 31 / 90
    assert story.months()["2026-02"]["tax_payable"] == "-3"


def test_tax_in_two_places_comes_down_in_each() -> None:
    story = Story()
    taxes = (story.tax("6", place="US-NY"), story.tax("3", place="US-NYC"))
    story.invoice("2026-01-01", "99", lines=[story.line("90")], taxes=taxes)
    story.pay("2026-01-01", "99").refund("2026-02-01", "33")
    refund = next(one for one in story.fold().entries if one.rule == "refund_issued")
    taken = {line.jurisdiction: line.amount_minor for line in refund.lines if line.jurisdiction}
    assert taken == {"US-NY": 200, "US-NYC": 100}


def test_a_refund_of_a_credit_note_takes_from_the_lines_of_the_note() -> None:
    story = Story()
    lines = [story.line("90", service=QUARTER), story.line("10", line="il_2")]
    story.invoice("2026-01-01", "100", lines=lines).pay("2026-01-01", "100")
    credited = CreditNoteLine(line_id="cnl_1", amount_minor=1000, invoice_line_id="il_2")
    story.credit("2026-02-01", "10", refunded="10", lines=(credited,), refund_ids=("re_1",))
    months = story.refund("2026-02-01", "10").months()
    assert months["2026-02"] == {
        "cash_clearing": "-10",
        "refunds": "10",
        "revenue": "28",
        "deferred_revenue": "-28",
    }


def test_money_received_outside_goes_back_outside() -> None:
    months = Story().sell("2026-01-31", "50", out_of_band=True).refund("2026-02-01", "50").months()
    assert months["2026-02"] == {"external_cash": "-50", "refunds": "50"}


def test_a_refund_crosses_months_without_netting_to_zero() -> None:
    months = Story().sell("2026-01-31", "50").refund("2026-02-01", "50").months()
    assert months == {
        "2026-01": {"cash_clearing": "50", "revenue": "50"},
        "2026-02": {"cash_clearing": "-50", "refunds": "50"},
    }


def test_more_refunded_than_was_paid_of_an_open_invoice_is_a_loss() -> None:
    """50 of 90 were paid; 80 back: the 40 still owed keep their revenue, 30 are lost."""
    months = quarter().pay("2026-01-05", "50").refund("2026-02-01", "80").months()
    assert months["2026-02"]["other_loss"] == "30"
    assert months["2026-02"]["refunds"] == "17.22"  # 50 * 31 / 90


def test_a_refund_told_with_an_earlier_time_than_its_payment_comes_after_it() -> None:
    """The clocks of two systems differ: each entry keeps its own date, none is a loss."""
    months = quarter().pay("2026-02-03", "90").refund("2026-02-02", "90").months()
    assert "other_loss" not in months["2026-02"]
    assert months["2026-02"]["refunds"] == "32"  # 31 days of January and one of February


def test_what_a_voided_note_gave_back_can_be_refunded() -> None:
    story = paid().credit("2026-02-01", "45", to_balance="45").void_credit("2026-05-03")
    assert story.refund("2026-05-10", "90").months()["2026-05"] == {
        "cash_clearing": "-90",
        "refunds": "90",
        "credit_notes": "-15.5",
        "customer_balance": "-45",
        "revenue": "29.5",
    }


# --- credit notes ------------------------------------------------------------------------


def test_a_credit_note_takes_its_tax_as_stated() -> None:
    months = taxed().credit("2026-02-01", "33", to_balance="33", tax="3").months()
    assert months["2026-02"]["tax_payable"] == "-3"
    assert months["2026-02"]["credit_notes"] == "10.33"
    assert months["2026-02"]["customer_balance"] == "33"


def test_the_tax_of_a_note_can_be_stated_on_its_lines() -> None:
    story = taxed()
    line = CreditNoteLine(
        line_id="cnl_1",
        amount_minor=3000,
        invoice_line_id="il_1",
        taxes=(TaxAmount(amount_minor=300),),
    )
    story.credit("2026-02-01", "33", to_balance="33", lines=(line,))
    assert story.months()["2026-02"]["tax_payable"] == "-3"


def test_a_credit_beyond_what_the_invoice_has_left_is_refused() -> None:
    story = quarter().credit("2026-02-01", "60", to_receivable="60")
    story.credit("2026-02-02", "40", note="cn_2", to_receivable="40")
    books = story.fold()
    assert [(one.reason, one.source_event_id) for one in books.refusals] == [
        ("over_credited", "test:evt_002")
    ]
    assert books.invoices[0].credited_minor == 6000


def test_a_credit_that_does_not_say_where_it_goes_is_refused() -> None:
    books = quarter().credit("2026-02-01", "60", to_receivable="50").fold()
    assert [one.reason for one in books.refusals] == ["lines_do_not_add_up"]


def test_an_invoice_credited_in_full_is_settled() -> None:
    story = quarter().credit("2026-02-01", "90", to_receivable="90")
    [state] = story.fold().invoices
    assert (state.status, state.credited_minor) == ("paid", 9000)
    assert "2026-03" not in story.months()


def test_a_voided_note_gives_back_receivable_and_deferral() -> None:
    story = quarter().credit("2026-02-01", "45", to_receivable="45").void_credit("2026-02-10")
    months = story.months()
    assert months["2026-02"] == {"revenue": "28", "deferred_revenue": "-28"}
    assert months["2026-03"] == {"revenue": "31", "deferred_revenue": "-31"}
    assert story.fold().invoices[0].credited_minor == 0


def test_a_note_voided_after_the_service_is_recognised_at_once() -> None:
    story = quarter().credit("2026-02-01", "45", to_receivable="45").void_credit("2026-05-03")
    assert story.months()["2026-05"] == {
        "accounts_receivable": "45",
        "credit_notes": "-15.5",
        "revenue": "29.5",
    }


def test_credit_notes_can_go_against_revenue_itself() -> None:
    months = quarter().credit("2026-02-01", "45", to_receivable="45").months(RECEIVABLE)
    assert months["2026-02"]["revenue"] == "-1.5"  # 14 recognised, 15.50 taken back
    assert "credit_notes" not in months["2026-02"]


# --- disputes ----------------------------------------------------------------------------


def test_two_disputes_of_one_payment_are_two_disputes() -> None:
    story = Story().sell("2026-01-01", "100")
    story.dispute("2026-02-01", "40").dispute("2026-02-02", "60", "dp_2")
    story.win("2026-03-01", "40").lose("2026-03-02", "60", "dp_2")
    months = story.months(pack("receivable"))
    assert months["2026-02"] == {"cash_clearing": "-100", "disputes_receivable": "100"}
    assert months["2026-03"] == {
        "cash_clearing": "40",
        "disputes_receivable": "-100",
        "dispute_losses": "60",
    }


def test_a_dispute_fee_is_a_processing_fee_under_contra() -> None:
    months = Story().sell("2026-01-01", "100").dispute("2026-02-01", "100", fee_minor=1500).months()
    assert months["2026-02"] == {
        "cash_clearing": "-115",
        "disputes": "100",
        "processing_fees": "15",
    }


def test_a_small_dispute_with_a_large_fee_parks_the_dispute() -> None:
    story = Story().sell("2026-01-01", "9.99").dispute("2026-02-01", "9.99", fee_minor=1500)
    assert story.months(pack("receivable"))["2026-02"] == {
        "cash_clearing": "-24.99",
        "disputes_receivable": "9.99",
        "dispute_losses": "15",
    }


def test_a_fee_given_back_comes_with_the_win() -> None:
    story = Story().sell("2026-01-01", "100").dispute("2026-02-01", "100", fee_minor=1500)
    assert story.win("2026-03-01", "100", fee_minor=1500).months()["2026-03"] == {
        "cash_clearing": "115",
        "recoverables": "100",
        "processing_fees": "-15",
    }


def test_a_disputed_deferral_runs_on_under_receivable() -> None:
    months = paid().dispute("2026-02-01", "90").months(RECEIVABLE)
    assert months["2026-02"] == {
        "cash_clearing": "-90",
        "disputes_receivable": "90",
        "revenue": "28",
        "deferred_revenue": "-28",
    }


def test_what_a_dispute_won_back_is_lost_again_in_a_refund() -> None:
    story = paid().dispute("2026-02-01", "90").win("2026-04-01", "90").refund("2026-05-01", "90")
    assert story.months()["2026-05"] == {"cash_clearing": "-90", "recoverables": "-90"}


def test_a_lost_dispute_leaves_nothing_parked() -> None:
    story = paid().dispute("2026-02-01", "90").lose("2026-04-01", "90")
    assert story.months(RECEIVABLE)["2026-04"] == {
        "disputes_receivable": "-90",
        "dispute_losses": "90",
    }


# --- voids and write-offs ----------------------------------------------------------------


def test_a_void_gives_the_customer_balance_back() -> None:
    story = Story().invoice("2026-01-01", "90", service=QUARTER, applied="30")
    assert story.void("2026-02-01").months()["2026-02"] == {
        "accounts_receivable": "-60",
        "customer_balance": "30",
        "deferred_revenue": "-59",
        "voids": "31",
    }


def test_a_void_of_a_partly_paid_invoice_leaves_what_was_paid() -> None:
    """30 of 90 were paid; the void takes two thirds of 31 and of 59."""
    story = quarter().pay("2026-01-05", "30").void("2026-02-01")
    months = story.months()
    assert months["2026-02"]["accounts_receivable"] == "-60"
    assert months["2026-02"]["voids"] == "20.67"
    left = story.refund("2026-02-02", "30").fold()
    assert not left.refusals
    assert [line for one in left.entries for line in one.lines if line.role == "other_loss"] == []


def test_a_void_takes_its_tax_back() -> None:
    story = Story()
    story.invoice("2026-01-01", "99", lines=[story.line("90", service=QUARTER, tax="9")])
    assert story.void("2026-02-01").months()["2026-02"] == {
        "accounts_receivable": "-99",
        "deferred_revenue": "-59",
        "tax_payable": "-9",
        "voids": "31",
    }


def test_an_invoice_of_lines_that_cancel_out_is_voided_line_by_line() -> None:
    story = Story()
    lines = [story.line("30", service=QUARTER), story.line("-30", line="il_2")]
    story.invoice("2026-01-01", "0", lines=lines).void("2026-02-01")
    void = next(one for one in story.fold().entries if one.rule == "invoice_voided")
    assert lines_of(void) == [("deferred_revenue", "19.66"), ("voids", "-30"), ("voids", "10.34")]


def test_gross_bad_debt_lets_the_deferral_run_on() -> None:
    months = quarter().give_up("2026-02-01").months(RECEIVABLE)
    assert months["2026-02"] == {
        "accounts_receivable": "-90",
        "bad_debt": "90",
        "revenue": "28",
        "deferred_revenue": "-28",
    }
    assert months["2026-03"] == {"revenue": "31", "deferred_revenue": "-31"}


def test_gross_bad_debt_is_undone_by_a_payment() -> None:
    months = quarter().give_up("2026-02-01").pay("2026-05-01", "90").months(RECEIVABLE)
    assert months["2026-05"] == {"bad_debt": "-90", "cash_clearing": "90"}


def test_gross_bad_debt_is_undone_by_a_void() -> None:
    months = quarter().give_up("2026-02-01").void("2026-03-01").months(RECEIVABLE)
    assert months["2026-03"] == {"bad_debt": "-90", "revenue": "-59", "deferred_revenue": "-31"}


def test_tax_given_up_is_owed_again_when_the_invoice_is_paid() -> None:
    story = Story()
    story.invoice("2026-01-01", "99", lines=[story.line("90", service=QUARTER, tax="9")])
    story.give_up("2026-02-01")
    assert story.months()["2026-02"]["tax_payable"] == "-9"
    assert story.pay("2026-04-01", "99").months()["2026-04"] == {
        "bad_debt": "-31",
        "cash_clearing": "99",
        "recoverables": "59",
        "tax_payable": "9",
    }


def test_a_written_off_invoice_is_paid_in_parts_bad_debt_first() -> None:
    story = quarter().give_up("2026-02-01").pay("2026-04-01", "40")
    assert story.months()["2026-04"] == {
        "bad_debt": "-31",
        "cash_clearing": "40",
        "recoverables": "9",
    }
    assert story.fold().invoices[0].status == "uncollectible"
    story.pay("2026-05-01", "50", payment_refs=("ch_2",))
    assert story.months()["2026-05"] == {"cash_clearing": "50", "recoverables": "50"}
    assert story.fold().invoices[0].status == "paid"


def test_nothing_is_given_up_on_a_paid_invoice() -> None:
    before = paid().months()
    assert paid().give_up("2026-02-01").months() == before
