"""Lineage beside commands that run jobs: what each reads and writes, and how far it got."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from connectors.telemetry.lineage.facts import Counts, RunFacts
from connectors.telemetry.lineage.runs import LineageRun, Stopped, telling
from connectors.telemetry.lineage.settings import (
    LineageInvalid,
    LineageSettings,
    can_tell,
    lineage_settings,
)
from runners.exit_codes import ExitCode
from runners.problems import Problem

EVERY_SECONDS = 60.0
"""How often a live job tells that it goes on."""
TERMS = ("messages_read", "posted", "recorded", "pending", "dead_lettered", "duplicates")
"""The conservation equation."""


def lineage_of(to: str | None) -> LineageSettings | None:
    """Return how lineage is told; None when nobody asked for it.

    `to`: what the option says. Raises Problem when it asks for what is not installed, or for what
    cannot be. Where only variables ask, which may be set for the whole machine, nothing is told
    without the client.
    """
    if not can_tell():
        if to is None:
            return None
        mend = "install crossfoot[telemetry], or leave --lineage out"
        raise Problem("what tells lineage is not installed", mend, ExitCode.ENVIRONMENT)
    try:
        return lineage_settings(to, os.environ, Path.cwd())
    except LineageInvalid as error:
        raise Problem(f"--lineage: {error}", "name a file, or a URL with http") from error


@contextmanager
def lineage_beside(
    settings: LineageSettings | None, facts: Callable[[], RunFacts]
) -> Iterator[LineageRun | None]:
    """Tell how what is done inside starts and ends; None, and nothing done, without settings."""
    if settings is None:
        yield None
        return
    from openlineage.client.uuid import generate_new_uuid

    from connectors.telemetry.lineage.sending import LineageSender

    sender = LineageSender(settings)
    run = LineageRun(str(generate_new_uuid()), settings, facts(), sender, _now)
    try:
        with telling(run):
            yield run
    finally:
        sender.close()


def _now() -> datetime:
    return datetime.now(UTC)


def counted(counts: Mapping[str, int]) -> Counts:
    """Return a run's counters as counts of the datasets that it writes.

    `counts`: by the names of a report's fields; those that are missing are not told.
    """
    entries = {"new_entries", "reversals"}
    written = {"journal_lines": "journal_lines", "lifecycle_updates": "lifecycle_updates"}
    written["dead_letters"] = "dead_lettered"
    rows = {table: counts[name] for table, name in written.items() if name in counts}
    if entries <= counts.keys():
        rows["journal_entries"] = sum(counts[name] for name in entries)
    return Counts(
        read=counts.get("messages_read"),
        written=rows,
        terms={name: counts[name] for name in TERMS if name in counts},
    )


@contextmanager
def told_while_live(
    run: LineageRun | None,
    counts: Callable[[], Mapping[str, int]],
    *,
    ends_with_us: bool,
    every_seconds: float = EVERY_SECONDS,
) -> Iterator[None]:
    """Tell from time to time that a live job goes on; SIGTERM ends it as Ctrl-C does.

    `ends_with_us`: the job ends when this process does; else nobody here sees its end.
    """
    if run is None:
        yield
        return
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(run, counts, stop, every_seconds), daemon=True)
    beat.start()
    try:
        with _dying_of_sigterm():
            try:
                yield
            except (KeyboardInterrupt, Stopped):
                if not ends_with_us:
                    run.goes_on_elsewhere()
                raise
    finally:
        stop.set()


def _beat(
    run: LineageRun,
    counts: Callable[[], Mapping[str, int]],
    stop: threading.Event,
    every_seconds: float,
) -> None:
    while not stop.wait(every_seconds):
        run.running(counted(counts()))


@contextmanager
def _dying_of_sigterm() -> Iterator[None]:
    """SIGTERM raises Stopped in the main thread, so that the end can be told."""

    def stopped(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stopped)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ending_as_asked() -> Iterator[None]:
    """Once the end is told, die of the SIGTERM that asked for it, as a process does."""
    try:
        yield
    except Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
