"""`crossfoot serve-metrics`: figures of a ledger store for Prometheus."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from runners import arguments
from runners.display import print_json
from runners.metrics import address, metrics_beside, store_figures
from runners.stopping import stopping
from runners.stores import opened_store


class ServingMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What is served from now on; field names are the JSON output."""

    host: str
    port: int


def serve_metrics(
    store: arguments.Store,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address to listen on.")
    ] = "127.0.0.1:9464",
    refresh: Annotated[
        int,
        typer.Option(metavar="SECONDS", min=0, help="How often the store is asked at most."),
    ] = 15,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Serve figures of a ledger store at /metrics until stopped (SIGINT, SIGTERM).

    Where every event ended, the outbox and how long its oldest posting waits, and exceptions by
    reason: true for all jobs, workers and deliverers together, because the store is asked. While
    the store is away `crossfoot_store_up` is 0.

    Example:

      crossfoot serve-metrics --store postgresql://books@db.example/books --listen 0.0.0.0:9464
    """
    host, port = address(listen)
    with opened_store(store):
        """Wrong URLs are told now, not by an empty page."""
    figures = store_figures(store, tenant, refresh)
    with stopping() as stop, metrics_beside(listen, lambda: [figures]):
        if as_json:
            print_json(ServingMetrics(host=host, port=port))
        stop.wait()
