"""Invoices of both shapes: when they count as issued, and what each event type tells."""

from __future__ import annotations

import pytest
from stripe_builders import (
    NEW,
    OLD,
    at,
    event,
    line,
    listed,
    micros,
    new_invoice,
    old_invoice,
)

from ledger.events import (
    InvoiceIssued,
    InvoiceMarkedUncollectible,
    InvoiceVoided,
    PaymentFailed,
    PaymentSucceeded,
)

QUARTER = line("il_1", 9000, "2026-01-01", "2026-04-01")


def old(event_type, created="2026-01-01", **fields):
    return event(
        event_type, old_invoice(QUARTER, total=9000, **fields), version=OLD, created=created
    )


def new(event_type, created="2026-01-01", **fields):
    return event(event_type, new_invoice(QUARTER, total=9000, **fields), created=created)


def kinds(message):
    return [type(each) for each in message.events]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (new("invoice.created", status="draft"), []),
        (new("invoice.updated", status="draft"), []),
        (new("invoice.created", status="open"), [InvoiceIssued]),
        (new("invoice.finalized"), [InvoiceIssued]),
        (new("invoice.finalized", status=None), [InvoiceIssued]),
        (new("invoice.finalized", status="draft"), [InvoiceIssued]),
        (new("invoice.updated"), [InvoiceIssued]),
        (new("invoice.overdue"), [InvoiceIssued]),
        (new("invoice.payment_action_required"), [InvoiceIssued]),
        (new("invoice.paid", status="paid", amount_paid=9000), [InvoiceIssued, PaymentSucceeded]),
        (
            new("invoice.updated", status="paid", amount_paid=9000),
            [InvoiceIssued, PaymentSucceeded],
        ),
        (new("invoice.payment_succeeded", amount_paid=4000), [InvoiceIssued, PaymentSucceeded]),
        (new("invoice.paid", status="paid"), [InvoiceIssued]),
        (new("invoice.payment_failed"), [InvoiceIssued, PaymentFailed]),
        (new("invoice.voided", status="void"), [InvoiceIssued, InvoiceVoided]),
        (new("invoice.updated", status="void"), [InvoiceIssued, InvoiceVoided]),
        (
            new("invoice.marked_uncollectible", status="uncollectible"),
            [InvoiceIssued, InvoiceMarkedUncollectible],
        ),
        (new("invoice.sent"), []),
        (old("invoice.created", attempted=False), []),
        (old("invoice.updated"), [InvoiceIssued]),
        (old("invoice.payment_succeeded", paid=True), [InvoiceIssued, PaymentSucceeded]),
        (old("invoice.payment_failed"), [InvoiceIssued, PaymentFailed]),
        (old("invoice.updated", forgiven=True), [InvoiceIssued, InvoiceMarkedUncollectible]),
        (old("invoice.created", paid=True), [InvoiceIssued, PaymentSucceeded]),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else None,
)
def test_an_event_tells_exactly_this(decode, told, expected):
    assert kinds(decode(told)) == expected


