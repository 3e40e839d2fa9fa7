"""Decimals: exact or refused, and written one way."""

from __future__ import annotations

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decimals import decimal_from_bytes, decimal_from_text, decimal_to_bytes, plain
from schemas.rules import fits_decimal

ROOMY = Context(prec=100)


def in_steps(unscaled: int) -> Decimal:
    return Decimal(unscaled).scaleb(-12, context=ROOMY)


KEPT = st.integers(-(10**38) + 1, 10**38 - 1).map(in_steps)


@given(KEPT)
def test_what_fits_survives_avro(value: Decimal) -> None:
    assert fits_decimal(value)
    assert decimal_from_bytes(decimal_to_bytes(value)) == value


@given(KEPT, st.integers(0, 5))
def test_a_number_is_written_one_way(value: Decimal, zeros: int) -> None:
    longer = Decimal(f"{value:f}" + ("." if "." not in f"{value:f}" else "") + "0" * zeros)
    assert longer == value
    assert str(plain(longer)) == str(plain(value))
    assert plain(value) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.50", "1.5"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.00", "0"),
        ("0E+5", "0"),
        (".5", "0.5"),
    ],
)
def test_zeros_at_the_end_and_exponents_go(text: str, shown: str) -> None:
    assert str(plain(Decimal(text))) == shown


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "1E+999999", "1E-999999"])
def test_what_no_schema_holds_stays_and_does_not_fit(text: str) -> None:
    value = plain(Decimal(text))
    assert str(value) == text
    assert not fits_decimal(value)


@pytest.mark.parametrize(
    "text", ["", "1,5", "1_000", "NaN", "٣", "1e9999", "0x1", " 1", "1 ", "--1"]
)
def test_text_that_is_no_plain_number_is_none(text: str) -> None:
    assert decimal_from_text(text) is None


def test_bytes_beyond_the_precision_are_none_and_never_rounded() -> None:
    most = 10**38 - 1
    assert decimal_from_bytes(most.to_bytes(16, "big", signed=True)) == in_steps(most)
    assert decimal_from_bytes((most + 1).to_bytes(16, "big", signed=True)) is None
    assert decimal_from_bytes((-most - 1).to_bytes(17, "big", signed=True)) is None
