"""What a close does once every party is folded: check the gate, write the report, propose.

Each step is one element. What a step does is handed in by the pipeline as an object that workers
open; here is only the order, and that nothing begins before the last commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.write_books import CommitCounts


class PeriodClose(Protocol):
    """The close of one period."""

    def settle_exchange(self, committed: CommitCounts) -> CommitCounts:
        """Book what money held over all customers won or lost; return all that was committed."""
        ...

    def check_gate(self, committed: CommitCounts) -> bytes:
        """Judge the period; return what was found, encoded."""
        ...

    def write_report(self, checked: bytes) -> bytes:
        """Write the report beside what was found; return the latter."""
        ...

    def propose(self, checked: bytes) -> bytes:
        """Propose the close when the gate is open and somebody asked for it; return the outcome."""
        ...


class SumCommits(beam.PTransform):
    """PCollection[CommitCounts] -> PCollection[CommitCounts] of one: after the last commit."""

    def expand(self, counts: PCollection) -> PCollection:
        return counts | beam.CombineGlobally(add_counts)


def add_counts(counts: Iterable[CommitCounts]) -> CommitCounts:
    """Add commits up."""
    names = CommitCounts.__struct_fields__
    sums = dict.fromkeys(names, 0)
    for one in counts:
        for name in names:
            sums[name] += getattr(one, name)
    return CommitCounts(**sums)


class SettleExchange(beam.PTransform):
    """PCollection[CommitCounts] of one -> the same, with what it added."""

    def __init__(self, open_close: Callable[[], PeriodClose]) -> None:
        super().__init__()
        self._step = _StepFn(open_close, "settle_exchange")

    def expand(self, committed: PCollection) -> PCollection:
        return committed | beam.ParDo(self._step)


class CheckGate(beam.PTransform):
    """PCollection[CommitCounts] of one -> PCollection[bytes] of one."""

    def __init__(self, open_close: Callable[[], PeriodClose]) -> None:
        super().__init__()
        self._step = _StepFn(open_close, "check_gate")

    def expand(self, committed: PCollection) -> PCollection:
        return committed | beam.ParDo(self._step)


class WriteCloseReport(beam.PTransform):
    """PCollection[bytes] of one -> the same."""

    def __init__(self, open_close: Callable[[], PeriodClose]) -> None:
        super().__init__()
        self._step = _StepFn(open_close, "write_report")

    def expand(self, checked: PCollection) -> PCollection:
        return checked | beam.ParDo(self._step)


class ProposeClose(beam.PTransform):
    """PCollection[bytes] of one -> PCollection[bytes] of one: the outcome."""

    def __init__(self, open_close: Callable[[], PeriodClose]) -> None:
        super().__init__()
        self._step = _StepFn(open_close, "propose")

    def expand(self, checked: PCollection) -> PCollection:
        return checked | beam.ParDo(self._step)


class _StepFn(beam.DoFn):
    def __init__(self, open_close: Callable[[], PeriodClose], step: str) -> None:
        self._open_close = open_close
        self._step = step

    def setup(self) -> None:
        self._close = self._open_close()

    def process(self, element: object) -> Iterator[object]:
        yield getattr(self._close, self._step)(element)
