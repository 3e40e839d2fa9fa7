"""Which GL accounts postings were handed out with."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table

from connectors.store.tables.columns import RowNumber, maybe, metadata, words

applied_accounts = Table(
    "applied_accounts",
    metadata,
    Column(
        "posting_no",
        RowNumber,
        ForeignKey("journal_entries.posting_no"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("application", Integer, primary_key=True, autoincrement=False),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    words("mapping"),
    Column("mapping_row", Integer, nullable=False),
    words("account"),
    maybe("department"),
    maybe("classification"),
    sqlite_with_rowid=False,
)
"""One row per line and application of a mapping; append-only. The highest application is the one
a posting goes out with, or went out with. `mapping_row` 0: the default of the role."""
