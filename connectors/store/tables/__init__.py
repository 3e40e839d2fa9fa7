"""The tables of the ledger store, as they stand after the last migration.

Natural keys are text in byte order (`COLLATE "C"` on PostgreSQL, so both databases sort
alike). `party_no` and `posting_no` are numbers of this database only: they keep rows narrow
and never leave it. Times are epoch microseconds, amounts minor units, dates ISO text.

The tables of `APPEND_ONLY` are append-only: triggers refuse every update and delete.
An entry stands when no reversal names it.
"""

from __future__ import annotations

from connectors.store.tables.archive import (
    account_links,
    dead_letters,
    links,
    messages,
    ownership_conflicts,
    parties,
    trace_contexts,
    waiting_ids,
)
from connectors.store.tables.closing import (
    calendars,
    close_reports,
    closing_balances,
    decisions,
)
from connectors.store.tables.columns import metadata
from connectors.store.tables.gl_mapping import applied_accounts
from connectors.store.tables.journal import journal_entries, journal_lines, outbox, periods
from connectors.store.tables.operations import runs
from connectors.store.tables.standing import (
    contract_drifts,
    contracts,
    invoices,
    lifecycle_updates,
    pending,
    update_outbox,
)

__all__ = [
    "APPEND_ONLY",
    "SEQUENCES",
    "account_links",
    "applied_accounts",
    "calendars",
    "close_reports",
    "closing_balances",
    "contract_drifts",
    "contracts",
    "dead_letters",
    "decisions",
    "invoices",
    "journal_entries",
    "journal_lines",
    "lifecycle_updates",
    "links",
    "messages",
    "metadata",
    "outbox",
    "ownership_conflicts",
    "parties",
    "pending",
    "periods",
    "runs",
    "trace_contexts",
    "update_outbox",
    "waiting_ids",
]

SEQUENCES = ("party_no", "posting_no")
"""Number sequences on PostgreSQL; on SQLite the next number is the highest plus one."""

APPEND_ONLY = (
    "applied_accounts",
    "close_reports",
    "closing_balances",
    "decisions",
    "journal_entries",
    "journal_lines",
)
"""Tables whose rows are never updated or deleted (I5)."""
