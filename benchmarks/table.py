"""Prints what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from benchmarks.measure import Cost

_HEAD = (
    "contender",
    "CPU s",
    "us/event",
    "events/s",
    "wall s",
    "peak MiB",
    "vs pipeline",
    "output",
)


class Measured(Protocol):
    """A contender's result."""

    @property
    def contender(self) -> str:
        """Its name."""

    @property
    def events(self) -> int:
        """How many events it read."""

    @property
    def cost(self) -> Cost:
        """What it used."""

    @property
    def differences(self) -> list[str]:
        """How its output differs from the first one's."""


def print_table(results: Sequence[Measured]) -> None:
    """One line per contender; `vs pipeline` above 1 is more CPU than the pipeline."""
    reference = next((r for r in results if r.contender == "pipeline"), results[0])
    print(_row(_HEAD))
    for result in results:
        cost = result.cost
        print(
            _row(
                (
                    result.contender,
                    f"{cost.cpu_seconds:.2f}",
                    f"{cost.cpu_seconds / result.events * 1e6:.1f}",
                    f"{result.events / cost.cpu_seconds:,.0f}",
                    f"{cost.wall_seconds:.2f}",
                    f"{cost.peak_mib:,}",
                    f"{cost.cpu_seconds / reference.cost.cpu_seconds:.2f}",
                    "equal" if not result.differences else f"{len(result.differences)} differ",
                )
            )
        )
    for result in results:
        for difference in result.differences[:10]:
            print(f"{result.contender}: {difference}")
    print(flush=True)


def print_store(written: dict[str, Any]) -> None:
    """Store writes, commits only."""
    lines, wall = written["journal_lines"], written["wall_seconds"]
    print(
        f"store (SQLite): {lines:,} journal lines of {written['entries']:,} entries and "
        f"{written['messages']:,} archived messages in {wall:.2f} s = {lines / wall:,.0f} lines/s; "
        f"CPU {written['cpu_seconds']:.2f} s; {written['store_mib']:,} MiB; committing all of it "
        f"again added nothing in {written['replay_cpu_seconds']:.2f} CPU s\n",
        flush=True,
    )


def _row(cells: Sequence[str]) -> str:
    return f"{cells[0]:<10}" + "".join(f"{cell:>13}" for cell in cells[1:])
