"""JoinInWindows: the windowed join in event time that brings a party's events together.

Windows only decide how soon events are folded together, never what the books say: the fold sees
all facts of a party each time. Hence early firings within seconds, late firings always, discarding
panes (every event is handed on once), and an allowed lateness that never drops anything (I7).
"""

from __future__ import annotations

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.transforms.trigger import (
    AccumulationMode,
    AfterCount,
    AfterProcessingTime,
    AfterWatermark,
    TriggerFn,
)
from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Duration

ALLOWED_LATENESS_SECONDS = 100 * 366 * 24 * 3600
"""A century: longer than any event date the decoders accept, so nothing is ever dropped."""


class JoinInWindows(beam.PTransform):
    """PCollection[(party_ref, bytes)] -> PCollection[(party_ref, iterable of bytes)]. Unbounded.

    `early_seconds` is how long events may wait for company (processing time); None for engines
    without early processing-time triggers, where panes fire on the watermark and on late data.
    """

    def __init__(self, window_seconds: int, early_seconds: int | None) -> None:
        super().__init__()
        self._window_seconds = window_seconds
        self._early_seconds = early_seconds

    def expand(self, events: PCollection) -> PCollection:
        return (
            events
            | "Window"
            >> beam.WindowInto(
                FixedWindows(self._window_seconds),
                trigger=self._trigger(),
                accumulation_mode=AccumulationMode.DISCARDING,
                allowed_lateness=Duration(seconds=ALLOWED_LATENESS_SECONDS),
            )
            | "Join" >> beam.GroupByKey()
        )

    def _trigger(self) -> TriggerFn:
        early = AfterProcessingTime(self._early_seconds) if self._early_seconds else None
        return AfterWatermark(early=early, late=AfterCount(1))
