"""What waits is found by every id it names, not only by the first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table; messages that wait already are found by their first id, as before."""
    op.create_table(
        "waiting_ids",
        sa.Column("tenant", _TEXT, primary_key=True, nullable=False),
        sa.Column("link_id", _TEXT, primary_key=True, nullable=False),
        sa.Column("party_ref", _TEXT, primary_key=True, nullable=False),
        sqlite_with_rowid=False,
    )
