"""What follows from a fold beside the books: lifecycle updates, contracts, invoices, pendings.

Lifecycle updates are issued and withdrawn, never deleted. Contracts, invoices and pendings are a
picture of the last fold and are replaced as a whole, party by party.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Table, delete, func, select

from connectors.store.backend import Backend, Row
from connectors.store.rows import (
    contract_row,
    drift_row,
    invoice_row,
    lifecycle_of,
    lifecycle_row,
    pending_row,
)
from connectors.store.tables import (
    contract_drifts,
    contracts,
    invoices,
    lifecycle_updates,
    pending,
)
from ledger.results import FoldedParty, LifecycleUpdate

ISSUED, WITHDRAWN = "issued", "withdrawn"


class KnownUpdate(NamedTuple):
    """The newest row of a lifecycle update."""

    update: LifecycleUpdate
    revision: int
    action: str
    party_no: int


def read_updates(
    connection: Connection, backend: Backend, party_numbers: Iterable[int]
) -> dict[int, list[KnownUpdate]]:
    """Return the newest row of every lifecycle update of these parties, by party_no."""
    query = (
        select(lifecycle_updates)
        .where(backend.among(lifecycle_updates.c.party_no, party_numbers))
        .order_by(lifecycle_updates.c.update_id, lifecycle_updates.c.revision)
    )
    newest = {
        row.update_id: KnownUpdate(lifecycle_of(row), row.revision, row.action, row.party_no)
        for row in connection.execute(query)
    }
    found: dict[int, list[KnownUpdate]] = defaultdict(list)
    for known in newest.values():
        found[known.party_no].append(known)
    return found


def plan_updates(
    party: FoldedParty, known: Iterable[KnownUpdate], filing: Mapping[str, int], home: int
) -> list[Row]:
    """Rows that make exactly the fold's updates stand: new, changed, issued again, withdrawn."""
    known_of = {old.update.update_id: old for old in known}
    rows: list[Row] = []
    for wanted in party.result.lifecycle:
        old = known_of.pop(wanted.update_id, None)
        if old is not None and old.action == ISSUED and old.update == wanted:
            continue
        revision = old.revision + 1 if old else 1
        party_no = filing.get(wanted.source_event_id, home)
        rows.append(lifecycle_row(wanted, revision, ISSUED, party_no))
    for old in known_of.values():
        if old.action == ISSUED:
            rows.append(lifecycle_row(old.update, old.revision + 1, WITHDRAWN, old.party_no))
    return rows


def number_updates_apart(
    connection: Connection, backend: Backend, rows: Sequence[Row]
) -> list[Row]:
    """Raise revisions that another party has taken: an update's revisions are counted through."""
    query = (
        select(lifecycle_updates.c.update_id, func.max(lifecycle_updates.c.revision))
        .where(backend.among(lifecycle_updates.c.update_id, {row[0] for row in rows}))
        .group_by(lifecycle_updates.c.update_id)
    )
    highest = dict(connection.execute(query).tuples().all())
    apart: list[Row] = []
    for row in rows:
        highest[row[0]] = highest.get(row[0], 0) + 1
        apart.append((row[0], highest[row[0]], *row[2:]))
    return apart


def replace_picture(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    filings: Sequence[Mapping[str, int]],
    homes: Sequence[int],
    known_numbers: Sequence[int],
) -> None:
    """Replace contracts, drifts, invoices and pendings of these parties by what the folds say."""
    for table in (contracts, contract_drifts, invoices, pending):
        _clear(connection, backend, table, known_numbers)
    contract_rows, drift_rows, invoice_rows, pending_rows = [], [], [], []
    for party, filing, home in zip(folded, filings, homes, strict=True):
        for contract in party.result.contracts:
            contract_rows.append(contract_row(contract, home))
            drift_rows += [drift_row(drift, home) for drift in contract.drifts]
            invoice_rows += [invoice_row(invoice, contract, home) for invoice in contract.invoices]
        for waiting in party.result.pending:
            party_no = filing.get(waiting.source_event_id, home)
            pending_rows.append(pending_row(waiting, party.tenant, party_no))
    backend.insert(connection, contracts, contract_rows)
    backend.insert(connection, contract_drifts, drift_rows)
    backend.insert(connection, invoices, invoice_rows)
    backend.insert(connection, pending, pending_rows)


def _clear(
    connection: Connection, backend: Backend, table: Table, party_numbers: Sequence[int]
) -> None:
    if party_numbers:
        connection.execute(delete(table).where(backend.among(table.c.party_no, party_numbers)))
