"""The gateway as users start it: a process of its own, on a free port, killed at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from stripe import WebhookSignature

SECRET = "whsec_of_the_test"
STARTED_WITHIN_SECONDS = 240.0


class Gateway:
    """One address, whichever process serves it at the moment."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.spool = directory / "spool"
        self._options = options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.log = directory / "gateway.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(timeout=240)

    def start(self) -> None:
        """Start a process and wait until it answers."""
        command = [sys.executable, "-m", "runners.crossfoot", "--verbose", "serve-webhooks"]
        command += ["--source", "stripe=stripe:STRIPE_SECRET", "--to", f"spool:{self.spool}"]
        command += ["--listen", f"127.0.0.1:{self._port}", *self._options]
        environment = {**os.environ, "STRIPE_SECRET": SECRET}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + STARTED_WITHIN_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if self._client.get(f"{self.url}/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def kill(self) -> None:
        """Kill the process as a machine that dies does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=240)

    def send(self, body: bytes, secret: str = SECRET, **more: str) -> httpx.Response:
        """Deliver a body as Stripe does; `more` are further headers."""
        signature = WebhookSignature.generate_signature_header(body.decode(), secret)
        headers = {"stripe-signature": signature, "content-type": "application/json", **more}
        return self._client.post(f"{self.url}/webhooks/stripe", content=body, headers=headers)

    def lines(self) -> list[bytes]:
        """Every event in the finished segments."""
        return [
            line
            for path in sorted(self.spool.glob("*.jsonl"))
            for line in path.read_bytes().splitlines()
        ]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Make gateways that do not outlive the test."""
    made: list[Gateway] = []

    def make(*options: str) -> Gateway:
        made.append(Gateway(tmp_path, *options))
        return made[-1]

    yield make
    for each in made:
        each.kill()
