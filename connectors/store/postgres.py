"""The ledger store on PostgreSQL, through psycopg 3.

Transactions run READ COMMITTED. What must not change under a commit is locked by rows (the
parties it folds) or by advisory locks (periods, outbox positions), always in the same order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    any_,
    literal,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError

from connectors.store.backend import Row, column_names
from connectors.store.errors import DelivererBusy, StoreError

_LOCK_SPACE = 0x43726F73
"""First key of our advisory locks: `Cros`."""
_SCHEMA, _PERIODS, _OUTBOX, _DELIVERER, _PUBLISHER = 1, 2, 3, 4, 5

_CONFLICT_STATES = frozenset({"40001", "40P01", "23505", "55P03"})
"""SQLSTATE of serialization failure, deadlock, unique violation and lock not available."""

_AWAY_CLASSES = frozenset({"08", "53", "58"})
"""SQLSTATE classes of lost connections, of a server without room and of one with broken disks."""
_AWAY_STATES = frozenset({"57P01", "57P02", "57P03", "57P05", "57014", "25P03", "25006"})
"""SQLSTATE of a server that shuts down, crashes or starts, of sessions and statements that took
too long, and of one that only reads because another has taken over."""

_ARRAY_TYPES: dict[type, str] = {
    Text: "text[]",
    Boolean: "boolean[]",
    Integer: "integer[]",
    BigInteger: "bigint[]",
    LargeBinary: "bytea[]",
}


class Postgres:
    """PostgreSQL 12 or later, in a database (or schema) of its own."""

    name = "postgresql"

    def __init__(self) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise StoreError(
                "PostgreSQL needs the psycopg driver: pip install 'crossfoot[postgres]'"
            ) from error
        self.errors: tuple[type[Exception], ...] = (DBAPIError, psycopg.Error)
        self._operational = psycopg.OperationalError

    def engine(self, url: str, *, patient: bool = False) -> Engine:
        """Make an engine on psycopg 3, whatever driver the URL leaves open."""
        from connectors.store.postgres_connections import connect_engine

        parsed = make_url(url).set(drivername="postgresql+psycopg")
        return connect_engine(parsed, patient=patient)

    def check_file(self, url: URL, create: bool) -> None:
        """Nothing to do: connecting tells."""

    def prepare(self, connection: Connection) -> None:
        """Nothing to do."""

    def in_use_by_others(self, connection: Connection) -> bool:
        """Tell whether the current schema holds any table or view."""
        query = text("SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace")
        return bool(connection.execute(query).first())

    def lock_schema(self, connection: Connection) -> None:
        """Take the advisory lock of migrations."""
        _advise(connection, "pg_advisory_xact_lock", _SCHEMA)

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert many rows with COPY."""
        if not rows:
            return
        driver: Any = connection.connection.driver_connection
        statement = f"COPY {table.name} ({column_names(table)}) FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert the rows whose key does not exist yet; return how many these were."""
        if not rows:
            return 0
        columns = tuple(list(column) for column in zip(*rows, strict=True))
        return connection.exec_driver_sql(_insert_missing_sql(table), columns).rowcount

    def next_numbers(self, connection: Connection, column: Column[int], count: int) -> list[int]:
        """Take numbers from the column's sequence; numbers of failed commits stay unused."""
        query = text(f"SELECT nextval('{column.name}') FROM generate_series(1, :count)")
        return list(connection.execute(query, {"count": count}).scalars())

    def among(self, column: Column[Any], values: Iterable[str | int]) -> ColumnElement[bool]:
        """Pass the values as one array."""
        element = Text() if isinstance(column.type, Text) else BigInteger()
        return column == any_(literal(list(values), ARRAY(element)))

    def locking(self, query: Select[Any]) -> Select[Any]:
        """Lock the rows in the order in which the query sorts them."""
        return query.with_for_update()

    def share_periods(self, connection: Connection) -> None:
        """Take the advisory lock of periods, shared."""
        _advise(connection, "pg_advisory_xact_lock_shared", _PERIODS)

    def own_periods(self, connection: Connection) -> None:
        """Take the advisory lock of periods, alone."""
        _advise(connection, "pg_advisory_xact_lock", _PERIODS)

    def own_outbox(self, connection: Connection) -> None:
        """Take the advisory lock of outbox positions, alone."""
        _advise(connection, "pg_advisory_xact_lock", _OUTBOX)

    def only_deliverer(self, engine: Engine) -> AbstractContextManager[Callable[[], None]]:
        """Hold an advisory lock on a connection of its own; it ends with the connection."""
        return self._only(engine, _DELIVERER, "delivers postings of this store")

    def only_publisher(self, engine: Engine) -> AbstractContextManager[Callable[[], None]]:
        """Hold an advisory lock on a connection of its own; it ends with the connection."""
        return self._only(engine, _PUBLISHER, "publishes updates of this store")

    @contextmanager
    def _only(self, engine: Engine, number: int, does: str) -> Iterator[Callable[[], None]]:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            query = text("SELECT pg_try_advisory_lock(:space, :key)")
            key = {"space": _LOCK_SPACE, "key": number}
            if not connection.execute(query, key).scalar_one():
                raise DelivererBusy(f"another process {does}")
            try:
                yield lambda: self._assert_alive(connection)
            finally:
                self._unlock(connection, key)

    def _unlock(self, connection: Connection, key: Mapping[str, int]) -> None:
        """A connection that is lost has given the lock up by itself."""
        if connection.invalidated:
            return
        try:
            connection.execute(text("SELECT pg_advisory_unlock(:space, :key)"), key)
        except self.errors as error:
            if not self.is_away(error):
                raise

    def _assert_alive(self, connection: Connection) -> None:
        try:
            connection.execute(text("SELECT 1"))
        except self.errors as error:
            raise DelivererBusy("the lock was lost with its connection") from error

    def repeatable_read(self, connection: Connection) -> None:
        """Read one snapshot; must be the first statement of the transaction."""
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))

    def is_conflict(self, error: BaseException) -> bool:
        """Judge by SQLSTATE, also of errors that COPY raises past SQLAlchemy."""
        cause = getattr(error, "orig", error)
        return getattr(cause, "sqlstate", None) in _CONFLICT_STATES

    def is_away(self, error: BaseException) -> bool:
        """Judge by SQLSTATE; without one, the connection broke or could not be made."""
        cause = getattr(error, "orig", error)
        state = getattr(cause, "sqlstate", None)
        if state is not None:
            return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
        broken = getattr(error, "connection_invalidated", False)
        return broken or isinstance(cause, self._operational)

    def reason(self, error: BaseException) -> str:
        """Give the SQLSTATE, or the first line of what the connection's end was called."""
        cause = getattr(error, "orig", error)
        state = getattr(cause, "sqlstate", None)
        lines = str(cause).splitlines() or [type(cause).__name__]
        return f"{type(cause).__name__} {state}" if state is not None else lines[0]


@functools.cache
def _insert_missing_sql(table: Table) -> str:
    arrays = ", ".join(f"%s::{_array_type(column)}" for column in table.columns)
    return (
        f"INSERT INTO {table.name} ({column_names(table)}) "
        f"SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
    )


def _array_type(column: Column[Any]) -> str:
    return _ARRAY_TYPES[type(column.type)]


def _advise(connection: Connection, function: str, key: int) -> None:
    connection.execute(text(f"SELECT {function}(:space, :key)"), {"space": _LOCK_SPACE, "key": key})
