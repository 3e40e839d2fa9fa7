"""Further published entries of the `receivable` kind, each event with the entry it gives.

Source of all: https://github.com/jakethehoffer/ledgerly/blob/main/docs/accounting.md.
"""

from __future__ import annotations

from story import Story, lines_of, pack

from ledger.events import PayoutFailed, PayoutPaid

YEAR = ("2026-01-01", "2027-01-01")


def entries(story: Story, rule: str) -> list[list[tuple[str, str]]]:
    books = story.fold(pack("receivable"))
    assert not books.pending and not books.refusals
    return [lines_of(one) for one in books.entries if one.rule == rule]


def net_terms() -> Story:
    story = Story()
    return story.invoice("2026-01-05", "540", lines=[story.line("500", tax="40")])


def test_a_credit_note_on_an_open_invoice_lowers_the_receivable() -> None:
    story = net_terms().credit("2026-02-01", "108", to_receivable="108", tax="8")
    assert entries(story, "credit_note_issued") == [
        [("accounts_receivable", "-108"), ("revenue", "100"), ("tax_payable", "8")]
    ]


def test_voiding_that_note_flips_its_sides() -> None:
    story = net_terms().credit("2026-02-01", "108", to_receivable="108", tax="8")
    assert entries(story.void_credit("2026-02-10"), "credit_note_voided") == [
        [("accounts_receivable", "108"), ("revenue", "-100"), ("tax_payable", "-8")]
    ]


def test_an_invoice_paid_from_the_credit_balance_drains_it() -> None:
    story = Story()
    story.invoice("2026-01-05", "55", lines=[story.line("50", tax="5")], applied="55")
    assert entries(story, "invoice_issued") == [
        [("customer_balance", "55"), ("revenue", "-50"), ("tax_payable", "-5")]
    ]


def test_an_annual_invoice_paid_from_the_credit_balance_is_deferred() -> None:
    story = Story()
    line = story.line("1200", service=YEAR, tax="120")
    story.invoice("2026-01-01", "1320", lines=[line], applied="1320")
    assert entries(story, "invoice_issued") == [
        [("customer_balance", "1320"), ("deferred_revenue", "-1200"), ("tax_payable", "-120")]
    ]


def test_an_annual_plan_is_recognised_in_twelve_even_months() -> None:
    story = Story().invoice("2026-01-01", "1200", service=YEAR)
    assert entries(story, "revenue_recognised") == 12 * [
        [("deferred_revenue", "100"), ("revenue", "-100")]
    ]


def test_a_one_time_line_beside_an_annual_one_is_earned_at_once() -> None:
    story = Story()
    lines = [story.line("1200", service=YEAR), story.line("300", line="il_2")]
    story.invoice("2026-01-01", "1500", lines=lines, message="test:evt_x")
    story.pay("2026-01-01", "1500", message="test:evt_x", fee_minor=4_500)
    assert entries(story, "invoice_issued") == [
        [
            ("cash_clearing", "1455"),
            ("deferred_revenue", "-1200"),
            ("processing_fees", "45"),
            ("revenue", "-300"),
        ]
    ]


def test_a_full_refund_is_contra_revenue() -> None:
    story = Story().sell("2026-01-01", "100").refund("2026-02-01", "100")
    assert entries(story, "refund_issued") == [[("cash_clearing", "-100"), ("refunds", "100")]]


def test_each_partial_refund_has_its_own_entry() -> None:
    story = Story().sell("2026-01-01", "100", fee_minor=320)
    story.refund("2026-02-01", "30").refund("2026-03-01", "20", "re_2")
    assert entries(story, "refund_issued") == [
        [("cash_clearing", "-30"), ("refunds", "30")],
        [("cash_clearing", "-20"), ("refunds", "20")],
    ]


def test_the_tax_of_partial_refunds_adds_up_to_the_tax_collected() -> None:
    """3.33 of tax on 33.33, refunded in three parts of 12.22: 1.11 each, 36.66 in all."""
    story = Story()
    story.invoice("2026-01-01", "36.66", lines=[story.line("33.33", tax="3.33")])
    story.pay("2026-01-01", "36.66")
    for number in range(3):
        story.refund(f"2026-02-0{number + 1}", "12.22", f"re_{number}")
    taxes = [dict(lines)["tax_payable"] for lines in entries(story, "refund_issued")]
    assert taxes == ["1.11", "1.11", "1.11"]


def test_a_payout_that_fails_comes_back() -> None:
    story = Story()
    for kind, day in ((PayoutPaid, "2026-01-05"), (PayoutFailed, "2026-01-07")):
        story.add(kind, day, payout_id="po_1", currency="USD", amount_minor=500_000)
    assert entries(story, "payout_failed") == [[("bank", "-5000"), ("cash_clearing", "5000")]]
