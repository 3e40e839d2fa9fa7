"""Refunds and disputes of both shapes: what moved, and what only tells of it."""

from __future__ import annotations

import pytest
from stripe_builders import (
    OLD,
    at,
    balance_transaction,
    dispute,
    event,
    listed,
    micros,
    new_charge,
    old_charge,
    refund,
)

from ledger.events import DisputeLost, DisputeOpened, DisputeWon


def told(decode, *args, **kwargs):
    return decode(event(*args, **kwargs)).events


# --- refunds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_type", "status", "expected"),
    [
        ("refund.created", "succeeded", "succeeded"),
        ("refund.created", "pending", "pending"),
        ("refund.created", "requires_action", "pending"),
        ("refund.created", None, "succeeded"),
        ("refund.updated", "canceled", "canceled"),
        ("refund.failed", "failed", "failed"),
        ("refund.failed", "pending", "failed"),
        ("charge.refund.updated", "failed", "failed"),
    ],
)
def test_a_refund_keeps_its_id_and_tells_its_status(decode, event_type, status, expected):
    (given,) = told(decode, event_type, refund(900, status=status), created="2026-02-01")
    assert (given.refund_id, given.amount_minor, given.status) == ("stripe:re_1", 900, expected)
    assert given.payment_refs == ("stripe:ch_1", "stripe:pi_1")
    assert (given.evidence, given.occurred_at_micros) == ("refund", micros("2026-02-01"))


def test_a_refund_belongs_where_its_payment_does(decode):
    message = decode(event("refund.created", refund(900)))
    assert message.party_ref is None
    assert message.link_refs == ("stripe:ch_1", "stripe:pi_1")
    assert message.links == (("stripe:re_1", "stripe:ch_1"), ("stripe:pi_1", "stripe:ch_1"))


def test_an_expanded_charge_tells_whose_refund_it_is(decode):
    charge = {"id": "ch_1", "customer": "cus_1", "invoice": "in_1"}
    message = decode(event("refund.created", refund(900, charge=charge), version=OLD))
    assert message.party_ref == "stripe:cus_1"
    assert message.events[0].invoice_id == "stripe:in_1"


def test_a_refund_in_another_currency_tells_its_settlement(decode):
    moved = balance_transaction(-990, currency="usd", exchange_rate=1.1)
    (given,) = told(
        decode, "refund.created", refund(900, currency="eur", balance_transaction=moved)
    )
    assert (given.settlement_currency, given.settlement_minor) == ("USD", 990)
    assert str(given.exchange_rate) == "1.1"


def test_an_old_charge_tells_each_of_its_refunds_when_it_was_made(decode):
    refunds = listed(
        {"id": "re_2", "amount": 500, "status": "succeeded", "created": at("2026-02-10")},
        {"id": "re_1", "amount": 400, "status": "succeeded", "created": at("2026-02-01")},
    )
    obj = old_charge(9000, amount_refunded=900, refunds=refunds, invoice="in_1")
    second, first = told(decode, "charge.refunded", obj, version=OLD, created="2026-02-10")
    assert (second.refund_id, second.amount_minor) == ("stripe:re_2", 500)
    assert (first.refund_id, first.occurred_at_micros) == ("stripe:re_1", micros("2026-02-01"))
    assert first.event_id == "stripe:evt_1/payments.refund_issued/2"
    assert (first.invoice_id, first.customer_id) == ("stripe:in_1", "stripe:cus_1")


def test_the_total_is_told_where_the_refunds_listed_do_not_reach_it(decode):
    refunds = listed(
        {"id": "re_2", "amount": 500, "status": "succeeded"},
        {"id": "re_3", "amount": 400, "status": "failed"},
        has_more=True,
    )
    obj = old_charge(9000, amount_refunded=900, refunds=refunds)
    *_, total = told(decode, "charge.refunded", obj, version=OLD)
    assert (total.evidence, total.amount_minor) == ("charge_total", 900)
    assert total.refund_id == "stripe:ch_1"


def test_a_charge_of_the_present_shape_tells_only_the_total(decode):
    (total,) = told(decode, "charge.refunded", new_charge(9000, amount_refunded=900))
    assert (total.evidence, total.amount_minor) == ("charge_total", 900)
    assert total.payment_refs == ("stripe:ch_1", "stripe:pi_1")


# --- disputes ----------------------------------------------------------------------------


def withdrawn(amount=-9000, fee=1500, **fields):
    return balance_transaction(
        amount, fee, type="adjustment", reporting_category="dispute", **fields
    )


def test_a_dispute_opens_with_amount_and_fee_told_apart_by_their_fields(decode):
    obj = dispute(1000, balance_transactions=[withdrawn(-1000, 1500)])
    (opened,) = told(decode, "charge.dispute.funds_withdrawn", obj)
    assert isinstance(opened, DisputeOpened)
    assert (opened.amount_minor, opened.settlement_minor, opened.fee_minor) == (1000, 1000, 1500)
    assert opened.funds_withdrawn


def test_a_fee_that_is_a_movement_of_its_own_is_a_fee(decode):
    fee = balance_transaction(-1500, 0, type="adjustment", reporting_category="fee")
    obj = dispute(1000, balance_transactions=[fee, withdrawn(-1000, 0)])
    (opened,) = told(decode, "charge.dispute.funds_withdrawn", obj)
    assert (opened.settlement_minor, opened.fee_minor) == (1000, 1500)


@pytest.mark.parametrize(
    ("event_type", "status", "moved"),
    [
        ("charge.dispute.created", "needs_response", True),
        ("charge.dispute.created", None, True),
        ("charge.dispute.created", "warning_needs_response", False),
        ("charge.dispute.funds_withdrawn", "warning_under_review", True),
    ],
)
def test_an_inquiry_moves_no_money(decode, event_type, status, moved):
    (opened,) = told(decode, event_type, dispute(9000, status=status))
    assert opened.funds_withdrawn is moved
    assert (opened.dispute_id, opened.fee_minor) == ("stripe:dp_1", None)


def test_a_dispute_that_is_won_gives_back_what_was_withdrawn(decode):
    back = balance_transaction(9000, -1500, reporting_category="dispute_reversal")
    obj = dispute(9000, status="won", balance_transactions=[withdrawn(), back])
    for event_type in ("charge.dispute.closed", "charge.dispute.funds_reinstated"):
        (won,) = told(decode, event_type, obj, created="2026-04-01")
        assert isinstance(won, DisputeWon)
        assert (won.amount_minor, won.settlement_minor, won.fee_minor) == (9000, 9000, 1500)
        assert won.occurred_at_micros == micros("2026-04-01")


def test_a_dispute_that_is_lost_stays_lost(decode):
    (lost,) = told(decode, "charge.dispute.closed", dispute(9000, status="lost"))
    assert isinstance(lost, DisputeLost)
    assert lost.payment_refs == ("stripe:ch_1", "stripe:pi_1")


@pytest.mark.parametrize("status", ["warning_closed", "charge_refunded", "prevented"])
def test_what_never_became_a_dispute_ends_without_effect(decode, status):
    message = decode(event("charge.dispute.closed", dispute(9000, status=status)))
    assert message.events == ()
    assert message.link_refs == ("stripe:ch_1", "stripe:pi_1")


def test_a_dispute_names_its_charges_customer_when_it_is_expanded(decode):
    obj = dispute(9000, charge={"id": "ch_1", "customer": {"id": "cus_1"}})
    message = decode(event("charge.dispute.created", obj))
    assert message.party_ref == message.events[0].customer_id == "stripe:cus_1"
