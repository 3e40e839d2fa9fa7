"""Brings a database to the schema this program knows, and refuses what it does not know.

The version stands in a table of our own, so that a database of another program that also
uses alembic is never mistaken for a ledger store.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from connectors.store.backend import Backend
from connectors.store.errors import ForeignDatabase, NewerDatabase

HEAD = "0009"
"""Revision of the newest migration; revisions are numbers, written with four digits."""

VERSION_TABLE = "crossfoot_version"


def current_version(connection: Connection, backend: Backend) -> str | None:
    """Return the schema version of the database, None when it is empty.

    Raises ForeignDatabase when it holds something that is not ours, NewerDatabase when a
    later version of the program made it.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        if backend.in_use_by_others(connection):
            raise ForeignDatabase(
                "the database holds tables that are not a ledger store; "
                "give the store a file, database or schema of its own"
            )
        return None
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()
    if version > HEAD:
        raise NewerDatabase(
            f"the store has schema version {version}, this program knows versions up to {HEAD}; "
            "use the newer program, or restore a backup made before it ran"
        )
    return str(version)


def migrate(connection: Connection, backend: Backend) -> str | None:
    """Run the missing migrations in the connection's transaction; return the version before."""
    backend.lock_schema(connection)
    before = current_version(connection, backend)
    if before != HEAD:
        _upgrade(connection)
    return before


def _upgrade(connection: Connection) -> None:
    # Here, not at the top: opening a store that is up to date must not pay for alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, "head")
