"""Movements of money that entities hold in a foreign currency: what exchange differences are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, and_, select

from connectors.store.rows import ROLE_OF, ROLE_TEXT
from connectors.store.tables import journal_entries, journal_lines
from ledger.accounting.held import HeldAccount, HeldLine, HeldMove, add_up
from ledger.accounts import AccountRole


def read_held_moves(
    connection: Connection, tenant: str, roles: Iterable[AccountRole], without_party: str
) -> list[HeldMove]:
    """Return all movements of some roles that stand, in foreign currency, of every entity.

    What is kept under the customer `without_party` is left out.
    """
    return add_up(_lines(connection, tenant, roles, without_party))


def _lines(
    connection: Connection, tenant: str, roles: Iterable[AccountRole], without_party: str
) -> Iterator[HeldLine]:
    entry, line = journal_entries, journal_lines
    reversal = journal_entries.alias("reversal")
    query = (
        select(
            entry.c.entity,
            entry.c.currency,
            entry.c.functional_currency,
            line.c.role,
            line.c.counterparty,
            entry.c.accounting_date,
            entry.c.entry_key,
            line.c.amount_minor,
            line.c.functional_minor,
            entry.c.policy,
            entry.c.source_event_id,
            entry.c.event_id,
        )
        .join(line, line.c.posting_no == entry.c.posting_no)
        .outerjoin(reversal, reversal.c.reverses == entry.c.posting_no)
        .where(
            and_(
                entry.c.tenant == tenant,
                entry.c.kind == "entry",
                entry.c.currency != entry.c.functional_currency,
                entry.c.customer_id != without_party,
                reversal.c.posting_no.is_(None),
                line.c.role.in_(sorted(ROLE_TEXT[role] for role in roles)),
            )
        )
    )
    for row in connection.execute(query):
        account = HeldAccount(
            tenant=tenant,
            entity=row.entity,
            currency=row.currency,
            functional_currency=row.functional_currency,
            role=ROLE_OF[row.role],
            counterparty=row.counterparty or "",
        )
        yield HeldLine(
            account,
            row.accounting_date,
            row.entry_key,
            row.amount_minor,
            row.functional_minor,
            row.policy,
            row.source_event_id,
            row.event_id,
        )
