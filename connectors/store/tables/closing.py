"""Calendars of legal entities, what people decided about periods, and what was reported."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, Table, UniqueConstraint

from connectors.store.tables.columns import RowNumber, key, maybe, metadata, number, words

calendars = Table(
    "calendars",
    metadata,
    key("tenant"),
    key("entity"),
    words("definition"),
)
"""Entities whose periods are not plain months; `definition`: a `CalendarConfig` as JSON."""


decisions = Table(
    "decisions",
    metadata,
    Column("decision_no", RowNumber, primary_key=True, autoincrement=False),
    words("decision_id"),
    words("tenant"),
    words("entity"),
    words("period"),
    words("action"),
    words("person"),
    words("reason"),
    number("at_micros"),
    maybe("refers"),
    words("details"),
    UniqueConstraint("decision_id", name="decisions_id"),
    Index("decisions_period", "tenant", "entity", "period"),
)
"""Who decided what about a period, when and why; append-only. `refers`: the proposal that is
approved or withdrawn. `details`: a JSON object, its shape depends on the action."""


closing_balances = Table(
    "closing_balances",
    metadata,
    Column(
        "decision_no",
        RowNumber,
        ForeignKey("decisions.decision_no"),
        primary_key=True,
        autoincrement=False,
    ),
    key("currency"),
    key("functional_currency"),
    key("role"),
    number("balance_minor"),
    number("functional_minor"),
)
"""Balances at the end of a period as they were when it was closed; append-only. Debit positive."""


close_reports = Table(
    "close_reports",
    metadata,
    Column(
        "decision_no",
        RowNumber,
        ForeignKey("decisions.decision_no"),
        primary_key=True,
        autoincrement=False,
    ),
    words("digest"),
    Column("body_packed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The close report (JSON) as it was approved; append-only. `digest`: SHA-256 of its bytes."""
