"""What CRM and billing disagree on; what of a contract is in force."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table and the columns; they are filled when a party is folded again."""
    _create_drifts()
    for column in (
        sa.Column("paused", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("mrr_minor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lines", _TEXT, nullable=False, server_default="[]"),
    ):
        op.add_column("contracts", column)


def _create_drifts() -> None:
    party = sa.ForeignKey("parties.party_no")
    op.create_table(
        "contract_drifts",
        sa.Column("party_no", _NUMBER, party, primary_key=True, autoincrement=False),
        sa.Column("drift_id", _TEXT, primary_key=True, nullable=False),
        *_words("tenant customer_id contract_id entity attribute"),
        sa.Column("product", _TEXT, nullable=True),
        *_words("currency sold billed"),
        sa.Column("difference_minor", sa.BigInteger, nullable=True),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("from_micros", "to_micros", "since_micros", "deadline_micros")
        ),
        *_words("period"),
        sa.Column("crm_event_id", _TEXT, nullable=True),
        sa.Column("billing_event_id", _TEXT, nullable=True),
        *_words("source_event_id"),
    )
    op.create_index("contract_drifts_contract", "contract_drifts", ["tenant", "contract_id"])
    op.create_index("contract_drifts_drift", "contract_drifts", ["tenant", "drift_id"])


def _words(names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names.split()]
