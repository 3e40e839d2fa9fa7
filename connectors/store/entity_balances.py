"""What every entity booked, by period and counterparty: what a group's books are added up from."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from connectors.store.books_calendar import booked_through, read_calendars
from connectors.store.rows import ROLE_OF
from connectors.store.tables import journal_entries, journal_lines
from ledger.consolidation import EntityBalance
from ledger.periods import MONTHS
from ledger.recognition import iso_date


def read_entity_balances(
    connection: Connection, tenant: str, through_period: str | None = None
) -> list[EntityBalance]:
    """Return net debits by entity, currency, role, counterparty and period, in a stable order.

    `through_period`: only what is booked in that period and before. Raises StoreError for what is
    none.
    """
    entry, line = journal_entries.c, journal_lines.c
    keys = (
        entry.entity,
        entry.currency,
        entry.functional_currency,
        line.role,
        line.counterparty,
        entry.period,
    )
    query = (
        select(*keys, func.sum(line.amount_minor), func.sum(line.functional_minor))
        .join(journal_entries, entry.posting_no == line.posting_no)
        .where(entry.tenant == tenant)
        .group_by(*keys)
        .order_by(*keys)
    )
    if through_period is not None:
        query = query.where(booked_through(connection, through_period))
    calendars = read_calendars(connection)
    found = []
    for entity, currency, functional, role, other, period, amount, worth in connection.execute(
        query
    ):
        calendar = calendars.get((tenant, entity), MONTHS)
        found.append(
            EntityBalance(
                entity=entity,
                currency=currency,
                functional_currency=functional,
                role=ROLE_OF[role],
                counterparty=other,
                period_ends_on=iso_date(calendar.last_day(calendar.index_named(period))),
                # int(): PostgreSQL adds bigints into a numeric.
                amount_minor=int(amount),
                functional_minor=int(worth),
            )
        )
    return found
