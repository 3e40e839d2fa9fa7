"""A fresh ledger store per test, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

sys.path.insert(0, str(Path(__file__).parent))

from postgres_server import start_server

from connectors.store import LedgerStore, open_store


@pytest.fixture(scope="session")
def new_postgres_url() -> Iterator[Callable[[str], str]]:
    """Makes an empty PostgreSQL database and returns its URL."""
    server = start_server()
    if isinstance(server, str):
        pytest.skip(server)
    url, stop = server
    admin = create_engine(make_url(url).set(drivername="postgresql+psycopg")).execution_options(
        isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        # Nobody tests the server's own crashes here; without waiting for disks it is faster.
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    made: list[str] = []

    def make(_folder: str) -> str:
        name = f"books_{len(made)}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        made.append(name)
        return make_url(url).set(database=name).render_as_string(hide_password=False)

    yield make
    admin.dispose()
    stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/books.db"
    make: Callable[[str], str] = request.getfixturevalue("new_postgres_url")
    return make(str(tmp_path))


@pytest.fixture
def store(store_url: str) -> Iterator[LedgerStore]:
    """An empty ledger store."""
    with open_store(store_url) as opened:
        yield opened
