"""Which request brought a message: W3C trace contexts, kept beside the archive.

A posting finds what caused it through its `cause`, so nothing of this is in the journal, in a
digest or in a dump; books with and without it are the same books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from connectors.store.backend import Backend
from connectors.store.postings import PostedEntry
from connectors.store.tables import trace_contexts
from ledger.results import FoldedParty
from ledger.trace_context import TraceContext

MessageKey = tuple[str, str]
"""(tenant, message id)."""


def keep_contexts(connection: Connection, backend: Backend, folded: Sequence[FoldedParty]) -> None:
    """Keep the contexts of new messages; the first to come of a message stays."""
    rows = [
        (message.tenant, message.message_id, *message.trace)
        for party in folded
        for message in party.new_messages
        if message.trace is not None
    ]
    backend.insert_missing(connection, trace_contexts, sorted(rows))


def read_contexts(
    connection: Connection, backend: Backend, wanted: Iterable[MessageKey]
) -> dict[MessageKey, TraceContext]:
    """Return the contexts of messages; those that came without one are absent."""
    keys = set(wanted)
    table = trace_contexts.c
    ids = sorted({message_id for _, message_id in keys})
    query = select(table.tenant, table.message_id, table.trace_parent, table.trace_state)
    found = connection.execute(query.where(backend.among(table.message_id, ids)))
    return {(row[0], row[1]): TraceContext(row[2], row[3]) for row in found if row[:2] in keys}


def causes_of(posted: PostedEntry) -> tuple[MessageKey, MessageKey]:
    """The message that brought this revision, and the one on which the entry stands."""
    tenant = posted.entry.tenant
    return (tenant, posted.cause), (tenant, posted.entry.source_event_id)


def context_of(
    posted: PostedEntry, contexts: Mapping[MessageKey, TraceContext]
) -> TraceContext | None:
    """Which request caused a posting; None where that is not known."""
    return next((contexts[key] for key in causes_of(posted) if key in contexts), None)
