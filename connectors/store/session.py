"""A database connection's life: which database, reading and writing transactions, retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from threading import Event
from typing import TypeVar

from sqlalchemy import Connection, Engine

from connectors.store.backend import Backend
from connectors.store.errors import StoreError
from connectors.store.persistence import Persistence, Retried
from connectors.store.postgres import Postgres
from connectors.store.sqlite import Sqlite

Result = TypeVar("Result")
_Lock = Callable[[Engine], AbstractContextManager[Callable[[], None]]]


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

    def __init__(self, url: str, wait_seconds: float = 0.0, ending: Event | None = None) -> None:
        """`wait_seconds`: how long `read` and `write` wait for a database that is away, at most
        until `ending` is set."""
        self.backend = backend_of(url)
        self._engine = self.backend.engine(url, patient=wait_seconds > 0)
        self._persist = Persistence(self.backend, wait_seconds, ending)

    @property
    def retried(self) -> Retried:
        """How often transactions were tried again."""
        return self._persist.retried

    def check_reachable(self, create: bool) -> None:
        """Raise StoreError when the database is not there or is no database."""
        self.backend.check_file(self._engine.url, create)
        try:
            self._persist(self._reach)
        except self.backend.errors as error:
            cause = getattr(error, "orig", error)
            raise StoreError(f"cannot open {self._engine.url}: {cause}") from error

    def _reach(self) -> None:
        with self._engine.connect() as connection:
            self.backend.prepare(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the books, however long it reads.

        For streams: it does not wait for a database that is away.
        """
        with self._engine.connect() as connection, connection.begin():
            self.backend.repeatable_read(connection)
            yield connection

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a reading transaction; again when the database went away under it.

        `work` must return what it read as a whole.
        """

        def once() -> Result:
            with self.reading() as connection:
                return work(connection)

        return self._persist(once)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or leaves nothing behind."""
        with self._engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def write(self, work: Callable[[Connection, int], Result]) -> Result:
        """Run `work(connection, attempt)` in a transaction; again when it lost against another,
        or when the database went away under it.

        `work` must leave nothing behind outside the transaction. An attempt whose connection
        broke while it committed may have been committed: `work` must bear being run again then.
        The last failure is raised.
        """
        attempts = count()

        def once() -> Result:
            with self.writing() as connection:
                return work(connection, next(attempts))

        return self._persist(once)

    def only_deliverer(self) -> AbstractContextManager[Callable[[], None]]:
        """Keep every other process from delivering while it is open. Raises DelivererBusy."""
        return self._alone(self.backend.only_deliverer)

    def only_publisher(self) -> AbstractContextManager[Callable[[], None]]:
        """Keep every other process from publishing while it is open. Raises DelivererBusy."""
        return self._alone(self.backend.only_publisher)

    @contextmanager
    def _alone(self, lock: _Lock) -> Iterator[Callable[[], None]]:
        """Hold a lock that keeps others out; a database that is away is waited for first."""

        def once() -> tuple[AbstractContextManager[Callable[[], None]], Callable[[], None]]:
            held = lock(self._engine)
            return held, held.__enter__()

        with ExitStack() as stack:
            held, assert_alone = self._persist(once)
            stack.push(held)
            yield assert_alone

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
