"""Values in the forms they are delivered in: exact numbers, instants, names, and what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoding import DecodeContext, Rejected
from connectors.providers.salesforce import decode_salesforce
from connectors.providers.salesforce.canonical_text import canonical_text
from connectors.providers.salesforce.field_names import Field, Kind
from ledger.events import RecordChanged
from ledger.messages import DeadLetter, Message

BuildChange = Callable[..., dict[str, Any]]


def _result(event: dict[str, Any] | bytes, context: DecodeContext) -> Message | DeadLetter:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    (result,) = decode_salesforce(body, "f@0", context)
    return result


def _values(event: dict[str, Any] | bytes, context: DecodeContext) -> dict[str, str | None]:
    message = _result(event, context)
    assert isinstance(message, Message), message
    (changed,) = message.events
    assert isinstance(changed, RecordChanged)
    assert list(changed.values) == sorted(changed.values)
    return changed.values


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("40.0", "40"),
        ("40", "40"),
        ("0.10", "0.1"),
        ("-3.50", "-3.5"),
        ("-0.0", "0"),
        ("0", "0"),
        ("1e3", "1000"),
        ("1200", "1200"),
        ("12345678901234567.89", "12345678901234567.89"),
        ("0.1234567890123456789", "0.1234567890123456789"),
    ],
)
def test_numbers_keep_every_digit(
    change: BuildChange, context: DecodeContext, number: str, text: str
) -> None:
    body = json.dumps(change("OrderItem", "UPDATE", UnitPrice=-77)).replace("-77", number)
    assert _values(body.encode(), context) == {"unit_price": text}


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=8
    )
)
def test_a_number_s_text_is_that_number(number: Decimal) -> None:
    text = canonical_text(Field("UnitPrice", "unit_price", Kind.NUMBER), number)
    assert text is not None
    assert Decimal(text) == number
    assert "E" not in text


@pytest.mark.parametrize(
    "moment",
    [
        1767398400000,
        1767398400000.0,
        "2026-01-03",
        "2026-01-03T00:00:00Z",
        "2026-01-03T00:00:00.000Z",
        "2026-01-03T00:00:00.000+0000",
        "2026-01-03T01:00:00+01:00",
    ],
)
def test_times_in_every_delivered_form_are_one_instant(
    change: BuildChange, context: DecodeContext, moment: object
) -> None:
    update = change("Contract", "UPDATE", StartDate=moment)
    assert _values(update, context) == {"start_date": "1767398400000000"}


@pytest.mark.parametrize(
    ("entity", "field", "value", "reason"),
    [
        ("Contract", "Status", 5, "wrong_type"),
        ("Contract", "Status", {"string": "Draft"}, "wrong_type"),
        ("Contract", "Status", ["Draft"], "wrong_type"),
        ("Account", "BillingAddress", "Hamburg", "wrong_type"),
        ("Contract", "AccountId", "001", "invalid_value"),
        ("Contract", "AccountId", 1, "wrong_type"),
        ("Contract", "CurrencyIsoCode", "XXX", "unknown_currency"),
        ("Contract", "CurrencyIsoCode", "eur", "unknown_currency"),
        ("Contract", "CurrencyIsoCode", 978, "wrong_type"),
        ("Contract", "ContractTerm", 12.5, "invalid_value"),
        ("Contract", "ContractTerm", 0, "invalid_value"),
        ("Contract", "ContractTerm", -1, "invalid_value"),
        ("Contract", "ContractTerm", 1201, "invalid_value"),
        ("Contract", "ContractTerm", "12", "wrong_type"),
        ("Contract", "ContractTerm", True, "wrong_type"),
        ("Contract", "StartDate", True, "wrong_type"),
        ("Contract", "StartDate", "2026-01-03T00:00:00", "invalid_value"),
        ("Contract", "StartDate", "next year", "invalid_value"),
        ("Contract", "StartDate", "2026-13-01", "invalid_value"),
        ("Contract", "StartDate", 1767398400000.5, "invalid_value"),
        ("Contract", "StartDate", 1767398400, "timestamp_out_of_range"),
        ("Contract", "EndDate", "9999-12-31", "timestamp_out_of_range"),
        ("Contract", "EndDate", 10**40, "amount_out_of_range"),
        ("Opportunity", "IsWon", "true", "wrong_type"),
        ("Opportunity", "IsWon", 1, "wrong_type"),
        ("OrderItem", "Quantity", "40", "wrong_type"),
        ("OrderItem", "Quantity", int("9" * 31), "amount_out_of_range"),
    ],
)
def test_values_that_cannot_be_are_told_and_never_guessed(
    change: BuildChange, context: DecodeContext, entity: str, field: str, value: object, reason: str
) -> None:
    result = _result(change(entity, "UPDATE", **{field: value}), context)
    assert isinstance(result, DeadLetter)
    assert result.reason == reason
    assert field in result.detail
    assert str(value) not in result.detail


@pytest.mark.parametrize("name", ["a\x00b", "a\u2028b", "x" * 10_001])
def test_names_that_no_system_can_show_are_told(
    change: BuildChange, context: DecodeContext, name: str
) -> None:
    letter = _result(change("Account", "UPDATE", Name=name), context)
    assert isinstance(letter, DeadLetter)
    assert letter.reason in ("invalid_value", "too_large")


@pytest.mark.parametrize("name", ["<b>A&B</b>", 'Say "x", y', "two\nlines", "Łódź 東京"])
def test_names_that_look_odd_are_kept(
    change: BuildChange, context: DecodeContext, name: str
) -> None:
    assert _values(change("Account", "UPDATE", Name=name), context) == {"name": name}


@pytest.mark.parametrize("number", ["1e999999999", "-1e31", "1e-40", "0." + "1" * 40])
def test_numbers_without_end_are_told(
    change: BuildChange, context: DecodeContext, number: str
) -> None:
    body = json.dumps(change("OrderItem", "UPDATE", UnitPrice=-77)).replace("-77", number)
    letter = _result(body.encode(), context)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "amount_out_of_range"


@pytest.mark.parametrize("kind", list(Kind))
@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals()
    | st.lists(st.text(), max_size=2)
)
def test_any_value_becomes_text_or_a_reason(kind: Kind, value: object) -> None:
    try:
        text = canonical_text(Field("AnyField", "any", kind), value)
    except Rejected as rejected:
        assert rejected.detail.startswith("AnyField ")
    else:
        assert text is None or isinstance(text, str)
