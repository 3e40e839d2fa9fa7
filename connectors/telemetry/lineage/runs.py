"""The life of one run, told as it happens: it started, goes on, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from connectors.telemetry.lineage.facts import NOTHING_COUNTED, Counts, RunFacts
from connectors.telemetry.lineage.settings import LineageSettings

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent


class Stopped(BaseException):
    """Somebody asked the run to end: it is aborted, not failed."""


class Sends(Protocol):
    """What takes events; `sending.LineageSender`."""

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be sent."""
        ...

    def send(self, event: RunEvent) -> None:
        """Take an event."""
        ...


class LineageRun:
    """One run. START comes first, then RUNNING any number of times, then one event that ends it."""

    def __init__(
        self,
        run_id: str,
        settings: LineageSettings,
        facts: RunFacts,
        sender: Sends,
        now: Callable[[], datetime],
    ) -> None:
        """`now`: with a time zone."""
        self.run_id = run_id
        self._settings = settings
        self._facts = facts
        self._sender = sender
        self._now = now
        self._counts = NOTHING_COUNTED
        self._ends_elsewhere = False

    def start(self) -> None:
        """Tell that it started."""
        self._tell("START")

    def running(self, counts: Counts) -> None:
        """Tell that it goes on; left out while the receiver has not taken what came before."""
        self._counts = counts
        if not self._sender.is_behind:
            self._tell("RUNNING")

    def counted(self, counts: Counts) -> None:
        """Keep what its last event will say that it did."""
        self._counts = counts

    def goes_on_elsewhere(self) -> None:
        """Keep that its end will not be seen here: nothing ends it."""
        self._ends_elsewhere = True

    def end(self, error: BaseException | None) -> None:
        """Tell how it ended: with an error, or without."""
        if self._ends_elsewhere:
            return
        if isinstance(error, Stopped | KeyboardInterrupt):
            self._tell("ABORT")
        elif error is not None:
            self._tell("FAIL", kinds_of(error))
        else:
            self._tell("COMPLETE")

    def _tell(self, state: str, error: str | None = None) -> None:
        from connectors.telemetry.lineage.events import State, run_event

        self._sender.send(
            run_event(
                State(state),
                self.run_id,
                self._now(),
                self._settings,
                self._facts,
                self._counts,
                error,
            )
        )


@contextmanager
def telling(run: LineageRun) -> Iterator[LineageRun]:
    """Tell that a run starts, and how what is done inside ends; errors go on as they are."""
    run.start()
    try:
        yield run
    except BaseException as error:
        run.end(error)
        raise
    run.end(None)


def kinds_of(error: BaseException) -> str:
    """Return the kinds of an error and of what caused it, outermost first; no words of theirs."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < 8:
        code = getattr(cause, "code", None)
        reason = f" ({code.name.lower()})" if isinstance(code, Enum) else ""
        kinds.append(f"{type(cause).__name__}{reason}")
        cause = cause.__cause__
    return " < ".join(kinds)
