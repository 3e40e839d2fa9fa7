"""What the store asks of a database beyond portable SQL. One implementation per database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import URL, Column, ColumnElement, Connection, Engine, Select, Table

Row = tuple[Any, ...]
"""Values in the order of the table's columns, as the driver takes them."""


class Backend(Protocol):
    """A database the books can be kept in."""

    name: str
    errors: tuple[type[Exception], ...]
    """What its driver raises, wrapped by SQLAlchemy or not."""

    def engine(self, url: str, *, patient: bool = False) -> Engine:
        """Make an engine; opens no connection. `patient`: for whom waits when it is away."""

    def check_file(self, url: URL, create: bool) -> None:
        """Raise StoreError when the database must exist and does not."""

    def prepare(self, connection: Connection) -> None:
        """Set what the database itself remembers; outside of any transaction."""

    def in_use_by_others(self, connection: Connection) -> bool:
        """Tell whether the database holds tables, but none of ours."""

    def lock_schema(self, connection: Connection) -> None:
        """Let only this transaction change the schema until it ends."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Insert many rows; raises the driver's integrity error when a key exists."""

    def insert_missing(self, connection: Connection, table: Table, rows: Sequence[Row]) -> int:
        """Insert the rows whose key does not exist yet; return how many these were."""

    def next_numbers(self, connection: Connection, column: Column[int], count: int) -> list[int]:
        """Take `count` fresh numbers for a number column, ascending."""

    def among(self, column: Column[Any], values: Iterable[str | int]) -> ColumnElement[bool]:
        """`column IN (values)` for any number of values, as one parameter."""

    def locking(self, query: Select[Any]) -> Select[Any]:
        """Make a query lock the rows it finds until the transaction ends."""

    def share_periods(self, connection: Connection) -> None:
        """Keep every period as it is until the transaction ends; many may do so at once."""

    def own_periods(self, connection: Connection) -> None:
        """Wait for all transactions that share the periods, and keep out new ones."""

    def own_outbox(self, connection: Connection) -> None:
        """Let only this transaction take outbox positions until it ends."""

    def only_deliverer(self, engine: Engine) -> AbstractContextManager[Callable[[], None]]:
        """Keep every other process from delivering; the lock ends with the process, however.

        Gives a check that raises DelivererBusy once the lock is lost. Raises DelivererBusy when
        somebody else has it.
        """

    def only_publisher(self, engine: Engine) -> AbstractContextManager[Callable[[], None]]:
        """Keep every other process from publishing lifecycle updates; as `only_deliverer`."""

    def repeatable_read(self, connection: Connection) -> None:
        """Let every query of this transaction see the same state."""

    def is_conflict(self, error: BaseException) -> bool:
        """Tell whether a transaction failed only because another one ran at the same time."""

    def is_away(self, error: BaseException) -> bool:
        """Tell whether the database cannot be reached or used now, and may be again later."""

    def reason(self, error: BaseException) -> str:
        """Say in a few words, without any data, what an outage is."""


def column_names(table: Table) -> str:
    """The table's columns, comma separated, in the order of its rows."""
    return ", ".join(column.name for column in table.columns)