def test_an_invoice_of_the_present_shape_is_read_whole(decode):
    obj = new_invoice(
        line(
            "il_1",
            9000,
            "2026-01-01",
            "2026-04-01",
            parent={
                "type": "subscription_item_details",
                "invoice_item_details": None,
                "subscription_item_details": {
                    "invoice_item": None,
                    "proration": False,
                    "subscription": "sub_1",
                    "subscription_item": "si_1",
                },
            },
            pricing={
                "type": "price_details",
                "unit_amount_decimal": "9000",
                "price_details": {"price": "price_1", "product": "prod_1"},
            },
            quantity=1,
        ),
        total=9900,
        total_taxes=[
            {
                "amount": 900,
                "tax_behavior": "exclusive",
                "tax_rate_details": {"tax_rate": "txr_1"},
                "type": "tax_rate_details",
            }
        ],
        due_date=at("2026-01-31"),
        collection_method="send_invoice",
    )
    message = decode(event("invoice.finalized", obj, created="2026-01-02"))
    (issued,) = message.events
    assert message.schema_version == "billing.invoice_issued@3"
    assert message.party_ref == issued.customer_id == "stripe:cus_1"
    assert issued.event_id == "stripe:evt_1/billing.invoice_issued"
    assert issued.invoice_id == "stripe:in_1"
    assert issued.subscription_id == "stripe:sub_1"
    assert issued.number == "A-0001"
    assert (issued.currency, issued.total_minor) == ("USD", 9900)
    assert issued.issued_at_micros == micros("2026-01-01")
    assert issued.occurred_at_micros == micros("2026-01-02")
    assert issued.due_at_micros == micros("2026-01-31")
    assert issued.collection_method == "send_invoice"
    assert [(t.amount_minor, t.jurisdiction, t.inclusive) for t in issued.taxes] == [
        (900, "txr_1", False)
    ]
    (only,) = issued.lines
    assert (only.line_id, only.product, only.subscription_id) == ("il_1", "prod_1", "stripe:sub_1")
    assert only.service_start_micros == micros("2026-01-01")
    assert only.service_end_micros == micros("2026-04-01")
    assert only.accrual_id == "stripe:si_1"


def test_without_transitions_the_first_event_that_shows_it_open_tells_when(decode):
    (issued,) = decode(old("invoice.updated", created="2026-01-03")).events
    assert issued.issued_at_micros == micros("2026-01-03")


def test_only_what_makes_an_invoice_is_needed(decode):
    bare = {
        "id": "in_1",
        "customer": "cus_1",
        "currency": "usd",
        "total": 9000,
        "lines": {"data": [{"id": "il_1", "amount": 9000}]},
    }
    told = {
        "id": "evt_1",
        "object": "event",
        "api_version": NEW,
        "created": at("2026-01-01"),
        "type": "invoice.finalized",
        "data": {"object": bare},
    }
    (issued,) = decode(told).events
    assert issued.total_minor == 9000
    assert issued.lines[0].service_start_micros is None


def test_a_paid_invoice_that_does_not_say_what_was_paid_was_paid_what_was_due(decode):
    told = old(
        "invoice.payment_succeeded",
        paid=True,
        amount_due=7000,
        starting_balance=-2000,
        ending_balance=0,
    )
    issued, paid = decode(told).events
    assert issued.balance_applied_minor == 2000
    assert paid.amount_minor == 7000
    assert (paid.evidence, paid.invoice_id, paid.linkage) == (
        "invoice_total",
        "stripe:in_1",
        "invoice",
    )


def test_a_credit_to_the_balance_is_negative(decode):
    credit = line("il_1", -2000, "2026-01-01", "2026-02-01")
    obj = new_invoice(credit, total=-2000, starting_balance=-500, ending_balance=-2500)
    (issued,) = decode(event("invoice.finalized", obj)).events
    assert (issued.total_minor, issued.balance_applied_minor) == (-2000, -2000)


def test_a_negative_total_becomes_credit_also_when_the_balance_is_not_told(decode):
    obj = new_invoice(line("il_1", -2000), total=-2000, starting_balance=0, ending_balance=None)
    (issued,) = decode(event("invoice.finalized", obj)).events
    assert issued.balance_applied_minor == -2000


def test_paid_by_balance_alone_is_no_payment(decode):
    told = new(
        "invoice.paid",
        status="paid",
        amount_paid=0,
        amount_due=0,
        starting_balance=-9000,
        ending_balance=0,
    )
    (issued,) = decode(told).events
    assert issued.balance_applied_minor == 9000


def test_paid_out_of_band(decode):
    told = old("invoice.payment_succeeded", status="paid", paid=True, paid_out_of_band=True)
    paid = decode(told).events[1]
    assert (paid.out_of_band, paid.amount_minor) == (True, 9000)


