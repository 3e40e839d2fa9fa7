"""The ledger store in one SQLite file."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError

from connectors.store.backend import Row, column_names
from connectors.store.errors import DelivererBusy, StoreError

BUSY_SECONDS = 120
"""How long a writer waits for its turn; SQLite lets one write at a time."""

_AWAY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    # FULL: one fsync per commit. A stream acknowledges its messages after the commit, so a
    # commit that a power cut can take back would lose them. A commit holds many parties, so
    # this costs a few milliseconds per hundreds of entries.
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -65536",
    # Checkpoint every 40 MB instead of 4: large commits then rewrite hot pages less often.
    "PRAGMA wal_autocheckpoint = 10000",
)


class Sqlite:
    """SQLite in write-ahead mode: readers never wait, writers take turns."""

    name = "sqlite"
    errors: tuple[type[Exception], ...] = (DBAPIError,)

    def engine(self, url: str, *, patient: bool = False) -> Engine:
        """Make an engine for a file; refuses an in-memory database, which no one could share."""
        parsed = make_url(url)
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError("a SQLite store needs a file: sqlite:///books.db")
        engine = create_engine(
            parsed,
            connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
            # Errors tell statements without their parameters: those are customers' data.
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_connection)
        event.listen(engine, "begin", _begin)
        return engine

    def check_file(self, url: URL, create: bool) -> None:
        """Look for the file, or for the folder it would be made in."""
        path = Path(url.database or "")
        if not create and not path.exists():
            raise StoreError(f"there is no store at {path}")
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} to keep the store in")

    def prepare(self, connection: Connection) -> None:
        """Switch the file to write-ahead mode, once; readers and one writer then never wait."""
        # Through the driver: within a transaction, as SQLAlchemy begins one, it has no effect.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA journal_mode = WAL")

    def in_use_by_others(self, connection: Connection) -> bool:
        """Tell whether the file holds any table or view."""
        return bool(connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").scalar())

    def lock_schema(self, connection: Connection) -> None:
        """Nothing to do: a writing transaction is alone."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert many rows with one prepared statement."""
        if rows:
            connection.exec_driver_sql(_insert_sql(table, ""), list(rows))

    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert the rows whose key does not exist yet; return how many these were."""
        if not rows:
            return 0
        # OR IGNORE would hide broken NOT NULL rules too; ON CONFLICT skips existing keys only.
        sql = _insert_sql(table, " ON CONFLICT DO NOTHING")
        return connection.exec_driver_sql(sql, list(rows)).rowcount

    def next_numbers(self, connection: Connection, column: Column[int], count: int) -> list[int]:
        """The numbers after the highest in use; no one else writes meanwhile."""
        highest = connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one()
        return list(range(highest + 1, highest + 1 + count))

    def among(self, column: Column[Any], values: Iterable[str | int]) -> ColumnElement[bool]:
        """Pass the values as one JSON array."""
        listed = func.json_each(msgspec.json.encode(list(values)).decode())
        return column.in_(select(listed.table_valued("value").c.value))

    def locking(self, query: Select[Any]) -> Select[Any]:
        """Nothing to add: a writing transaction is alone."""
        return query

    def share_periods(self, connection: Connection) -> None:
        """Nothing to do: a writing transaction is alone."""

    def own_periods(self, connection: Connection) -> None:
        """Nothing to do: a writing transaction is alone."""

    def own_outbox(self, connection: Connection) -> None:
        """Nothing to do: a writing transaction is alone."""

    def only_deliverer(self, engine: Engine) -> AbstractContextManager[Callable[[], None]]:
        """Hold an exclusive lock on an empty database file beside the books."""
        return _only(f"{engine.url.database}-deliverer", "delivers postings of this store")

    def only_publisher(self, engine: Engine) -> AbstractContextManager[Callable[[], None]]:
        """Hold an exclusive lock on an empty database file beside the books."""
        return _only(f"{engine.url.database}-publisher", "publishes updates of this store")

    def repeatable_read(self, connection: Connection) -> None:
        """Nothing to do: a transaction reads one snapshot."""

    def is_conflict(self, error: BaseException) -> bool:
        """Writers take turns, so only a key that exists can be a matter of order."""
        cause = getattr(error, "orig", error)
        return isinstance(cause, sqlite3.IntegrityError) and cause.sqlite_errorname in (
            "SQLITE_CONSTRAINT_PRIMARYKEY",
            "SQLITE_CONSTRAINT_UNIQUE",
        )

    def is_away(self, error: BaseException) -> bool:
        """Another program holds the file, or its disk has no room or fails."""
        return _error_name(error).startswith(_AWAY)

    def reason(self, error: BaseException) -> str:
        """Give SQLite's own name of the error."""
        return _error_name(error)


def _error_name(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlite_errorname", ""))


@contextmanager
def _only(path: str, does: str) -> Iterator[Callable[[], None]]:
    lock = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        raise DelivererBusy(f"another process {does}") from error
    try:
        yield lambda: None
    finally:
        lock.close()


@functools.cache
def _insert_sql(table: Table, ending: str) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f"INSERT INTO {table.name} ({column_names(table)}) VALUES ({marks}){ending}"


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once when another wrote since;
    # IMMEDIATE waits for its turn instead.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
