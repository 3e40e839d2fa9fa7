"""Real events of a Stripe-compatible server that speaks API version 2017-08-15."""

from __future__ import annotations

import json

import pytest
from stripe_builders import FIXTURES

from ledger.events import InvoiceIssued, PaymentSucceeded, subject_of
from ledger.messages import Message

LINES = (FIXTURES / "events_2017-08-15.jsonl").read_bytes().splitlines()

MEANING = {
    "product.created": [],
    "customer.created": ["crm.customer_account_changed"],
    "customer.updated": ["crm.customer_account_changed"],
    "customer.deleted": ["crm.customer_account_changed"],
    "invoice.created": [],
    "invoice.payment_succeeded": ["billing.invoice_issued", "payments.payment_succeeded"],
    "invoice.payment_failed": ["billing.invoice_issued", "payments.payment_failed"],
    "payment_intent.succeeded": ["payments.payment_succeeded"],
    "payment_intent.payment_failed": ["payments.payment_failed"],
    "customer.subscription.deleted": ["billing.subscription_cancelled"],
}


@pytest.mark.parametrize("line", LINES, ids=lambda line: json.loads(line)["type"])
def test_every_real_event_is_accepted_and_means_what_its_type_says(decode, line):
    message = decode(line)
    assert isinstance(message, Message), message
    told = [subject_of(event) for event in message.events]
    if message.provider_type == "customer.subscription.created":
        status = json.loads(line)["data"]["object"]["status"]
        running = "billing.subscription_activated"
        assert told == [running if status == "active" else "billing.subscription_changed"]
    else:
        assert told == MEANING[message.provider_type]
    assert message.message_id == "stripe:" + json.loads(line)["id"]
    assert message.body == line


def test_what_the_invoices_say_was_invoiced_and_paid_is_kept_to_the_cent(decode):
    invoiced = paid = 0
    for line in LINES:
        message = decode(line)
        obj = json.loads(line)["data"]["object"]
        for event in message.events:
            if isinstance(event, InvoiceIssued):
                assert event.total_minor == obj["total"]
                invoiced += event.total_minor
            if isinstance(event, PaymentSucceeded) and event.evidence == "invoice_total":
                assert event.amount_minor == obj["amount_paid"]
                paid += event.amount_minor
    assert (invoiced, paid) == (52593, 49593)


def test_a_draft_means_nothing_yet_but_says_whose_it_is(decode):
    (draft,) = [line for line in LINES if b'"invoice.created"' in line]
    message = decode(draft)
    assert message.events == ()
    assert message.party_ref == "stripe:" + json.loads(draft)["data"]["object"]["customer"]


def test_the_charge_of_a_paid_invoice_teaches_whose_it_is(decode):
    line = next(line for line in LINES if b'"invoice.payment_succeeded"' in line)
    message = decode(line)
    obj = json.loads(line)["data"]["object"]
    customer = "stripe:" + obj["customer"]
    expected = [obj["id"], obj["charge"]["id"], obj["payment_intent"]]
    assert message.links == tuple(("stripe:" + each, customer) for each in expected)
    assert message.events[1].payment_refs == (
        "stripe:" + obj["charge"]["id"],
        "stripe:" + obj["payment_intent"],
    )


def test_tax_that_came_on_top_counts_as_such_even_when_flagged_inclusive(decode):
    """That server adds an inclusive tax to the total; the total is what the customer paid."""
    found = [
        decode(line).events[0]
        for line in LINES
        if b'"invoice.payment_succeeded"' in line and b'"inclusive": true' in line
    ]
    (invoice,) = found
    assert (invoice.total_minor, invoice.lines[0].amount_minor) == (2399, 1999)
    assert [(t.amount_minor, t.inclusive) for t in invoice.lines[0].taxes] == [(400, False)]


def test_tax_that_only_the_invoice_states_stays_on_the_invoice(decode):
    first = next(line for line in LINES if b'"invoice.payment_succeeded"' in line)
    invoice = decode(first).events[0]
    assert invoice.lines[0].taxes == ()
    assert [(t.amount_minor, t.jurisdiction) for t in invoice.taxes] == [(1199, "FR")]
