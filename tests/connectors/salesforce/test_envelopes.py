"""Envelopes, ids and records: the same change is the same event however it was delivered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.decoding import DecodeContext
from connectors.providers.salesforce import decode_salesforce
from connectors.providers.salesforce.record_ids import long_id
from ledger.events import RecordChanged
from ledger.messages import DeadLetter, Message

BuildChange = Callable[..., dict[str, Any]]

_KEY = "000046c7-a642-11e2-c29b-000000000001/2/11657372702433"
_ACCOUNTS = ["0014H00002LbR7QQAV", "0014H00002LbR7RQAV", "0014H00002LbR7SQAV"]


def _message(event: object, context: DecodeContext) -> Message:
    (result,) = decode_salesforce(json.dumps(event).encode(), "f@0", context)
    assert isinstance(result, Message), result
    return result


def _changes(message: Message) -> list[RecordChanged]:
    found = [event for event in message.events if isinstance(event, RecordChanged)]
    assert len(found) == len(message.events)
    return found


def test_pub_sub_cometd_and_bare_payloads_mean_the_same(
    change: BuildChange, context: DecodeContext
) -> None:
    event = change("Contract", "UPDATE", {"changedFields": ["Status"]}, Status="Activated")
    payload = event["payload"]
    inner = {"schema": "x", "payload": payload, "event": {"replayId": 7}}
    for message_id, shape in [
        (event["id"], event),
        (_KEY, payload),
        (_KEY, {"schemaId": "x", "replayId": 1, "payload": payload}),
        (_KEY, {"channel": "/data/ContractChangeEvent", "data": inner}),
        (_KEY, {"data": {"payload": payload}}),
    ]:
        message = _message(shape, context)
        assert message.message_id == f"salesforce:{message_id}"
        assert _changes(message)[0].values == {"status": "Activated"}


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001A000010khO8J", "001A000010khO8JIAU"),
        ("a01M00000062mPg", "a01M00000062mPgIAI"),
        ("001M000000qfPyS", "001M000000qfPySIAU"),
        ("0F9E000000092w2", "0F9E000000092w2KAA"),
        ("aBcDEfgHIJKLMNO", "aBcDEfgHIJKLMNO025"),
        ("aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaAAA"),
        ("001A000010khO8JIAU", "001A000010khO8JIAU"),
        ("001A000010khO8", None),
        ("001A000010khO8JIA", None),
        ("001A000010khO8J-AU", None),
        ("001A000010khO8J\n", None),
        ("", None),
    ],
)
def test_short_record_ids_get_their_published_suffix(short: str, long: str | None) -> None:
    assert long_id(short) == long


def test_short_and_long_ids_are_one_record(change: BuildChange, context: DecodeContext) -> None:
    short = change(
        "Order", "CREATE", {"recordIds": ["8014H000003XyZa"]},
        AccountId="0014H00002LbR7Q", ContractId="8004H000000PzLm",
    )  # fmt: skip
    message = _message(short, context)
    assert message.party_ref == "salesforce:0014H00002LbR7QQAV"
    assert message.links == (("salesforce:8014H000003XyZaQAK", "salesforce:0014H00002LbR7QQAV"),)
    (event,) = _changes(message)
    assert event.record_id == "8014H000003XyZaQAK"
    assert event.contract_id == "salesforce:8004H000000PzLmQAK"


def test_a_redelivery_has_the_same_digest_and_another_value_has_not(
    change: BuildChange, context: DecodeContext
) -> None:
    one = change("OrderItem", "UPDATE", Quantity=40)
    again = {**change("OrderItem", "UPDATE", Quantity=40.0), "replayId": 5}
    other = change("OrderItem", "UPDATE", Quantity=41)
    digest = _message(one, context).digest
    assert _message(again, context).digest == digest
    assert _message(other, context).digest != digest


def test_records_of_one_account_that_changed_alike_belong_to_it(
    change: BuildChange, context: DecodeContext
) -> None:
    orders = ["8014H000003XyZaQAK", "8014H000003XyZbQAK"]
    bulk = change("Order", "UPDATE", {"recordIds": orders}, AccountId=_ACCOUNTS[0])
    message = _message(bulk, context)
    account = f"salesforce:{_ACCOUNTS[0]}"
    assert message.party_ref == account
    assert message.links == tuple((f"salesforce:{order}", account) for order in orders)


def test_records_that_changed_alike_can_be_told_apart_by_customer(
    change: BuildChange, context: DecodeContext
) -> None:
    bulk = change("Account", "UPDATE", {"recordIds": _ACCOUNTS}, Legal_Entity__c="FR01")
    messages = decode_salesforce(json.dumps(bulk).encode(), "f@0", context)
    event_id = f"salesforce:{bulk['id']}"
    assert [m.message_id for m in messages] == [f"{event_id}/{account}" for account in _ACCOUNTS]
    for account, message in zip(_ACCOUNTS, messages, strict=True):
        assert isinstance(message, Message)
        assert message.party_ref == f"salesforce:{account}"
        (event,) = _changes(message)
        assert event.event_id == f"{message.message_id}/crm.record_changed"
        assert event.source_event_id == message.message_id


def test_a_record_named_twice_changed_once(change: BuildChange, context: DecodeContext) -> None:
    twice = {"recordIds": ["0014H00002LbR7QQAV", "0014H00002LbR7Q"]}
    assert len(_message(change("Account", "UPDATE", twice, Name="A"), context).events) == 1


@pytest.mark.parametrize("entity", ["Product2", "Quote", "Employee__c", "PricebookEntry"])
@pytest.mark.parametrize("change_type", ["CREATE", "DELETE", "GAP_OVERFLOW", "SOMETHING_NEW"])
def test_entities_without_a_meaning_are_recorded(
    change: BuildChange, context: DecodeContext, entity: str, change_type: str
) -> None:
    message = _message(change(entity, change_type, {"changedFields": ["0x08"]}), context)
    assert message.events == ()
    assert message.schema_version == "-"
    assert message.provider_type == f"{entity}.{change_type}"
    assert message.party_ref == message.message_id


def _header(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def set_field(event: dict[str, Any]) -> None:
        event["payload"]["ChangeEventHeader"][name] = value

    return set_field


def _drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda event: event["payload"]["ChangeEventHeader"].pop(name)


@pytest.mark.parametrize(
    ("spoil", "reason", "says"),
    [
        (_drop("entityName"), "missing_field", "entityName is absent"),
        (_drop("changeType"), "missing_field", "changeType is absent"),
        (_drop("commitTimestamp"), "missing_field", "commitTimestamp is absent"),
        (_drop("commitNumber"), "missing_field", "commitNumber is absent"),
        (_drop("recordIds"), "missing_field", "recordIds is empty or absent"),
        (_header("recordIds", []), "missing_field", "recordIds is empty or absent"),
        (_header("recordIds", "0014H00002LbR7QQAV"), "wrong_type", "recordIds is not a list"),
        (_header("recordIds", [1]), "wrong_type", "recordIds is not a list"),
        (_header("recordIds", ["abc"]), "invalid_value", "not a record id"),
        (_header("recordIds", ["800*"]), "incomplete_record", "must be read anew"),
        (_header("commitTimestamp", "2026-01-01"), "wrong_type", "commitTimestamp is not"),
        (_header("commitTimestamp", True), "wrong_type", "commitTimestamp is not"),
        (_header("commitTimestamp", 1767261600), "timestamp_out_of_range", "not in 2000-2099"),
        (_header("commitTimestamp", 253402300799000), "timestamp_out_of_range", "2000-2099"),
        (_header("entityName", 5), "wrong_type", "entityName is not text"),
        (_header("changedFields", ["0x400010"]), "invalid_value", "changedFields holds bitmaps"),
        (_header("changedFields", ["4-0x08"]), "invalid_value", "changedFields holds bitmaps"),
        (_header("nulledFields", ["0x08"]), "invalid_value", "nulledFields holds bitmaps"),
        (_header("changedFields", "Status"), "wrong_type", "changedFields is not a list"),
        (_header("changeType", "GAP_CREATE"), "incomplete_record", "read the record anew"),
        (_header("changeType", "GAP_UPDATE"), "incomplete_record", "read the record anew"),
        (_header("changeType", "GAP_DELETE"), "incomplete_record", "read the record anew"),
        (_header("changeType", "GAP_UNDELETE"), "incomplete_record", "read the record anew"),
        (_header("changeType", "GAP_OVERFLOW"), "incomplete_record", "read the record anew"),
        (_header("changeType", "SNAPSHOT"), "unknown_event_type", "not known"),
        (lambda event: event.update(id=5), "wrong_type", "id is not text at $"),
        (lambda event: event["payload"].pop("ChangeEventHeader"), "unknown_format", "not a change"),
        (lambda event: event.update(payload=[]), "unknown_format", "not a change"),
        (lambda event: event.update(payload=None, data=7), "unknown_format", "not a change"),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_used_is_told(
    change: BuildChange,
    context: DecodeContext,
    spoil: Callable[[dict[str, Any]], object],
    reason: str,
    says: str,
) -> None:
    event = change("Contract", "UPDATE", Status="Activated")
    spoil(event)
    body = json.dumps(event).encode()
    (letter,) = decode_salesforce(body, "events.jsonl@41", context)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.source, letter.position) == (
        reason,
        "salesforce",
        "events.jsonl@41",
    )
    assert says in letter.detail
    assert letter.body == body
    assert letter.step == "DecodeEvents"


def test_a_dead_letter_keeps_the_id_of_its_event(
    change: BuildChange, context: DecodeContext
) -> None:
    (letter,) = decode_salesforce(
        json.dumps(change("Order", "GAP_UPDATE")).encode(), "f@0", context
    )
    assert letter.message_id == "salesforce:5f1c0de0-0000-4000-8000-000000000099"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b"[]", "unknown_format"),
        (b'{"id": "a", "id": "b"}', "duplicate_key"),
        (b'{"payload": ' * 100 + b"1" + b"}" * 100, "too_deep"),
        (b'{"x": "' + b"y" * 2_000_000 + b'"}', "too_large"),
    ],
)
def test_bytes_that_are_no_event_are_told(body: bytes, reason: str, context: DecodeContext) -> None:
    (letter,) = decode_salesforce(body, "f@0", context)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == reason
    assert letter.message_id is None
