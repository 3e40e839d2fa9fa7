"""What stands in the way of a close: money that waits or was refused, and ids that never came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, or_, select

from connectors.store.backend import Backend
from connectors.store.closing.decisions import Which
from connectors.store.dead_letters import LetterStatus
from connectors.store.tables import dead_letters, messages, pending
from ledger.closing.facts import OpenItem
from ledger.periods import Calendar, UnknownPeriod


def read_exceptions(
    connection: Connection, which: Which, calendar: Calendar, ends_micros: int
) -> list[OpenItem]:
    """Return what holds money of the entity in the period or before, sorted by id and reason.

    What does not say whose or when it is counts in every entity and period; a refused event that
    does not say how much it is about counts with an unknown amount. What waits counts whether its
    deadline has passed or not: after the close it would be booked late.
    """
    found = [*_letters(connection, which, calendar, ends_micros), *_waiting(connection, which)]
    kept = [one for one in found if _is_due(one, which, calendar)]
    return sorted(kept, key=lambda one: (one.item_id, one.reason, one.detail))


def _is_due(item: OpenItem, which: Which, calendar: Calendar) -> bool:
    if item.amount_minor == 0:
        return False
    if item.period is None:
        return True
    try:
        calendar.index_named(item.period)
    except UnknownPeriod:
        return True
    return item.period <= which.period


def _letters(
    connection: Connection, which: Which, calendar: Calendar, ends_micros: int
) -> Iterator[OpenItem]:
    letter = dead_letters.c
    query = select(dead_letters).where(
        letter.tenant == which.tenant,
        letter.status == LetterStatus.OPEN.value,
        _of(letter.entity, which.entity),
        or_(letter.occurred_at_micros.is_(None), letter.occurred_at_micros < ends_micros),
    )
    for row in connection.execute(query):
        occurred = row.occurred_at_micros
        yield OpenItem(
            item_id=row.dead_letter_id,
            reason=row.reason,
            detail=row.detail,
            amount_minor=row.amount_minor,
            currency=row.currency,
            period=None if occurred is None else calendar.label_at(occurred),
            events=() if row.message_id is None else (row.message_id,),
        )


def _waiting(connection: Connection, which: Which) -> Iterator[OpenItem]:
    query = select(pending).where(
        pending.c.tenant == which.tenant,
        _of(pending.c.entity, which.entity),
        pending.c.amount_minor.is_not(None),
    )
    for row in connection.execute(query):
        yield OpenItem(
            item_id=row.event_id,
            reason=row.reason,
            detail=f"waits for {row.waits_for}",
            amount_minor=row.amount_minor,
            currency=row.currency,
            period=row.period,
            events=(row.source_event_id,),
        )


def _of(column: ColumnElement[str], entity: str) -> ColumnElement[bool]:
    return or_(column.is_(None), column == entity)


def read_missing(
    connection: Connection, backend: Backend, which: Which, manifest: Sequence[tuple[str, str]]
) -> list[OpenItem]:
    """Return the (source, message id) of a manifest that were neither archived nor refused."""
    if not manifest:
        return []
    ids = [message_id for _, message_id in manifest]
    came: set[str] = set()
    for table in (messages, dead_letters):
        query = select(table.c.message_id).where(
            table.c.tenant == which.tenant, backend.among(table.c.message_id, ids)
        )
        came.update(connection.execute(query).scalars())
    return [
        OpenItem(
            item_id=f"gap:{message_id}",
            reason="not_delivered",
            detail=f"{source} lists it, and it never came",
            amount_minor=None,
            currency=None,
            period=which.period,
        )
        for source, message_id in sorted(set(manifest))
        if message_id not in came
    ]
