"""Payments: fees, small differences, too much, in parts, outside the processor, other entities."""

from __future__ import annotations

from decimal import Decimal

from story import Story, lines_of, pack

from ledger.accounts import AccountRole
from ledger.events import PayoutFailed, PayoutPaid
from ledger.policies import BooksConfig, EntityConfig

QUARTER = ("2026-01-01", "2026-04-01")


def quarter() -> Story:
    return Story().invoice("2026-01-01", "90", service=QUARTER)


def test_an_invoice_is_paid_in_parts() -> None:
    story = quarter().pay("2026-01-02", "40").pay("2026-02-02", "50", payment_refs=("ch_2",))
    months = story.months()
    assert months["2026-01"]["accounts_receivable"] == "50"
    assert months["2026-02"]["accounts_receivable"] == "-50"
    [state] = story.fold().invoices
    assert (state.status, state.paid_minor) == ("paid", 9000)


def test_half_paid_is_still_open() -> None:
    [state] = quarter().pay("2026-01-02", "40").fold().invoices
    assert (state.status, state.paid_minor) == ("open", 4000)


def test_a_few_cents_short_within_the_tolerance_are_rounding_and_not_exchange() -> None:
    months = quarter().pay("2026-02-02", "89.97").months(pack(payment_tolerance_minor=5))
    assert months["2026-02"] == {
        "accounts_receivable": "-90",
        "cash_clearing": "89.97",
        "rounding": "0.03",
        "revenue": "28",
        "deferred_revenue": "-28",
    }


def test_a_few_cents_too_much_within_the_tolerance_are_rounding() -> None:
    months = quarter().pay("2026-02-02", "90.05").months(pack(payment_tolerance_minor=5))
    assert months["2026-02"]["rounding"] == "-0.05"
    assert months["2026-02"]["accounts_receivable"] == "-90"


def test_a_payment_of_nothing_rounds_nothing() -> None:
    story = Story().invoice("2026-01-01", "0.04").pay("2026-01-02", "0")
    months = story.months(pack(payment_tolerance_minor=5))
    assert months == {"2026-01": {"accounts_receivable": "0.04", "revenue": "0.04"}}


def test_beyond_the_tolerance_a_short_payment_leaves_the_rest_open() -> None:
    months = quarter().pay("2026-02-02", "89.94").months(pack(payment_tolerance_minor=5))
    assert months["2026-02"]["accounts_receivable"] == "-89.94"
    assert "rounding" not in months["2026-02"]


def test_a_refund_of_all_that_was_paid_undoes_the_rounding() -> None:
    policy = pack(payment_tolerance_minor=5)
    for paid in ("89.97", "90.03"):
        story = quarter().pay("2026-01-02", paid).refund("2026-02-02", paid)
        books = story.months(policy)
        assert books["2026-02"]["rounding"] == ("-0.03" if paid == "89.97" else "0.03")
        assert "other_loss" not in books["2026-02"]
        deferred = [Decimal(roles.get("deferred_revenue", "0")) for roles in books.values()]
        assert sum(deferred) == 0


def test_what_is_paid_too_much_is_the_customers() -> None:
    months = quarter().pay("2026-02-02", "100").months()
    assert months["2026-02"]["accounts_receivable"] == "-90"
    assert months["2026-02"]["customer_balance"] == "10"


def test_a_second_payment_goes_back_out_of_the_balance_it_made() -> None:
    """An invoice paid twice: the refund of the second payment touches no revenue."""
    story = quarter().pay("2026-01-02", "90").pay("2026-01-03", "90", payment_refs=("ch_2",))
    before = quarter().pay("2026-01-02", "90").months()
    assert story.refund("2026-01-05", "90", payment_refs=("ch_2",)).months() == before


def test_a_payment_of_a_voided_invoice_is_the_customers() -> None:
    months = quarter().void("2026-01-10").pay("2026-02-02", "90").months()
    assert months["2026-02"] == {"cash_clearing": "90", "customer_balance": "90"}


def test_a_payment_before_its_invoice_keeps_its_own_date() -> None:
    story = quarter().pay("2025-12-31", "90")
    months = story.months()
    assert months["2025-12"] == {"cash_clearing": "90", "accounts_receivable": "-90"}
    assert months["2026-01"]["accounts_receivable"] == "90"


def test_issue_and_payment_told_by_one_message_are_one_entry() -> None:
    story = Story().invoice("2026-01-01", "90", message="test:evt_x")
    story.pay("2026-01-01", "90", message="test:evt_x", fee_minor=300)
    [entry] = story.fold().entries
    assert lines_of(entry) == [
        ("cash_clearing", "87"),
        ("processing_fees", "3"),
        ("revenue", "-90"),
    ]


