"""However the same events are split into runs, the same stands in the end (I3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.report import RunReport
from tests.pipelines.runs import Run, comparable, write_lines

Split = Callable[[list[bytes]], list[list[bytes]]]

SPLITS: dict[str, Split] = {
    "first half, then second": lambda lines: [lines[: len(lines) // 2], lines[len(lines) // 2 :]],
    "second half, then first": lambda lines: [lines[len(lines) // 2 :], lines[: len(lines) // 2]],
    "every third": lambda lines: [lines[start::3] for start in (1, 2, 0)],
}


@pytest.mark.parametrize("name", SPLITS)
def test_runs_over_parts_leave_what_one_run_leaves(
    name: str,
    lines: list[bytes],
    run_job: Run,
    undisturbed: tuple[Path, RunReport],
    tmp_path: Path,
) -> None:
    for number, part in enumerate(SPLITS[name](lines)):
        run_job(tmp_path / "books.db", write_lines(tmp_path / f"part{number}.jsonl", part))
    assert comparable(tmp_path / "books.db") == comparable(undisturbed[0])
