"""Figures for Prometheus beside a command, when an option asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runners.display import say
from runners.exit_codes import ExitCode
from runners.problems import Problem

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

LOCAL = "127.0.0.1"


def address(listen: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:9090`. Raises Problem."""
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isdigit() and int(port) < 65_536):
        raise Problem(f"{listen} is no address", "write it as 127.0.0.1:9090")
    return host.strip("[]"), int(port)


@contextmanager
def metrics_beside(listen: str | None, collectors: Callable[[], list[Collector]]) -> Iterator[None]:
    """Serve what the collectors give while it is open; nothing without an address.

    Raises Problem when the library is missing or the address is taken.
    """
    if listen is None:
        yield
        return
    host, port = address(listen)
    try:
        from connectors.telemetry.metrics_server import serving_metrics

        found = collectors()
    except ImportError as error:
        mend = "install crossfoot[telemetry]"
        raise Problem(f"{error.name} is not installed", mend, ExitCode.ENVIRONMENT) from error
    serving = serving_metrics(host, port, found)
    try:
        port = serving.__enter__()
    except OSError as error:
        mend = "give an address of this machine that is free"
        raise Problem(f"{listen}: {error.strerror}", mend, ExitCode.ENVIRONMENT) from error
    say(f"metrics at http://{host}:{port}/metrics")
    try:
        yield
    finally:
        serving.__exit__(None, None, None)


def store_figures(url: str, tenant: str | None, refresh_seconds: float = 15.0) -> Any:
    """Return the collector of a store."""
    import time

    from connectors.telemetry.store_figures import StoreFigures

    return StoreFigures(url, time.time, tenant=tenant, refresh_seconds=refresh_seconds)
