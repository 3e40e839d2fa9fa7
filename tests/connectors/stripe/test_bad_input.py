"""Bad input ends as a dead letter with its own reason, its bytes and the money at risk."""

from __future__ import annotations

import json

import pytest
from stripe_builders import (
    OLD,
    at,
    credit_note,
    dispute,
    event,
    intent,
    line,
    new_charge,
    new_invoice,
    old_charge,
    refund,
    resource,
)

from connectors.decoding import DecodeContext
from connectors.providers.stripe import decode_stripe
from ledger.messages import DeadLetter
from ledger.reasons import Reason

LINE = line("il_1", 9000)


def invoice(**fields):
    return event("invoice.finalized", new_invoice(LINE, **{"total": 9000, **fields}))


def without(told, *path):
    """`told` without the field that the path leads to."""
    target = told
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    return told


def payout(amount):
    return {"id": "po_1", "amount": amount, "currency": "usd"}


BAD = [
    ("not JSON", b"{", Reason.NOT_JSON),
    ("empty", b"", Reason.NOT_JSON),
    ("not UTF-8", b'{"id": "\xff"}', Reason.NOT_JSON),
    ("an array", b"[]", Reason.WRONG_TYPE),
    ("text after the object", json.dumps(invoice()).encode() + b" x", Reason.NOT_JSON),
    ("no id", without(invoice(), "id"), Reason.MISSING_FIELD),
    ("empty id", {**invoice(), "id": ""}, Reason.INVALID_VALUE),
    ("id with a line break", {**invoice(), "id": "evt\n1"}, Reason.INVALID_VALUE),
    ("no type", without(invoice(), "type"), Reason.MISSING_FIELD),
    ("no data", without(invoice(), "data"), Reason.MISSING_FIELD),
    ("no object", without(invoice(), "data", "object"), Reason.MISSING_FIELD),
    ("no time", without(invoice(), "created"), Reason.MISSING_FIELD),
    ("time as text", {**invoice(), "created": "2026-01-01"}, Reason.WRONG_TYPE),
    ("time as a fraction", {**invoice(), "created": 1767225600.5}, Reason.WRONG_TYPE),
    ("another kind of object", {**invoice(), "object": "invoice"}, Reason.UNKNOWN_FORMAT),
    ("version as a number", {**invoice(), "api_version": 2017}, Reason.WRONG_TYPE),
    ("year 9999", {**invoice(), "created": at("9999-12-31")}, Reason.TIMESTAMP_OUT_OF_RANGE),
    ("before 2000", {**invoice(), "created": at("1999-12-31")}, Reason.TIMESTAMP_OUT_OF_RANGE),
    ("negative time", {**invoice(), "created": -1}, Reason.TIMESTAMP_OUT_OF_RANGE),
    (
        "endless time",
        json.dumps(invoice())
        .replace(f'"created": {at("2026-01-01")}, "type"', f'"created": {"9" * 60}, "type"')
        .encode(),
        Reason.TIMESTAMP_OUT_OF_RANGE,
    ),
    (
        "service in the year 9999",
        event(
            "invoice.finalized",
            new_invoice(line("il_1", 9000, "2026-01-01", "9999-01-01"), total=9000),
        ),
        Reason.TIMESTAMP_OUT_OF_RANGE,
    ),
    (
        "finalised in the year 9999",
        invoice(status_transitions={"finalized_at": at("9999-01-01")}),
        Reason.TIMESTAMP_OUT_OF_RANGE,
    ),
    (
        "service that ends before it starts",
        event(
            "invoice.finalized",
            new_invoice(line("il_1", 9000, "2026-02-01", "2026-01-01"), total=9000),
        ),
        Reason.INVALID_VALUE,
    ),
    ("no total", without(invoice(), "data", "object", "total"), Reason.MISSING_FIELD),
    ("no lines", without(invoice(), "data", "object", "lines"), Reason.MISSING_FIELD),
    ("no currency", without(invoice(), "data", "object", "currency"), Reason.MISSING_FIELD),
    ("no invoice id", without(invoice(), "data", "object", "id"), Reason.MISSING_FIELD),
    ("no customer", invoice(customer=None), Reason.MISSING_FIELD),
    (
        "no line amount",
        without(invoice(), "data", "object", "lines", "data", 0, "amount"),
        Reason.MISSING_FIELD,
    ),
    ("amount as text", invoice(total="9000"), Reason.WRONG_TYPE),
    ("amount as truth", invoice(total=True), Reason.WRONG_TYPE),
    ("amount as a whole fraction", invoice(total=9000.0), Reason.WRONG_TYPE),
    ("amount as nothing", invoice(total=None), Reason.WRONG_TYPE),
    ("amount as an object", invoice(total={}), Reason.WRONG_TYPE),
    ("a fraction of a cent", invoice(total=9000.5), Reason.AMOUNT_PRECISION),
    (
        "a fraction of a cent on a line",
        event("invoice.finalized", new_invoice({**LINE, "amount": 9000.25}, total=9000)),
        Reason.AMOUNT_PRECISION,
    ),
    (
        "yen with decimals",
        event("charge.succeeded", {**new_charge(100), "currency": "jpy", "amount": 100.5}),
        Reason.AMOUNT_PRECISION,
    ),
    (
        "huge digits",
        event("charge.succeeded", {**new_charge(1), "amount_captured": 10**18}),
        Reason.AMOUNT_OUT_OF_RANGE,
    ),
    (
        "endless digits",
        json.dumps(event("payout.paid", payout(0)))
        .replace('"amount": 0', '"amount": ' + "9" * 60)
        .encode(),
        Reason.AMOUNT_OUT_OF_RANGE,
    ),
    ("unknown currency", invoice(currency="xyz"), Reason.UNKNOWN_CURRENCY),
    ("empty currency", invoice(currency=""), Reason.UNKNOWN_CURRENCY),
    ("currency as a number", invoice(currency=840), Reason.WRONG_TYPE),
    ("negative total that the lines do not give", invoice(total=-9000), Reason.LINES_DO_NOT_ADD_UP),
    ("lines that do not add up", invoice(total=9001), Reason.LINES_DO_NOT_ADD_UP),
    (
        "negative payment of an invoice",
        event("invoice.paid", new_invoice(LINE, total=9000, status="paid", amount_paid=-1)),
        Reason.NEGATIVE_AMOUNT,
    ),
    (
        "negative charge",
        event("charge.succeeded", old_charge(-9000), version=OLD),
        Reason.NEGATIVE_AMOUNT,
    ),
    ("negative intent", event("payment_intent.succeeded", intent(-9000)), Reason.NEGATIVE_AMOUNT),
    ("negative refund", event("refund.created", refund(-900)), Reason.NEGATIVE_AMOUNT),
    ("negative dispute", event("charge.dispute.created", dispute(-900)), Reason.NEGATIVE_AMOUNT),
    (
        "negative credit note",
        event("credit_note.created", credit_note(-900)),
        Reason.NEGATIVE_AMOUNT,
    ),
    (
        "control character in a name",
        event("customer.created", resource("customer", name="A\u0000B")),
        Reason.INVALID_VALUE,
    ),
    ("metadata that is no text", invoice(metadata={"contract_id": 7}), Reason.WRONG_TYPE),
    ("lines that are no list", invoice(lines={"data": {}}), Reason.WRONG_TYPE),
    ("a line that is text", invoice(lines={"data": ["il_1"]}), Reason.WRONG_TYPE),
    ("customer as a number", invoice(customer=7), Reason.WRONG_TYPE),
    (
        "refund without currency",
        event("refund.created", refund(900, currency=None)),
        Reason.MISSING_FIELD,
    ),
    (
        "subscription without status",
        event("customer.subscription.updated", {"id": "sub_1", "customer": "cus_1"}),
        Reason.MISSING_FIELD,
    ),
    ("deep nesting", {**invoice(), "extra": json.loads("[" * 70 + "]" * 70)}, Reason.TOO_DEEP),
    (
        "endless nesting",
        json.dumps(invoice()).encode()[:-1] + b',"extra":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        Reason.TOO_DEEP,
    ),
]


