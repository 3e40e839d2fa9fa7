"""Messages may have the W3C trace context of the request that brought them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table; of messages that were archived before nothing is known."""
    op.create_table(
        "trace_contexts",
        sa.Column("tenant", _TEXT, primary_key=True, nullable=False),
        sa.Column("message_id", _TEXT, primary_key=True, nullable=False),
        sa.Column("trace_parent", _TEXT, nullable=False),
        sa.Column("trace_state", _TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
