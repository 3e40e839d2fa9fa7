"""The first schema of the ledger store: archive, books, outbox, standing state, dead letters."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _keys(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, _TEXT, primary_key=True, nullable=False) for name in names.split()]


def _texts(names: str, *, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, _TEXT, nullable=nullable) for name in names.split()]


def _ints(names: str, *, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names.split()]


def _flags(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Boolean, nullable=False) for name in names.split()]


def _blob(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _refers(name: str, to: str, *, key: bool = False, nullable: bool = False) -> sa.Column[Any]:
    reference = sa.ForeignKey(to)
    if key:
        return sa.Column(name, _NUMBER, reference, primary_key=True, autoincrement=False)
    return sa.Column(name, _NUMBER, reference, nullable=nullable)


def _number_key(name: str) -> sa.Column[Any]:
    return sa.Column(name, _NUMBER, primary_key=True, autoincrement=False)


def upgrade() -> None:
    """Create everything."""
    _create_parties_and_archive()
    _create_journal()
    _create_outbox_and_lifecycle()
    _create_standing_state()
    _create_exceptions()
    _create_operations()
    _create_sequences()
    _forbid_changes("journal_entries")
    _forbid_changes("journal_lines")


def _create_parties_and_archive() -> None:
    op.create_table(
        "parties",
        _number_key("party_no"),
        *_texts("tenant party_ref party_id"),
        *_ints("revision"),
        sa.UniqueConstraint("tenant", "party_ref", name="parties_ref"),
    )
    op.create_index("parties_id", "parties", ["tenant", "party_id"])
    op.create_table(
        "messages",
        *_keys("tenant message_id"),
        _refers("party_no", "parties.party_no"),
        *_flags("found_by_link"),
        *_texts("source provider_type schema_version"),
        *_ints("occurred_at_micros"),
        *_texts("digest outcome"),
        *_flags("body_packed"),
        _blob("body"),
        _blob("content"),
    )
    op.create_index("messages_party", "messages", ["party_no"])
    op.create_index("messages_outcome", "messages", ["outcome"])
    op.create_table("links", *_keys("tenant link_id target"), sqlite_with_rowid=False)
    op.create_index("links_target", "links", ["tenant", "target"])
    op.create_table("account_links", *_keys("tenant customer account"), sqlite_with_rowid=False)
    op.create_index("account_links_account", "account_links", ["tenant", "account"])


def _create_journal() -> None:
    op.create_table(
        "journal_entries",
        _number_key("posting_no"),
        *_texts("posting_id kind"),
        _refers("reverses", "journal_entries.posting_no", nullable=True),
        *_texts("cause"),
        *_ints("revision"),
        _refers("party_no", "parties.party_no"),
        *_texts("tenant entry_key entity currency functional_currency accounting_date period"),
        *_texts("original_period", nullable=True),
        *_texts("rule policy source_event_id event_id customer_id contract_id"),
        *_texts("invoice_id", nullable=True),
        *_texts("memo evidence digest"),
        sa.UniqueConstraint("posting_id", name="journal_entries_posting_id"),
    )
    op.create_index("journal_entries_party", "journal_entries", ["party_no"])
    op.create_index(
        "journal_entries_reverses",
        "journal_entries",
        ["reverses"],
        unique=True,
        sqlite_where=sa.text("reverses IS NOT NULL"),
        postgresql_where=sa.text("reverses IS NOT NULL"),
    )
    op.create_table(
        "journal_lines",
        _refers("posting_no", "journal_entries.posting_no", key=True),
        sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("role"),
        *_ints("amount_minor functional_minor"),
        *_texts("product jurisdiction invoice_line_id", nullable=True),
        sqlite_with_rowid=False,
    )


def _create_outbox_and_lifecycle() -> None:
    op.create_table(
        "outbox",
        _number_key("position"),
        _refers("posting_no", "journal_entries.posting_no"),
        *_texts("status"),
        *_texts("reason", nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.UniqueConstraint("posting_no", name="outbox_posting"),
    )
    op.create_index(
        "outbox_open",
        "outbox",
        ["position"],
        sqlite_where=sa.text("status <> 'accepted'"),
        postgresql_where=sa.text("status <> 'accepted'"),
    )
    op.create_table(
        "lifecycle_updates",
        *_keys("update_id"),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("action"),
        _refers("party_no", "parties.party_no"),
        *_texts("tenant kind target reason"),
        *_ints("effective_at_micros"),
        *_texts("customer_id contract_id cause_event_id source_event_id details"),
    )
    op.create_index("lifecycle_updates_party", "lifecycle_updates", ["party_no"])


def _create_standing_state() -> None:
    op.create_table(
        "contracts",
        _refers("party_no", "parties.party_no", key=True),
        *_keys("customer_id contract_id"),
        *_texts("tenant entity"),
        *_texts("currency", nullable=True),
        *_ints("term_start_micros term_end_micros", nullable=True),
        *_flags("signed paid provisioned past_due cancelled renewal_due renewal_at_risk"),
        *_texts("renewal_risk_reasons subscription_ids"),
    )
    op.create_index("contracts_contract", "contracts", ["tenant", "contract_id"])
    op.create_table(
        "invoices",
        _refers("party_no", "parties.party_no", key=True),
        *_keys("contract_id invoice_id"),
        *_texts("tenant customer_id entity currency"),
        *_ints("total_minor paid_minor credited_minor"),
        *_texts("status"),
        *_flags("posted"),
        *_ints("issued_at_micros"),
        *_ints("due_at_micros", nullable=True),
    )
    op.create_index("invoices_invoice", "invoices", ["tenant", "invoice_id"])
    op.create_table(
        "pending",
        _refers("party_no", "parties.party_no", key=True),
        *_keys("event_id reason waits_for"),
        *_texts("tenant source_event_id"),
        *_ints("deadline_micros"),
        *_ints("amount_minor", nullable=True),
        *_texts("currency entity period", nullable=True),
    )


def _create_exceptions() -> None:
    op.create_table(
        "dead_letters",
        *_keys("dead_letter_id"),
        *_texts("tenant source step reason detail position"),
        *_texts("message_id", nullable=True),
        *_ints("amount_minor", nullable=True),
        *_texts("currency entity", nullable=True),
        *_ints("occurred_at_micros", nullable=True),
        *_texts("status"),
        *_flags("body_packed"),
        _blob("body"),
    )
    op.create_index("dead_letters_message", "dead_letters", ["tenant", "message_id"])
    op.create_index("dead_letters_status", "dead_letters", ["status"])
    op.create_table(
        "ownership_conflicts",
        *_keys("tenant event_id attribute"),
        *_texts("source_event_id customer_id owner claimed_by"),
    )


def _create_operations() -> None:
    op.create_table("periods", *_keys("tenant entity period"), *_texts("state"))
    op.create_table(
        "runs",
        *_keys("run_id"),
        *_texts("pipeline policy"),
        *_ints("as_of_micros", nullable=True),
        *_ints("started_at_micros"),
        *_ints("finished_at_micros", nullable=True),
        *_texts("status counts"),
    )


def _create_sequences() -> None:
    """Number sequences, where the database has them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE party_no")
        op.execute("CREATE SEQUENCE posting_no")


def _forbid_changes(table: str) -> None:
    """Let the database itself refuse to update or delete what is posted."""
    if op.get_bind().dialect.name == "postgresql":
        _forbid_changes_on_postgresql(table)
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'posted rows are never changed'); END"
        )


def _forbid_changes_on_postgresql(table: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'posted rows are never changed'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