@pytest.mark.parametrize(
    ("told", "reason"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_bad_input_ends_as_a_dead_letter_with_its_reason(decode, told, reason):
    refused = decode(told)
    assert isinstance(refused, DeadLetter)
    assert refused.reason == reason.value, refused.detail
    assert refused.body == (told if isinstance(told, bytes) else json.dumps(told).encode())
    assert (refused.source, refused.step) == ("stripe", "DecodeEvents")
    assert refused.position == "events.jsonl@0"
    assert refused.detail


def test_an_event_over_the_size_limit_is_refused(context):
    small = DecodeContext(tenant="acme", registry=context.registry, max_event_bytes=1000)
    body = json.dumps(invoice()).encode()
    refused = decode_stripe(body, "events.jsonl@0", small)
    assert refused.reason == "too_large"


def test_brackets_within_texts_are_no_nesting(decode):
    told = {**invoice(), "extra": ["]]]]{{{{[[[[" * 40, [["}" * 100]]]}
    assert len(decode(told).events) == 1


def test_nesting_up_to_the_limit_is_fine(decode):
    told = {**invoice(), "extra": json.loads("[" * 60 + "]" * 60)}
    assert len(decode(told).events) == 1


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'A "quoted", name', "Line\nbreak", "Ünïcödé 株式会社"]
)
def test_a_name_is_data_whatever_it_looks_like(decode, name):
    message = decode(event("customer.created", resource("customer", name=name)))
    assert message.events[0].name == name


def test_a_dead_letter_names_the_event_and_the_money_as_far_as_they_can_be_read(decode):
    refused = decode(invoice(number=7))
    assert refused.message_id == "stripe:evt_1"
    assert (refused.amount_minor, refused.currency) == (9000, "USD")
    assert refused.occurred_at_micros == at("2026-01-01") * 1_000_000
    assert "$.number" in refused.detail
    assert decode(without(invoice(), "type")).message_id == "stripe:evt_1"
    assert decode(without(invoice(), "id")).message_id is None
    assert decode(b"{").message_id is None


@pytest.mark.parametrize("obj", ["a text", None, [1]])
def test_an_object_that_is_none_is_refused(decode, obj):
    assert decode(event("invoice.finalized", obj)).reason == "wrong_type"


def test_the_details_of_a_dead_letter_hold_no_personal_data(decode):
    told = event("customer.created", resource("customer", name="Canary\u0001Person"))
    assert "Canary" not in decode(told).detail
    told = event("customer.created", resource("customer", email=["canary@example.com"]))
    assert "canary" not in decode(told).detail
