"""The two questions every run answers: does the ledger balance, and where did every message end?"""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, select

from connectors.store.backend import Backend
from connectors.store.bodies import unpack_body
from connectors.store.books_calendar import booked_through
from connectors.store.dead_letters import LetterStatus
from connectors.store.tables import dead_letters, journal_entries, journal_lines, messages, pending
from ledger.messages import Outcome, dead_letter_id


class BalanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account role of one entity and currency; minor units, debits and credits >= 0.

    Sums over everything posted, reversals included, so a corrected entry shows on both sides;
    the balances are what any order of the same events gives.
    """

    tenant: str
    entity: str
    currency: str
    functional_currency: str
    role: str
    debits_minor: int
    credits_minor: int
    functional_debits_minor: int
    functional_credits_minor: int

    @property
    def balance_minor(self) -> int:
        """Net debit in the transaction currency; negative on the credit side."""
        return self.debits_minor - self.credits_minor

    @property
    def functional_balance_minor(self) -> int:
        """Net debit in the functional currency; negative on the credit side."""
        return self.functional_debits_minor - self.functional_credits_minor


def read_trial_balance(
    connection: Connection, tenant: str | None = None, through_period: str | None = None
) -> list[BalanceRow]:
    """Return the balances by tenant, entity, currency and role, sorted.

    `through_period`: only what is booked in that period and before. Raises StoreError for what is
    none.
    """
    entry, line = journal_entries.c, journal_lines.c
    keys = (entry.tenant, entry.entity, entry.currency, entry.functional_currency, line.role)
    query = (
        select(
            *keys,
            _positive(line.amount_minor),
            _positive(-line.amount_minor),
            _positive(line.functional_minor),
            _positive(-line.functional_minor),
        )
        .join(journal_entries, entry.posting_no == line.posting_no)
        .group_by(*keys)
        .order_by(*keys)
    )
    if tenant is not None:
        query = query.where(entry.tenant == tenant)
    if through_period is not None:
        query = query.where(booked_through(connection, through_period))
    names = BalanceRow.__struct_fields__
    # int(): PostgreSQL adds bigints into a numeric, so that no sum overflows.
    return [
        BalanceRow(**dict(zip(names, (*row[:5], *map(int, row[5:])), strict=True)))
        for row in connection.execute(query)
    ]


def read_booked_periods(
    connection: Connection, tenant: str | None = None
) -> list[tuple[str, str, str]]:
    """Return every (tenant, entity, period) in which something is booked, sorted."""
    entry = journal_entries.c
    keys = (entry.tenant, entry.entity, entry.period)
    query = select(*keys).distinct().order_by(*keys)
    if tenant is not None:
        query = query.where(entry.tenant == tenant)
    return [(row.tenant, row.entity, row.period) for row in connection.execute(query)]


def _positive(amount: ColumnElement[int]) -> ColumnElement[int]:
    return func.sum(case((amount > 0, amount), else_=0))


class Conservation(msgspec.Struct, frozen=True, kw_only=True):
    """Where every event the store knows ended (I1); units: events."""

    posted: int
    recorded: int
    pending: int
    dead_lettered: int
    """Refused messages, and what was never archived; also when a person set it aside."""
    set_aside: int
    """Of the never archived dead letters: resolved by a person."""
    expired: int
    """Of `pending`: messages past their deadline at the time asked for."""

    @property
    def total(self) -> int:
        """All events known."""
        return self.posted + self.recorded + self.pending + self.dead_lettered


def read_conservation(
    connection: Connection, backend: Backend, as_of_micros: int, tenant: str | None = None
) -> Conservation:
    """Count every event once: archived messages by outcome, and dead letters that stand apart."""
    archived = _archived_by_outcome(connection, tenant)
    apart = _letters_apart(connection, backend, tenant)
    return Conservation(
        posted=archived.get(Outcome.POSTED.value, 0),
        recorded=archived.get(Outcome.RECORDED.value, 0),
        pending=archived.get(Outcome.PENDING.value, 0),
        dead_lettered=archived.get(Outcome.DEAD_LETTERED.value, 0)
        + apart.get(LetterStatus.OPEN.value, 0)
        + apart.get(LetterStatus.RESOLVED.value, 0),
        set_aside=apart.get(LetterStatus.RESOLVED.value, 0),
        expired=_expired(connection, as_of_micros, tenant),
    )


def _archived_by_outcome(connection: Connection, tenant: str | None) -> dict[str, int]:
    query = select(messages.c.outcome, func.count()).group_by(messages.c.outcome)
    if tenant is not None:
        query = query.where(messages.c.tenant == tenant)
    return dict(connection.execute(query).tuples().all())


def _letters_apart(connection: Connection, backend: Backend, tenant: str | None) -> dict[str, int]:
    """Dead letters by status, but for those whose bytes are an archived message."""
    query = select(dead_letters.c.dead_letter_id, dead_letters.c.status)
    archived = select(
        messages.c.tenant, messages.c.source, messages.c.body_packed, messages.c.body
    ).join(
        dead_letters,
        (dead_letters.c.tenant == messages.c.tenant)
        & (dead_letters.c.message_id == messages.c.message_id),
    )
    if tenant is not None:
        query = query.where(dead_letters.c.tenant == tenant)
        archived = archived.where(dead_letters.c.tenant == tenant)
    ids = {
        dead_letter_id(row.tenant, row.source, unpack_body(row.body_packed, row.body))
        for row in connection.execute(archived)
    }
    counts: dict[str, int] = {}
    for letter_id, status in connection.execute(query):
        if letter_id not in ids:
            counts[status] = counts.get(status, 0) + 1
    return counts


def _expired(connection: Connection, as_of_micros: int, tenant: str | None) -> int:
    query = select(func.count(pending.c.source_event_id.distinct())).where(
        pending.c.deadline_micros < as_of_micros
    )
    if tenant is not None:
        query = query.where(pending.c.tenant == tenant)
    return int(connection.execute(query).scalar_one())
