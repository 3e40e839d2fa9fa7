"""Killed at any moment and run again: byte for byte the books of an undisturbed run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.report import RunReport
from tests.pipelines.runs import AS_OF, Run, dump_of

KILLS = 2


def start_run(company: Path, store: Path) -> subprocess.Popen[bytes]:
    """Start the command as a user would, in a process of its own."""
    command = [
        sys.executable, "-m", "runners.local", "order_to_cash",
        "--input", f"{company}/*.jsonl*", "--store", f"sqlite:///{store}",
        "--books", str(company / "company.yaml"), "--rates", str(company / "rates.csv"),
        "--as-of", f"{AS_OF - timedelta(days=1):%Y-%m-%d}", "--json",
    ]  # fmt: skip
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def size_of(store: Path) -> int:
    """Bytes of the store and its write-ahead log, which may vanish while it is looked at."""
    total = 0
    for path in store.parent.glob(store.name + "*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def kill_while_writing(process: subprocess.Popen[bytes], store: Path, after_bytes: int) -> bool:
    """Send SIGKILL once the store has grown so far; False when the run ended before."""
    start = size_of(store)
    while process.poll() is None:
        if size_of(store) - start >= after_bytes:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.001)
    return False


@pytest.mark.parametrize("seed", [5, 6])
def test_a_killed_run_leaves_nothing_that_the_next_one_cannot_finish(
    company: Path,
    undisturbed: tuple[Path, RunReport],
    run_job: Run,
    tmp_path: Path,
    seed: int,
) -> None:
    chance = random.Random(seed)
    store = tmp_path / "books.db"
    killed = 0
    for _ in range(KILLS):
        process = start_run(company, store)
        killed += kill_while_writing(process, store, chance.randrange(1, 400_000))
    assert killed > 0, "no run was killed while it wrote: the test has shown nothing"
    assert run_job(store).conserved
    assert dump_of(store) == dump_of(undisturbed[0])
