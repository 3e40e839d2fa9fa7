"""Counters of a running job for Prometheus, as its engine reports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class JobFigures(Collector):
    """Of one job since it was started; what was counted by workers that died may be missing."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """`counts`: by counter; empty while the engine does not answer."""
        self._counts = counts

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked when it is registered."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Yield one metric with a label per counter."""
        family = CounterMetricFamily(
            "crossfoot_job", "Beam counters of this job.", labels=["counter"]
        )
        for name, number in sorted(self._counts().items()):
            family.add_metric([name], number)
        yield family
