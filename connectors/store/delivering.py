"""The deliverer's side of the outbox: which postings may go next, and what came of them.

A batch is written down before it is handed over, so that whatever becomes of the deliverer the
very same batch is handed over again first. A reversal may only go once the ERP has its entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)

from connectors.store.backend import Backend
from connectors.store.outbox import DeliveryStatus
from connectors.store.postings import PostedEntry, postings_of
from connectors.store.tables import journal_entries, messages, outbox
from connectors.store.trace_contexts import causes_of, context_of, read_contexts
from ledger.reasons import Reason
from ledger.trace_context import TraceContext


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A posting in the outbox that may be delivered."""

    position: int
    posting: PostedEntry
    in_batch: bool
    """Whether it was handed over in a batch of which nothing is known since."""
    schema_version: str
    """Of the events of the message that caused the entry; empty when it is not archived."""
    trace: TraceContext | None = None
    """Which request brought the message that caused the posting."""


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that was begun and of which nothing is known since."""

    batch_id: str
    at_micros: int
    """When it was handed over first."""
    postings: tuple[Waiting, ...]


class DeliveryResult(NamedTuple):
    """What came of the delivery of one posting."""

    position: int
    status: str
    """A value of `DeliveryStatus`."""
    reason: str | None = None
    """A code of `ledger.reasons.Reason`, None once accepted."""
    erp_words: str | None = None
    external_id: str | None = None
    attempts: int = 1
    """How often it was tried, to be added to what was counted before."""


class OutboxCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many postings stand where."""

    pending: int = 0
    accepted: int = 0
    refused: int = 0


def read_unfinished(connection: Connection, backend: Backend, tenant: str) -> HandedOver | None:
    """Return the oldest batch of a tenant that was handed over and never recorded."""
    begun = and_(_pending(), outbox.c.batch_id.is_not(None))
    first = (
        select(outbox.c.batch_id, outbox.c.attempted_at_micros)
        .join(journal_entries, journal_entries.c.posting_no == outbox.c.posting_no)
        .where(begun, journal_entries.c.tenant == tenant)
        .order_by(outbox.c.position)
        .limit(1)
    )
    found = connection.execute(first).first()
    if found is None:
        return None
    query = select(outbox.c.position, outbox.c.posting_no, outbox.c.batch_id).where(
        _pending(), outbox.c.batch_id == found.batch_id
    )
    return HandedOver(
        batch_id=found.batch_id,
        at_micros=found.attempted_at_micros,
        postings=tuple(_waiting(connection, backend, query)),
    )


def read_next(
    connection: Connection, backend: Backend, tenant: str, after: int, limit: int
) -> list[Waiting]:
    """Return postings of a tenant past a position that may go now, in order.

    Left out: those of an unfinished batch, and reversals whose entry the ERP does not have.
    """
    original = outbox.alias("original")
    query = (
        select(outbox.c.position, outbox.c.posting_no, outbox.c.batch_id)
        .join(journal_entries, journal_entries.c.posting_no == outbox.c.posting_no)
        .outerjoin(original, original.c.posting_no == journal_entries.c.reverses)
        .where(
            _pending(),
            journal_entries.c.tenant == tenant,
            outbox.c.batch_id.is_(None),
            outbox.c.position > after,
            or_(
                journal_entries.c.reverses.is_(None),
                original.c.status == DeliveryStatus.ACCEPTED.value,
            ),
        )
        .limit(limit)
    )
    return _waiting(connection, backend, query)


def _pending() -> ColumnElement[bool]:
    # The second condition is implied; written out, it lets the index of open postings be used.
    return and_(
        outbox.c.status == DeliveryStatus.PENDING.value,
        outbox.c.status != literal_column("'accepted'"),
    )


def _refused() -> ColumnElement[bool]:
    return and_(
        outbox.c.status == DeliveryStatus.REFUSED.value,
        outbox.c.status != literal_column("'accepted'"),
    )


