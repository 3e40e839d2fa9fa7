"""Telling whose event some bytes are, on real shapes and on nonsense."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from connectors.decoding import DecodeContext
from connectors.decoding_any import decode_event
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason
from schemas.registry import PACKAGE_ROOT, load_registry
from schemas.single_objects import encode_single_object

CONTEXT = DecodeContext(tenant="acme", registry=load_registry())
AT = 1_768_467_600
STRIPE = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.created",
    "created": AT,
    "api_version": "2017-08-15",
    "data": {"object": {"id": "cus_1", "object": "customer", "name": "Nordwind"}},
}
HEADER = {
    "entityName": "Account",
    "recordIds": ["0014H00002LbR7QQAV"],
    "changeType": "UPDATE",
    "transactionKey": "0001",
    "sequenceNumber": 1,
    "commitTimestamp": AT * 1000,
    "commitNumber": 7,
}
SALESFORCE = {"payload": {"ChangeEventHeader": HEADER, "Name": "Nordwind"}}
CANONICAL = {
    "subject": "payments.payout_paid",
    "event_id": "bank:1",
    "occurred_at_micros": AT * 1_000_000,
    "payout_id": "po_1",
    "currency": "EUR",
    "amount_minor": 5,
}


def decode(event: Any) -> Message | DeadLetter:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    (result,) = decode_event(body, "f:1", CONTEXT)
    return result


@pytest.mark.parametrize(
    ("event", "source"),
    [
        (STRIPE, "stripe"),
        (SALESFORCE, "salesforce"),
        (SALESFORCE["payload"], "salesforce"),
        (CANONICAL, "canonical"),
    ],
    ids=["stripe", "salesforce", "salesforce without envelope", "canonical"],
)
def test_an_event_reaches_the_decoder_that_knows_it(event: Any, source: str) -> None:
    message = decode(event)
    assert isinstance(message, Message), message
    assert (message.source, len(message.events)) == (source, 1)


def test_avro_is_told_by_its_marker() -> None:
    version = CONTEXT.registry.latest("payments.payout_paid")
    folder = PACKAGE_ROOT / "subjects" / "payments.payout_paid" / "examples" / "v1" / "ok"
    record = version.decode_json((folder / "full.json").read_bytes())
    message = decode(encode_single_object(version, record))
    assert isinstance(message, Message) and message.message_id == record["event_id"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"id;amount;currency", Reason.NOT_JSON),
        (b'{"object": "event", ', Reason.NOT_JSON),
        (b"null", Reason.UNKNOWN_FORMAT),
        (b"[]", Reason.UNKNOWN_FORMAT),
        (b"{}", Reason.UNKNOWN_FORMAT),
        (b'{"object": "event"}', Reason.UNKNOWN_FORMAT),
        (b'{"object": "v2.core.event", "type": "x"}', Reason.UNKNOWN_FORMAT),
        (b'{"payload": "ChangeEventHeader"}', Reason.UNKNOWN_FORMAT),
        (b'{"payload": {"Name": "x"}}', Reason.UNKNOWN_FORMAT),
        (b'{"subject": null}', Reason.UNKNOWN_FORMAT),
        (b'{"object": {"object": "event", "type": "x"}}', Reason.UNKNOWN_FORMAT),
        (b'{"a":' * 100_000, Reason.TOO_DEEP),
        (b'{"a": "' + b"x" * 50_000_000 + b'"}', Reason.TOO_LARGE),
        (b"\xff\xfe{\x00}\x00", Reason.NOT_JSON),
    ],
    ids=lambda value: value[:30].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_what_nobody_knows_is_a_dead_letter_of_no_source(body: bytes, reason: Reason) -> None:
    letter = decode(body)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.source, letter.body) == (reason, "unknown", body)


INSERTED = [b"null", b"1e99", b"9" * 4_400, b"[" * 300, b'"', b"\\u0000", b"-", b"\xff", b"{}"]


def test_mutated_events_of_every_format_never_crash() -> None:
    """2,000 mutations: a message or one dead letter, with the bytes unchanged."""
    chance = random.Random(11)
    bodies = [json.dumps(event).encode() for event in (STRIPE, SALESFORCE, CANONICAL)]
    for number in range(2000):
        data = bytearray(bodies[number % 3])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randint(1, 10)]
                case _:
                    data[at:at] = chance.choice(INSERTED)
        (result,) = decode_event(bytes(data), "f:1", CONTEXT)
        assert isinstance(result, Message | DeadLetter)
        assert result.body == bytes(data)
