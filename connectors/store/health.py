"""A look at a ledger store without opening, making or migrating it, for people who mend."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy import make_url, text

from connectors.store.errors import StoreError
from connectors.store.migrating import HEAD, current_version
from connectors.store.session import Session


class StoreHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a store stands."""

    version: str | None
    """Its schema version; None: nothing is there yet."""
    version_wanted: str
    refuses_writes: str | None
    """What the database says when an entry is to be written; None when it takes it."""


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL. Raises SQLAlchemy's ArgumentError."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database.removeprefix("file:"))


def look_at(url: str) -> StoreHealth:
    """Look at a store. A SQLite file that is not there yet is an empty store.

    Raises StoreError: unreachable, foreign, newer.
    """
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return StoreHealth(version=None, version_wanted=HEAD, refuses_writes=None)
    session = Session(url)
    try:
        try:
            with session.reading() as connection:
                version = current_version(connection, session.backend)
        except session.backend.errors as error:
            raise StoreError(f"cannot open the store: {_line(error)}") from error
        refused = _refusal(session) if version == HEAD else None
        return StoreHealth(version=version, version_wanted=HEAD, refuses_writes=refused)
    finally:
        session.close()


def _refusal(session: Session) -> str | None:
    """Try to insert no rows: needs the right to write, changes nothing."""
    nothing = text("INSERT INTO journal_entries SELECT * FROM journal_entries WHERE 1 = 0")
    try:
        with session.writing() as connection:
            connection.execute(nothing)
    except session.backend.errors as error:
        return _line(error)
    return None


def _line(error: BaseException) -> str:
    """The first line of what the driver says: the rest may hold data of a statement."""
    cause = str(getattr(error, "orig", None) or type(error).__name__)
    return cause.splitlines()[0] if cause else type(error).__name__
