"""A real receiver of OpenLineage: run events over HTTP, as Marquez takes them."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LineageReceiver:
    """What was received so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        """As `--lineage` takes it."""
        self.raw = b""
        self.events: list[dict[str, Any]] = []


@contextmanager
def receiving() -> Iterator[LineageReceiver]:
    """Run a receiver on a free port."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found = self.path == "/api/v1/lineage"
            if found:
                receiver.raw += body
                receiver.events.append(json.loads(body))
            self.send_response(201 if found else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    receiver = LineageReceiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
