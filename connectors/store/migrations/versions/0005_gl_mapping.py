"""Entries have a region; the accounts that postings are handed out with are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column and the table; entries booked before have no region."""
    op.add_column("journal_entries", sa.Column("region", _TEXT, nullable=True))
    op.create_table(
        "applied_accounts",
        _posting(),
        sa.Column("application", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("mapping", _TEXT, nullable=False),
        sa.Column("mapping_row", sa.Integer, nullable=False),
        sa.Column("account", _TEXT, nullable=False),
        sa.Column("department", _TEXT, nullable=True),
        sa.Column("classification", _TEXT, nullable=True),
        sqlite_with_rowid=False,
    )
    _forbid_changes("applied_accounts")


def _posting() -> sa.Column[int]:
    reference = sa.ForeignKey("journal_entries.posting_no")
    return sa.Column("posting_no", _NUMBER, reference, primary_key=True, autoincrement=False)


def _forbid_changes(table: str) -> None:
    """Let the database itself refuse to update or delete what was handed out."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'posted rows are never changed'); END"
        )
