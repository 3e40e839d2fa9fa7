"""Lifecycle updates are published from an outbox of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table; what was issued before waits in it, by when it takes effect."""
    op.create_table(
        "update_outbox",
        sa.Column("position", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("update_id", _TEXT, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("published_as", _TEXT, nullable=True),
    )
    waiting = sa.text("published_as IS NULL")
    op.create_index(
        "update_outbox_waiting",
        "update_outbox",
        ["position"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.execute(
        "INSERT INTO update_outbox (position, update_id, revision) "
        "SELECT row_number() OVER (ORDER BY revision, effective_at_micros, update_id), "
        "update_id, revision FROM lifecycle_updates"
    )
