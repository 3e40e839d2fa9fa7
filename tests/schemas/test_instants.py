"""Instants in text: exact, with an offset, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import NotAnInstant, iso_from_micros, micros_from_iso
from schemas.rules import EARLIEST_MICROS, LATEST_MICROS


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-01-15T09:00:00Z", 1_768_467_600_000_000),
        ("2026-01-15T10:00:00+01:00", 1_768_467_600_000_000),
        ("2026-01-15 04:00:00-0500", 1_768_467_600_000_000),
        ("2026-01-15T09:00Z", 1_768_467_600_000_000),
        ("2026-01-15t09:00:00.000001z", 1_768_467_600_000_001),
        ("2026-01-15T09:00:00.123Z", 1_768_467_600_123_000),
        ("2026-01-15T09:00:00,5Z", 1_768_467_600_500_000),
        ("2026-01-15T09:00:00.123456000Z", 1_768_467_600_123_456),
        ("1999-12-31T23:59:59.999999Z", EARLIEST_MICROS - 1),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
    ],
)
def test_a_time_with_an_offset_is_an_instant(text: str, micros: int) -> None:
    assert micros_from_iso(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15T09:00:00",
        "2026-01-15",
        "2026-02-30T09:00:00Z",
        "2026-01-15T24:30:00Z",
        "2026-01-15T09:00:00.1234567Z",
        "2026-W03-4T09:00:00Z",
        "20260115T090000Z",
        "2026-01-15T09:00:00 Europe/Berlin",
        "2026-01-15T09:00:00Z\n",
        "٢٠٢٦-01-15T09:00:00Z",
        "",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(NotAnInstant):
        micros_from_iso(text)


@given(st.integers(EARLIEST_MICROS, LATEST_MICROS - 1))
def test_an_instant_survives_being_written(micros: int) -> None:
    assert micros_from_iso(iso_from_micros(micros)) == micros