def _waiting(connection: Connection, backend: Backend, query: Select[Any]) -> list[Waiting]:
    rows = connection.execute(query.order_by(outbox.c.position)).all()
    found = dict(postings_of(connection, backend, [row.posting_no for row in rows]))
    versions = _schema_versions(connection, backend, found.values())
    causes = [key for posting in found.values() for key in causes_of(posting)]
    contexts = read_contexts(connection, backend, causes)
    return [
        Waiting(
            position=row.position,
            posting=found[row.posting_no],
            in_batch=row.batch_id is not None,
            schema_version=versions.get(_source_of(found[row.posting_no]), ""),
            trace=context_of(found[row.posting_no], contexts),
        )
        for row in rows
    ]


def _schema_versions(
    connection: Connection, backend: Backend, postings: Iterable[PostedEntry]
) -> dict[tuple[str, str], str]:
    """Schema versions of the messages that caused postings, by (tenant, message id)."""
    query = select(messages.c.tenant, messages.c.message_id, messages.c.schema_version).where(
        backend.among(messages.c.message_id, {_source_of(posting)[1] for posting in postings})
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _source_of(posting: PostedEntry) -> tuple[str, str]:
    return posting.entry.tenant, posting.entry.source_event_id


def hand_over(
    connection: Connection,
    backend: Backend,
    batch_id: str,
    positions: Sequence[int],
    at_micros: int,
) -> None:
    """Write down that these postings are about to be handed over together."""
    connection.execute(
        update(outbox)
        .where(backend.among(outbox.c.position, positions))
        .values(batch_id=batch_id, attempted_at_micros=at_micros)
    )


def record_results(
    connection: Connection,
    results: Sequence[DeliveryResult],
    *,
    delivered_to: str,
    finished: bool,
) -> None:
    """Keep what came of postings; `finished`: their batch is known to be over."""
    if not results:
        return
    values: dict[str, Any] = {
        "status": bindparam("new_status"),
        "reason": bindparam("new_reason"),
        "erp_words": bindparam("new_words"),
        "external_id": bindparam("new_id"),
        "attempts": outbox.c.attempts + bindparam("tries"),
        "delivered_to": delivered_to,
    }
    if finished:
        values["batch_id"] = None
    connection.execute(
        update(outbox).where(outbox.c.position == bindparam("wanted")).values(values),
        [
            {
                "wanted": result.position,
                "new_status": result.status,
                "new_reason": result.reason,
                "new_words": result.erp_words,
                "new_id": result.external_id,
                "tries": result.attempts,
            }
            for result in results
        ],
    )


def retry_refused(
    connection: Connection, backend: Backend, posting_ids: Iterable[str] | None
) -> int:
    """Put refused postings back into the queue, all or those named; return how many."""
    again = update(outbox).where(outbox.c.status == DeliveryStatus.REFUSED.value)
    if posting_ids is not None:
        numbers = select(journal_entries.c.posting_no).where(
            backend.among(journal_entries.c.posting_id, posting_ids)
        )
        again = again.where(outbox.c.posting_no.in_(numbers))
    done = connection.execute(
        again.values(
            status=DeliveryStatus.PENDING.value, reason=None, erp_words=None, batch_id=None
        )
    )
    return done.rowcount


def read_counts(connection: Connection, tenant: str | None = None) -> OutboxCounts:
    """How many postings of a tenant, or of all, stand where."""
    query = select(outbox.c.status, func.count()).group_by(outbox.c.status)
    if tenant is not None:
        query = query.join(
            journal_entries, journal_entries.c.posting_no == outbox.c.posting_no
        ).where(journal_entries.c.tenant == tenant)
    return OutboxCounts(**{row[0]: row[1] for row in connection.execute(query)})


def read_undelivered(
    connection: Connection, backend: Backend, tenant: str | None
) -> list[PostedEntry]:
    """Postings that a person must look at: refused ones, and pending ones with another reason
    than an ERP that is away."""
    held = and_(_pending(), outbox.c.reason.is_not(None), outbox.c.reason != Reason.ERP_AWAY.value)
    query = (
        select(outbox.c.posting_no)
        .join(journal_entries, journal_entries.c.posting_no == outbox.c.posting_no)
        .where(or_(_refused(), held))
        .order_by(outbox.c.position)
    )
    if tenant is not None:
        query = query.where(journal_entries.c.tenant == tenant)
    numbers = connection.execute(query).scalars().all()
    return [posting for _, posting in postings_of(connection, backend, numbers)]
