"""CloudEvents in structured and binary form are the events that they carry."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from connectors import decoding_any
from connectors.decoding import DecodeContext
from connectors.event_files import DecodeSettings, EventDecoder
from ledger.messages import DeadLetter, Message
from schemas.lock import LockedId
from schemas.publishing import record_ids
from schemas.registry import load_registry
from schemas.single_objects import encode_single_object
from schemas.wire_format import as_confluent
from tests.connectors.test_decoding_any import SALESFORCE, STRIPE
from tests.schemas.registry_copies import PAID, VOIDED, copy_registry

DATA = {
    "event_id": "shop:e1",
    "occurred_at_micros": "2026-01-15T10:00:00+01:00",
    "customer_id": "c-17",
    "invoice_id": "I-2026-5",
}
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "A-1",
    "source": "/shop/berlin",
    "type": VOIDED,
    "time": "2026-01-15T09:00:00Z",
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> DecodeContext:
    root = tmp_path_factory.mktemp("registry")
    copy_registry(root, VOIDED, PAID, "crm.record_changed", "crm.customer_account_changed")
    record_ids(root, [
        LockedId(subject=VOIDED, version=1, registry="prod", id=7),
        LockedId(subject=VOIDED, version=1, registry="topics", id=f"{VOIDED}@1a2b3c4d"),
    ])  # fmt: skip
    return DecodeContext(tenant="acme", registry=load_registry(root))


def decode_event(body: bytes, position: str, context: DecodeContext) -> Message | DeadLetter:
    (found,) = decoding_any.decode_event(body, position, context)
    return found


def decode_delivery(
    body: bytes, attributes: Any, position: str, context: DecodeContext
) -> Message | DeadLetter:
    (found,) = decoding_any.decode_delivery(body, attributes, position, context)
    return found


def packed(envelope: dict[str, Any]) -> bytes:
    return json.dumps({k: v for k, v in envelope.items() if v is not ...}).encode()


def accepted(found: Message | DeadLetter) -> Message:
    assert isinstance(found, Message), found
    return found


def plain(context: DecodeContext, data: dict[str, Any] | None = None) -> Message:
    body = json.dumps({"subject": VOIDED, **(DATA if data is None else data)}).encode()
    return accepted(decode_event(body, "t:1", context))


def datum(context: DecodeContext) -> bytes:
    return context.registry.latest(VOIDED).encode(plain(context).events[0])


def single(context: DecodeContext) -> bytes:
    return encode_single_object(context.registry.latest(VOIDED), plain(context).events[0])


def based(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- structured ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"datacontenttype": "application/json; charset=utf-8"},
        {"type": f"{VOIDED}.v1"},
        {"type": f"{VOIDED}@1", "dataschema": f"urn:crossfoot:{VOIDED}:1"},
        {"dataschema": f"https://registry/apis/subjects/{VOIDED}-value/versions/1"},
        {"dataschema": f"https://schemas.example.com/{VOIDED}/v1.avsc"},
        {"comexampleextension": "x", "subject": "I-2026-5"},
        {"data": {**DATA, "subject": VOIDED, "version": 1}},
    ],
)
def test_the_type_names_the_subject_and_the_schema_the_version(
    context: DecodeContext, more: dict[str, Any]
) -> None:
    body = packed({**ENVELOPE, "data": DATA, **more})
    found = accepted(decode_event(body, "t:1", context))
    expected = plain(context)
    assert (found.digest, found.events, found.body) == (expected.digest, expected.events, body)
    assert found.schema_version == f"{VOIDED}@1"


def test_base64_may_hold_json_and_every_avro_form(context: DecodeContext) -> None:
    forms = [
        ("application/json", json.dumps(DATA).encode(), ...),
        ("application/avro", single(context), ...),
        ("application/avro", as_confluent(7, datum(context)), ...),
        ("avro/binary", datum(context), f"urn:x:{VOIDED}:1"),
    ]
    for content, data, schema in forms:
        envelope = {"datacontenttype": content, "data_base64": based(data), "dataschema": schema}
        found = accepted(decode_event(packed({**ENVELOPE, **envelope}), "t:1", context))
        assert found.digest == plain(context).digest, content


def test_source_and_id_identify_what_has_no_id_of_its_own(context: DecodeContext) -> None:
    data = {k: v for k, v in DATA.items() if k not in ("event_id", "occurred_at_micros")}
    found = accepted(decode_event(packed({**ENVELOPE, "data": data}), "t:1", context))
    assert found.message_id == "/shop/berlin/A-1"
    assert found.occurred_at_micros == plain(context).occurred_at_micros
    other = packed({**ENVELOPE, "source": "/shop/paris", "data": data})
    assert accepted(decode_event(other, "t:1", context)).message_id == "/shop/paris/A-1"


@pytest.mark.parametrize(
    ("inner", "source"), [(STRIPE, "stripe"), (SALESFORCE, "salesforce")], ids=["stripe", "sf"]
)
def test_a_provider_s_event_in_an_envelope_is_that_provider_s(
    inner: dict[str, Any], source: str
) -> None:
    context = DecodeContext(tenant="acme", registry=load_registry())
    body = packed({**ENVELOPE, "type": "com.example.event", "data": inner})
    found = accepted(decode_event(body, "t:1", context))
    bare = accepted(decode_event(json.dumps(inner).encode(), "t:1", context))
    assert (found.source, found.digest, found.body) == (source, bare.digest, body)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another specversion": ({"specversion": "0.3"}, "unknown_format"),
    "no id": ({"id": ...}, "missing_field"),
    "empty source": ({"source": ""}, "invalid_value"),
    "number for an id": ({"id": 7}, "wrong_type"),
    "no data": ({"data": ...}, "missing_field"),
    "both forms of data": ({"data_base64": "e30="}, "duplicate_key"),
    "text for an object": ({"data": "x"}, "unknown_format"),
    "not base64": ({"data": ..., "data_base64": "?"}, "invalid_value"),
    "unknown type": ({"type": "billing.lost"}, "unknown_subject"),
    "unknown version": ({"type": f"{VOIDED}@9"}, "unknown_subject"),
    "schema of nothing": ({"dataschema": "https://example.com/"}, "unknown_subject"),
    "two subjects": ({"dataschema": f"urn:x:{PAID}:1"}, "invalid_value"),
    "two versions": ({"type": f"{VOIDED}@2", "dataschema": f"urn:x:{VOIDED}:1"}, "invalid_value"),
    "binary in data": ({"datacontenttype": "application/avro"}, "unknown_format"),
    "field nobody knows": ({"data": {**DATA, "invoice_nr": "x"}}, "unknown_field"),
    "amount for an id": ({"data": {**DATA, "invoice_id": 5}}, "wrong_type"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_a_dead_letter_with_the_envelope(
    context: DecodeContext, name: str
) -> None:
    change, reason = WRONG[name]
    body = packed({**ENVELOPE, "data": DATA, **change})
    letter = decode_event(body, "t:1", context)
    assert isinstance(letter, DeadLetter), letter
    assert (letter.reason, letter.body) == (reason, body)


@pytest.mark.parametrize(
    ("data", "schema", "reason"),
    [
        (lambda c: datum(c), ..., "unknown_format"),
        (lambda c: datum(c) + b"x", f"urn:x:{VOIDED}:1", "trailing_bytes"),
        (lambda c: single(c)[:2] + b"\x07" * 8, ..., "unknown_fingerprint"),
        (lambda c: as_confluent(99, datum(c)), ..., "unknown_schema_id"),
    ],
    ids=["no schema", "trailing", "fingerprint", "id"],
)
def test_avro_in_an_envelope_fails_for_its_own_reasons(
    context: DecodeContext, data: Any, schema: Any, reason: str
) -> None:
    content = {"datacontenttype": "application/avro", "data_base64": based(data(context))}
    letter = decode_event(packed({**ENVELOPE, **content, "dataschema": schema}), "t:1", context)
    assert isinstance(letter, DeadLetter) and letter.reason == reason


def test_a_key_that_comes_twice_in_the_envelope_is_refused(context: DecodeContext) -> None:
    body = packed({**ENVELOPE, "data": DATA}).replace(b'"id": "A-1"', b'"id": "A-1", "id": "B"')
    letter = decode_event(body, "t:1", context)
    assert isinstance(letter, DeadLetter) and letter.reason == "duplicate_key"


# --- binary ----------------------------------------------------------------------------------


KAFKA = [(f"ce_{k}", str(v).encode()) for k, v in ENVELOPE.items()]
PUBSUB = [(f"ce-{k}", v) for k, v in ENVELOPE.items()]
HTTP = [(f"CE-{k.title()}", v) for k, v in ENVELOPE.items()]


@pytest.mark.parametrize("attributes", [KAFKA, PUBSUB, HTTP], ids=["kafka", "pubsub", "http"])
@pytest.mark.parametrize("content", ["application/json", None], ids=["typed", "untyped"])
def test_headers_and_attributes_say_what_the_envelope_says(
    context: DecodeContext, attributes: Any, content: str | None
) -> None:
    typed = [*attributes, ("Content-Type", content)] if content else attributes
    body = json.dumps(DATA, indent=1).encode()
    found = accepted(decode_delivery(body, [*typed, ("traceparent", b"\xff")], "t:1", context))
    assert (found.digest, found.events) == (plain(context).digest, plain(context).events)
    # What is kept says all of it: it is the same message when it is read again alone.
    assert body in found.body
    assert accepted(decode_event(found.body, "t:1", context)) == found


def test_avro_in_binary_form_is_kept_readable(context: DecodeContext) -> None:
    typed = [*KAFKA, ("ce_dataschema", f"urn:x:{VOIDED}:1".encode()),
             ("content-type", b"application/avro")]  # fmt: skip
    found = accepted(decode_delivery(datum(context), typed, "t:1", context))
    assert found.digest == plain(context).digest
    assert accepted(decode_event(found.body, "t:1", context)) == found


def test_a_structured_event_is_not_wrapped_again(context: DecodeContext) -> None:
    body = packed({**ENVELOPE, "data": DATA})
    typed = [("content-type", b"application/cloudevents+json"), *KAFKA]
    assert accepted(decode_delivery(body, typed, "t:1", context)).body == body


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("ce_id", b"other"), "duplicate_key"),
        (("ce_subject", b"\xff"), "invalid_value"),
    ],
)
def test_headers_that_are_wrong_are_a_dead_letter_with_the_bytes(
    context: DecodeContext, more: Any, reason: str
) -> None:
    letter = decode_delivery(b"{}", [*KAFKA, more], "t:1", context)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.body) == (reason, b"{}")


def test_bytes_without_attributes_are_as_they_are(context: DecodeContext) -> None:
    body = single(context)
    assert decode_delivery(body, [("orderingKey", "x")], "t:1", context) == decode_event(
        body, "t:1", context
    )


# --- Pub/Sub topics with a schema --------------------------------------------------------------


def google(**changes: str) -> list[tuple[str, str]]:
    told = {
        "name": f"projects/p/schemas/{VOIDED}",
        "revisionid": "1a2b3c4d",
        "encoding": "BINARY",
        **changes,
    }
    return [(f"googclient_schema{key}", value) for key, value in told.items()]


def test_a_topic_s_schema_revision_is_resolved_by_the_lock(context: DecodeContext) -> None:
    found = accepted(decode_delivery(datum(context), google(), "t:1", context))
    assert (found.digest, found.body) == (plain(context).digest, single(context))


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"revisionid": "ffffffff"}, "unknown_schema_id"), ({"encoding": "JSON"}, "unknown_format")],
)
def test_a_revision_or_encoding_nobody_knows_is_refused(
    context: DecodeContext, change: dict[str, str], reason: str
) -> None:
    letter = decode_delivery(datum(context), google(**change), "t:1", context)
    assert isinstance(letter, DeadLetter) and letter.reason == reason


def test_a_worker_s_decoder_takes_attributes_too(tmp_path: Path) -> None:
    decode = EventDecoder(DecodeSettings(tenant="acme"))
    (found,) = decode(json.dumps(DATA).encode(), "t:1", tuple(KAFKA))
    (letter,) = decode(json.dumps(DATA).encode(), "t:1")
    assert isinstance(found, Message) and isinstance(letter, DeadLetter)
