"""The way of lifecycle updates to whoever acts on them: in the order of commits, each once known.

Positions have no gap; see `connectors.store.outbox`, whose lock they share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, func, select, update

from connectors.store.backend import Backend
from connectors.store.rows import lifecycle_of
from connectors.store.standing import WITHDRAWN
from connectors.store.tables import lifecycle_updates, update_outbox
from connectors.store.trace_contexts import read_contexts
from ledger.results import LifecycleUpdate
from ledger.trace_context import TraceContext


class WaitingUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `lifecycle_updates` that nobody was told yet."""

    position: int
    update: LifecycleUpdate
    revision: int
    withdrawn: bool
    trace: TraceContext | None = None
    """Which request brought the message that caused it."""


class UpdateCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many updates stand where; issued and withdrawn ones count alike."""

    waiting: int
    published: int


def enqueue(connection: Connection, backend: Backend, revisions: Sequence[tuple[str, int]]) -> None:
    """Give (update id, revision) their positions. Among the last things a commit does."""
    if not revisions:
        return
    backend.own_outbox(connection)
    highest = connection.execute(select(func.coalesce(func.max(update_outbox.c.position), 0)))
    first = highest.scalar_one() + 1
    rows = [
        (at, update_id, number, None) for at, (update_id, number) in enumerate(revisions, first)
    ]
    backend.insert(connection, update_outbox, rows)


def read_waiting(
    connection: Connection, backend: Backend, tenant: str, limit: int
) -> list[WaitingUpdate]:
    """Return a tenant's updates that wait, in order."""
    one = lifecycle_updates
    query = (
        select(update_outbox.c.position, one)
        .join(
            one,
            (one.c.update_id == update_outbox.c.update_id)
            & (one.c.revision == update_outbox.c.revision),
        )
        .where(update_outbox.c.published_as.is_(None), one.c.tenant == tenant)
        .order_by(update_outbox.c.position)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    causes = [(tenant, row.source_event_id) for row in rows]
    contexts = read_contexts(connection, backend, causes)
    return [
        WaitingUpdate(
            position=row.position,
            update=lifecycle_of(row),
            revision=row.revision,
            withdrawn=row.action == WITHDRAWN,
            trace=contexts.get(cause),
        )
        for row, cause in zip(rows, causes, strict=True)
    ]


def record_published(connection: Connection, places: Mapping[int, str]) -> None:
    """Keep where updates were published, by position."""
    if not places:
        return
    connection.execute(
        update(update_outbox)
        .where(update_outbox.c.position == bindparam("wanted"))
        .values(published_as=bindparam("place")),
        [{"wanted": position, "place": place} for position, place in sorted(places.items())],
    )


def read_counts(connection: Connection, tenant: str) -> UpdateCounts:
    """How many updates of a tenant wait, and how many were published."""
    one = lifecycle_updates
    query = (
        select(func.count(), func.count(update_outbox.c.published_as))
        .select_from(update_outbox)
        .join(
            one,
            (one.c.update_id == update_outbox.c.update_id)
            & (one.c.revision == update_outbox.c.revision),
        )
        .where(one.c.tenant == tenant)
    )
    total, published = connection.execute(query).one()
    return UpdateCounts(waiting=total - published, published=published)