def test_another_message_or_another_day_makes_two_entries() -> None:
    story = Story().invoice("2026-01-01", "90", message="test:evt_x")
    assert len(story.pay("2026-01-01", "90").fold().entries) == 2
    late = Story().invoice("2026-01-01", "90", message="test:evt_x")
    late.pay("2026-01-02", "90", message="test:evt_x")
    assert len(late.fold().entries) == 2


def test_a_partly_paid_issue_keeps_the_rest_receivable() -> None:
    story = Story().invoice("2026-01-01", "90", message="test:evt_x")
    story.pay("2026-01-01", "40", message="test:evt_x")
    [entry] = story.fold().entries
    assert lines_of(entry) == [
        ("accounts_receivable", "50"),
        ("cash_clearing", "40"),
        ("revenue", "-90"),
    ]


def test_fees_can_follow_the_service() -> None:
    """A fee of 9.00 on 90 over 31, 28 and 31 days: 3.10, 2.80, 3.10."""
    policy = pack(fee_timing="invoice")
    months = quarter().pay("2026-01-01", "90", fee_minor=900).months(policy)
    assert [months[month]["processing_fees"] for month in sorted(months)] == ["3.1", "2.8", "3.1"]
    assert months["2026-01"]["deferred_fees"] == "5.9"
    assert months["2026-01"]["cash_clearing"] == "81"


def test_the_fee_of_months_that_are_over_is_expensed_when_it_is_paid() -> None:
    months = quarter().pay("2026-03-05", "90", fee_minor=900).months(pack(fee_timing="invoice"))
    assert months["2026-03"]["processing_fees"] == "9"
    assert "processing_fees" not in months["2026-01"]


def test_fees_of_months_to_come_wait_for_them() -> None:
    story = quarter().pay("2026-01-01", "90", fee_minor=900)
    months = story.months(pack(fee_timing="invoice"), as_of="2026-02-15")
    assert months["2026-01"]["processing_fees"] == "3.1"
    assert "2026-03" not in months


TWO_ENTITIES = BooksConfig(default_entity="US")


def test_each_entity_balances_when_one_collects_for_another() -> None:
    story = Story().invoice("2026-01-01", "90", entity="US")
    story.pay("2026-01-05", "90", entity="DE", fee_minor=300)
    entries = story.fold(config=TWO_ENTITIES).entries
    assert [(one.entity, one.entry_key, lines_of(one)) for one in entries] == [
        ("US", "in_1:invoice_issued", [("accounts_receivable", "90"), ("revenue", "-90")]),
        ("US", "ch_1:payment", [("accounts_receivable", "-90"), ("due_from", "90")]),
        (
            "DE",
            "ch_1:payment:collected",
            [("cash_clearing", "87"), ("due_to", "-90"), ("processing_fees", "3")],
        ),
    ]


def test_a_refund_goes_back_the_way_its_payment_came() -> None:
    story = Story().invoice("2026-01-01", "90", entity="US").pay("2026-01-05", "90", entity="DE")
    story.refund("2026-02-01", "90")
    refund = [one for one in story.fold(config=TWO_ENTITIES).entries if one.rule == "refund_issued"]
    assert [(one.entity, lines_of(one)) for one in refund] == [
        ("US", [("due_to", "-90"), ("refunds", "90")]),
        ("DE", [("cash_clearing", "-90"), ("due_from", "90")]),
    ]


def test_the_collecting_entity_keeps_its_own_functional_currency() -> None:
    config = BooksConfig(
        entities={
            "US": EntityConfig(functional_currency="USD"),
            "DE": EntityConfig(functional_currency="EUR"),
        },
        rates={"USD/EUR/2026-01-05": Decimal("0.8")},
    )
    story = Story().invoice("2026-01-01", "90", entity="US").pay("2026-01-05", "90", entity="DE")
    collected = next(one for one in story.fold(config=config).entries if one.entity == "DE")
    assert collected.functional_currency == "EUR"
    cash = next(one for one in collected.lines if one.role is AccountRole.CASH_CLEARING)
    assert (cash.amount_minor, cash.functional_minor) == (9000, 7200)


def test_a_payment_of_unknown_linkage_stands_alone_where_there_are_no_invoices() -> None:
    story = Story().pay("2026-01-05", "90", invoice_id=None)
    assert story.months() == {"2026-01": {"cash_clearing": "90", "revenue": "90"}}


def test_a_payout_and_its_failure_cancel() -> None:
    story = Story()
    for kind, day in ((PayoutPaid, "2026-01-05"), (PayoutFailed, "2026-02-05")):
        story.add(kind, day, payout_id="po_1", currency="USD", amount_minor=500_000)
    assert story.months() == {
        "2026-01": {"bank": "5000", "cash_clearing": "-5000"},
        "2026-02": {"bank": "-5000", "cash_clearing": "5000"},
    }
