"""What several events tell is booked once; what contradicts is refused; what is alone waits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from story import Story, micros

from ledger import events as told
from ledger.policies import BooksConfig, PendingDays

QUARTER = ("2026-01-01", "2026-04-01")


def quarter() -> Story:
    return Story().invoice("2026-01-01", "90", service=QUARTER)


def entry_of(story: Story, rule: str) -> Any:
    [entry] = [one for one in story.fold().entries if one.rule == rule]
    return entry


def test_an_invoice_told_three_times_is_issued_once_by_the_first() -> None:
    story = quarter()
    story.invoice("2026-01-05", "90", service=QUARTER, message="test:evt_later")
    story.invoice("2026-01-02", "90", service=QUARTER, message="test:evt_next")
    entry = entry_of(story, "invoice_issued")
    assert entry.source_event_id == "test:evt_000"
    assert entry.evidence == ("test:evt_later", "test:evt_next")
    assert entry.accounting_date == "2026-01-01"


def test_another_total_for_the_same_invoice_is_refused_and_the_first_stands() -> None:
    story = quarter().invoice("2026-01-02", "95", service=QUARTER)
    books = story.fold()
    [refusal] = books.refusals
    assert (refusal.reason, refusal.source_event_id, refusal.amount_minor) == (
        "invoice_evidence_conflict",
        "test:evt_001",
        9500,
    )
    assert books.invoices[0].total_minor == 9000


def test_a_page_of_lines_is_not_taken_for_the_invoice() -> None:
    """The first event has only some of the lines; a later one adds up."""
    story = Story()
    story.invoice("2026-01-01", "90", lines=[story.line("30")])
    story.invoice("2026-01-02", "90", lines=[story.line("30"), story.line("60", line="il_2")])
    books = story.fold()
    assert not books.refusals
    assert [line.amount_minor for line in books.entries[0].lines] == [9000, -3000, -6000]


def test_lines_that_do_not_add_up_are_refused_and_what_depends_on_them_waits() -> None:
    story = Story()
    story.invoice("2026-01-01", "90", lines=[story.line("30")]).pay("2026-01-02", "90")
    books = story.fold()
    assert [one.reason for one in books.refusals] == ["lines_do_not_add_up"]
    assert [one.reason for one in books.pending] == ["unmatched_invoice"]
    assert books.entries == ()
    assert [(one.status, one.posted) for one in books.invoices] == [("pending", False)]


@pytest.mark.parametrize("end", ["1999-05-01", "2150-01-01"])
def test_service_outside_this_century_is_refused(end: str) -> None:
    books = Story().invoice("2026-01-01", "90", service=("1998-01-01", end)).fold()
    assert [one.reason for one in books.refusals] == ["timestamp_out_of_range"]


def test_one_payment_told_by_charge_intent_and_invoice_is_booked_once() -> None:
    story = quarter()
    story.pay("2026-01-03", "90", payment_refs=("ch_1", "pi_1"), invoice_id=None, fee_minor=30)
    story.pay("2026-01-02", "90", payment_refs=("pi_1",), invoice_id=None)
    story.pay("2026-01-04", "90", payment_refs=("pi_1",), invoice_id="in_1")
    story.pay("2026-01-05", "90", payment_refs=(), evidence="invoice_total")
    entry = entry_of(story, "payment_succeeded")
    assert entry.entry_key == "ch_1:payment"
    assert entry.accounting_date == "2026-01-02"
    assert entry.source_event_id == "test:evt_002"
    assert entry.evidence == ("test:evt_001", "test:evt_003", "test:evt_004")
    assert [line.amount_minor for line in entry.lines] == [8970, 30, -9000]
    assert len(story.fold().payments) == 1


def test_what_only_the_invoice_knows_was_paid_is_booked_when_it_says_so() -> None:
    story = quarter()
    story.pay("2026-02-01", "40", payment_refs=(), evidence="invoice_total")
    story.pay("2026-03-01", "90", payment_refs=(), evidence="invoice_total")
    paid = [(one.at_micros, one.amount_minor) for one in story.fold().payments]
    assert paid == [(micros("2026-02-01"), 4000), (micros("2026-03-01"), 5000)]


def test_a_movement_explains_the_total_even_when_it_is_told_later() -> None:
    story = quarter()
    story.pay("2026-02-01", "90", payment_refs=(), evidence="invoice_total")
    story.pay("2026-02-02", "40")
    paid = [(one.at_micros, one.amount_minor) for one in story.fold().payments]
    assert sum(amount for _, amount in paid) == 9000
    assert paid == [(micros("2026-02-01"), 5000), (micros("2026-02-02"), 4000)]


def test_another_amount_for_the_same_payment_is_refused() -> None:
    story = quarter().pay("2026-01-02", "90").pay("2026-01-03", "80")
    books = story.fold()
    assert [(one.reason, one.source_event_id) for one in books.refusals] == [
        ("payment_evidence_conflict", "test:evt_002")
    ]
    assert [one.amount_minor for one in books.payments] == [9000]


def test_a_payment_cannot_belong_to_two_invoices() -> None:
    story = quarter().invoice("2026-01-01", "90", invoice="in_2")
    story.pay("2026-01-02", "90").pay("2026-01-03", "90", invoice_id="in_2")
    assert [one.reason for one in story.fold().refusals] == ["payment_evidence_conflict"]


def test_refunds_told_singly_and_as_a_total_are_booked_once_each() -> None:
    story = quarter().pay("2026-01-01", "90")
    story.refund("2026-02-01", "10", "re_1")
    story.refund("2026-02-01T01:00", "10", "ch_1", evidence="charge_total")
    story.refund("2026-03-01", "30", "ch_1", evidence="charge_total")
    books = story.fold()
    refunds = [
        (one.accounting_date, -one.lines[0].amount_minor)
        for one in books.entries
        if one.rule == "refund_issued"
    ]
    assert refunds == [("2026-02-01", 1000), ("2026-03-01", 2000)]
    first = next(one for one in books.entries if one.entry_key == "re_1:refund")
    assert first.evidence == ("test:evt_003",)


def test_a_refund_that_fails_is_undone_on_the_day_it_failed() -> None:
    """90 refunded on February 1 (31 recognised), failed on March 15.

    The 28 of February come back at once, the 31 of March in March.
    """
    story = quarter().pay("2026-01-01", "90")
    story.refund("2026-02-01", "90", status="pending").refund("2026-03-15", "90", status="failed")
    months = story.months()
    assert months["2026-02"] == {
        "cash_clearing": "-90",
        "refunds": "31",
        "deferred_revenue": "-59",
    }
    assert months["2026-03"] == {"cash_clearing": "90", "refunds": "-31", "revenue": "59"}


def test_a_refund_that_was_never_under_way_books_nothing() -> None:
    paid = quarter().pay("2026-01-01", "90")
    before = paid.months()
    assert paid.refund("2026-02-01", "90", status="failed").months() == before


def test_a_dispute_told_twice_is_booked_once_with_the_fee_of_whichever_states_it() -> None:
    story = quarter().pay("2026-01-01", "90")
    story.dispute("2026-02-02", "90", fee_minor=1500).dispute("2026-02-01", "90")
    entry = entry_of(story, "dispute_opened")
    assert entry.accounting_date == "2026-02-01"
    assert entry.lines[0].amount_minor == -10_500
    assert entry.evidence == ("test:evt_002",)


def test_an_inquiry_books_nothing_by_itself() -> None:
    paid = quarter().pay("2026-01-01", "90")
    before = paid.months()
    assert paid.dispute("2026-02-01", "90", funds_withdrawn=False).months() == before


ALONE = {
    "payment": (lambda: Story().pay("2026-01-02", "90"), "unmatched_invoice", "in_1"),
    "credit note": (
        lambda: Story().credit("2026-01-02", "90", to_balance="90"),
        "unmatched_invoice",
        "in_1",
    ),
    "void": (lambda: Story().void("2026-01-02"), "unmatched_invoice", "in_1"),
    "write-off": (lambda: Story().give_up("2026-01-02"), "unmatched_invoice", "in_1"),
    "voided note": (lambda: Story().void_credit("2026-01-02"), "unmatched_invoice", "in_1"),
    "voided note of an invoice": (
        lambda: quarter().void_credit("2026-01-02"),
        "unmatched_invoice",
        "cn_1",
    ),
    "refund": (lambda: Story().refund("2026-01-02", "90"), "unmatched_refund", "ch_1"),
    "refund total": (
        lambda: Story().refund("2026-01-02", "90", "ch_1", evidence="charge_total"),
        "unmatched_refund",
        "ch_1",
    ),
    "dispute": (lambda: Story().dispute("2026-01-02", "90"), "unmatched_dispute", "ch_1"),
    "won dispute": (lambda: Story().win("2026-01-02", "90"), "unmatched_dispute", "ch_1"),
    "outcome without opening": (
        lambda: Story().sell("2026-01-01", "90").lose("2026-01-02", "90"),
        "unmatched_dispute",
        "dp_1",
    ),
    "unlinked payment": (
        lambda: quarter().pay("2026-01-02", "90", invoice_id=None),
        "unmatched_payment",
        "ch_1",
    ),
}


@pytest.mark.parametrize("name", ALONE)
def test_what_has_no_partner_waits_for_it(name: str) -> None:
    tell, reason, waits_for = ALONE[name]
    [pending] = tell().fold().pending
    assert (pending.reason, pending.waits_for, pending.period) == (reason, waits_for, "2026-01")


def test_waiting_ends_with_the_deadline_of_its_reason() -> None:
    config = BooksConfig(pending_days=PendingDays(unmatched_invoice=5))
    story = Story().pay("2026-01-02", "90")
    [on_time] = story.fold(config=config, as_of="2026-01-07").pending
    [late] = story.fold(config=config, as_of="2026-01-07T00:01").pending
    assert on_time.deadline_micros == micros("2026-01-07")
    assert (on_time.expired, late.expired) == (False, True)
    assert (late.amount_minor, late.currency, late.entity) == (9000, "USD", "MAIN")


def test_what_waited_is_released_when_its_partner_comes() -> None:
    story = Story().pay("2026-01-02", "90").refund("2026-02-01", "90")
    assert len(story.fold().pending) == 2
    story.invoice("2026-01-01", "90", service=QUARTER)
    books = story.fold()
    assert not books.pending
    assert [one.rule for one in books.entries if one.rule != "revenue_recognised"] == [
        "invoice_issued",
        "payment_succeeded",
        "refund_issued",
    ]


def test_evidence_of_what_waits_waits_with_it_without_counting_its_money_again() -> None:
    story = Story().pay("2026-01-02", "90").pay("2026-01-03", "90")
    pending = story.fold().pending
    assert [(one.source_event_id, one.amount_minor) for one in pending] == [
        ("test:evt_000", 9000),
        ("test:evt_001", None),
    ]


@pytest.mark.parametrize(
    "tell",
    [
        lambda story: story.pay("2026-01-02", "90"),
        lambda story: story.pay("2026-01-02", "90", currency="USD").refund("2026-02-01", "9"),
        lambda story: story.pay("2026-01-02", "90", currency="USD").dispute("2026-02-01", "9"),
        lambda story: story.credit("2026-02-01", "9", to_receivable="9"),
    ],
)
def test_another_currency_than_the_invoice_is_refused(tell: Any) -> None:
    story = quarter()
    story.currency = "EUR"
    tell(story)
    assert [one.reason for one in story.fold().refusals] == ["currency_mismatch"]


def test_money_that_moves_backwards_is_refused() -> None:
    books = Story().sell("2026-01-02", "-90").fold()
    assert [one.reason for one in books.refusals] == ["negative_amount"]


def test_a_failed_attempt_books_nothing_and_is_told_on() -> None:
    story = quarter().add(
        told.PaymentFailed,
        "2026-01-02",
        currency="USD",
        amount_minor=9000,
        invoice_id="in_1",
        attempt_count=2,
    )
    books = story.fold()
    assert [one.rule for one in books.entries][:1] == ["invoice_issued"]
    assert [(one.attempt_count, one.invoice_id) for one in books.failed_payments] == [(2, "in_1")]


def test_every_entry_names_its_cause_its_policy_and_where_it_belongs() -> None:
    entry = entry_of(quarter(), "invoice_issued")
    assert (entry.policy, entry.tenant, entry.entity) == ("stripe-contra@1", "acme", "MAIN")
    assert (entry.customer_id, entry.contract_id) == ("test:cus_1", "direct")
    assert entry.event_id == "test:evt_000/billing.invoice_issued"
    assert (entry.currency, entry.functional_currency, entry.invoice_id) == ("USD", "USD", "in_1")


def test_a_refund_is_evidence_of_the_months_it_shortened() -> None:
    story = quarter().pay("2026-01-01", "90").refund("2026-02-15", "9")
    evidence = {
        one.accounting_date: one.evidence
        for one in story.fold().entries
        if one.rule == "revenue_recognised"
    }
    assert evidence == {
        "2026-01-31": (),
        "2026-02-28": ("test:evt_002",),
        "2026-03-31": ("test:evt_002",),
    }


def test_events_without_accounting_effect_are_passed_over() -> None:
    story = quarter()
    before = story.fold()
    story.add(told.SubscriptionActivated, "2026-01-01", status="active")
    assert msgspec.structs.asdict(story.fold()) == msgspec.structs.asdict(before)
