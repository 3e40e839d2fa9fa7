"""Runs a contender as a process of its own and reads from the system what it cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
_KIB_PER_UNIT = 1 if sys.platform != "darwin" else 1 / 1024
"""`ru_maxrss` is in KiB on Linux and in bytes on macOS (getrusage(2))."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a process used, children included."""

    cpu_seconds: float
    """User and system time."""
    wall_seconds: float
    peak_mib: int
    """Largest resident set of the process."""


class ContenderFailed(Exception):
    """A contender ended with an error; the text is the end of what it said."""


def run_module(module: str, arguments: Sequence[str], log: Path) -> Cost:
    """Run `python -m module arguments…` and return its cost; what it says goes to `log`.

    Raises ContenderFailed when it does not end with 0.
    """
    command = [sys.executable, "-m", module, *arguments]
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = log.read_text(errors="replace")[-2_000:]
        raise ContenderFailed(f"{module} ended with {process.returncode}:\n{said}")
    return _cost(usage, time.perf_counter() - started)


def _cost(usage: resource.struct_rusage, wall_seconds: float) -> Cost:
    return Cost(
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        wall_seconds=wall_seconds,
        peak_mib=int(usage.ru_maxrss * _KIB_PER_UNIT) // 1024,
    )
