"""Calendars, decisions about periods, closing balances, close reports; what a fold was as of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_APPEND_ONLY = ("decisions", "closing_balances", "close_reports")


def upgrade() -> None:
    """Create the tables and add the columns."""
    _create_calendars_and_decisions()
    _create_what_was_reported()
    for table in _APPEND_ONLY:
        _forbid_changes(table)
    op.add_column("parties", sa.Column("folded_as_of_micros", sa.BigInteger, nullable=True))
    op.add_column("invoices", sa.Column("owed_minor", sa.BigInteger, nullable=True))


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=True, nullable=False)


def _words(names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names.split()]


def _of_decision() -> sa.Column[int]:
    return sa.Column(
        "decision_no",
        _NUMBER,
        sa.ForeignKey("decisions.decision_no"),
        primary_key=True,
        autoincrement=False,
    )


def _create_calendars_and_decisions() -> None:
    op.create_table("calendars", _key("tenant"), _key("entity"), *_words("definition"))
    op.create_table(
        "decisions",
        sa.Column("decision_no", _NUMBER, primary_key=True, autoincrement=False),
        *_words("decision_id tenant entity period action person reason"),
        sa.Column("at_micros", sa.BigInteger, nullable=False),
        sa.Column("refers", _TEXT, nullable=True),
        *_words("details"),
        sa.UniqueConstraint("decision_id", name="decisions_id"),
    )
    op.create_index("decisions_period", "decisions", ["tenant", "entity", "period"])


def _create_what_was_reported() -> None:
    op.create_table(
        "closing_balances",
        _of_decision(),
        _key("currency"),
        _key("functional_currency"),
        _key("role"),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("functional_minor", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "close_reports",
        _of_decision(),
        *_words("digest"),
        sa.Column("body_packed", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _forbid_changes(table: str) -> None:
    """Let the database itself refuse to update or delete what was decided or reported."""
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
