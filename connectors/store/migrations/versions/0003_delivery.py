"""The outbox keeps what the ERP said of a posting, what it calls it, and the batch it was in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns; what was delivered before has none of them."""
    for name in ("batch_id", "erp_words", "external_id", "delivered_to"):
        op.add_column("outbox", sa.Column(name, _TEXT, nullable=True))
    op.add_column("outbox", sa.Column("attempted_at_micros", sa.BigInteger, nullable=True))
