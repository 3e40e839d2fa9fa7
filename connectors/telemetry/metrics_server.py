"""Serves figures to Prometheus over HTTP, beside whatever the process does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector


@contextmanager
def serving_metrics(host: str, port: int, collectors: Iterable[Collector]) -> Iterator[int]:
    """Serve `/metrics` while it is open; gives the port, chosen freely for 0. Raises OSError."""
    registry = CollectorRegistry()
    for each in collectors:
        registry.register(each)
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
