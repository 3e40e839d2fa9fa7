"""`crossfoot deliver`: empty the outbox into the ERP, once or for as long as it runs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from connectors.deliveries import Delivery
from connectors.deliveries.draining import Drained, Drainer
from connectors.deliveries.opening import opened_delivery
from connectors.deliveries.parcels import Parcels
from connectors.deliveries.patience import CircuitBreaker, Patience
from connectors.store import DelivererBusy, LedgerStore, OutboxCounts
from ledger.trace_context import Spans
from runners import arguments
from runners.display import print_json, print_lines, say
from runners.exit_codes import ExitCode
from runners.metrics import metrics_beside, store_figures
from runners.outbox import outbox_line
from runners.problems import Findings, Problem
from runners.reading import erp_problems, erp_settings, gl_mapping
from runners.sending import store_wait_seconds, surroundings_until
from runners.stopping import stopping
from runners.stores import opened_store
from runners.telemetry import spans_of

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from connectors.telemetry.delivery_figures import DeliveryFigures

Kind = Annotated[
    Literal["tryton", "http", "files", "kafka", "pubsub"],
    typer.Option("--to", help="Which settings of the ERP file."),
]
Erp = Annotated[
    str, typer.Option(metavar="FILE", help="YAML file that says how the ERP is reached.")
]
Mapping = Annotated[
    str, typer.Option(metavar="FILE", help="GL mapping: which account each line is booked on.")
]


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What was delivered; field names are the JSON output. Units: postings, batches."""

    to: str
    accepted: int
    refused: int
    held: int
    """Could not be sent as they are, or were refused for the time being."""
    batches: int
    away: str | None
    """Why the ERP could not be reached in the end."""
    outbox: OutboxCounts


def deliver(
    store: arguments.Store,
    erp: Erp,
    mapping: Mapping,
    to: Kind = "tryton",
    tenant: arguments.Tenant = "default",
    retry_refused: Annotated[
        bool, typer.Option("--retry-refused", help="Send again what the ERP refused before.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until stopped (SIGINT, SIGTERM).")
    ] = False,
    every: Annotated[
        int, typer.Option(metavar="SECONDS", min=1, help="With --follow: pause between looks.")
    ] = 5,
    store_wait: arguments.FollowedStoreWait = None,
    metrics: arguments.Metrics = None,
    otlp: arguments.Otlp = None,
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Send what waits in the outbox to the ERP or a topic, in order, each posting once.

    Running it again, or killing it, books nothing twice; to a topic a posting may
    go again then, under its id. What the ERP refuses is in `crossfoot exceptions
    list`. When the ERP is away, what is left waits: the exit code is 4, or with
    --follow it is tried again until it answers. With --strict refused and held
    postings give exit code 3.

    Example:

      crossfoot deliver --store sqlite:///books.db --erp erp.yaml --mapping gl.yaml --to tryton
    """
    settings, spans = erp_settings(erp), spans_of(otlp)
    wait_seconds = store_wait_seconds(store_wait, follow=follow)
    with (
        stopping() as stop,
        opened_store(store, wait_seconds=wait_seconds, ending=stop) as opened,
        erp_problems(),
        opened_delivery(settings, to, spans) as delivery,
    ):
        if retry_refused:
            opened.delivery_desk.retry_refused()
        parcels = Parcels(gl_mapping(mapping), opened.calendar)
        breaker = CircuitBreaker(Patience(), time.monotonic)
        drainer = _drainer(
            opened, delivery, parcels, breaker, tenant, settings.batch_size, stop, spans
        )
        told = _Told()
        with metrics_beside(metrics, lambda: told.collectors(store, tenant, breaker)):
            done = _follow(drainer, stop, every, told) if follow else drainer.drain()
        outcome = _outcome(delivery, done, opened.delivery_desk.counts(tenant))
    _report(outcome, as_json, follow=follow, strict=strict)


def _drainer(
    store: LedgerStore,
    delivery: Delivery,
    parcels: Parcels,
    breaker: CircuitBreaker,
    tenant: str,
    batch_size: int,
    stop: threading.Event,
    spans: Spans,
) -> Drainer:
    return Drainer(
        store.delivery_desk,
        delivery,
        parcels,
        tenant=tenant,
        batch_size=batch_size,
        patience=Patience(),
        breaker=breaker,
        surroundings=surroundings_until(stop),
        spans=spans,
    )


class _Told:
    """What Prometheus is told of the drains so far; nothing while nobody asks."""

    def __init__(self) -> None:
        self._figures: DeliveryFigures | None = None

    def collectors(self, url: str, tenant: str, breaker: CircuitBreaker) -> list[Collector]:
        """The store's figures, and this deliverer's from now on."""
        from connectors.telemetry.delivery_figures import DeliveryFigures

        self._figures = DeliveryFigures(breaker)
        return [store_figures(url, tenant), self._figures]

    def add(self, done: Drained) -> None:
        """Count what a drain did."""
        if self._figures is not None:
            self._figures.add(done)


def _follow(drainer: Drainer, stop: threading.Event, every_seconds: int, told: _Told) -> Drained:
    """Drain again and again; the sum of all."""
    total = Drained()
    while not stop.is_set():
        try:
            done = drainer.drain()
        except DelivererBusy as busy:
            say(f"{busy}; trying again")
            done = Drained()
        if done.away is not None:
            say(f"the ERP is away: {done.away}")
        told.add(done)
        total = Drained(
            accepted=total.accepted + done.accepted,
            refused=total.refused + done.refused,
            held=done.held,
            batches=total.batches + done.batches,
            away=done.away,
        )
        stop.wait(max(every_seconds, drainer.seconds_until_probe()))
    return total


def _outcome(delivery: Delivery, done: Drained, counts: OutboxCounts) -> Delivered:
    return Delivered(
        to=delivery.name,
        accepted=done.accepted,
        refused=done.refused,
        held=done.held,
        batches=done.batches,
        away=done.away,
        outbox=counts,
    )


def _report(outcome: Delivered, as_json: bool, *, follow: bool, strict: bool) -> None:
    if as_json:
        print_json(outcome)
    else:
        print_lines(
            f"{outcome.accepted} postings accepted by {outcome.to}, {outcome.refused} refused, "
            f"{outcome.held} held back, in {outcome.batches} batches",
            outbox_line(outcome.outbox),
        )
    if outcome.away is not None and not follow:
        raise Problem(
            f"the ERP is away: {outcome.away}",
            "nothing is lost: run it again when the ERP answers, or keep it running with --follow",
            ExitCode.ENVIRONMENT,
        )
    if strict and (outcome.refused or outcome.held or outcome.outbox.refused):
        raise Findings
