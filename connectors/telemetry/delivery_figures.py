"""Figures of a deliverer for Prometheus: what it delivered, and whether the ERP is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from connectors.deliveries.draining import Drained
from connectors.deliveries.patience import CircuitBreaker


class DeliveryFigures(Collector):
    """Of one deliverer since it was started."""

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._verdicts: Counter[str] = Counter({"accepted": 0, "refused": 0})
        self._batches = 0

    def add(self, done: Drained) -> None:
        """Count what a drain did."""
        self._verdicts.update(accepted=done.accepted, refused=done.refused)
        self._batches += done.batches

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        postings = CounterMetricFamily(
            "crossfoot_delivered_postings", "Postings by the ERP's verdict.", labels=["verdict"]
        )
        for verdict, number in sorted(self._verdicts.items()):
            postings.add_metric([verdict], number)
        yield postings
        yield CounterMetricFamily(
            "crossfoot_delivered_batches", "Batches that the ERP answered.", self._batches
        )
        yield GaugeMetricFamily(
            "crossfoot_erp_breaker_open",
            "Whether the ERP was away when it was tried last.",
            self._breaker.is_open,
        )
        yield GaugeMetricFamily(
            "crossfoot_erp_breaker_seconds",
            "How long nothing is sent yet to an ERP that is away.",
            self._breaker.seconds_left(),
        )
