"""The embedded way to keep deliveries: spools on this machine, and an index of what is there."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from connectors.webhooks.deliveries import Delivery, Scheme
from connectors.webhooks.keeping import NotDurable
from connectors.webhooks.seen import SeenEvents, Verdict
from connectors.webhooks.spool import Spool, unindexed

REMEMBERED = 20_000_000
"""Events whose repetition is recognised; older ones are recognised by the pipelines."""


class SpoolInUse(Exception):
    """Another process writes to this spool."""


class SpoolLog:
    """One spool per source under a directory, which one process holds at a time."""

    def __init__(
        self,
        directory: Path,
        sources: Mapping[str, Scheme],
        clock: Callable[[], float],
        *,
        remembered: int = REMEMBERED,
    ) -> None:
        """Finish and index what an earlier process left. Raises SpoolInUse, OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = (directory / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise SpoolInUse(str(directory)) from error
        self._remembered = remembered
        self._spools = {source: Spool(directory, source, clock) for source in sources}
        self._seen = SeenEvents(directory / "seen.db")
        indexed = self._seen.indexed()
        for source, scheme in sorted(sources.items()):
            for name, size, events in unindexed(directory, source, scheme, indexed):
                self._seen.add(events, {name: size})

    def keep(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """Write what is new or in conflict; see DurableLog."""
        with _durable_or_not():
            verdicts = self._seen.verdicts(deliveries)
            fresh: dict[str, list[Delivery]] = {}
            for each, verdict in zip(deliveries, verdicts, strict=True):
                if verdict is not Verdict.DUPLICATE:
                    fresh.setdefault(each.source, []).append(each)
            for source in sorted(fresh):
                name, size = self._spools[source].append(fresh[source])
                self._seen.add(fresh[source], {name: size})
        return verdicts

    def tick(self) -> None:
        """Finish segments that are old enough to be read."""
        with _durable_or_not():
            for spool in self._spools.values():
                spool.rotate()
            self._seen.forget_all_but(self._remembered)

    def close(self) -> None:
        """Finish all segments and let go of the directory."""
        for spool in self._spools.values():
            spool.close()
        self._seen.close()
        self._lock.close()


@contextmanager
def _durable_or_not() -> Iterator[None]:
    """Turn what a disk can do to us into NotDurable."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise NotDurable(f"{type(error).__name__}: {error}") from error
