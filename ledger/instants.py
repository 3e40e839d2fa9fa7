"""Moments as text: the ledger's microseconds, always in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_instant(micros: int) -> str:
    """Return `2026-01-31T12:00:00+00:00`."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat()


def iso_day(micros: int | None) -> str:
    """Return `2026-01-31`, empty when there is none."""
    return "" if micros is None else iso_instant(micros)[: len("2026-01-31")]


def period_of(micros: int) -> str:
    """Return the accounting period of a moment, `2026-01`."""
    return iso_instant(micros)[: len("2026-01")]
