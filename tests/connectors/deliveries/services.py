"""Starting and stopping the journal service of tests, and talking to its control."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 240


class JournalService:
    """A running service."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/journal-batches"
        self._control = f"http://127.0.0.1:{port}/control"

    def behave(self, **changes: Any) -> None:
        """Change how it behaves from now on."""
        httpx.put(self._control, json=changes, timeout=WAIT_SECONDS).raise_for_status()

    def told(self) -> dict[str, Any]:
        """What it booked, how often, what it was asked, and what did not follow its description."""
        answer: dict[str, Any] = httpx.get(self._control, timeout=WAIT_SECONDS).json()
        return answer


@contextmanager
def journal_service(folder: Path) -> Iterator[JournalService]:
    """Start it, and kill it at the end."""
    port_file = folder / "port"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.connectors.deliveries.journal_service", str(port_file)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not (port_file.exists() and port_file.read_text()):
            assert process.poll() is None and time.monotonic() < deadline, "it did not start"
            time.sleep(0.02)
        yield JournalService(int(port_file.read_text()))
    finally:
        process.kill()
        process.wait()
