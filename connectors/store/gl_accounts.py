"""Applies a GL mapping to postings in the outbox, and keeps what was applied.

A posting gets its accounts when it is handed out. Until the ERP may have it, a newer mapping may
give it others; from then on what was applied stands, whatever becomes of the mapping. A reversal
always has the accounts of its entry, so that both cancel in the ERP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select

from connectors.store.applied import Applied, read_applied
from connectors.store.backend import Backend, Row
from connectors.store.outbox import DeliveryStatus
from connectors.store.postings import PostedEntry
from connectors.store.tables import applied_accounts, journal_entries, outbox
from ledger.gl_accounts import Mapped, Unmapped, map_entry
from ledger.gl_mapping import GlMapping

Outcome = Mapped | Unmapped

_NOTHING = Applied(0, ())


class _State(NamedTuple):
    posting_no: int
    reverses: int | None
    is_fixed: bool
    """The ERP has it or may have it: its accounts are no longer ours to change."""


def apply_mapping(
    connection: Connection, backend: Backend, mapping: GlMapping, postings: Sequence[PostedEntry]
) -> dict[str, Outcome]:
    """Give postings of the outbox their accounts and write them down.

    Returns by posting id what each has now, or what is missing.
    """
    states = _states(connection, backend, [posting.posting_id for posting in postings])
    concerned = {n for state in states.values() for n in state[:2] if n is not None}
    standing = read_applied(connection, backend, concerned)
    outcomes: dict[str, Outcome] = {}
    rows: list[Row] = []
    for posting in postings:
        state = states[posting.posting_id]
        outcome = _outcome(mapping, posting, state, standing)
        outcomes[posting.posting_id] = outcome
        if not isinstance(outcome, Unmapped):
            rows += _new_rows(state.posting_no, outcome, standing.get(state.posting_no, _NOTHING))
    backend.insert(connection, applied_accounts, rows)
    return outcomes


def _states(
    connection: Connection, backend: Backend, posting_ids: Sequence[str]
) -> dict[str, _State]:
    query = (
        select(
            journal_entries.c.posting_id,
            journal_entries.c.posting_no,
            journal_entries.c.reverses,
            may_be_in_the_erp(),
        )
        .join(outbox, outbox.c.posting_no == journal_entries.c.posting_no)
        .where(backend.among(journal_entries.c.posting_id, posting_ids))
    )
    return {row[0]: _State(*row[1:]) for row in connection.execute(query)}


def may_be_in_the_erp() -> ColumnElement[bool]:
    """Condition on the outbox: accepted, or handed over and nothing is known since."""
    return or_(outbox.c.status == DeliveryStatus.ACCEPTED.value, outbox.c.batch_id.is_not(None))


def _outcome(
    mapping: GlMapping, posting: PostedEntry, state: _State, standing: Mapping[int, Applied]
) -> Outcome:
    given = standing.get(state.posting_no) if state.is_fixed else None
    if given is None and state.reverses is not None:
        given = standing.get(state.reverses)
    return map_entry(mapping, posting.entry) if given is None else given.lines


def _new_rows(posting_no: int, lines: Mapped, before: Applied) -> list[Row]:
    """Rows of an application, if it is not what stands already."""
    if lines == before.lines:
        return []
    return [
        (
            posting_no,
            before.application + 1,
            line_no,
            line.mapping,
            line.row,
            line.account,
            line.department,
            line.gl_class,
        )
        for line_no, line in enumerate(lines)
    ]
