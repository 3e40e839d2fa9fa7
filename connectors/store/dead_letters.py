"""Dead letters and ownership conflicts: kept once by deterministic ids, closed when mended.

A refused message is in the archive and has a dead letter too; they are one event. What was never
archived (not decodable, or an event id with another meaning) stands apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from connectors.store.backend import Backend
from connectors.store.bodies import unpack_body
from connectors.store.errors import UnknownId
from connectors.store.rows import conflict_row, dead_letter_of, dead_letter_row
from connectors.store.tables import dead_letters, messages, ownership_conflicts
from ledger.messages import DeadLetter, Message, Outcome, dead_letter_id
from ledger.results import FoldedParty


class LetterStatus(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"
    """Needs a mend: of the data, the configuration or the program."""
    RESOLVED = "resolved"
    """Set aside by a person."""
    MENDED = "mended"
    """Its very bytes have been accepted since; the event now counts as a message."""


class LettersKept(NamedTuple):
    """What came of some dead letters."""

    new: list[DeadLetter]
    known: list[DeadLetter]


def keep_letters(
    connection: Connection, backend: Backend, letters: Sequence[DeadLetter]
) -> LettersKept:
    """Insert the dead letters that are not kept yet; the first of an id stays as it is."""
    if not letters:
        return LettersKept([], [])
    query = select(dead_letters.c.dead_letter_id).where(
        backend.among(dead_letters.c.dead_letter_id, {x.dead_letter_id for x in letters})
    )
    known_ids = set(connection.execute(query).scalars())
    kept = LettersKept([], [])
    for letter in letters:
        (kept.known if letter.dead_letter_id in known_ids else kept.new).append(letter)
        known_ids.add(letter.dead_letter_id)
    rows = sorted((dead_letter_row(letter) for letter in kept.new), key=lambda row: str(row[0]))
    backend.insert(connection, dead_letters, rows)
    return kept


def keep_while_open(
    connection: Connection, backend: Backend, letters: Sequence[DeadLetter]
) -> LettersKept:
    """Keep letters that come alone, while no period is being closed: its close counts them."""
    backend.share_periods(connection)
    return keep_letters(connection, backend, letters)


def keep_conflicts(connection: Connection, backend: Backend, folded: Iterable[FoldedParty]) -> int:
    """Insert the ownership conflicts that are not kept yet; return how many these were."""
    rows = {
        conflict_row(conflict, party.tenant)
        for party in folded
        for conflict in party.result.conflicts
    }
    return backend.insert_missing(connection, ownership_conflicts, sorted(rows))


def letter_ids_of_archived(
    connection: Connection, backend: Backend, tenant: str, message_ids: Iterable[str]
) -> set[str]:
    """Ids that the bytes of archived messages have, or would have, as dead letters."""
    query = select(
        messages.c.tenant, messages.c.source, messages.c.body_packed, messages.c.body
    ).where(messages.c.tenant == tenant, backend.among(messages.c.message_id, message_ids))
    return {
        dead_letter_id(row.tenant, row.source, unpack_body(row.body_packed, row.body))
        for row in connection.execute(query)
    }


def mend_accepted(connection: Connection, backend: Backend, accepted: Sequence[Message]) -> int:
    """Close open dead letters whose very bytes have now been accepted; return how many."""
    waiting = (
        select(dead_letters.c.dead_letter_id)
        .where(dead_letters.c.status == LetterStatus.OPEN.value)
        .limit(1)
    )
    if not accepted or connection.execute(waiting).first() is None:
        return 0
    ids = {dead_letter_id(m.tenant, m.source, m.body) for m in accepted}
    return set_status(connection, backend, ids, LetterStatus.OPEN, LetterStatus.MENDED)


def follow_outcomes(
    connection: Connection, backend: Backend, changed: Sequence[tuple[str, str, str, str]]
) -> None:
    """Close the dead letters of older messages that are no longer refused, reopen the others.

    `changed`: (tenant, message_id, outcome before, outcome now).
    """
    refused = Outcome.DEAD_LETTERED.value
    for tenant in sorted({tenant for tenant, *_ in changed}):
        of_tenant = [row for row in changed if row[0] == tenant]
        mended = [message for _, message, before, _ in of_tenant if before == refused]
        broken = [message for _, message, _, now in of_tenant if now == refused]
        moves = (
            (mended, LetterStatus.OPEN, LetterStatus.MENDED),
            (broken, LetterStatus.MENDED, LetterStatus.OPEN),
        )
        for ids, before, now in moves:
            if ids:
                letters = letter_ids_of_archived(connection, backend, tenant, ids)
                set_status(connection, backend, letters, before, now)


def set_status(
    connection: Connection,
    backend: Backend,
    ids: Iterable[str],
    before: LetterStatus,
    now: LetterStatus,
) -> int:
    """Move dead letters from one status to another; return how many were in the first."""
    moved = connection.execute(
        update(dead_letters)
        .where(
            backend.among(dead_letters.c.dead_letter_id, sorted(ids)),
            dead_letters.c.status == before.value,
        )
        .values(status=now.value)
    )
    return moved.rowcount


def mark_resolved(connection: Connection, backend: Backend, ids: Sequence[str]) -> int:
    """Set dead letters aside; return how many were open. Raises UnknownId for a foreign id."""
    query = select(dead_letters.c.dead_letter_id).where(
        backend.among(dead_letters.c.dead_letter_id, ids)
    )
    unknown = set(ids) - set(connection.execute(query).scalars())
    if unknown:
        raise UnknownId(f"no dead letter {', '.join(sorted(unknown))}")
    return set_status(connection, backend, ids, LetterStatus.OPEN, LetterStatus.RESOLVED)


def read_open(connection: Connection, tenant: str | None = None) -> Iterator[DeadLetter]:
    """Every open dead letter with its bytes, by id; read as a stream."""
    query = (
        select(dead_letters)
        .where(dead_letters.c.status == LetterStatus.OPEN.value)
        .order_by(dead_letters.c.dead_letter_id)
        .execution_options(yield_per=500)
    )
    if tenant is not None:
        query = query.where(dead_letters.c.tenant == tenant)
    for row in connection.execute(query):
        yield dead_letter_of(row)
