"""Trying again what is away: as often as the breaker allows, with backoff, until somebody asks for
the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from connectors.deliveries.patience import CircuitBreaker, Patience, backoff_seconds

Result = TypeVar("Result")
_log = structlog.get_logger("crossfoot.deliveries")


class Surroundings(NamedTuple):
    """What a drain would otherwise take from its machine."""

    now_micros: Callable[[], int]
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    """Random numbers from 0 to 1."""
    stopping: Callable[[], bool]
    """Tells whether somebody asked for the end; looked at between batches and attempts."""


class Away(Exception):
    """Whoever something was sent to cannot be reached, or nobody knows what became of it."""

    def __init__(self, words: str, retry_after_seconds: int | None = None) -> None:
        """`words`: what happened, without personal data; `retry_after_seconds`: as asked for."""
        super().__init__(words)
        self.words = words
        self.retry_after_seconds = retry_after_seconds


class Trying:
    """Tries batches on one receiver."""

    def __init__(self, patience: Patience, breaker: CircuitBreaker, around: Surroundings) -> None:
        self._patience = patience
        self._breaker = breaker
        self._around = around

    def __call__(self, attempt: Callable[[], Result], to: str) -> Result:
        """Return what `attempt` returns, and tell the breaker. `to`: who is tried, for the log.

        Raises Away once all attempts were in vain; at once, and without an attempt, while the
        breaker is open.
        """
        if self._breaker.seconds_left() > 0:
            raise Away("it was away a moment ago")
        retrying = Retrying(
            retry=retry_if_exception_type(Away),
            stop=self._is_over,
            wait=self._wait,
            sleep=self._around.sleep,
            before_sleep=lambda state: _tell(state, to),
            reraise=True,
        )
        try:
            result: Result = retrying(attempt)
        except Away:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return result

    def _is_over(self, state: RetryCallState) -> bool:
        return state.attempt_number >= self._breaker.attempts or self._around.stopping()

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after_seconds if isinstance(error, Away) else None
        return backoff_seconds(self._patience, state.attempt_number, self._around.chance(), asked)


def _tell(state: RetryCallState, to: str) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    _log.info("receiver_away", to=to, attempt=state.attempt_number, words=str(error))
