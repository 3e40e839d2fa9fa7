"""A throw-away PostgreSQL for tests: the one that `pgserver` brings, else one installed here."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

Server = tuple[str, Callable[[], None]]
"""(URL of its first database, how to stop it)"""


def start_server() -> Server | str:
    """Start a server; or say in a sentence why there is none."""
    folder = tempfile.mkdtemp(prefix="pg-")
    os.chmod(folder, 0o777)
    try:
        import pgserver
    except ImportError:
        return _start_installed(Path(folder))
    server = pgserver.get_server(folder)

    def stop() -> None:
        server.cleanup()
        # A server that was crashed and started again goes on: nobody knows its process here.
        if not Path(folder, "postmaster.pid").exists():
            shutil.rmtree(folder, ignore_errors=True)

    return server.get_uri(), stop


class RestartedServer:
    """A server that tests crash and start again, with the same data."""

    def __init__(self, server: Server, folder: Path, control: Callable[..., object]) -> None:
        self.url, self._stop = server
        self.socket = f"{folder}/.s.PGSQL.5432"
        self._folder = folder
        self._control = control
        self._numbers = count()

    @classmethod
    def begin(cls) -> RestartedServer | str:
        """Start it; or say in a sentence why there is none."""
        server = start_server()
        if isinstance(server, str):
            return server
        folder = Path(server[0].partition("host=")[2])
        try:
            import pgserver
        except ImportError:
            return cls(server, folder, partial(_control_installed, folder / "data"))
        user = "pgserver" if os.getuid() == 0 else None
        running = partial(pgserver.pg_ctl, pgdata=folder, user=user, timeout=300)
        return cls(server, folder, running)

    def url_of(self, database: str) -> str:
        """URL of one of its databases."""
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    def make_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"books_{next(self._numbers)}"
        admin = create_engine(make_url(self.url).set(drivername="postgresql+psycopg"))
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return name

    def crash(self) -> None:
        """End it at once, without a word to anybody; what was committed is in its log."""
        self._control(["-w", "-m", "immediate", "stop"])

    def start(self) -> None:
        """Start it again; it recovers what was committed."""
        options = f"-c listen_addresses='' -k {self._folder}"
        log = str(self._folder / "log")
        self._control(["-w", "-t", "240", "-l", log, "-o", options, "start"])

    def close(self) -> None:
        """End it for good."""
        for end in (self._stop, self.crash):
            with contextlib.suppress(subprocess.CalledProcessError):  # it is down already
                end()
        shutil.rmtree(self._folder, ignore_errors=True)


def _control_installed(data: Path, words: list[str]) -> None:
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    _run_unprivileged(f"{tools}/pg_ctl -D {data} {shlex.join(words)}")


def _start_installed(folder: Path) -> Server | str:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not versions:
        return "No PostgreSQL here: neither the package pgserver nor an installed server."
    tools, data = versions[-1], folder / "data"
    options = f"-c listen_addresses='' -k {folder}"
    _run_unprivileged(f"{tools}/initdb -D {data} -A trust -U postgres -E UTF8 --no-sync")
    _run_unprivileged(f'{tools}/pg_ctl -D {data} -w -l {folder}/log -o "{options}" start')

    def stop() -> None:
        _run_unprivileged(f"{tools}/pg_ctl -D {data} -m immediate stop")
        shutil.rmtree(folder, ignore_errors=True)

    return f"postgresql://postgres@/postgres?host={folder}", stop


def _run_unprivileged(command: str) -> None:
    """PostgreSQL refuses to run as root."""
    call = ["su", "postgres", "-c", command] if os.getuid() == 0 else ["sh", "-c", command]
    subprocess.run(call, check=True, capture_output=True)
