"""How long a transaction is tried: after losing against another, while the database is away.

A conflict is over in milliseconds, so a few attempts in quick succession settle it. A database
that restarts, or that the network hides, takes seconds to hours: attempts then go on with growing
pauses until a limit, or until somebody asks for the end. Pauses are of random length, so that many
workers do not come back at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Event, Lock
from typing import NamedTuple, TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event

from connectors.store.backend import Backend
from connectors.store.errors import StoreAway

Result = TypeVar("Result")

CONFLICT_ATTEMPTS = 8
"""How often a transaction that lost against another is tried before it fails."""
LONGEST_PAUSE_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.1
_CONFLICT_PAUSE_SECONDS = 0.005
_log = structlog.get_logger("crossfoot.store")


class Retried(NamedTuple):
    """How often transactions were tried again."""

    conflicts: int
    """Because another one ran at the same time."""
    outages: int
    """Because the database was away, or did not answer."""


class Persistence:
    """Tries transactions of one store. `wait_seconds`: how long the database may be away, from
    when it was missed; 0 for callers who would rather know at once."""

    def __init__(self, backend: Backend, wait_seconds: float, ending: Event | None = None) -> None:
        """`ending`: once it is set, a database that is away is waited for no longer."""
        self._backend = backend
        self._wait_seconds = wait_seconds
        self._ending = ending or Event()
        self._lock = Lock()
        self._retried = Retried(0, 0)

    @property
    def retried(self) -> Retried:
        """How often this was needed so far."""
        return self._retried

    def __call__(self, once: Callable[[], Result]) -> Result:
        """Return what `once` returns. It must leave nothing behind when it raises.

        Raises its last error; StoreAway when the database did not come back in time.
        """
        trial = _Trial(self._backend, self._wait_seconds, self._ending, self._count)
        retrying = Retrying(
            retry=retry_if_exception(trial.is_worth_another),
            stop=trial.is_over,
            wait=trial.pause_seconds,
            before_sleep=trial.tell,
            sleep=sleep_using_event(self._ending),
            reraise=True,
        )
        try:
            result: Result = retrying(once)
        except self._backend.errors as error:
            if self._wait_seconds and self._backend.is_away(error):
                _log.error("store_given_up", waited_seconds=round(trial.away_seconds()))
                seconds = f"{self._wait_seconds:g} seconds"
                how_long = "when it was to end" if self._ending.is_set() else f"for {seconds}"
                reason = self._backend.reason(error)
                raise StoreAway(f"the store was away {how_long}: {reason}") from error
            raise
        if trial.was_away:
            _log.warning("store_back", waited_seconds=round(trial.away_seconds()))
        return result

    def _count(self, *, away: bool) -> None:
        with self._lock:
            conflicts, outages = self._retried
            self._retried = Retried(conflicts + (not away), outages + away)


class _Trial:
    """The attempts of one transaction."""

    def __init__(
        self, backend: Backend, wait_seconds: float, ending: Event, count: Callable[..., None]
    ) -> None:
        self._backend = backend
        self._ending = ending
        self._wait_seconds = wait_seconds
        self._count = count
        self._conflicts = 0
        self._outages = 0
        self._missed_at: float | None = None

    @property
    def was_away(self) -> bool:
        return self._missed_at is not None

    def away_seconds(self) -> float:
        """How long ago the database was missed first."""
        return 0.0 if self._missed_at is None else time.monotonic() - self._missed_at

    def is_worth_another(self, error: BaseException) -> bool:
        """Tell whether another attempt may succeed; called once per failure."""
        if not isinstance(error, self._backend.errors):
            return False
        if self._backend.is_conflict(error):
            self._conflicts += 1
            return True
        if not self._backend.is_away(error):
            return False
        self._outages += 1
        if self._missed_at is None:
            self._missed_at = time.monotonic()
        return True

    def is_over(self, state: RetryCallState) -> bool:
        """Tell whether the last failure was the last attempt."""
        if self._backend.is_conflict(_error(state)):
            return self._conflicts >= CONFLICT_ATTEMPTS
        return self._ending.is_set() or self.away_seconds() >= self._wait_seconds

    def pause_seconds(self, state: RetryCallState) -> float:
        """Return how long to wait before the next attempt."""
        if self._backend.is_conflict(_error(state)):
            longest = _CONFLICT_PAUSE_SECONDS * (1 << self._conflicts)
        else:
            doubled = _FIRST_PAUSE_SECONDS * (1 << min(self._outages, 10))
            left = self._wait_seconds - self.away_seconds()
            longest = max(min(doubled, LONGEST_PAUSE_SECONDS, left), _FIRST_PAUSE_SECONDS)
        return longest * random.uniform(0.5, 1.0)

    def tell(self, state: RetryCallState) -> None:
        """Log and count that there will be another attempt."""
        error = _error(state)
        away = not self._backend.is_conflict(error)
        self._count(away=away)
        if away:
            _log.warning(
                "store_away",
                reason=self._backend.reason(error),
                away_seconds=round(self.away_seconds()),
                given_up_after_seconds=self._wait_seconds,
            )
        else:
            _log.info("store_conflict", attempt=self._conflicts)


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome is not None else None
    if error is None:
        raise AssertionError("only failures are tried again")
    return error
