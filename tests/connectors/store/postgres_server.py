"""A throw-away PostgreSQL for tests: the one that `pgserver` brings, else one installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

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
    return server.get_uri(), server.cleanup


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
