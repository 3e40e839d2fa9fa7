"""What all decoders share: limits, exact numbers, one kind of dead letter, one check."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoding import (
    DecodeContext,
    Rejected,
    dead_letter,
    finish_message,
    parse_json,
    parse_leniently,
    parse_with,
)
from ledger.events import CanonicalEvent, InvoiceIssued, InvoiceLine, InvoiceVoided
from ledger.messages import DeadLetter, Message, dead_letter_id
from ledger.reasons import Reason
from schemas.registry import load_registry

CONTEXT = DecodeContext(tenant="acme", registry=load_registry(), max_event_bytes=5_000)
AT = 1_768_467_600_000_000


def refused(body: bytes, context: DecodeContext = CONTEXT) -> Rejected:
    with pytest.raises(Rejected) as caught:
        parse_json(body, context)
    return caught.value


# --- parsing -------------------------------------------------------------------------------


def test_numbers_keep_every_digit() -> None:
    body = b'{"a": 123456789012345678901234567890, "b": 0.10000000000000000001, "c": 1e-3}'
    assert parse_json(body, CONTEXT) == {
        "a": 123456789012345678901234567890,
        "b": Decimal("0.10000000000000000001"),
        "c": Decimal("0.001"),
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"id,amount", Reason.NOT_JSON),
        (b'{"a": 1', Reason.NOT_JSON),
        (b'{"a": 1} {"b": 2}', Reason.NOT_JSON),
        (b'{"a": NaN}', Reason.NOT_JSON),
        (b'{"a": "\xff"}', Reason.NOT_JSON),
        (b'{"a": "\\ud800"}', Reason.NOT_JSON),
        (b"[1, 2]", Reason.UNKNOWN_FORMAT),
        (b'"text"', Reason.UNKNOWN_FORMAT),
        (b'{"a": "' + b"x" * 5_000 + b'"}', Reason.TOO_LARGE),
        (b'{"a":' * 65 + b"1" + b"}" * 65, Reason.TOO_DEEP),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", Reason.TOO_DEEP),
        (b'{"a":' + b"[" * 2_000, Reason.TOO_DEEP),
        (b'{"a": ' + b"9" * 4_400 + b"}", Reason.AMOUNT_OUT_OF_RANGE),
        (b'{"a": 1e' + b"9" * 30 + b"}", Reason.AMOUNT_OUT_OF_RANGE),
        (b'{"a": 0e-' + b"9" * 30 + b"}", Reason.AMOUNT_OUT_OF_RANGE),
        (b'{"a": 1, "a": 2}', Reason.DUPLICATE_KEY),
        (b'{"a": {"b": [{"c": 1, "c": 1}]}}', Reason.DUPLICATE_KEY),
        (b'{"a": 1, "\\u0061": 2}', Reason.DUPLICATE_KEY),
        (b'{"a": 1, "a": 2, "b": "\\u003a"}', Reason.DUPLICATE_KEY),
        (b'{"a": ":", "a": ":"}', Reason.DUPLICATE_KEY),
    ],
)
def test_what_cannot_be_parsed_has_its_reason(body: bytes, reason: Reason) -> None:
    assert refused(body).reason is reason


def test_the_depth_limit_is_exact_and_width_is_not_depth() -> None:
    deepest = b'{"a":' * 64 + b"1" + b"}" * 64
    assert parse_json(deepest, CONTEXT)
    wide = json.dumps({"a": [{"b": []} for _ in range(200)]}).encode()
    assert parse_json(wide, CONTEXT)


@pytest.mark.parametrize(
    "body",
    [
        b'{ "a" : 1 , "b" : { "a" : 1 } }',
        b'{"a": "b\\":c", "b": "::"}',
        b'{"a": "\\u003a\\u003A", "b": 1}',
        b'{"\\u003a": 1, "a:": 2}',
    ],
)
def test_colons_in_odd_places_are_no_duplicate_keys(body: bytes) -> None:
    assert parse_json(body, CONTEXT) == json.loads(body)


KEYS = st.text(st.sampled_from('ab:"\\'), max_size=2)
PAIRS = st.recursive(
    st.text(st.sampled_from('a:"\\{'), max_size=3) | st.integers(),
    lambda inner: st.lists(st.tuples(KEYS, inner), max_size=4),
)


@given(st.lists(st.tuples(KEYS, PAIRS), max_size=4), st.booleans(), st.booleans())
def test_duplicate_keys_are_found_wherever_they_are(
    pairs: list[Any], spaced: bool, escaped: bool
) -> None:
    text = written(pairs, spaced, escaped)
    if has_duplicates(pairs):
        assert refused(text.encode()).reason is Reason.DUPLICATE_KEY
    else:
        assert parse_json(text.encode(), CONTEXT) == json.loads(text)


def written(value: Any, spaced: bool, escaped: bool) -> str:
    """JSON of nested pairs, with keys as often as they come."""
    if not isinstance(value, list):
        text = json.dumps(value)
        return text.replace(":", "\\u003a") if escaped else text
    joint = " : " if spaced else ":"
    members = [
        written(key, spaced, escaped) + joint + written(item, spaced, escaped)
        for key, item in value
    ]
    return "{" + ", ".join(members) + "}"


def has_duplicates(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    keys = [key for key, _ in value]
    return len(set(keys)) != len(keys) or any(has_duplicates(item) for _, item in value)


class Typed(msgspec.Struct):
    """What a provider adapter might read."""

    id: str
    amount: int
    kind: str | None = None


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b'{"amount": 1}', Reason.MISSING_FIELD, "id is absent at $"),
        (b'{"id": "x", "amount": "Canary"}', Reason.WRONG_TYPE, "$.amount"),
        (b'{"id": "x", "amount": 1.5}', Reason.WRONG_TYPE, "$.amount"),
        (b'{"id": "x", "amount": ' + b"9" * 4400 + b"}", Reason.AMOUNT_OUT_OF_RANGE, "$.amount"),
        (b'"Canary"', Reason.WRONG_TYPE, "$"),
        (b"{", Reason.NOT_JSON, ""),
        (b'{"id": "x", "amount": 1, "skipped": "\xff"}', Reason.NOT_JSON, "not UTF-8 at byte 37"),
    ],
)
def test_typed_parsing_names_the_field_and_no_value(
    body: bytes, reason: Reason, detail: str
) -> None:
    with pytest.raises(Rejected) as caught:
        parse_with(msgspec.json.Decoder(Typed), body, CONTEXT)
    assert caught.value.reason is reason
    assert detail in caught.value.detail and "Canary" not in caught.value.detail


def test_what_is_known_to_be_wrong_is_parsed_as_far_as_it_can_be() -> None:
    assert parse_leniently(b'{"a": 1.10}') == {"a": Decimal("1.10")}
    for body in (b"{", b'"\xff"', b"[" * 5_000, b"9" * 4_400):
        assert parse_leniently(body) is None


# --- dead letters --------------------------------------------------------------------------


def test_a_dead_letter_keeps_bytes_reason_step_and_place() -> None:
    rejected = Rejected(Reason.UNKNOWN_CURRENCY, "currency", amount_minor=5, entity="DE01")
    letter = dead_letter(
        rejected, body=b"{}", position="f:3", context=CONTEXT, source="shop", message_id="shop:1"
    )
    assert letter == DeadLetter(
        dead_letter_id=dead_letter_id("acme", "shop", b"{}"),
        tenant="acme",
        source="shop",
        step="DecodeEvents",
        reason="unknown_currency",
        detail="currency",
        position="f:3",
        message_id="shop:1",
        body=b"{}",
        amount_minor=5,
        entity="DE01",
    )


# --- messages ------------------------------------------------------------------------------


def invoice(**changes: Any) -> InvoiceIssued:
    values: dict[str, Any] = {
        "event_id": "shop:1/billing.invoice_issued",
        "source_event_id": "shop:1",
        "source": "shop",
        "tenant": "acme",
        "occurred_at_micros": AT,
        "customer_id": "shop:c1",
        "invoice_id": "shop:i1",
        "currency": "EUR",
        "total_minor": 500,
        "issued_at_micros": AT,
        "lines": (InvoiceLine(line_id="l1", amount_minor=500),),
    }
    return InvoiceIssued(**{**values, **changes})


def finish(*events: CanonicalEvent, **changes: Any) -> Message:
    values: dict[str, Any] = {
        "context": CONTEXT,
        "message_id": "shop:1",
        "source": "shop",
        "provider_type": "invoice.sent",
        "occurred_at_micros": AT,
        "party_ref": "shop:c1",
        "body": b"{}",
        "events": events,
    }
    return finish_message(**{**values, **changes})


def test_a_message_names_the_versions_it_was_checked_against() -> None:
    voided = InvoiceVoided(
        event_id="shop:1/billing.invoice_voided",
        source_event_id="shop:1",
        source="shop",
        tenant="acme",
        occurred_at_micros=AT,
        invoice_id="shop:i1",
    )
    message = finish(invoice(), voided)
    assert message.schema_version == "billing.invoice_issued@3,billing.invoice_voided@1"
    assert finish().schema_version == "-"
    assert message.events == (invoice(), voided)


def test_identities_that_events_state_are_added_to_those_given() -> None:
    message = finish(
        invoice(account_id="crm:a2"),
        invoice(account_id="crm:a1"),
        account_links=(("shop:c0", "crm:a0"),),
    )
    assert message.account_links == (
        ("shop:c0", "crm:a0"),
        ("shop:c1", "crm:a1"),
        ("shop:c1", "crm:a2"),
    )


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({"currency": "XXX"}, Reason.UNKNOWN_CURRENCY, "currency"),
        ({"total_minor": 499}, Reason.LINES_DO_NOT_ADD_UP, "total_minor"),
        ({"total_minor": 10**18}, Reason.AMOUNT_OUT_OF_RANGE, "total_minor"),
        ({"issued_at_micros": AT // 1000}, Reason.TIMESTAMP_OUT_OF_RANGE, "issued_at_micros"),
        ({"invoice_id": None}, Reason.MISSING_FIELD, "invoice_id"),
        ({"number": "I\u0000"}, Reason.INVALID_VALUE, "number"),
        ({"exchange_rate": 1.5}, Reason.WRONG_TYPE, "exchange_rate"),
    ],
)
def test_every_event_is_checked_whoever_made_it(
    changes: dict[str, Any], reason: Reason, path: str
) -> None:
    with pytest.raises(Rejected) as caught:
        finish(invoice(), invoice(**changes))
    assert caught.value.reason is reason
    assert caught.value.detail.startswith(f"billing.invoice_issued {path}: ")


def test_a_rejected_event_carries_its_money_as_far_as_it_is_sound() -> None:
    with pytest.raises(Rejected) as caught:
        finish(invoice(invoice_id=""))
    found = caught.value
    assert (found.amount_minor, found.currency, found.occurred_at_micros) == (500, "EUR", AT)
    with pytest.raises(Rejected) as caught:
        finish(invoice(total_minor=10**18, currency=None, occurred_at_micros=7))
    found = caught.value
    assert (found.amount_minor, found.currency, found.occurred_at_micros) == (None, None, None)


@pytest.mark.parametrize("when", [AT // 1_000_000, 253_402_300_799_000_000])
def test_a_message_without_events_must_still_have_happened(when: int) -> None:
    with pytest.raises(Rejected) as caught:
        finish(occurred_at_micros=when)
    assert caught.value.reason is Reason.TIMESTAMP_OUT_OF_RANGE


def test_the_digest_is_of_the_meaning_and_not_of_the_bytes() -> None:
    first = finish(invoice())
    assert finish(invoice(), body=b"{ }").digest == first.digest
    assert len(first.digest) == 32
    others = [
        finish(invoice(number="2")),
        finish(invoice(), party_ref="shop:c2"),
        finish(invoice(), provider_type="invoice.paid"),
        finish(invoice(), links=(("shop:i1", "shop:c1"),)),
        finish(invoice(account_id="crm:a1")),
    ]
    assert len({message.digest for message in [first, *others]}) == 6
