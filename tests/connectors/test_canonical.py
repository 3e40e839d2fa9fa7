"""Canonical events in their three forms end as the same message, or as one dead letter."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.canonical import decode_canonical_json, decode_container, decode_single_object
from connectors.decoding import DecodeContext
from connectors.ledger_versions import EVENT_TYPES
from ledger.events import InvoiceVoided, subject_of
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason
from schemas.avro_containers import write_container
from schemas.registry import PACKAGE_ROOT, load_registry
from schemas.single_objects import encode_single_object

CONTEXT = DecodeContext(tenant="acme", registry=load_registry())
SUBJECTS = PACKAGE_ROOT / "subjects"
OK = [p for s in sorted(EVENT_TYPES) for p in sorted(SUBJECTS.glob(f"{s}/examples/v1/ok/*.json"))]
BAD = [p for s in sorted(EVENT_TYPES) for p in sorted(SUBJECTS.glob(f"{s}/examples/v1/bad/*.json"))]

VOIDED = {
    "subject": "billing.invoice_voided",
    "event_id": "shop:e1",
    "occurred_at_micros": "2026-01-15T10:00:00+01:00",
    "customer_id": "c-17",
    "invoice_id": "I-2026-5",
}


def subject_at(path: Path) -> str:
    return path.parts[-5]


def name_of(path: Path) -> str:
    return f"{subject_at(path)}-{path.stem}"


def line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def accepted(body: bytes, context: DecodeContext = CONTEXT) -> Message:
    result = decode_canonical_json(body, "f.jsonl:1", context)
    assert isinstance(result, Message), result
    return result


def refused(body: bytes, context: DecodeContext = CONTEXT) -> DeadLetter:
    result = decode_canonical_json(body, "f.jsonl:1", context)
    assert isinstance(result, DeadLetter), result
    assert (result.body, result.position, result.tenant) == (body, "f.jsonl:1", "acme")
    return result


def voided(**changes: Any) -> bytes:
    return line({**VOIDED, **changes})


# --- the registry's examples ---------------------------------------------------------------


@pytest.mark.parametrize("path", OK, ids=name_of)
def test_a_good_example_is_one_message_in_all_three_forms(path: Path) -> None:
    body = line({"subject": subject_at(path), **json.loads(path.read_text())})
    message = accepted(body)
    (event,) = message.events
    assert subject_of(event) == subject_at(path) == message.provider_type
    assert message.message_id == event.event_id == event.source_event_id
    assert message.schema_version == CONTEXT.registry.latest(subject_at(path)).label
    assert message.body == body

    version = CONTEXT.registry.latest(subject_at(path))
    single = encode_single_object(version, event)
    by_single = decode_single_object(single, "topic:0:5", CONTEXT)
    (by_container,) = decode_container(write_container(version, [event]), "f.avro", CONTEXT)
    for other in (by_single, by_container):
        assert isinstance(other, Message), other
        assert other.body == single
        assert msgspec.structs.replace(other, body=body) == message


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_a_bad_example_is_a_dead_letter_with_its_reason(path: Path) -> None:
    example = json.loads(path.read_text())
    letter = refused(line({"subject": subject_at(path), **example["record"]}))
    assert letter.reason == example["reason"]
    assert letter.detail.startswith(subject_at(path))


# --- what may be left out ------------------------------------------------------------------


def test_source_tenant_and_source_event_id_have_defaults() -> None:
    message = accepted(voided())
    (event,) = message.events
    assert event == InvoiceVoided(
        event_id="shop:e1",
        source_event_id="shop:e1",
        source="canonical",
        tenant="acme",
        occurred_at_micros=1_768_467_600_000_000,
        customer_id="c-17",
        invoice_id="I-2026-5",
    )
    assert message.source == "canonical"


def test_two_events_that_once_came_in_one_message_stay_two_messages() -> None:
    first = accepted(voided(event_id="stripe:evt_1/a", source_event_id="stripe:evt_1"))
    second = accepted(voided(event_id="stripe:evt_1/b", source_event_id="stripe:evt_1"))
    assert first.message_id != second.message_id


def test_an_event_without_an_id_has_no_idempotency_key_and_is_refused() -> None:
    body = line({key: value for key, value in VOIDED.items() if key != "event_id"})
    letter = refused(body)
    assert (letter.reason, letter.message_id) == (Reason.MISSING_FIELD, None)
    assert letter.occurred_at_micros is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject": "billing.invoice_lost"}, "unknown_subject"),
        ({"subject": "erp.posting"}, "unknown_subject"),
        ({"subject": 7}, "unknown_subject"),
        ({"version": 2}, "unknown_subject"),
        ({"version": 0}, "unknown_subject"),
        ({"version": "1"}, "wrong_type"),
        ({"version": True}, "wrong_type"),
        ({"tenant": "other"}, "invalid_value"),
        ({"occurred_at_micros": "2026-01-15T10:00:00"}, "invalid_value"),
        ({"occurred_at_micros": 253402300799000000}, "timestamp_out_of_range"),
        ({"customer_id": 17}, "wrong_type"),
        ({"customer_id": "c\u0000"}, "invalid_value"),
        ({"invoice_nr": "x"}, "unknown_field"),
    ],
)
def test_a_fault_ends_as_a_dead_letter(changes: dict[str, Any], reason: str) -> None:
    assert refused(voided(**changes)).reason == reason


def test_a_named_version_is_read_as_that_version() -> None:
    assert accepted(voided(version=1)).schema_version == "billing.invoice_voided@1"


# --- money at risk, and what is not repeated -------------------------------------------------


def test_a_dead_letter_carries_what_is_soundly_stated() -> None:
    payment = {
        **{k: v for k, v in VOIDED.items() if k != "invoice_id"},
        "subject": "payments.payment_succeeded",
        "source": "shop",
        "entity": "DE01",
        "currency": "EUR",
        "amount_minor": 11900,
        "occurred_at_micros": 1_768_467_600_000_000,
        "payment_refs": [""],
    }
    letter = refused(line(payment))
    assert (letter.amount_minor, letter.currency, letter.entity) == (11900, "EUR", "DE01")
    assert (letter.source, letter.message_id) == ("shop", "shop:e1")
    assert letter.occurred_at_micros == 1_768_467_600_000_000
    assert letter.step == "DecodeEvents"


def test_unsound_money_is_not_carried() -> None:
    payment = {**VOIDED, "subject": "payments.payment_failed", "currency": "GOLD"}
    letter = refused(line({**payment, "amount_minor": 10**40, "source": "a\u0000b"}))
    assert (letter.amount_minor, letter.currency, letter.source) == (None, None, "canonical")


def test_no_personal_data_is_in_a_dead_letter_but_in_its_body() -> None:
    changed = {
        **{k: v for k, v in VOIDED.items() if k != "invoice_id"},
        "subject": "crm.customer_account_changed",
        "attributes_set": ["name", "email"],
        "email": "canary@example.com\u0007",
        "name": "Canary Islands",
    }
    letter = refused(line(changed))
    shown = msgspec.json.encode(msgspec.structs.replace(letter, body=b""))
    assert b"anary" not in shown and b"anary" in letter.body


def test_the_same_bytes_are_the_same_dead_letter() -> None:
    assert refused(voided(version=9)) == refused(voided(version=9))
    assert refused(voided(version=9)).dead_letter_id != refused(voided(version=8)).dead_letter_id


# --- whose it is ---------------------------------------------------------------------------


def test_ids_of_a_customer_s_objects_lead_to_the_customer() -> None:
    message = accepted(voided(account_id="salesforce:0011", subscription_id="s-1"))
    assert message.party_ref == "c-17"
    assert message.links == (("I-2026-5", "c-17"), ("s-1", "c-17"))
    assert message.account_links == (("c-17", "salesforce:0011"),)


def test_an_event_without_a_customer_is_found_by_what_it_names() -> None:
    payment = {
        "subject": "payments.payment_succeeded",
        "event_id": "bank:1",
        "occurred_at_micros": 1_768_467_600_000_000,
        "payment_refs": ["bank:tx_1"],
        "invoice_id": "I-2026-5",
        "currency": "EUR",
        "amount_minor": 11900,
    }
    message = accepted(line(payment))
    assert message.party_ref is None
    assert message.link_refs == ("I-2026-5", "bank:tx_1")
    assert message.links == (("bank:tx_1", "I-2026-5"),)


def test_a_payout_is_its_own_party() -> None:
    payout = {"subject": "payments.payout_paid", "payout_id": "po-1", "currency": "EUR"}
    body = {**payout, "amount_minor": 5, "event_id": "e", "occurred_at_micros": 1768467600000000}
    assert accepted(line(body)).party_ref == "po-1"


def test_an_event_that_names_nothing_at_all_is_refused() -> None:
    won = {"subject": "crm.opportunity_won", "opportunity_id": "o", "event_id": "e"}
    letter = refused(line({**won, "occurred_at_micros": 1768467600000000}))
    assert letter.reason == "missing_field"


# --- the digest ----------------------------------------------------------------------------


def test_a_redelivery_has_the_same_digest_however_it_is_written() -> None:
    plain = accepted(voided())
    reordered = json.dumps(dict(reversed(VOIDED.items())), indent=2).encode()
    utc = voided(occurred_at_micros="2026-01-15T09:00:00.000Z", entity=None)
    assert accepted(reordered).digest == accepted(utc).digest == plain.digest


def test_the_order_of_changed_values_is_no_meaning() -> None:
    changed = {
        "subject": "crm.record_changed",
        "event_id": "crm:1",
        "occurred_at_micros": 1768467600000000,
        "entity_name": "Account",
        "record_id": "001",
        "change_type": "UPDATE",
        "commit_number": 1,
        "sequence_number": 1,
    }
    first = accepted(line({**changed, "values": {"name": "N", "city": "H"}}))
    assert first.digest == accepted(line({**changed, "values": {"city": "H", "name": "N"}})).digest
    assert first.digest != accepted(line({**changed, "values": {"city": "N", "name": "H"}})).digest


def test_decimals_written_with_more_zeros_are_the_same_content() -> None:
    usage = {
        "subject": "billing.usage_reported",
        "event_id": "u",
        "occurred_at_micros": 1768467600000000,
        "customer_id": "c-17",
        "usage_id": "u1",
        "accrual_id": "m1",
        "currency": "EUR",
        "quantity": "1250.50",
        "unit_amount": 2,
        "used_at_micros": 1768467600000000,
    }
    first, second = accepted(line(usage)), accepted(line({**usage, "quantity": 1250.5}))
    assert first.digest == second.digest
    assert first.events[0].quantity == Decimal("1250.5")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "changes", [{"invoice_id": "I-2026-6"}, {"customer_id": "c-18"}, {"entity": "DE01"}]
)
def test_another_meaning_has_another_digest(changes: dict[str, Any]) -> None:
    assert accepted(voided(**changes)).digest != accepted(voided()).digest


# --- Avro ----------------------------------------------------------------------------------


VERSION = CONTEXT.registry.latest("billing.invoice_voided")
EVENT = accepted(voided()).events[0]
SINGLE = encode_single_object(VERSION, EVENT)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (SINGLE + b"\x00", "trailing_bytes"),
        (SINGLE[:-1], "avro_damaged"),
        (SINGLE[:2] + b"\x00" * 8 + SINGLE[10:], "unknown_fingerprint"),
        (b"\xc3\x02" + SINGLE[2:], "avro_damaged"),
        (SINGLE.replace(b"acme", b"acne"), "invalid_value"),
        (SINGLE.replace(b"I-2026-5", b"I-2026-\x01"), "invalid_value"),
        (SINGLE + b"x" * 1_000_000, "too_large"),
    ],
)
def test_a_single_object_that_is_wrong_is_a_dead_letter(body: bytes, reason: str) -> None:
    letter = decode_single_object(body, "topic:0:5", CONTEXT)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.position, letter.body) == (reason, "topic:0:5", body)


def test_a_single_object_of_an_output_is_no_event() -> None:
    path = SUBJECTS / "lifecycle.update" / "examples" / "v1" / "ok" / "full.json"
    version = CONTEXT.registry.latest("lifecycle.update")
    body = encode_single_object(version, version.decode_json(path.read_bytes()))
    letter = decode_single_object(body, "topic:0:5", CONTEXT)
    assert isinstance(letter, DeadLetter) and letter.reason == "unknown_subject"


def test_a_container_gives_messages_and_dead_letters_in_order(tmp_path: Path) -> None:
    other = msgspec.structs.replace(EVENT, tenant="other", event_id="e2")
    path = tmp_path / "events.avro"
    path.write_bytes(write_container(VERSION, [EVENT, other, EVENT])[:-20] + b"torn")
    damaged = list(decode_container(str(path), "events.avro", CONTEXT))
    assert [type(item) for item in damaged] == [DeadLetter]
    path.write_bytes(write_container(VERSION, [EVENT, other, EVENT]))
    first, second, third = decode_container(path, "events.avro", CONTEXT)
    assert isinstance(first, Message) and first == third
    assert isinstance(second, DeadLetter)
    assert (second.reason, second.message_id) == ("invalid_value", "e2")
    assert second.position == "events.avro:block 1 record 2"
    assert decode_single_object(first.body, "archive", CONTEXT) == first


# --- versions ------------------------------------------------------------------------------


@pytest.fixture
def older_and_newer(tmp_path: Path) -> DecodeContext:
    """A registry whose newest `billing.invoice_voided` is what the ledger knows, and whose
    first did not know legal entities yet."""
    for name in ("registry.yaml", "common", "subjects/billing.invoice_voided"):
        source = PACKAGE_ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    folder = tmp_path / "subjects" / "billing.invoice_voided"
    schema = json.loads((folder / "v1.avsc").read_text())
    (folder / "v2.avsc").write_text(json.dumps(schema))
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "entity"]
    (folder / "v1.avsc").write_text(json.dumps(schema))
    return DecodeContext(tenant="acme", registry=load_registry(tmp_path))


def test_events_of_an_older_version_are_the_same_messages(older_and_newer: DecodeContext) -> None:
    old, new = older_and_newer.registry.subject("billing.invoice_voided").versions
    expected = accepted(voided(), older_and_newer)
    assert expected.schema_version == new.label
    by_json = accepted(voided(version=1), older_and_newer)
    by_single = decode_single_object(encode_single_object(old, EVENT), "t:1", older_and_newer)
    (by_file,) = decode_container(write_container(old, [EVENT]), "f", older_and_newer)
    for message in (by_json, by_single, by_file):
        assert isinstance(message, Message)
        assert (message.digest, message.events) == (expected.digest, expected.events)


def test_a_field_that_its_version_did_not_have_is_unknown(older_and_newer: DecodeContext) -> None:
    letter = refused(voided(version=1, entity="DE01"), older_and_newer)
    assert letter.reason == "unknown_field"
