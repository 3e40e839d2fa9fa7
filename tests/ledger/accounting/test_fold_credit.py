"""Prepaid credit: sold, drawn, expired, voided, refunded, given away; never below zero.

Unless a story says otherwise `in_1` sells 100 dollars of credit on January 1, as grant `cg_1`.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from story import IN_DOLLARS, Story, lines_of, pack

from ledger.accounting.result import AccountingResult
from ledger.accounts import AccountRole
from ledger.events import TaxAmount

SOLD = {"accounts_receivable": "100", "deferred_revenue": "100"}


def sale(amount: str = "100", **grant: Any) -> Story:
    story = Story().invoice("2026-01-01", amount)
    return story.grant("2026-01-01", grant.pop("credit", amount), **grant)


def deferred(books: AccountingResult) -> int:
    return -sum(
        line.amount_minor
        for entry in books.entries
        for line in entry.lines
        if line.role is AccountRole.DEFERRED_REVENUE
    )


def test_a_sale_is_deferred_and_recognised_as_it_is_drawn() -> None:
    """100 sold; 30 used in January and 70 in March: revenue of those months, nothing left."""
    story = sale().draw("2026-01-31", "30").draw("2026-03-31", "70")
    assert story.months() == {
        "2026-01": {"accounts_receivable": "100", "deferred_revenue": "70", "revenue": "30"},
        "2026-03": {"deferred_revenue": "-70", "revenue": "70"},
    }


def test_the_sale_is_not_recognised_by_time_even_if_the_line_names_a_period() -> None:
    """The credit may be used within a year; only its use is revenue."""
    story = Story().invoice("2026-01-01", "100", service=("2026-01-01", "2027-01-01"))
    story.grant("2026-01-01", "100")
    assert story.months() == {"2026-01": SOLD}


def test_usage_that_credit_pays_is_earned_once() -> None:
    """40 used in January are unbilled; February's invoice is net of the 40 of credit: zero.

    The invoice takes the 40 back from revenue and the drawdown earns them out of the deferral.
    """
    story = sale().use("2026-01-10", "40")
    line = story.line("0", service=("2026-01-01", "2026-02-01"), accrual_id="si_1", line="il_9")
    story.invoice("2026-02-01", "0", lines=[line], invoice="in_2")
    story.draw("2026-02-01", "40", invoice_id="in_2")
    assert story.months() == {
        "2026-01": SOLD | {"revenue": "40", "unbilled_receivable": "40"},
        "2026-02": {"deferred_revenue": "-40", "unbilled_receivable": "-40"},
    }


def test_what_expires_is_breakage() -> None:
    """25 of 100 were never used: revenue on the day they expire."""
    story = sale(expires="2026-07-01").draw("2026-02-01", "75").expire("2026-07-01", "25")
    assert story.months()["2026-07"] == {"deferred_revenue": "-25", "revenue": "25"}
    [entry] = [one for one in story.fold().entries if one.rule == "credit_expired"]
    assert lines_of(entry) == [("deferred_revenue", "25"), ("revenue", "-25")]


def test_credit_expires_by_itself_when_its_grant_says_so() -> None:
    story = sale(expires="2026-07-01").draw("2026-02-01", "75")
    assert story.months(as_of="2026-06-30") == {
        "2026-01": SOLD,
        "2026-02": {"deferred_revenue": "-75", "revenue": "75"},
    }
    assert story.months(as_of="2026-07-01")["2026-07"] == {
        "deferred_revenue": "-25",
        "revenue": "25",
    }


def test_the_told_expiry_is_the_one_that_was_expected() -> None:
    """The movement comes a day late: the same entry stands, it is not booked anew."""
    story = sale(expires="2026-07-01").draw("2026-02-01", "75")
    before = {one.entry_key: one.lines for one in story.fold().entries}
    story.expire("2026-07-01", "25", transaction_id="tx_end")
    assert {one.entry_key: one.lines for one in story.fold().entries} == before


def test_the_latest_event_says_when_a_grant_expires() -> None:
    """Granted until July, extended to October: 25 are breakage of October."""
    story = sale(expires="2026-07-01").draw("2026-02-01", "75")
    story.grant("2026-06-01", "100", expires="2026-10-01")
    assert list(story.months()) == ["2026-01", "2026-02", "2026-10"]


def test_an_expiry_that_leaves_a_draw_to_come_waits_for_it() -> None:
    """20 expired of the 50 that are left here: the other 30 were drawn, and that comes late."""
    story = sale().draw("2026-02-01", "50").expire("2026-07-01", "20")
    books = story.fold()
    assert deferred(books) == 3000
    assert [(one.reason, one.amount_minor) for one in books.pending] == [("unmatched_grant", 3000)]
    books = story.draw("2026-06-15", "30").fold()
    assert (deferred(books), books.pending, books.refusals) == (0, (), ())


def test_credit_that_comes_back_after_its_end_is_earned_at_once() -> None:
    """30 spent in June; the grant expired in July; the invoice was voided in August: no use."""
    story = sale(expires="2026-07-01").draw("2026-06-01", "30", invoice_id="in_2")
    story.reinstate("2026-08-01", "30", invoice_id="in_2")
    books = story.fold()
    assert (deferred(books), books.refusals) == (0, ())
    assert "2026-08" not in story.months()


def test_expected_breakage_is_earned_as_credit_is_used() -> None:
    """20 % is expected never to be used: each of the expected 80 earns 100 / 80 = 1.25.

    40 drawn earn 50, the next 40 the other 50; the last 20 are nothing more, used or not.
    """
    policy = pack(breakage="proportional", expected_breakage_percent=20)
    story = sale(expires="2026-07-01").draw("2026-02-01", "40").draw("2026-03-01", "40")
    assert story.months(policy) == {
        "2026-01": SOLD,
        "2026-02": {"deferred_revenue": "-50", "revenue": "50"},
        "2026-03": {"deferred_revenue": "-50", "revenue": "50"},
    }
    assert story.draw("2026-04-01", "20").months(policy).keys() == {"2026-01", "2026-02", "2026-03"}


def test_less_used_than_expected_is_breakage_at_the_end() -> None:
    """30 drawn of the expected 80 earn 37.50; the rest of the 100, 62.50, when it expires."""
    policy = pack(breakage="proportional", expected_breakage_percent=20)
    months = sale(expires="2026-07-01").draw("2026-02-01", "30").months(policy)
    assert months["2026-02"]["revenue"] == "37.5"
    assert months["2026-07"] == {"deferred_revenue": "-62.5", "revenue": "62.5"}


def test_credit_sold_below_its_face_value_earns_what_was_paid() -> None:
    """120 of credit for 100: 30 of it are worth 30 x 100 / 120 = 25."""
    story = sale(credit="120").draw("2026-02-01", "30")
    assert story.months()["2026-02"] == {"deferred_revenue": "-25", "revenue": "25"}
    assert deferred(story.draw("2026-03-01", "90").fold()) == 0


def test_no_cent_is_lost_when_shares_do_not_divide() -> None:
    """100 of credit for 10: three draws of 33 earn 3.30 each, the last 1 the other 0.10."""
    story = Story().invoice("2026-01-01", "10").grant("2026-01-01", "99.99")
    for month in ("02", "03", "04"):
        story.draw(f"2026-{month}-01", "33.33")
    books = story.fold()
    earned = [one.lines[0].amount_minor for one in books.entries if one.rule == "credit_drawn"]
    assert (earned, deferred(books)) == ([333, 334, 333], 0)


def test_credit_that_was_given_away_books_nothing() -> None:
    """Only the invoice it is spent on is lower; its expiry is of no consequence."""
    story = Story().grant("2026-01-01", "50", category="promotional", expires="2026-07-01")
    story.draw("2026-02-01", "20").expire("2026-07-01", "30")
    books = story.fold()
    assert (books.entries, books.pending, books.refusals) == ((), (), ())


def test_one_line_may_sell_several_grants() -> None:
    """100 for grants of 60 and 40: each is deferred for itself, and the bonus has no part of it."""
    story = Story().invoice("2026-01-01", "100")
    story.grant("2026-01-01", "60", "cg_1", expires="2026-03-01", priority=1)
    story.grant("2026-01-01", "40", "cg_2", expires="2026-06-01", priority=2)
    story.grant("2026-01-01", "25", "cg_3", category="promotional")
    story.draw("2026-02-01", "10", "cg_1").draw("2026-02-01", "5", "cg_2")
    story.draw("2026-02-01", "5", "cg_3")
    assert story.months() == {
        "2026-01": SOLD,
        "2026-02": {"deferred_revenue": "-15", "revenue": "15"},
        "2026-03": {"deferred_revenue": "-50", "revenue": "50"},
        "2026-06": {"deferred_revenue": "-35", "revenue": "35"},
    }


def test_grants_are_used_in_the_order_the_source_states() -> None:
    """The younger grant is used first, because its movement says so."""
    story = sale()
    story.invoice("2026-01-02", "50", invoice="in_2")
    story.grant("2026-01-02", "50", "cg_2", invoice_id="in_2")
    story.draw("2026-02-01", "50", "cg_2")
    by_invoice = {
        entry.invoice_id: entry.lines[0].amount_minor
        for entry in story.fold().entries
        if entry.rule == "credit_drawn"
    }
    assert by_invoice == {"in_2": 5000}


# --- taken back ------------------------------------------------------------------------------


def test_a_refund_of_unused_credit_comes_off_the_deferral() -> None:
    """40 of 100 used; the unused 60 are refunded, and the grant voided the same day."""
    story = sale().pay("2026-01-01", "100").draw("2026-02-01", "40")
    story.void_grant("2026-03-05T09:00", "60").refund("2026-03-05T09:05", "60")
    assert story.months()["2026-03"] == {"cash_clearing": "-60", "deferred_revenue": "-60"}
    assert deferred(story.fold()) == 0


def test_credit_that_is_voided_and_not_refunded_is_breakage() -> None:
    story = sale().pay("2026-01-01", "100").draw("2026-02-01", "40").void_grant("2026-03-05")
    assert story.months()["2026-03"] == {"deferred_revenue": "-60", "revenue": "60"}


def test_a_refund_after_the_void_comes_off_revenue() -> None:
    """The 60 were revenue since the void in March; giving them back in April is a refund of it."""
    story = sale().pay("2026-01-01", "100").draw("2026-02-01", "40").void_grant("2026-03-05")
    story.refund("2026-04-01", "60")
    assert story.months()["2026-04"] == {"cash_clearing": "-60", "refunds": "60"}


def test_a_refund_of_more_than_is_unused_comes_off_revenue_for_the_rest() -> None:
    story = sale().pay("2026-01-01", "100").draw("2026-02-01", "40").refund("2026-03-05", "75")
    assert story.months()["2026-03"] == {
        "cash_clearing": "-75",
        "deferred_revenue": "-60",
        "refunds": "15",
    }


def test_credit_used_after_its_refund_is_worth_nothing_more() -> None:
    """All was refunded, the grant was forgotten: what is drawn then earns nothing more."""
    story = sale().pay("2026-01-01", "100").refund("2026-02-01", "100").draw("2026-03-01", "70")
    assert deferred(story.fold()) == 0
    assert "2026-03" not in story.months()


def test_a_refund_that_failed_after_the_credit_was_used_is_earned_again() -> None:
    """The refund took the deferral, all credit is spent, the money stays: 100 of revenue."""
    story = sale().pay("2026-01-01", "100").refund("2026-02-01", "100").draw("2026-03-01", "100")
    story.refund("2026-04-01", "100", status="failed")
    assert story.months()["2026-04"] == {"cash_clearing": "100", "revenue": "100"}
    assert deferred(story.fold()) == 0


def test_a_voided_sale_leaves_no_deferral() -> None:
    story = sale().draw("2026-02-01", "40").void("2026-03-01")
    assert story.months()["2026-03"] == {
        "accounts_receivable": "-100",
        "deferred_revenue": "-60",
        "voids": "40",
    }


def test_a_credit_note_takes_the_unused_part_first() -> None:
    story = sale().draw("2026-02-01", "40").credit("2026-03-01", "70", to_receivable="70")
    assert story.months()["2026-03"] == {
        "accounts_receivable": "-70",
        "credit_notes": "10",
        "deferred_revenue": "-60",
    }


def test_credit_comes_back_with_the_invoice_it_was_spent_on() -> None:
    """30 + 20 drawn; the invoice of the 30 is voided: 30 are deferred again, then used again."""
    story = sale().draw("2026-02-01", "30", invoice_id="in_2")
    story.draw("2026-02-02", "20", invoice_id="in_3")
    story.reinstate("2026-03-01", "30", invoice_id="in_2").draw("2026-04-01", "80")
    assert story.months() == {
        "2026-01": SOLD,
        "2026-02": {"deferred_revenue": "-50", "revenue": "50"},
        "2026-03": {"deferred_revenue": "30", "revenue": "-30"},
        "2026-04": {"deferred_revenue": "-80", "revenue": "80"},
    }


def test_tax_of_the_sale_is_owed_when_it_is_sold_and_given_back_with_a_refund() -> None:
    """119 with 19 of tax; 40 used; 60 net and 11.40 of tax are refunded by credit note."""
    story = Story()
    line = story.line("100", tax="19")
    story.invoice("2026-01-01", "119", lines=[line]).grant("2026-01-01", "100")
    story.pay("2026-01-01", "119").draw("2026-02-01", "40")
    story.credit("2026-03-01", "71.40", to_balance="71.40", tax="11.40")
    assert story.months()["2026-01"] == {
        "cash_clearing": "119",
        "deferred_revenue": "100",
        "tax_payable": "19",
    }
    assert story.months()["2026-03"] == {
        "customer_balance": "71.4",
        "deferred_revenue": "-60",
        "tax_payable": "-11.4",
    }


def test_inclusive_tax_is_no_part_of_what_is_deferred() -> None:
    story = Story()
    line = story.line("119", tax="19", inclusive=True)
    story.invoice("2026-01-01", "119", lines=[line]).grant("2026-01-01", "100")
    assert deferred(story.fold()) == 10000


# --- what sold it ----------------------------------------------------------------------------


def test_a_payment_without_invoice_may_sell_credit() -> None:
    story = Story().sell("2026-01-01", "100").grant("2026-01-01", "100", payment_ref="ch_1")
    story.draw("2026-02-01", "40")
    assert story.months() == {
        "2026-01": {"cash_clearing": "100", "deferred_revenue": "100"},
        "2026-02": {"deferred_revenue": "-40", "revenue": "40"},
    }


def test_a_payment_of_an_invoice_leads_to_the_line_that_sold_it() -> None:
    story = Story().invoice("2026-01-01", "100").pay("2026-01-02", "100")
    story.grant("2026-01-03", "100", payment_ref="ch_1")
    assert deferred(story.fold()) == 10000


def test_among_several_lines_the_one_of_its_amount_sold_it() -> None:
    story = Story()
    lines = [story.line("100", line="il_1"), story.line("250", line="il_2")]
    story.invoice("2026-01-01", "350", lines=lines).grant("2026-01-01", "100")
    assert deferred(story.fold()) == 10000


def test_a_grant_that_names_no_sale_is_the_one_off_line_of_its_amount() -> None:
    story = sale(invoice_id=None).draw("2026-02-01", "40")
    assert story.months()["2026-01"] == SOLD


def test_two_equal_grants_and_two_equal_lines_are_paired_in_time() -> None:
    story = sale(invoice_id=None).invoice("2026-02-01", "100", invoice="in_2")
    story.grant("2026-02-01", "100", "cg_2", invoice_id=None)
    story.draw("2026-03-01", "100", "cg_2")
    assert {one.invoice_id for one in story.fold().entries if one.rule == "credit_drawn"} == {
        "in_2"
    }


@pytest.mark.parametrize(
    "story",
    [
        Story().grant("2026-01-01", "100", invoice_id=None),
        Story().invoice("2026-01-01", "90").grant("2026-01-01", "100", invoice_id=None),
        sale(invoice_id=None).invoice("2026-01-01", "100", invoice="in_2"),
        sale(invoice_id="in_1", invoice_line_id="il_404"),
    ],
    ids=["no sale", "of another amount", "two could be meant", "no such line"],
)
def test_a_paid_grant_whose_sale_is_not_known_waits_with_its_money(story: Story) -> None:
    story.draw("2026-02-01", "40", transaction_id="tx_40")
    books = story.fold()
    waiting = sorted((one.reason, one.amount_minor or 0) for one in books.pending)
    assert waiting == [("unmatched_grant", 0), ("unmatched_grant", 10000)]
    assert all(one.rule != "credit_drawn" for one in books.entries)


def test_a_grant_waits_for_the_invoice_it_names_and_is_released_by_it() -> None:
    story = Story().grant("2026-01-03", "100").draw("2026-02-01", "40")
    assert [one.reason for one in story.fold().pending] == ["unmatched_invoice", "unmatched_grant"]
    story.invoice("2026-01-01", "100")
    assert deferred(story.fold()) == 6000


@pytest.mark.parametrize("kind", ["draw", "reinstate", "expire", "void_grant"])
def test_what_happens_to_a_grant_nobody_saw_waits(kind: str) -> None:
    story = getattr(Story(), kind)("2026-02-01", "40")
    [waiting] = story.fold().pending
    assert (waiting.reason, waiting.waits_for, waiting.amount_minor) == (
        "unmatched_grant",
        "cg_1",
        4000,
    )


# --- never below zero ------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["paid", "promotional"])
@pytest.mark.parametrize(
    "overdraw",
    [
        lambda story: story.draw("2026-03-01", "61"),
        lambda story: story.expire("2026-03-01", "61"),
        lambda story: story.void_grant("2026-03-01", "61"),
        lambda story: story.reinstate("2026-03-01", "41"),
    ],
    ids=["drawn", "expired", "voided", "given back"],
)
def test_what_would_take_a_wallet_below_zero_is_refused(overdraw: Any, category: str) -> None:
    """40 of 100 are drawn: no more than 60 can go, and no more than 40 come back."""
    story = sale(category=category).draw("2026-02-01", "40")
    before = story.fold().entries
    books = overdraw(story).fold()
    assert [one.reason for one in books.refusals] == ["credit_overdrawn"]
    assert books.refusals[0].amount_minor in (6100, 4100)
    assert books.entries == before


def test_credit_is_not_used_after_it_expired() -> None:
    books = sale(expires="2026-07-01").draw("2026-07-02", "10").fold()
    assert [one.reason for one in books.refusals] == ["credit_overdrawn"]
    assert deferred(books) == 0


def test_a_movement_told_twice_under_one_id_counts_once() -> None:
    story = sale().draw("2026-02-01", "60", transaction_id="tx")
    story.draw("2026-02-01", "60", transaction_id="tx")
    assert deferred(story.fold()) == 4000
    assert not story.fold().refusals


@pytest.mark.parametrize("other", [{"amount": "61"}, {"amount": "60", "grant": "cg_2"}])
def test_one_movement_told_in_two_ways_is_refused(other: dict[str, str]) -> None:
    story = sale().draw("2026-02-01", "60", transaction_id="tx")
    story.draw("2026-02-02", transaction_id="tx", **other)
    books = story.fold()
    assert [one.reason for one in books.refusals] == ["invoice_evidence_conflict"]
    assert deferred(books) == 4000


def test_the_grant_and_its_movement_tell_one_void() -> None:
    """The grant says that it is void, the movement says how much that was: once, 60."""
    story = sale().draw("2026-02-01", "40").void_grant("2026-03-01")
    story.void_grant("2026-03-01", "60", transaction_id="tx_v")
    books = story.fold()
    assert (deferred(books), books.refusals) == (0, ())
    assert len([one for one in books.entries if one.rule == "credit_voided"]) == 1


def test_another_amount_of_the_same_grant_is_refused() -> None:
    books = sale().grant("2026-01-02", "90").fold()
    assert [one.reason for one in books.refusals] == ["invoice_evidence_conflict"]


def test_a_movement_in_another_currency_is_refused() -> None:
    books = sale().draw("2026-02-01", "40", currency="EUR").fold()
    assert [one.reason for one in books.refusals] == ["currency_mismatch"]


# --- across ----------------------------------------------------------------------------------


def test_any_order_of_arrival_gives_the_same_wallet() -> None:
    story = sale(expires="2026-07-01").pay("2026-01-03", "100").draw("2026-02-01", "30")
    story.draw("2026-02-02", "20", invoice_id="in_2").refund("2026-03-01", "10")
    story.reinstate("2026-04-01", "20", invoice_id="in_2").void_grant("2026-05-01", "15")
    books = story.fold()
    assert deferred(books) == 0
    chance = random.Random(11)
    for _ in range(20):
        again = Story()
        again.events = story.events * 2
        chance.shuffle(again.events)
        assert again.fold() == books


def test_credit_keeps_the_rate_of_its_sale() -> None:
    """100 EUR sold at 1.10 and used up: 110 USD of revenue, whatever the rate is by then."""
    story = Story("EUR").invoice("2026-01-01", "100", exchange_rate=Decimal("1.1"))
    story.grant("2026-01-01", "100").draw("2026-02-01", "33.33").draw("2026-03-01", "66.67")
    assert story.months(config=IN_DOLLARS) == {
        "2026-01": {"accounts_receivable": "110", "deferred_revenue": "110"},
        "2026-02": {"deferred_revenue": "-36.66", "revenue": "36.66"},
        "2026-03": {"deferred_revenue": "-73.34", "revenue": "73.34"},
    }


def test_a_fee_of_credit_is_not_deferred_for_ever() -> None:
    """Fees follow revenue by time; nobody knows when credit is used, so they are expensed."""
    story = sale().pay("2026-01-02", "100", fee_minor=300)
    months = story.months(pack(fee_timing="invoice"))
    assert months["2026-01"]["processing_fees"] == "3"


@pytest.mark.parametrize("name", ["stripe-contra", "receivable"])
def test_the_deferral_ends_at_nothing_under_either_pack(name: str) -> None:
    story = sale(expires="2026-07-01").pay("2026-01-03", "100").draw("2026-02-01", "30")
    story.refund("2026-03-01", "10").void_grant("2026-05-01", "15")
    assert deferred(story.fold(pack(name))) == 0


def test_the_tax_of_a_line_is_of_its_own() -> None:
    """A seller of credit and of seats: the credit's bucket never meets the seats' months."""
    story = Story()
    seats = story.line("90", service=("2026-01-01", "2026-04-01"), line="il_2")
    taxes = (TaxAmount(amount_minor=1900, jurisdiction="DE"),)
    story.invoice("2026-01-01", "209", lines=[story.line("100"), seats], taxes=taxes)
    story.grant("2026-01-01", "100", invoice_line_id="il_1").draw("2026-03-31", "100")
    assert {month: row.get("revenue") for month, row in story.months().items()} == {
        "2026-01": "31",
        "2026-02": "28",
        "2026-03": "131",
    }
