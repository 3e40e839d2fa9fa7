"""The bounded job on engines outside this process gives, byte by byte, the books of FnApiRunner's.

Files go by their paths, workers open the store themselves, the report comes from the engine's
counters.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.store import open_store
from tests.live.conftest import standing
from tests.pipelines.runs import AS_OF
from tests.servers.downloads import ROOT

MINUTES = 10
FILES = 5
REPORTED = "equation new_entries reversals journal_lines lifecycle_updates trial_balance".split()

RunFiles = Callable[..., dict[str, Any]]


@pytest.fixture
def run_files(company: Path, lines: list[bytes], tmp_path: Path) -> RunFiles:
    """Run the bounded job over files named by a relative pattern; return what it says."""
    (tmp_path / "events").mkdir()
    for number in range(FILES):
        part = b"".join(line + b"\n" for line in lines[number::FILES])
        (tmp_path / "events" / f"part-{number}.jsonl").write_bytes(part)

    def run(script: str, store: str, *options: str) -> dict[str, Any]:
        command = [sys.executable, "-m", script, "order_to_cash", "--input", "events/*.jsonl"]
        command += ["--store", store, "--as-of", AS_OF.isoformat(), "--json"]
        command += ["--books", f"{company}/company.yaml", "--rates", f"{company}/rates.csv"]
        done = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=MINUTES * 60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def test_prism(run_files: RunFiles, bounded: bytes, tmp_path: Path, prism_option: str) -> None:
    here = run_files("runners.local", "sqlite:///here.db")
    there = run_files("runners.prism", "sqlite:///there.db", prism_option)
    assert_same(here, there, bounded, f"sqlite:///{tmp_path}/", "here.db", "there.db")


def test_flink_with_workers_in_the_process_that_starts_it(
    run_files: RunFiles, bounded: bytes, tmp_path: Path, on_flink: tuple[str, ...]
) -> None:
    here = run_files("runners.local", "sqlite:///here.db")
    there = run_files("runners.flink", "sqlite:///there.db", *on_flink)
    assert_same(here, there, bounded, f"sqlite:///{tmp_path}/", "here.db", "there.db")


def test_flink_with_external_workers_and_a_shared_store(
    run_files: RunFiles, bounded: bytes, tmp_path: Path, postgres: str, with_pool: tuple[str, ...]
) -> None:
    """The workers run in another folder: relative names mean what they mean to the user."""
    here = run_files("runners.local", "sqlite:///here.db")
    there = run_files("runners.flink", postgres, *with_pool)
    assert_same(here, there, bounded, "", f"sqlite:///{tmp_path}/here.db", postgres)
    again = run_files("runners.flink", postgres, *with_pool)
    assert again["nothing_new"]
    assert standing(postgres) == bounded


def assert_same(
    here: dict[str, Any], there: dict[str, Any], bounded: bytes, base: str, ours: str, theirs: str
) -> None:
    """Assert that both runs say the same and left the same, the way there included."""
    assert {name: there[name] for name in REPORTED} == {name: here[name] for name in REPORTED}
    assert there["adds_up"]
    assert there["messages_read"] > 0
    assert standing(base + theirs) == bounded
    assert canonical(base + theirs) == canonical(base + ours)


def canonical(store: str) -> bytes:
    """Everything in a store but the log of runs."""
    with open_store(store, create=False) as books:
        return b"".join(books.canonical_dump())
