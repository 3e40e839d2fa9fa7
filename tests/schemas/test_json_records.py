"""Reading JSON objects strictly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.registry import Registry
from schemas.rules import SchemaViolation, Violation

PAYMENT: dict[str, Any] = {
    "event_id": "e1",
    "source_event_id": "e1",
    "source": "shop",
    "tenant": "acme",
    "occurred_at_micros": "2026-01-15T10:00:00+01:00",
    "payment_refs": ["ch_1"],
    "currency": "EUR",
    "amount_minor": 1190,
}


def refused(registry: Registry, body: bytes, subject: str) -> Violation:
    with pytest.raises(SchemaViolation) as caught:
        registry.latest(subject).decode_json(body)
    return caught.value.violation


def payment(registry: Registry, **changes: Any) -> Violation:
    body = json.dumps({**PAYMENT, **changes}).encode()
    return refused(registry, body, "payments.payment_succeeded")


def test_what_is_left_out_has_its_default(registry: Registry) -> None:
    record = registry.latest("payments.payment_succeeded").decode_json(PAYMENT)
    assert record["occurred_at_micros"] == 1_768_467_600_000_000
    assert record["payment_refs"] == ("ch_1",)
    assert record["linkage"] == "unknown" and record["evidence"] == "payment"
    assert record["fee_minor"] is None and record["out_of_band"] is False


@pytest.mark.parametrize(
    ("text", "value"),
    [('"1.0834"', "1.0834"), ("1.0834", "1.0834"), ('"1.10"', "1.1"), ("2", "2"), ("1e2", "100")],
)
def test_a_decimal_may_be_a_string_or_an_exact_number(
    registry: Registry, text: str, value: str
) -> None:
    body = json.dumps(PAYMENT).replace("}", f', "exchange_rate": {text}}}').encode()
    record = registry.latest("payments.payment_succeeded").decode_json(body)
    assert str(record["exchange_rate"]) == value


def test_digits_beyond_a_float_are_kept(registry: Registry) -> None:
    body = json.dumps(PAYMENT).replace("}", ', "exchange_rate": 1234567890123456.789012}').encode()
    record = registry.latest("payments.payment_succeeded").decode_json(body)
    assert record["exchange_rate"] == Decimal("1234567890123456.789012")


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({"amount": 1}, "unknown_field", "amount"),
        ({"amount_minor": 11.9}, "amount_precision", "amount_minor"),
        ({"amount_minor": 1190.0}, "amount_precision", "amount_minor"),
        ({"amount_minor": None}, "missing_field", "amount_minor"),
        ({"payment_refs": {"0": "ch_1"}}, "wrong_type", "payment_refs"),
        ({"payment_refs": [1]}, "wrong_type", "payment_refs[0]"),
        ({"occurred_at_micros": "yesterday"}, "invalid_value", "occurred_at_micros"),
        ({"occurred_at_micros": 1768467600.5}, "wrong_type", "occurred_at_micros"),
        ({"exchange_rate": "1,08"}, "invalid_value", "exchange_rate"),
        ({"exchange_rate": True}, "wrong_type", "exchange_rate"),
        ({"out_of_band": None}, "missing_field", "out_of_band"),
        ({"out_of_band": "false"}, "wrong_type", "out_of_band"),
        ({"linkage": "guess"}, "invalid_value", "linkage"),
    ],
)
def test_a_fault_is_named_with_its_place(
    registry: Registry, changes: dict[str, Any], reason: str, path: str
) -> None:
    found = payment(registry, **changes)
    assert (found.reason, found.path) == (reason, path)


def test_an_amount_with_an_enormous_exponent_ends_quickly(registry: Registry) -> None:
    body = json.dumps(PAYMENT).replace("1190", "1e999999999").encode()
    found = refused(registry, body, "payments.payment_succeeded")
    assert (found.reason, found.path) == ("amount_out_of_range", "amount_minor")


def test_an_odd_name_of_an_unknown_field_is_not_repeated(registry: Registry) -> None:
    found = payment(registry, **{"someone@example.com": 1})
    assert found.reason == "unknown_field" and "@" not in found.path


def test_a_place_deep_inside_is_named(registry: Registry) -> None:
    line = {"line_id": "l1", "amount_minor": 1, "taxes": [{"amount_minor": 0.5}]}
    body = {key: value for key, value in PAYMENT.items() if key not in ("payment_refs",)}
    del body["amount_minor"]
    body |= {"invoice_id": "i1", "total_minor": 1, "issued_at_micros": 0, "lines": [line]}
    found = refused(registry, json.dumps(body).encode(), "billing.invoice_issued")
    assert found.path == "lines[0].taxes[0].amount_minor"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"a": "\xff"}', "not_json"),
        (b"[1]", "wrong_type"),
        (b"[" * 100_000, "too_deep"),
    ],
)
def test_what_is_no_json_object_is_refused(registry: Registry, body: bytes, reason: str) -> None:
    assert refused(registry, body, "billing.invoice_issued").reason == reason


def test_bytes_are_base64(registry: Registry) -> None:
    version = registry.latest("ops.dead_letter")
    letter = {
        "dead_letter_id": "dl_1",
        "tenant": "acme",
        "source": "shop",
        "step": "DecodeEvents",
        "reason": "not_json",
        "detail": "",
        "position": "f:1",
        "message_id": None,
        "body": "/wA=",
    }
    assert version.decode_json(letter)["body"] == b"\xff\x00"
