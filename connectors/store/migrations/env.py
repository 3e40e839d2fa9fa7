"""Runs migrations on the connection that `connectors.store.migrating` hands over."""

from __future__ import annotations

from alembic import context

from connectors.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    version_table=context.config.attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
