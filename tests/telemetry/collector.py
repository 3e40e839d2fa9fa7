"""A real receiver of OpenTelemetry: OTLP/HTTP in this process, protobuf decoded as it comes."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

WAIT_SECONDS = 600.0


class Span(NamedTuple):
    """A span as it was received; ids in hex."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    links: tuple[str, ...]
    """Trace ids of the spans it is linked to."""
    linked_spans: tuple[str, ...]
    attributes: dict[str, str | int]
    status: str
    """Its description: the type of an error."""


class Collector:
    """What was received so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        """Base URL, as `--otlp` takes it."""
        self.raw = b""
        """Every request as it came, decompressed."""
        self.spans: list[Span] = []
        self._changed = threading.Condition()

    def take(self, body: bytes) -> None:
        """Decode a request."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.raw += body
            self.spans += _spans(request)
            self._changed.notify_all()

    def wait_for(self, name: str, number: int = 1) -> list[Span]:
        """Wait until so many spans of a name are there; return them."""
        self.wait_until(lambda: len(self.named(name)) >= number)
        return self.named(name)

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Wait until what was received is enough."""
        until = time.monotonic() + WAIT_SECONDS
        with self._changed:
            while not done():
                left = until - time.monotonic()
                assert left > 0, [(span.name, span.links) for span in self.spans]
                self._changed.wait(left)

    def named(self, name: str) -> list[Span]:
        """Spans of a name."""
        return [span for span in self.spans if span.name == name]


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        told = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service=told["service.name"],
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    kind=span.kind,
                    links=tuple(link.trace_id.hex() for link in span.links),
                    linked_spans=tuple(link.span_id.hex() for link in span.links),
                    attributes={
                        each.key: each.value.string_value or each.value.int_value
                        for each in span.attributes
                    },
                    status=span.status.message,
                )


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a receiver on a free port."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            collector.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
