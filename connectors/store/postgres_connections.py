"""Connections to PostgreSQL that notice when nobody is at the other end.

A network that swallows packets says nothing: without limits a program waits for an answer for
hours, and the server keeps the locks of a client that is gone for as long. Whoever names one of
these settings in the store's URL has the last word on it.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from sqlalchemy import URL, Engine, create_engine, event

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 120
"""The server ends a statement of a job that takes longer, such as one that waits for a lock."""
IDLE_IN_TRANSACTION_SECONDS = 120
"""The server ends the transaction of a client that is gone: its locks keep others out."""
ANSWER_SECONDS = 150.0
"""A job gives a connection up that says nothing for so long. More than STATEMENT_SECONDS: until
then the server may be at work."""
_POOL = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 20, "pool_timeout": 600}
"""One pool per worker process; a thread holds one connection for the length of a transaction."""

_SETTINGS: dict[str, int] = {
    "connect_timeout": CONNECT_SECONDS,
    # Nothing to send and no answer: probes after 10 s, given up after three more, 5 s apart.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # Sent, and the other machine does not say that it has it. Milliseconds.
    "tcp_user_timeout": 20_000,
}


def connect_engine(url: URL, *, patient: bool) -> Engine:
    """Make an engine on psycopg 3; opens no connection.

    `patient`: for jobs, which try again; every statement and every answer has a limit then. Others
    may ask questions that take long.
    """
    settings = {name: value for name, value in _SETTINGS.items() if name not in url.query}
    # Errors tell statements without their parameters: those are customers' data.
    engine = create_engine(url, connect_args=settings, hide_parameters=True, **_POOL)
    if patient:
        event.listen(engine, "do_connect", _connect_watched)
        event.listen(engine, "connect", _limit_statements)
    return engine


class WatchedConnection(psycopg.Connection[Any]):
    """A connection that does not wait for an answer for ever.

    The kernel's limits do not see a server that stands still, or a proxy whose server is gone.
    """

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait as psycopg does, at most ANSWER_SECONDS. Raises OperationalError and closes."""
        within = ANSWER_SECONDS if timeout is None else timeout
        try:
            return super().wait(gen, interval, within)
        except psycopg.errors._WaitTimeout as error:
            # Half a conversation is of no use; whether it was committed is found out anew.
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the server has not answered for {within:g} seconds"
            ) from error


def _connect_watched(
    _dialect: Any, _record: Any, arguments: tuple[Any, ...], settings: dict[str, Any]
) -> WatchedConnection:
    return WatchedConnection.connect(*arguments, **settings)


def _limit_statements(connection: WatchedConnection, _record: Any) -> None:
    # Not as options of the start-up packet: connection poolers refuse those.
    connection.autocommit = True
    connection.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
    connection.execute(
        f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'"
    )
    connection.autocommit = False
