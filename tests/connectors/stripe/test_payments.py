"""Charges, payment intents and invoice payments of both shapes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stripe_builders import (
    OLD,
    at,
    balance_transaction,
    event,
    intent,
    invoice_payment,
    micros,
    new_charge,
    old_charge,
)

from ledger.events import PaymentFailed


def old(event_type, obj):
    return event(event_type, obj, version=OLD)


def only(decode, told):
    (single,) = decode(told).events
    return single


def test_a_charge_of_the_old_shape_names_its_invoice(decode):
    told = old("charge.succeeded", old_charge(9000, invoice="in_1", payment_intent="pi_1"))
    message = decode(told)
    (paid,) = message.events
    assert (paid.invoice_id, paid.linkage, paid.evidence) == ("stripe:in_1", "invoice", "payment")
    assert paid.payment_refs == ("stripe:ch_1", "stripe:pi_1")
    assert (paid.currency, paid.amount_minor, paid.fee_minor) == ("USD", 9000, None)
    assert message.links == (
        ("stripe:ch_1", "stripe:cus_1"),
        ("stripe:pi_1", "stripe:cus_1"),
        ("stripe:in_1", "stripe:cus_1"),
    )


@pytest.mark.parametrize(
    ("version", "fields", "linkage"),
    [
        (OLD, {"invoice": None}, "standalone"),
        ("2025-02-24.acacia", {"invoice": None}, "standalone"),
        ("2025-03-31.basil", {"invoice": None}, "unknown"),
        ("2025-03-31.basil", {}, "unknown"),
        (OLD, {}, "unknown"),
        ("2026-03-25.dahlia", {"invoice": {"id": "in_1", "object": "invoice"}}, "invoice"),
    ],
)
def test_no_invoice_means_standalone_only_where_stripe_says_so(decode, version, fields, linkage):
    charge = old_charge(9000)
    charge.pop("invoice")
    assert (
        only(decode, event("charge.succeeded", {**charge, **fields}, version=version)).linkage
        == linkage
    )


def test_fee_settlement_and_rate_come_from_the_expanded_balance_transaction(decode):
    moved = balance_transaction(3300, 126, currency="usd")
    body = event("charge.succeeded", new_charge(3000, currency="eur", balance_transaction=moved))
    body["data"]["object"]["balance_transaction"]["exchange_rate"] = 1.1
    paid = only(decode, body)
    assert (paid.currency, paid.amount_minor) == ("EUR", 3000)
    assert (paid.settlement_currency, paid.settlement_minor, paid.fee_minor) == ("USD", 3300, 126)
    assert paid.exchange_rate == Decimal("1.1")


def test_an_authorisation_is_no_payment_until_it_is_captured(decode):
    authorised = new_charge(9000, captured=False, amount_captured=0)
    assert decode(event("charge.succeeded", authorised)).events == ()
    captured = new_charge(9000, amount_captured=7000)
    assert only(decode, event("charge.captured", captured)).amount_minor == 7000


def test_an_old_capture_of_a_part_gave_the_rest_back(decode):
    told = old("charge.captured", old_charge(9000, amount_refunded=2000))
    assert only(decode, told).amount_minor == 7000


def test_an_old_charge_that_was_refunded_at_once_was_still_paid_whole(decode):
    told = old("charge.succeeded", old_charge(9000, amount_refunded=2000))
    assert only(decode, told).amount_minor == 9000


def test_a_fee_that_comes_later_is_told_of_the_same_payment_at_its_own_time(decode):
    later = new_charge(9000, balance_transaction=balance_transaction(9000, 291))
    paid = only(decode, event("charge.updated", later, created="2026-01-05"))
    assert (paid.fee_minor, paid.occurred_at_micros) == (291, micros("2026-01-01"))


@pytest.mark.parametrize("fields", [{"status": "pending"}, {"status": "failed", "paid": False}])
def test_an_update_of_a_charge_that_did_not_succeed_is_no_payment(decode, fields):
    assert decode(event("charge.updated", new_charge(9000, **fields))).events == ()


def test_an_intent_tells_what_was_received_and_by_which_charge(decode):
    paid = only(decode, event("payment_intent.succeeded", intent(9000, amount_received=8000)))
    assert paid.payment_refs == ("stripe:ch_1", "stripe:pi_1")
    assert (paid.amount_minor, paid.linkage) == (8000, "unknown")


def test_an_old_intent_carries_its_charges_and_its_invoice(decode):
    obj = {
        "id": "pi_1",
        "amount": 9000,
        "currency": "usd",
        "customer": "cus_1",
        "invoice": "in_1",
        "status": "succeeded",
        "charges": {
            "data": [{"id": "ch_1", "balance_transaction": balance_transaction(9000, 291)}]
        },
    }
    paid = only(decode, event("payment_intent.succeeded", obj, version="2020-08-27"))
    assert paid.payment_refs == ("stripe:ch_1", "stripe:pi_1")
    assert (paid.invoice_id, paid.fee_minor) == ("stripe:in_1", 291)


def test_an_expanded_latest_charge_tells_the_fee(decode):
    charge = {"id": "ch_1", "balance_transaction": balance_transaction(9000, 291)}
    paid = only(decode, event("payment_intent.succeeded", intent(9000, latest_charge=charge)))
    assert paid.fee_minor == 291


def test_an_invoice_payment_ties_its_payment_to_the_invoice(decode):
    message = decode(event("invoice_payment.paid", invoice_payment(9000)))
    (paid,) = message.events
    assert (paid.invoice_id, paid.linkage, paid.amount_minor) == ("stripe:in_1", "invoice", 9000)
    assert paid.payment_refs == ("stripe:inpay_1", "stripe:pi_1")
    assert message.party_ref is None
    assert message.link_refs == ("stripe:in_1", "stripe:pi_1")
    assert message.links == (("stripe:pi_1", "stripe:in_1"),)


def test_an_expanded_invoice_tells_the_customer_of_its_payment(decode):
    invoice = {"id": "in_1", "object": "invoice", "customer": {"id": "cus_1"}}
    message = decode(event("invoice_payment.paid", invoice_payment(9000, invoice=invoice)))
    assert message.party_ref == message.events[0].customer_id == "stripe:cus_1"


def test_an_expanded_intent_tells_charge_and_fee_of_an_invoice_payment(decode):
    expanded = intent(
        9000, latest_charge={"id": "ch_1", "balance_transaction": balance_transaction(9000, 291)}
    )
    obj = invoice_payment(9000, payment={"type": "payment_intent", "payment_intent": expanded})
    paid = only(decode, event("invoice_payment.paid", obj))
    assert paid.payment_refs == ("stripe:inpay_1", "stripe:pi_1", "stripe:ch_1")
    assert paid.fee_minor == 291


def test_a_payment_record_was_paid_outside_stripe(decode):
    obj = invoice_payment(9000, payment={"type": "payment_record", "payment_record": "payrec_1"})
    paid = only(decode, event("invoice_payment.paid", obj))
    assert paid.out_of_band
    assert paid.payment_refs == ("stripe:inpay_1", "stripe:payrec_1")


@pytest.mark.parametrize("missing", ["invoice", "amount_paid", "currency"])
def test_an_invoice_payment_needs_invoice_amount_and_currency(decode, missing):
    refused = decode(event("invoice_payment.paid", invoice_payment(9000, **{missing: None})))
    assert refused.reason == "missing_field"
    assert missing in refused.detail


@pytest.mark.parametrize(
    ("told", "refs", "code"),
    [
        (
            old(
                "charge.failed",
                old_charge(9000, status="failed", paid=False, failure_code="card_declined"),
            ),
            ("stripe:ch_1",),
            "card_declined",
        ),
        (
            event(
                "payment_intent.payment_failed",
                intent(
                    9000,
                    status="requires_payment_method",
                    latest_charge="ch_1",
                    last_payment_error={
                        "code": "card_declined",
                        "decline_code": "insufficient_funds",
                    },
                ),
            ),
            ("stripe:ch_1", "stripe:pi_1"),
            "insufficient_funds",
        ),
        (
            event(
                "payment_intent.payment_failed",
                intent(
                    9000,
                    latest_charge=None,
                    last_payment_error={"code": "card_declined", "charge": "ch_9"},
                ),
            ),
            ("stripe:ch_9", "stripe:pi_1"),
            "card_declined",
        ),
    ],
)
def test_a_failed_attempt_says_what_failed_and_why(decode, told, refs, code):
    failed = only(decode, told)
    assert isinstance(failed, PaymentFailed)
    assert (failed.payment_refs, failed.failure_code, failed.amount_minor) == (refs, code, 9000)


def test_a_guests_charge_and_intent_meet_under_the_intents_name(decode):
    charge = decode(event("charge.succeeded", new_charge(9000, customer=None)))
    paid = decode(event("payment_intent.succeeded", intent(9000, customer=None)))
    assert charge.party_ref == paid.party_ref == "stripe:pi_1"
    assert charge.links == (("stripe:ch_1", "stripe:pi_1"),)
    assert charge.events[0].customer_id is None


def test_a_charge_without_customer_belongs_where_its_invoice_does(decode):
    message = decode(old("charge.succeeded", old_charge(9000, customer=None, invoice="in_1")))
    assert message.party_ref is None
    assert message.link_refs == ("stripe:in_1", "stripe:ch_1")


def test_nothing_received_is_no_payment(decode):
    assert decode(event("payment_intent.succeeded", intent(9000, amount_received=0))).events == ()
    assert decode(event("invoice_payment.paid", invoice_payment(0))).events == ()


def test_a_payout_belongs_to_nobody(decode):
    payout = {
        "id": "po_1",
        "object": "payout",
        "amount": 500000,
        "currency": "usd",
        "arrival_date": at("2026-01-03"),
        "status": "paid",
    }
    paid = decode(event("payout.paid", payout))
    assert (paid.party_ref, paid.events[0].amount_minor) == ("stripe:po_1", 500000)
    failed = decode(event("payout.failed", payout))
    assert type(failed.events[0]).__name__ == "PayoutFailed"
    assert decode(event("payout.created", payout)).events == ()


def test_a_payout_that_stripe_debits_is_negative(decode):
    payout = {"id": "po_1", "object": "payout", "amount": -2500, "currency": "usd"}
    assert decode(event("payout.paid", payout)).events[0].amount_minor == -2500
