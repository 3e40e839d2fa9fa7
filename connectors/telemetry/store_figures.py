"""Figures of the books for Prometheus, asked from the store itself.

Workers of a job come and go, on many machines; what the store holds is one truth for all of them.
It is asked at most every few seconds, however often somebody scrapes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec
import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from connectors.store import Conservation, LedgerStore, OutboxCounts, StoreError, open_store
from connectors.store.outbox import DeliveryStatus
from connectors.store.session import backend_of

MICROS = 1_000_000
ENDS = ("posted", "recorded", "pending", "dead_lettered")

_log = structlog.get_logger("crossfoot.telemetry")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the store said; units: messages, postings, exceptions."""

    ended: Conservation
    outbox: OutboxCounts
    exceptions: dict[tuple[str, str], int]
    """By (kind, reason)."""
    oldest_waiting: int | None
    """Outbox position of the oldest pending posting."""


def read_figures(store: LedgerStore, now_micros: int, tenant: str | None) -> Figures:
    """Ask the store."""
    found = Counter((row.kind, row.reason) for row in store.exceptions(now_micros, tenant))
    oldest = store.deliveries(DeliveryStatus.PENDING, limit=1)
    return Figures(
        ended=store.conservation(now_micros, tenant),
        outbox=store.delivery_desk.counts(tenant),
        exceptions=dict(sorted(found.items())),
        oldest_waiting=oldest[0].position if oldest else None,
    )


class StoreFigures(Collector):
    """Collects from one store; safe to be scraped by several threads."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        *,
        tenant: str | None = None,
        refresh_seconds: float = 15.0,
    ) -> None:
        """`clock`: seconds since the epoch; `tenant`: only this one's messages and postings."""
        self._url = url
        self._clock = clock
        self._tenant = tenant
        self._refresh_seconds = refresh_seconds
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._figures: Figures | None = None
        self._head: tuple[int, float] | None = None
        """The oldest pending position, and since when it is known to be that."""

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked when it is registered."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; only that the store is away, when it is."""
        with self._lock:
            now = self._clock()
            if self._asked_at is None or now - self._asked_at >= self._refresh_seconds:
                self._ask(now)
                self._asked_at = now
            figures, head = self._figures, self._head
        up = GaugeMetricFamily("crossfoot_store_up", "Whether the store answered when last asked.")
        up.add_metric([], figures is not None)
        yield up
        if figures is not None:
            yield from _metrics(figures, now - head[1] if head is not None else 0.0)

    def _ask(self, now: float) -> None:
        away: tuple[type[BaseException], ...] = (StoreError, *backend_of(self._url).errors)
        try:
            with open_store(self._url, create=False) as store:
                self._figures = read_figures(store, int(now * MICROS), self._tenant)
        except away as error:
            _log.warning("store_away", reason=type(error).__name__)
            self._figures = None
            return
        oldest = self._figures.oldest_waiting
        if oldest is None:
            self._head = None
        elif self._head is None or self._head[0] != oldest:
            self._head = (oldest, now)


def _metrics(figures: Figures, waiting_seconds: float) -> Iterator[Metric]:
    messages = GaugeMetricFamily(
        "crossfoot_messages", "Events the store knows, by where each ended.", labels=["outcome"]
    )
    for name in ENDS:
        messages.add_metric([name], getattr(figures.ended, name))
    yield messages
    yield GaugeMetricFamily(
        "crossfoot_messages_expired",
        "Pending events that are past their deadline.",
        figures.ended.expired,
    )
    outbox = GaugeMetricFamily(
        "crossfoot_outbox_postings", "Postings by how their delivery stands.", labels=["status"]
    )
    for status in DeliveryStatus:
        outbox.add_metric([status.value], getattr(figures.outbox, status.value))
    yield outbox
    yield GaugeMetricFamily(
        "crossfoot_outbox_oldest_pending_seconds",
        "How long the oldest pending posting has been seen waiting by this process.",
        waiting_seconds,
    )
    exceptions = GaugeMetricFamily(
        "crossfoot_exceptions", "What a person must look at.", labels=["kind", "reason"]
    )
    for (kind, reason), number in figures.exceptions.items():
        exceptions.add_metric([kind, reason], number)
    yield exceptions
