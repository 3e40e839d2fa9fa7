"""What is booked and where: entries, lines, their delivery, the calendar."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from connectors.store.tables.columns import RowNumber, key, maybe, metadata, number, party, words

journal_entries = Table(
    "journal_entries",
    metadata,
    Column("posting_no", RowNumber, primary_key=True, autoincrement=False),
    words("posting_id"),
    words("kind"),
    Column("reverses", RowNumber, ForeignKey("journal_entries.posting_no"), nullable=True),
    words("cause"),
    number("revision"),
    party(),
    words("tenant"),
    words("entry_key"),
    words("entity"),
    words("currency"),
    words("functional_currency"),
    words("accounting_date"),
    words("period"),
    maybe("original_period"),
    words("rule"),
    words("policy"),
    words("source_event_id"),
    words("event_id"),
    words("customer_id"),
    words("contract_id"),
    maybe("invoice_id"),
    words("memo"),
    words("evidence"),
    words("digest"),
    maybe("region"),
    UniqueConstraint("posting_id", name="journal_entries_posting_id"),
    Index("journal_entries_party", "party_no"),
    Index(
        "journal_entries_reverses",
        "reverses",
        unique=True,
        sqlite_where=text("reverses IS NOT NULL"),
        postgresql_where=text("reverses IS NOT NULL"),
    ),
)
"""Posted entries and reversals. `cause`: the message (or `policy:…`, `refold`) that brought this
revision. `period`: where it was booked; `original_period`: its accounting period, when another.
`evidence`: a JSON array of ids."""


journal_lines = Table(
    "journal_lines",
    metadata,
    Column(
        "posting_no",
        RowNumber,
        ForeignKey("journal_entries.posting_no"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    words("role"),
    number("amount_minor"),
    number("functional_minor"),
    maybe("product"),
    maybe("jurisdiction"),
    maybe("invoice_line_id"),
    maybe("counterparty"),
    sqlite_with_rowid=False,
)
"""Signed amounts: debit positive, credit negative."""


outbox = Table(
    "outbox",
    metadata,
    Column("position", RowNumber, primary_key=True, autoincrement=False),
    Column("posting_no", RowNumber, ForeignKey("journal_entries.posting_no"), nullable=False),
    words("status"),
    maybe("reason"),
    Column("attempts", Integer, nullable=False),
    maybe("batch_id"),
    maybe("erp_words"),
    maybe("external_id"),
    maybe("delivered_to"),
    number("attempted_at_micros", nullable=True),
    UniqueConstraint("posting_no", name="outbox_posting"),
    Index(
        "outbox_open",
        "position",
        sqlite_where=text("status <> 'accepted'"),
        postgresql_where=text("status <> 'accepted'"),
    ),
)
"""Delivery of every posting to the ERP. Positions have no gap and follow the order of commits.
`batch_id`: the batch a posting was last handed over in; a pending posting that has one may have
reached the ERP. `erp_words`: what the ERP said to it. `external_id`: its name in the ERP."""


periods = Table(
    "periods",
    metadata,
    key("tenant"),
    key("entity"),
    key("period"),
    words("state"),
)
"""Accounting periods that are not simply open: open, soft_closed or closed, `YYYY-MM`."""
