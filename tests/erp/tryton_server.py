"""A real Tryton on a real PostgreSQL, started for tests and stopped with them.

Its environment is `.erp/venv`, which `make erp-test` makes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import create_engine, make_url, text

from connectors.deliveries.settings import TrytonSettings
from connectors.deliveries.tryton_rpc import TrytonRpc, plain_decimal
from tests.connectors.store.postgres_server import start_server

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".erp" / "venv"
PASSWORD = "not-a-secret"
START_SECONDS = 240


class TrytonServer:
    """One Tryton database behind a server process that can be stopped and started again."""

    def __init__(self, environment: dict[str, str], database: str, folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.database = database
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        config = self._folder / f"trytond-{self.port}.conf"
        config.write_text(
            f"[database]\nuri = postgresql:///\n[web]\nlisten = 127.0.0.1:{self.port}\n"
        )
        command = [str(VENV / "bin/trytond"), "-c", str(config), "-d", self.database]
        with (self._folder / f"trytond-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, "no Tryton"
            time.sleep(0.1)

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            body = {"id": 1, "method": "common.server.version", "params": []}
            return httpx.post(f"{self.url}/rpc/", json=body).status_code == 200
        return False

    def stop(self) -> None:
        """Kill the server; whatever it was doing is rolled back by PostgreSQL."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def provision(self, spec: dict[str, Any]) -> None:
        """Create companies, accounts, fiscal years and currencies; see provision.py."""
        path = self._folder / f"spec-{self.database}.json"
        path.write_text(json.dumps(spec))
        run_in_tryton(
            [str(VENV / "bin/python"), str(ROOT / "tests/erp/provision.py"), str(path)],
            {
                **self._environment,
                "TRYTOND_DATABASE_URI": f"postgresql:///{self.database}",
                "DB_NAME": self.database,
            },
        )

    def settings(self, companies: list[str], **changes: Any) -> TrytonSettings:
        """How it is reached; entities are called like their companies."""
        values = {"companies": {name: name for name in companies}, **changes}
        return TrytonSettings(url=self.url, database=self.database, user="admin", **values)

    def rpc(self) -> TrytonRpc:
        """A client for looking at it."""
        return TrytonRpc(self.settings([]), PASSWORD)


def run_in_tryton(command: list[str], environment: dict[str, str]) -> None:
    """Run a program of Tryton's environment; its output is the error when it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@contextmanager
def tryton_template(folder: Path) -> Iterator[tuple[str, dict[str, str]] | str]:
    """Give the URL of a PostgreSQL that holds an initialised `template_erp`, and the environment
    of Tryton's programs; or a sentence that says why there is none."""
    if not (VENV / "bin/trytond").exists():
        yield "No Tryton here: run `make erp-test`, which installs it."
        return
    server = start_server()
    if isinstance(server, str):
        yield server
        return
    url, stop = server
    host = parse_qs(urlsplit(url).query)["host"][0]
    environment = {
        **os.environ,
        "PGHOST": host,
        "PGUSER": "postgres",
        "TRYTOND_DATABASE_URI": "postgresql:///",
        "PYTHONWARNINGS": "ignore",
    }
    try:
        execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        execute(url, "CREATE DATABASE template_erp")
        password = folder / "password"
        password.write_text(PASSWORD)
        environment["TRYTONPASSFILE"] = str(password)
        admin = [str(VENV / "bin/trytond-admin"), "-d", "template_erp"]
        run_in_tryton([*admin, "--all", "--email", "erp@example.org"], environment)
        run_in_tryton([*admin, "-u", "account", "--activate-dependencies"], environment)
        yield url, environment
    finally:
        stop()


def execute(url: str, *statements: str) -> None:
    """Run statements outside of a transaction."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


Balance = tuple[Decimal, Decimal]
"""(debit, credit) in major units, everything ever booked on either side."""


def trial_balance(rpc: TrytonRpc) -> dict[tuple[str, str], Balance]:
    """Tryton's own trial balance of posted moves by (company, account code), over all years."""
    found: dict[tuple[str, str], list[Decimal]] = {}
    for company in _all(rpc, "company.company", ["party.name"], None):
        own = [["company", "=", company["id"]]]
        for year in _all(rpc, "account.fiscalyear", ["name"], company["id"], own):
            context = {"fiscalyear": year["id"], "posted": True, "cumulate": False}
            fields = ["code", "debit", "credit"]
            for account in _all(rpc, "account.account", fields, company["id"], own, context):
                cell = found.setdefault(
                    (company["party."]["name"], account["code"]), [Decimal(0), Decimal(0)]
                )
                cell[0] += plain_decimal(account["debit"])
                cell[1] += plain_decimal(account["credit"])
    return {key: (cell[0], cell[1]) for key, cell in found.items() if cell != [0, 0]}


def posted_lines(rpc: TrytonRpc) -> list[dict[str, Any]]:
    """Every line of posted moves."""
    fields = [
        "company.party.name", "account.code", "debit", "credit", "amount_second_currency",
        "second_currency.code", "move.period.start_date", "move.description", "party.code",
    ]  # fmt: skip
    posted = [["move.state", "=", "posted"]]
    return _all(rpc, "account.move.line", fields, None, posted)


def moves(rpc: TrytonRpc) -> list[dict[str, Any]]:
    """Every move, drafts included."""
    return _all(rpc, "account.move", ["description", "state", "number"], None)


def _all(
    rpc: TrytonRpc,
    model: str,
    fields: list[str],
    company: int | None,
    domain: list[Any] | None = None,
    context: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    order = [["id", "ASC"]]
    rows: list[dict[str, Any]] = rpc.call(
        f"model.{model}.search_read",
        domain or [],
        0,
        None,
        order,
        fields,
        company=company,
        context=context,
    )
    return rows
