"""The tables of the ledger store, as they stand after the last migration.

Natural keys are text in byte order (`COLLATE "C"` on PostgreSQL, so both databases sort
alike). `party_no` and `posting_no` are numbers of this database only: they keep rows narrow
and never leave it. Times are epoch microseconds, amounts minor units, dates ISO text.

`journal_entries` and `journal_lines` are append-only: triggers refuse every update and delete.
An entry stands when no reversal names it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

_Text = Text().with_variant(Text(collation="C"), "postgresql")
_Number = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite makes only a column declared INTEGER its row id."""


def _key(name: str, kind: type[Text] | Text = _Text) -> Column[str]:
    return Column(name, kind, primary_key=True, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, _Text, nullable=False)


def _maybe(name: str) -> Column[str]:
    return Column(name, _Text, nullable=True)


def _int(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _party(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "party_no",
        _Number,
        ForeignKey("parties.party_no"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


parties = Table(
    "parties",
    metadata,
    Column("party_no", _Number, primary_key=True, autoincrement=False),
    _text("tenant"),
    _text("party_ref"),
    _text("party_id"),
    _int("revision"),
    UniqueConstraint("tenant", "party_ref", name="parties_ref"),
    Index("parties_id", "tenant", "party_id"),
)
"""Every source-local party and whom it resolves to. `revision` counts what its history holds:
messages archived under it plus account links that name it; a fold based on another number is
stale."""

messages = Table(
    "messages",
    metadata,
    _key("tenant"),
    _key("message_id"),
    _party(),
    _flag("found_by_link"),
    _text("source"),
    _text("provider_type"),
    _text("schema_version"),
    _int("occurred_at_micros"),
    _text("digest"),
    _text("outcome"),
    Column("body_packed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("messages_party", "party_no"),
    Index("messages_outcome", "outcome"),
)
"""The archive of accepted messages. `found_by_link`: the message names no party itself.
`content`: msgpack of (link_refs, links, account_links, canonical events)."""

links = Table(
    "links",
    metadata,
    _key("tenant"),
    _key("link_id"),
    _key("target"),
    Index("links_target", "tenant", "target"),
    sqlite_with_rowid=False,
)
"""(id, what it belongs to) as messages told it; an id with two targets is kept, not decided."""

account_links = Table(
    "account_links",
    metadata,
    _key("tenant"),
    _key("customer"),
    _key("account"),
    Index("account_links_account", "tenant", "account"),
    sqlite_with_rowid=False,
)
"""(customer, CRM account) identities; a customer with two accounts is kept, not decided."""

journal_entries = Table(
    "journal_entries",
    metadata,
    Column("posting_no", _Number, primary_key=True, autoincrement=False),
    _text("posting_id"),
    _text("kind"),
    Column("reverses", _Number, ForeignKey("journal_entries.posting_no"), nullable=True),
    _text("cause"),
    _int("revision"),
    _party(),
    _text("tenant"),
    _text("entry_key"),
    _text("entity"),
    _text("currency"),
    _text("functional_currency"),
    _text("accounting_date"),
    _text("period"),
    _maybe("original_period"),
    _text("rule"),
    _text("policy"),
    _text("source_event_id"),
    _text("event_id"),
    _text("customer_id"),
    _text("contract_id"),
    _maybe("invoice_id"),
    _text("memo"),
    _text("evidence"),
    _text("digest"),
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
        _Number,
        ForeignKey("journal_entries.posting_no"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    _text("role"),
    _int("amount_minor"),
    _int("functional_minor"),
    _maybe("product"),
    _maybe("jurisdiction"),
    _maybe("invoice_line_id"),
    sqlite_with_rowid=False,
)
"""Signed amounts: debit positive, credit negative."""

outbox = Table(
    "outbox",
    metadata,
    Column("position", _Number, primary_key=True, autoincrement=False),
    Column("posting_no", _Number, ForeignKey("journal_entries.posting_no"), nullable=False),
    _text("status"),
    _maybe("reason"),
    Column("attempts", Integer, nullable=False),
    UniqueConstraint("posting_no", name="outbox_posting"),
    Index(
        "outbox_open",
        "position",
        sqlite_where=text("status <> 'accepted'"),
        postgresql_where=text("status <> 'accepted'"),
    ),
)
"""Delivery of every posting to the ERP. Positions have no gap and follow the order of commits."""

lifecycle_updates = Table(
    "lifecycle_updates",
    metadata,
    _key("update_id"),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    _text("action"),
    _party(),
    _text("tenant"),
    _text("kind"),
    _text("target"),
    _text("reason"),
    _int("effective_at_micros"),
    _text("customer_id"),
    _text("contract_id"),
    _text("cause_event_id"),
    _text("source_event_id"),
    _text("details"),
    Index("lifecycle_updates_party", "party_no"),
)
"""Issued and withdrawn, one row each; the highest revision of an update is what stands.
`details`: a JSON object."""

contracts = Table(
    "contracts",
    metadata,
    _party(primary_key=True),
    _key("customer_id"),
    _key("contract_id"),
    _text("tenant"),
    _text("entity"),
    _maybe("currency"),
    _int("term_start_micros", nullable=True),
    _int("term_end_micros", nullable=True),
    _flag("signed"),
    _flag("paid"),
    _flag("provisioned"),
    _flag("past_due"),
    _flag("cancelled"),
    _flag("renewal_due"),
    _flag("renewal_at_risk"),
    _text("renewal_risk_reasons"),
    _text("subscription_ids"),
    Index("contracts_contract", "tenant", "contract_id"),
)
"""Contracts as they stand after the last fold; reasons and subscription ids are JSON arrays."""

invoices = Table(
    "invoices",
    metadata,
    _party(primary_key=True),
    _key("contract_id"),
    _key("invoice_id"),
    _text("tenant"),
    _text("customer_id"),
    _text("entity"),
    _text("currency"),
    _int("total_minor"),
    _int("paid_minor"),
    _int("credited_minor"),
    _text("status"),
    _flag("posted"),
    _int("issued_at_micros"),
    _int("due_at_micros", nullable=True),
    Index("invoices_invoice", "tenant", "invoice_id"),
)
"""Invoices as they stand after the last fold."""

pending = Table(
    "pending",
    metadata,
    _party(primary_key=True),
    _key("event_id"),
    _key("reason"),
    _key("waits_for"),
    _text("tenant"),
    _text("source_event_id"),
    _int("deadline_micros"),
    _int("amount_minor", nullable=True),
    _maybe("currency"),
    _maybe("entity"),
    _maybe("period"),
)
"""Events that wait for their partner. Whether one is expired depends on who asks when."""

dead_letters = Table(
    "dead_letters",
    metadata,
    _key("dead_letter_id"),
    _text("tenant"),
    _text("source"),
    _text("step"),
    _text("reason"),
    _text("detail"),
    _text("position"),
    _maybe("message_id"),
    _int("amount_minor", nullable=True),
    _maybe("currency"),
    _maybe("entity"),
    _int("occurred_at_micros", nullable=True),
    _text("status"),
    Column("body_packed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("dead_letters_message", "tenant", "message_id"),
    Index("dead_letters_status", "status"),
)
"""Events that could not be accepted: open until they are accepted or set aside."""

ownership_conflicts = Table(
    "ownership_conflicts",
    metadata,
    _key("tenant"),
    _key("event_id"),
    _key("attribute"),
    _text("source_event_id"),
    _text("customer_id"),
    _text("owner"),
    _text("claimed_by"),
)
"""Attempts to set an attribute of another system; they did not win."""

periods = Table(
    "periods",
    metadata,
    _key("tenant"),
    _key("entity"),
    _key("period"),
    _text("state"),
)
"""Accounting periods that are not simply open: open, soft_closed or closed, `YYYY-MM`."""

runs = Table(
    "runs",
    metadata,
    _key("run_id"),
    _text("pipeline"),
    _text("policy"),
    _int("as_of_micros", nullable=True),
    _int("started_at_micros"),
    _int("finished_at_micros", nullable=True),
    _text("status"),
    _text("counts"),
)
"""Operational log; no part of the books. `counts`: a JSON object."""

SEQUENCES = ("party_no", "posting_no")
"""Number sequences on PostgreSQL; on SQLite the next number is the highest plus one."""

APPEND_ONLY = ("journal_entries", "journal_lines")
"""Tables whose rows are never updated or deleted (I5)."""
