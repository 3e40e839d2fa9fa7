"""Reads what is posted and adds what a plan says; nothing here updates or deletes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from connectors.store.backend import Backend, Row
from connectors.store.books_calendar import PostingPeriods
from connectors.store.planning import Booking, Plan, Posted
from connectors.store.rows import json_text, line_of, line_rows, negated
from connectors.store.tables import journal_entries, journal_lines
from ledger.journal import JournalLine, posting_id

_EMPTY = "[]"


def read_posted(
    connection: Connection, backend: Backend, party_numbers: Iterable[int]
) -> dict[int, list[Posted]]:
    """Return every entry ever posted for these parties, by party_no; no reversals."""
    entry = journal_entries
    reversal = journal_entries.alias("reversal")
    query = (
        select(
            entry.c.posting_no,
            entry.c.party_no,
            entry.c.entry_key,
            entry.c.revision,
            entry.c.digest,
            entry.c.policy,
            reversal.c.posting_no.is_(None),
        )
        .outerjoin(reversal, reversal.c.reverses == entry.c.posting_no)
        .where(backend.among(entry.c.party_no, party_numbers), entry.c.kind == "entry")
        .order_by(entry.c.posting_no)
    )
    found: dict[int, list[Posted]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.party_no].append(Posted(*row))
    return found


def number_apart(connection: Connection, backend: Backend, plan: Plan) -> Plan:
    """Raise revisions whose posting id another party (or booking) has taken already.

    Two parties can claim the same entry key, when a source tells one invoice for two customers
    or when identities change. Each party's books follow its own events; the key's revisions are
    counted through.
    """
    bookings = list(plan.bookings)
    taken: set[str] = set()
    unsettled = list(range(len(bookings)))
    while unsettled:
        ids = {index: _id_of(bookings[index]) for index in unsettled}
        query = select(journal_entries.c.posting_id).where(
            backend.among(journal_entries.c.posting_id, ids.values())
        )
        posted = set(connection.execute(query).scalars())
        colliding = []
        for index, new_id in ids.items():
            if new_id in posted or new_id in taken:
                revision = bookings[index].revision + 1
                bookings[index] = bookings[index]._replace(revision=revision)
                colliding.append(index)
            taken.add(new_id)
        unsettled = colliding
    return Plan(plan.reversals, bookings)


def _id_of(booking: Booking) -> str:
    return posting_id(booking.entry.tenant, booking.entry.entry_key, booking.revision)


class Written(NamedTuple):
    """What a plan added to the books."""

    posting_numbers: list[int]
    """Of every entry and reversal, in order."""
    lines: int


def write_plan(
    connection: Connection, backend: Backend, plan: Plan, periods: PostingPeriods
) -> Written:
    """Insert reversals, then entries, with their lines."""
    count = len(plan.reversals) + len(plan.bookings)
    if not count:
        return Written([], 0)
    numbers = iter(backend.next_numbers(connection, journal_entries.c.posting_no, count))
    entries: list[Row] = []
    lines: list[Row] = []
    for number, row, taken_back in _reversal_rows(connection, backend, plan, numbers, periods):
        entries.append(row)
        lines.extend(line_rows(number, taken_back))
    for booking in plan.bookings:
        number = next(numbers)
        entries.append(_entry_row(number, booking, periods))
        lines.extend(line_rows(number, booking.entry.lines))
    backend.insert(connection, journal_entries, entries)
    backend.insert(connection, journal_lines, lines)
    return Written([row[0] for row in entries], len(lines))


def _entry_row(number: int, booking: Booking, periods: PostingPeriods) -> Row:
    entry = booking.entry
    period, original = periods.posting_period(entry.tenant, entry.entity, entry.accounting_date)
    return (
        number,
        posting_id(entry.tenant, entry.entry_key, booking.revision),
        "entry",
        None,
        booking.cause,
        booking.revision,
        booking.party_no,
        entry.tenant,
        entry.entry_key,
        entry.entity,
        entry.currency,
        entry.functional_currency,
        entry.accounting_date,
        period,
        original,
        entry.rule,
        entry.policy,
        entry.source_event_id,
        entry.event_id,
        entry.customer_id,
        entry.contract_id,
        entry.invoice_id,
        entry.memo,
        json_text(entry.evidence) if entry.evidence else _EMPTY,
        booking.digest,
        entry.region,
    )


def _reversal_rows(
    connection: Connection,
    backend: Backend,
    plan: Plan,
    numbers: Iterator[int],
    periods: PostingPeriods,
) -> Iterator[tuple[int, Row, tuple[JournalLine, ...]]]:
    """Rows of the reversals with their numbers and lines."""
    if not plan.reversals:
        return
    reversed_numbers = [reversal.posted.posting_no for reversal in plan.reversals]
    query = select(journal_entries).where(
        backend.among(journal_entries.c.posting_no, reversed_numbers)
    )
    row_of = {row.posting_no: row for row in connection.execute(query)}
    lines_of = read_lines(connection, backend, reversed_numbers)
    for posted, cause in plan.reversals:
        number = next(numbers)
        taken_back = tuple(negated(line) for line in lines_of[posted.posting_no])
        yield number, _reversal_row(number, row_of[posted.posting_no], cause, periods), taken_back


def _reversal_row(number: int, old: Any, cause: str, periods: PostingPeriods) -> Row:
    """The reversed row, but for what makes it a reversal; the period is decided anew."""
    values = dict(old._mapping)
    period, original = periods.posting_period(old.tenant, old.entity, old.accounting_date)
    values.update(
        posting_no=number,
        posting_id=posting_id(old.tenant, old.entry_key, old.revision, reversal=True),
        kind="reversal",
        reverses=old.posting_no,
        cause=cause,
        period=period,
        original_period=original,
    )
    return tuple(values.values())


def read_lines(
    connection: Connection, backend: Backend, posting_numbers: Iterable[int]
) -> dict[int, tuple[JournalLine, ...]]:
    """Return the lines of postings, in their order."""
    query = (
        select(journal_lines)
        .where(backend.among(journal_lines.c.posting_no, posting_numbers))
        .order_by(journal_lines.c.posting_no, journal_lines.c.line_no)
    )
    found: dict[int, list[JournalLine]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.posting_no].append(line_of(row))
    return {number: tuple(lines) for number, lines in found.items()}
