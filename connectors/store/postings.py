"""Reads the books back: posted entries and reversals with their lines, in a stable order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from connectors.store.applied import read_applied
from connectors.store.backend import Backend
from connectors.store.posting import read_lines
from connectors.store.rows import entry_of
from connectors.store.tables import journal_entries, outbox
from ledger.gl_accounts import Mapped
from ledger.journal import JournalEntry

_BLOCK = 1000
"""Postings read at a time."""


class PostedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A posting: an entry as it was booked, or the reversal of one (lines negated)."""

    posting_id: str
    kind: str
    """entry or reversal."""
    revision: int
    """Of the entry, or of the entry that the reversal takes back."""
    reverses: str | None
    """Posting id of the entry taken back."""
    cause: str
    """The message that brought this revision; `policy:…` or `refold` when none did."""
    period: str
    """Accounting period it is booked in, `YYYY-MM`."""
    original_period: str | None
    """Accounting period of its date, when that was closed."""
    delivery: str
    """pending, accepted or refused."""
    delivery_reason: str | None
    """A code of `ledger.reasons.Reason`."""
    entry: JournalEntry
    """Its lines are what is booked: negated for a reversal."""
    delivery_attempts: int = 0
    erp_words: str | None = None
    """What the ERP said when it refused it."""
    external_id: str | None = None
    """Its name in the ERP."""
    delivered_to: str | None = None
    """Which ERP was tried last."""
    accounts: Mapped = ()
    """GL accounts it was last handed out with, one per line; empty before."""


def read_postings(
    connection: Connection,
    backend: Backend,
    *,
    tenant: str | None = None,
    entity: str | None = None,
    period: str | None = None,
) -> Iterator[PostedEntry]:
    """Every posting by period, date, entry key and revision (reversal last); read as a stream."""
    entry = journal_entries.c
    query = select(entry.posting_no)
    for column, wanted in ((entry.tenant, tenant), (entry.entity, entity), (entry.period, period)):
        if wanted is not None:
            query = query.where(column == wanted)
    # Only keys are sorted, not whole rows.
    query = query.order_by(
        entry.period,
        entry.accounting_date,
        entry.tenant,
        entry.entry_key,
        entry.revision,
        entry.kind,
    )
    numbers = connection.execute(query.execution_options(yield_per=_BLOCK)).scalars()
    while block := list(islice(numbers, _BLOCK)):
        found = dict(postings_of(connection, backend, block))
        yield from (found[number] for number in block)


def postings_of(
    connection: Connection, backend: Backend, posting_numbers: Iterable[int]
) -> Iterator[tuple[int, PostedEntry]]:
    """Postings by number, in the order of their numbers."""
    wanted = list(posting_numbers)
    lines_of = read_lines(connection, backend, wanted)
    applied = read_applied(connection, backend, wanted)
    query = _with_delivery().where(backend.among(journal_entries.c.posting_no, wanted))
    for row in connection.execute(query.order_by(journal_entries.c.posting_no)):
        given = applied.get(row.posting_no)
        entry = entry_of(row, lines_of[row.posting_no])
        yield row.posting_no, _posted(row, entry, given.lines if given else ())


def _with_delivery() -> Select[Any]:
    original = journal_entries.alias("original")
    return (
        select(
            journal_entries,
            original.c.posting_id.label("reversed_id"),
            outbox.c.status,
            outbox.c.reason,
            outbox.c.attempts,
            outbox.c.erp_words,
            outbox.c.external_id,
            outbox.c.delivered_to,
        )
        .join(outbox, outbox.c.posting_no == journal_entries.c.posting_no)
        .outerjoin(original, original.c.posting_no == journal_entries.c.reverses)
    )


def _posted(row: Any, entry: JournalEntry, accounts: Mapped) -> PostedEntry:
    return PostedEntry(
        posting_id=row.posting_id,
        kind=row.kind,
        revision=row.revision,
        reverses=row.reversed_id,
        cause=row.cause,
        period=row.period,
        original_period=row.original_period,
        delivery=row.status,
        delivery_reason=row.reason,
        entry=entry,
        delivery_attempts=row.attempts,
        erp_words=row.erp_words,
        external_id=row.external_id,
        delivered_to=row.delivered_to,
        accounts=accounts,
    )
