"""The other legal entity, on lines of what two entities owe each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column; what is posted already names no counterparty."""
    op.add_column("journal_lines", sa.Column("counterparty", _TEXT, nullable=True))
