"""A database connection's life: which database, reading and writing transactions, retries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from sqlalchemy import Connection

from connectors.store.backend import Backend
from connectors.store.errors import StoreError
from connectors.store.postgres import Postgres
from connectors.store.sqlite import Sqlite

Result = TypeVar("Result")

ATTEMPTS = 8
"""How often a transaction that lost against another is tried again before it fails."""


def backend_of(url: str) -> Backend:
    """Choose the database by the URL's scheme; raises StoreError for an unknown one."""
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "sqlite":
        return Sqlite()
    if scheme in ("postgresql", "postgres"):
        return Postgres()
    raise StoreError(
        f"no ledger store at {scheme or 'an empty URL'!r}: "
        "use sqlite:///books.db or postgresql://user@host/database"
    )


class Session:
    """An engine with its backend; opens connections when they are needed."""

    def __init__(self, url: str) -> None:
        self.backend = backend_of(url)
        self._engine = self.backend.engine(url)

    def check_reachable(self, create: bool) -> None:
        """Raise StoreError when the database is not there or is no database."""
        self.backend.check_file(self._engine.url, create)
        try:
            with self._engine.connect() as connection:
                self.backend.prepare(connection)
        except self.backend.errors as error:
            cause = getattr(error, "orig", error)
            raise StoreError(f"cannot open {self._engine.url}: {cause}") from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the books, however long it reads."""
        with self._engine.connect() as connection, connection.begin():
            self.backend.repeatable_read(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or leaves nothing behind."""
        with self._engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def write(self, work: Callable[[Connection, int], Result]) -> Result:
        """Run `work(connection, attempt)` in a transaction; again when it lost against another.

        `work` must leave nothing behind outside the transaction. The last failure is raised.
        """
        for attempt in range(ATTEMPTS):
            try:
                with self.writing() as connection:
                    return work(connection, attempt)
            except self.backend.errors as error:
                if attempt == ATTEMPTS - 1 or not self.backend.is_conflict(error):
                    raise
            time.sleep(0.005 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def only_deliverer(self) -> AbstractContextManager[Callable[[], None]]:
        """Keep every other process from delivering while it is open. Raises DelivererBusy."""
        return self.backend.only_deliverer(self._engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
