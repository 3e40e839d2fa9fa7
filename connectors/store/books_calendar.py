"""Accounting periods: the calendar of each legal entity, which periods are shut, where to book.

The posting period is the accounting period when it is open, else the next open one; decided
once, when the posting is booked. A period nobody has closed is open; an entity without a calendar
of its own keeps months.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from connectors.store.backend import Backend
from connectors.store.errors import CalendarChanged, StoreError
from connectors.store.tables import calendars, journal_entries, periods
from ledger.periods import MONTHS, Calendar, UnknownPeriod, calendar_for
from ledger.policies import BooksConfig, CalendarConfig

Calendars = Mapping[tuple[str, str], Calendar]
"""By (tenant, entity); entities of months are absent."""

_definition = msgspec.json.Decoder(CalendarConfig).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


class PeriodState(StrEnum):
    """What may be booked in a period of a legal entity."""

    OPEN = "open"
    """Everything."""
    SOFT_CLOSED = "soft_closed"
    """What an approved adjustment or the close itself books; everything else goes to the next
    open period. It may be opened again without reopening what was reported."""
    CLOSED = "closed"
    """Nothing any more."""


class PostingPeriods:
    """Answers where to book, from calendars and the periods that are not open."""

    def __init__(self, shut: Iterable[tuple[str, str, str]], calendars: Calendars) -> None:
        self._shut = frozenset(shut)
        """(tenant, entity, period)"""
        self._calendars = calendars

    def posting_period(self, tenant: str, entity: str, iso_date: str) -> tuple[str, str | None]:
        """Return (period to book in, period of the date when it is another)."""
        calendar = self._calendars.get((tenant, entity), MONTHS) if self._calendars else MONTHS
        period = booked = calendar.label_of_date(iso_date)
        if not self._shut:
            return period, None
        while (tenant, entity, booked) in self._shut:
            booked = calendar.next_label(booked)
        return booked, (None if booked == period else period)


def read_calendars(connection: Connection) -> dict[tuple[str, str], Calendar]:
    """Return the calendar of every entity that keeps other periods than plain months."""
    return {
        (row.tenant, row.entity): calendar_for(_definition(row.definition))
        for row in connection.execute(select(calendars))
    }


def calendar_problems(connection: Connection, tenant: str, books: BooksConfig) -> list[str]:
    """Name the entities whose calendar in the store is not the one that the books configure."""
    kept = {e: c for (t, e), c in read_calendars(connection).items() if t == tenant}
    wanted = _wanted(books)
    return sorted(
        entity
        for entity in kept.keys() | wanted.keys()
        if kept.get(entity, MONTHS) is not wanted.get(entity, MONTHS)
    )


def _wanted(books: BooksConfig) -> dict[str, Calendar]:
    return {
        entity: calendar_for(settings.calendar)
        for entity, settings in books.entities.items()
        if settings.calendar is not None
    }


def keep_calendars(
    connection: Connection, backend: Backend, tenant: str, books: BooksConfig
) -> None:
    """Keep the configured calendars; raises CalendarChanged for an entity that has postings."""
    backend.own_periods(connection)
    wanted = _wanted(books)
    for entity in calendar_problems(connection, tenant, books):
        posted = select(journal_entries.c.posting_no).where(
            journal_entries.c.tenant == tenant, journal_entries.c.entity == entity
        )
        if connection.execute(posted.limit(1)).first():
            raise CalendarChanged(
                f"the books of {entity} are kept in other periods than the configuration says; "
                "a calendar cannot change once something is posted"
            )
        connection.execute(
            delete(calendars).where(calendars.c.tenant == tenant, calendars.c.entity == entity)
        )
        if entity in wanted:
            definition = _encode(wanted[entity].config).decode()
            backend.insert(connection, calendars, [(tenant, entity, definition)])


def read_posting_periods(
    connection: Connection, backend: Backend, opened: tuple[str, str, str] | None = None
) -> PostingPeriods:
    """Read the periods and keep them as they are until the transaction ends.

    `opened`: (tenant, entity, period) into which this commit may post although it is soft closed.
    """
    backend.share_periods(connection)
    query = select(periods).where(periods.c.state != PeriodState.OPEN.value)
    shut = [
        (row.tenant, row.entity, row.period)
        for row in connection.execute(query)
        if row.state == PeriodState.CLOSED.value or (row.tenant, row.entity, row.period) != opened
    ]
    return PostingPeriods(shut, read_calendars(connection))


def set_period_state(
    connection: Connection, backend: Backend, key: tuple[str, str, str], state: PeriodState
) -> PeriodState:
    """Open or close a period once no commit is under way; return the state before.

    `key` is (tenant, entity, period). Raises StoreError for what is no period of the entity.
    """
    tenant, entity, period = key
    backend.own_periods(connection)
    calendar = read_calendars(connection).get((tenant, entity), MONTHS)
    try:
        calendar.index_named(period)
    except UnknownPeriod as error:
        raise StoreError(str(error)) from error
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
    """The state of (tenant, entity, period)."""
    tenant, entity, period = key
    query = select(periods.c.state).where(
        periods.c.tenant == tenant, periods.c.entity == entity, periods.c.period == period
    )
    return PeriodState(connection.execute(query).scalar() or PeriodState.OPEN.value)


def shut_until(connection: Connection, tenant: str) -> int:
    """Return the end (exclusive, micros) of the latest period that is not open; 0 without any."""
    known = read_calendars(connection)
    query = select(periods.c.entity, periods.c.period).where(
        periods.c.tenant == tenant, periods.c.state != PeriodState.OPEN.value
    )
    ends = [0]
    for entity, period in connection.execute(query):
        calendar = known.get((tenant, entity), MONTHS)
        ends.append(calendar.end_micros(calendar.index_named(period)))
    return max(ends)


def booked_through(connection: Connection, period: str) -> ColumnElement[bool]:
    """Return the condition of what is booked in a period and before, in each entity's calendar.

    Where an entity names its periods otherwise, its last period that ends by then counts. Raises
    StoreError for what is a period of no calendar.
    """
    known = read_calendars(connection)
    entry = journal_entries.c
    named = [calendar for calendar in (MONTHS, *known.values()) if _has(calendar, period)]
    if not named:
        raise StoreError(f"{period!r} is not an accounting period: write 2026-01")
    end = named[0].end_micros(named[0].index_named(period))
    parts: list[ColumnElement[bool]] = []
    rest: list[ColumnElement[bool]] = []
    for (tenant, entity), calendar in sorted(known.items(), key=lambda one: one[0]):
        own = and_(entry.tenant == tenant, entry.entity == entity)
        parts.append(and_(own, entry.period <= _last_ended(calendar, period, end)))
        rest.append(or_(entry.tenant != tenant, entry.entity != entity))
    return or_(*parts, and_(*rest, entry.period <= _last_ended(MONTHS, period, end)))


def _has(calendar: Calendar, period: str) -> bool:
    try:
        calendar.index_named(period)
    except UnknownPeriod:
        return False
    return True


def _last_ended(calendar: Calendar, period: str, end: int) -> str:
    if _has(calendar, period):
        return period
    index = calendar.index_of(end)
    return calendar.label(index - 1)