def test_a_part_paid_outside_is_the_rest_of_the_total(decode):
    told = new("invoice.paid", status="paid", amount_paid=9000, amount_paid_off_stripe=2500)
    _, inside, outside = decode(told).events
    assert (inside.amount_minor, inside.out_of_band) == (6500, False)
    assert (outside.amount_minor, outside.out_of_band) == (9000, True)
    assert outside.event_id == inside.event_id + "/2"


def test_an_expanded_charge_tells_the_fee(decode):
    told = old(
        "invoice.payment_succeeded",
        paid=True,
        charge={
            "id": "ch_1",
            "object": "charge",
            "balance_transaction": {
                "id": "txn_1",
                "amount": 9000,
                "fee": 291,
                "net": 8709,
                "currency": "usd",
                "exchange_rate": None,
            },
        },
        payment_intent={"id": "pi_1", "object": "payment_intent"},
        customer={"id": "cus_1", "object": "customer"},
    )
    paid = decode(told).events[1]
    assert (paid.fee_minor, paid.settlement_currency, paid.settlement_minor) == (291, "USD", 9000)
    assert paid.payment_refs == ("stripe:ch_1", "stripe:pi_1")
    assert paid.customer_id == "stripe:cus_1"


def test_payments_listed_on_the_invoice_are_each_told_by_their_own_ids(decode):
    payments = listed(
        {
            "id": "inpay_1",
            "amount_paid": 4000,
            "status": "paid",
            "currency": "usd",
            "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        },
        {
            "id": "inpay_2",
            "amount_paid": 5000,
            "status": "paid",
            "currency": "usd",
            "payment": {"type": "payment_intent", "payment_intent": "pi_2"},
        },
        {
            "id": "inpay_3",
            "amount_paid": None,
            "status": "canceled",
            "currency": "usd",
            "payment": {"type": "payment_intent", "payment_intent": "pi_3"},
        },
    )
    message = decode(new("invoice.paid", status="paid", amount_paid=9000, payments=payments))
    _, total, first, second = message.events
    assert (total.payment_refs, total.amount_minor) == ((), 9000)
    assert (first.payment_refs, first.amount_minor) == (("stripe:inpay_1", "stripe:pi_1"), 4000)
    assert (second.payment_refs, second.amount_minor) == (("stripe:inpay_2", "stripe:pi_2"), 5000)
    assert ("stripe:pi_2", "stripe:cus_1") in message.links


def test_a_failed_attempt_says_what_is_left_and_when_it_is_tried_again(decode):
    told = new(
        "invoice.payment_failed",
        amount_remaining=7000,
        attempt_count=2,
        next_payment_attempt=at("2026-01-04"),
    )
    failed = decode(told).events[1]
    assert (failed.amount_minor, failed.attempt_count) == (7000, 2)
    assert failed.next_attempt_at_micros == micros("2026-01-04")


def test_a_void_seen_in_a_later_update_is_dated_when_it_happened(decode):
    transitions = {"finalized_at": at("2026-01-01"), "voided_at": at("2026-02-01")}
    told = new(
        "invoice.updated", created="2026-03-01", status="void", status_transitions=transitions
    )
    issued, voided = decode(told).events
    assert voided.occurred_at_micros == micros("2026-02-01")
    assert issued.issued_at_micros == micros("2026-01-01")


def test_a_payment_seen_in_a_later_update_is_dated_when_it_happened(decode):
    transitions = {"finalized_at": at("2026-01-01"), "paid_at": at("2026-02-01")}
    told = new(
        "invoice.updated",
        created="2026-03-01",
        status="paid",
        amount_paid=9000,
        status_transitions=transitions,
    )
    assert decode(told).events[1].occurred_at_micros == micros("2026-02-01")
    told["type"] = "invoice.paid"
    assert decode(told).events[1].occurred_at_micros == micros("2026-03-01")
