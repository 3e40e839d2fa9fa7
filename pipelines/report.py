"""What a run says of itself: the conservation equation (I1) and what was added to the books."""

from __future__ import annotations

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
        relation = "=" if self.conserved else "≠"
        return (
            f"{self.messages_read} read {relation} {self.posted} posted + {self.recorded} recorded"
            f" + {self.pending} pending + {self.dead_lettered} dead-lettered"
            f" + {self.duplicates} duplicates"
        )


class ConservationBroken(Exception):
    """The run lost or invented messages; the store must not be trusted until it is explained."""


def report_of(result: PipelineResult) -> RunReport:
    """Read the counters of a finished run. Raises ConservationBroken when they do not add up."""
    counters = result.metrics().query()["counters"]
    values: dict[str, int] = {}
    for metric in counters:
        if metric.key.metric.namespace == counting.NAMESPACE:
            name = metric.key.metric.name
            values[name] = values.get(name, 0) + metric.result
    report = RunReport(**{name: values.get(name, 0) for name in RunReport.__struct_fields__})
    if not report.conserved:
        raise ConservationBroken(report.equation)
    return report
