"""GatherFirings: firings of many parties that came in one bundle become one, committed together.

An engine hands on every firing of the join by itself, and a commit waits for the disk. What is
there at the same time is folded and committed at once; nothing waits longer than its bundle does.
Sound where all parties are folded as of one moment: the fold sorts messages by party again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

MESSAGES_AT_ONCE = 500
"""Messages gathered at most: history look-ups and the transaction stay small."""


class GatherFirings(beam.PTransform):
    """PCollection[(party_ref, iterable of bytes)] -> the same with several refs' bytes together.

    The ref is that of the first. Everything gathered is in the global window.
    """

    def expand(self, firings: PCollection) -> PCollection:
        return (
            firings
            | "NoWindows" >> beam.WindowInto(GlobalWindows())
            | "Gather" >> beam.ParDo(_GatherFn()).with_output_types(tuple[str, Iterable[bytes]])
        )


class _GatherFn(beam.DoFn):
    def start_bundle(self) -> None:
        self._ref = ""
        self._gathered: list[bytes] = []

    def process(self, firing: tuple[str, Iterable[bytes]]) -> Iterator[tuple[str, list[bytes]]]:
        ref, encoded = firing
        self._ref = self._ref or ref
        self._gathered.extend(encoded)
        if len(self._gathered) >= MESSAGES_AT_ONCE:
            yield self._together()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._gathered:
            window = GlobalWindow()
            yield WindowedValue(self._together(), window.max_timestamp(), (window,))

    def _together(self) -> tuple[str, list[bytes]]:
        together = (self._ref, self._gathered)
        self._ref, self._gathered = "", []
        return together
