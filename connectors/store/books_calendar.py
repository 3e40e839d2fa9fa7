"""Accounting periods: which are closed, and in which a posting is booked.

The posting period is the accounting period when it is open, else the next open one; decided
once, when the posting is booked. A period nobody has closed is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import Connection, delete, select

from connectors.store.backend import Backend
from connectors.store.errors import StoreError
from connectors.store.tables import periods

_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class PeriodState(StrEnum):
    """What may be booked in a period of a legal entity."""

    OPEN = "open"
    """Everything."""
    SOFT_CLOSED = "soft_closed"
    """Nothing from the stream; the close may still be taken back without reopening reports."""
    CLOSED = "closed"
    """Nothing any more."""


class PostingPeriods:
    """Answers where to book, from the periods that are not open."""

    def __init__(self, shut: Iterable[tuple[str, str, str]]) -> None:
        self._shut = frozenset(shut)
        """(tenant, entity, period)"""

    def posting_period(self, tenant: str, entity: str, period: str) -> tuple[str, str | None]:
        """Return (period to book in, accounting period when it is another)."""
        if not self._shut:
            return period, None
        booked = period
        while (tenant, entity, booked) in self._shut:
            booked = next_period(booked)
        return booked, (None if booked == period else period)


def next_period(period: str) -> str:
    """The month after, `YYYY-MM`."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + 1:04d}-01" if month == 12 else f"{year:04d}-{month + 1:02d}"


def read_posting_periods(connection: Connection, backend: Backend) -> PostingPeriods:
    """Read the periods and keep them as they are until the transaction ends."""
    backend.share_periods(connection)
    query = select(periods.c.tenant, periods.c.entity, periods.c.period).where(
        periods.c.state != PeriodState.OPEN.value
    )
    return PostingPeriods((row.tenant, row.entity, row.period) for row in connection.execute(query))


def set_period_state(
    connection: Connection, backend: Backend, key: tuple[str, str, str], state: PeriodState
) -> PeriodState:
    """Open or close a period once no commit is under way; return the state before.

    `key` is (tenant, entity, `YYYY-MM`). Raises StoreError for what is not a month.
    """
    tenant, entity, period = key
    if not _PERIOD.fullmatch(period):
        raise StoreError(f"{period!r} is not an accounting period: write 2026-01")
    backend.own_periods(connection)
    before = read_period_state(connection, key)
    connection.execute(
        delete(periods).where(
            periods.c.tenant == tenant, periods.c.entity == entity, periods.c.period == period
        )
    )
    if state is not PeriodState.OPEN:
        backend.insert(connection, periods, [(tenant, entity, period, state.value)])
    return before


def read_period_state(connection: Connection, key: tuple[str, str, str]) -> PeriodState:
    """The state of (tenant, entity, `YYYY-MM`)."""
    tenant, entity, period = key
    query = select(periods.c.state).where(
        periods.c.tenant == tenant, periods.c.entity == entity, periods.c.period == period
    )
    return PeriodState(connection.execute(query).scalar() or PeriodState.OPEN.value)
