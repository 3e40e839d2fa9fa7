"""What ran."""

from __future__ import annotations

from sqlalchemy import Table

from connectors.store.tables.columns import key, metadata, number, words

runs = Table(
    "runs",
    metadata,
    key("run_id"),
    words("pipeline"),
    words("policy"),
    number("as_of_micros", nullable=True),
    number("started_at_micros"),
    number("finished_at_micros", nullable=True),
    words("status"),
    words("counts"),
)
"""Operational log; no part of the books. `counts`: a JSON object."""
