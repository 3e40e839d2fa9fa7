"""The way of postings to the ERP: in order, each until it is accepted.

Positions have no gap and follow the order of commits, on both databases: a reader that has
taken everything up to a position has missed nothing before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, func, select, update

from connectors.store.backend import Backend
from connectors.store.errors import UnknownId
from connectors.store.tables import journal_entries, outbox

_UNTRIED = (None,) * 5
"""Batch, words of the ERP, its id, where it went and when it was tried: of nothing tried yet."""


class DeliveryStatus(StrEnum):
    """Where the delivery of a posting stands."""

    PENDING = "pending"
    """Not delivered yet, or to be tried again."""
    ACCEPTED = "accepted"
    """The ERP has it."""
    REFUSED = "refused"
    """The ERP will not take it as it is; a person must look."""


class Delivery(NamedTuple):
    """A posting on its way."""

    position: int
    posting_id: str
    status: str
    reason: str | None
    attempts: int


def enqueue(connection: Connection, backend: Backend, posting_numbers: Sequence[int]) -> None:
    """Give postings their positions. The last thing a commit does.

    Whoever takes positions keeps others from taking any until it has committed.
    """
    if not posting_numbers:
        return
    backend.own_outbox(connection)
    highest = connection.execute(select(func.coalesce(func.max(outbox.c.position), 0)))
    first = highest.scalar_one() + 1
    backend.insert(
        connection,
        outbox,
        [
            (position, number, DeliveryStatus.PENDING.value, None, 0, *_UNTRIED)
            for position, number in enumerate(posting_numbers, first)
        ],
    )


def read_deliveries(
    connection: Connection, *, status: DeliveryStatus, after: int, limit: int
) -> list[Delivery]:
    """Return deliveries of a status past a position, in order."""
    query = (
        select(
            outbox.c.position,
            journal_entries.c.posting_id,
            outbox.c.status,
            outbox.c.reason,
            outbox.c.attempts,
        )
        .join(journal_entries, journal_entries.c.posting_no == outbox.c.posting_no)
        .where(outbox.c.status == status.value, outbox.c.position > after)
        .order_by(outbox.c.position)
        .limit(limit)
    )
    return [Delivery(*row) for row in connection.execute(query)]


def record_delivery(
    connection: Connection, posting_id: str, status: DeliveryStatus, reason: str | None
) -> None:
    """Keep what came of an attempt to deliver a posting. Raises UnknownId for a foreign id."""
    number = select(journal_entries.c.posting_no).where(journal_entries.c.posting_id == posting_id)
    done = connection.execute(
        update(outbox)
        .where(outbox.c.posting_no == number.scalar_subquery())
        .values(status=status.value, reason=reason, attempts=outbox.c.attempts + 1)
    )
    if done.rowcount != 1:
        raise UnknownId(f"no posting {posting_id}")
