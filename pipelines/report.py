"""What a run says of itself: the conservation equation (I1) and what was added to the books."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from apache_beam.runners.runner import PipelineResult

from transforms import counting


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one run. Units: messages, journal entries, journal lines, lifecycle updates."""

    messages_read: int
    posted: int
    recorded: int
    pending: int
    dead_lettered: int
    duplicates: int
    new_entries: int
    reversals: int
    journal_lines: int
    lifecycle_updates: int
    unmapped: int = 0
    """Postings without a GL account, of a run that writes files under a mapping."""

    @property
    def accounted(self) -> int:
        """Messages whose end is known."""
        return self.posted + self.recorded + self.pending + self.dead_lettered + self.duplicates

    @property
    def conserved(self) -> bool:
        """Whether every message read ended in exactly one place."""
        return self.messages_read == self.accounted

    @property
    def equation(self) -> str:
        """The conservation equation with its numbers."""
        return self._equation(f"{self.messages_read} read")

    def _equation(self, left: str) -> str:
        relation = "=" if self.conserved else "≠"
        return (
            f"{left} {relation} {self.posted} posted + {self.recorded} recorded"
            f" + {self.pending} pending + {self.dead_lettered} dead-lettered"
            f" + {self.duplicates} duplicates"
        )


class LiveReport(RunReport, frozen=True, kw_only=True):
    """Counts of a live job: of a running one, what is on its way is read and not yet taken."""

    taken_again: int = 0
    """Messages handed on once more when their owner was learnt; among the duplicates."""

    @property
    def conserved(self) -> bool:
        """Whether every message ended in one place as often as it was handed on."""
        return self.on_their_way == 0

    @property
    def on_their_way(self) -> int:
        """Messages read and not yet taken by the sink; never negative, zero when nothing waits."""
        return self.messages_read + self.taken_again - self.accounted

    @property
    def equation(self) -> str:
        """The conservation equation with its numbers."""
        return self._equation(f"{self.messages_read} read + {self.taken_again} taken again")


class ConservationBroken(Exception):
    """The run lost or invented messages; the store must not be trusted until it is explained."""


def report_of(result: PipelineResult) -> RunReport:
    """Read the counters of a finished run. Raises ConservationBroken when they do not add up."""
    return _checked(RunReport(**_counts(result, RunReport)))


def live_report_of(result: PipelineResult) -> LiveReport:
    """Read the counters of a live job that was drained or whose input had an end.

    Raises ConservationBroken when they do not add up.
    """
    return _checked(LiveReport(**_counts(result, LiveReport)))


def live_counts(result: PipelineResult) -> dict[str, int]:
    """Counters of a live job as they stand; empty while its engine does not answer."""
    from grpc import RpcError

    if "_metrics" in vars(result):
        vars(result)["_metrics"] = None  # Beam would give its first answer again for good
    try:
        return _counts(result, LiveReport)
    except (RpcError, NotImplementedError):
        return {}


Report = TypeVar("Report", bound=RunReport)


def _checked(report: Report) -> Report:
    if not report.conserved:
        raise ConservationBroken(report.equation)
    return report


def _counts(result: PipelineResult, kind: type[RunReport]) -> dict[str, int]:
    """Committed counters of a job by the names of a report's fields."""
    values: dict[str, int] = {}
    for metric in result.metrics().query()["counters"]:
        if metric.key.metric.namespace == counting.NAMESPACE:
            name = metric.key.metric.name
            values[name] = values.get(name, 0) + metric.result
    return {name: values.get(name, 0) for name in kind.__struct_fields__}
