"""A live localstripe server whose signed webhooks are received, verified and kept as lines.

Its quirks are told where they matter: https://github.com/adrienverge/localstripe.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

SECRET = "whsec_of_the_test"
PATIENCE_SECONDS = 30


class Webhooks:
    """Receives deliveries; refuses what is not signed with the endpoint's secret."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.refused: list[str] = []
        inbox = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(inbox.take(body, self.headers["Stripe-Signature"] or ""))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep the test's output quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks"

    def take(self, body: bytes, signature: str) -> int:
        """Keep one delivery on a line of its own; returns the HTTP status to answer with."""
        try:
            stripe.WebhookSignature.verify_header(body.decode(), signature, SECRET, 300)
        except stripe.SignatureVerificationError as error:
            self.refused.append(str(error))
            return 400
        self.lines.append(json.dumps(json.loads(body)).encode())
        return 200

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Serve until the block is left."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


@contextmanager
def running_server(webhooks_url: str) -> Iterator[str]:
    """Run localstripe on a free port with the webhook endpoint registered; yields its URL."""
    port = _free_port()
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        url = f"http://127.0.0.1:{port}"
        endpoint = json.dumps({"url": webhooks_url, "secret": SECRET}).encode()
        headers = {"Content-Type": "application/json"}
        register = urllib.request.Request(f"{url}/_config/webhooks/main", endpoint, headers)
        urllib.request.urlopen(register).close()
        yield url
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("localstripe did not start")


def everything(resource: Any) -> list[Any]:
    """Every object of a kind that the server knows, as plain data."""
    found = resource.list(limit=100).auto_paging_iter()
    return [json.loads(json.dumps(each.to_dict(), default=str)) for each in found]


def wait_until_delivered(webhooks: Webhooks, quiet_seconds: float = 2.5) -> None:
    """Wait until every event the server knows has arrived and no new one comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    settled_since = time.monotonic()
    known = -1
    while time.monotonic() < deadline:
        published = len(everything(stripe.Event))
        if published != known or len(webhooks.lines) < published:
            known, settled_since = published, time.monotonic()
        elif time.monotonic() - settled_since > quiet_seconds:
            return
        time.sleep(0.1)
    raise TimeoutError(f"{len(webhooks.lines)} of {known} events were delivered")
