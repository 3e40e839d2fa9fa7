"""How an ERP that is away is waited for: backoff with jitter, and a circuit breaker. Pure.

Within a batch, waits double and are drawn at random up to their length ("full jitter"), so that
several deliverers do not return in step. When a whole batch was in vain the breaker opens: nothing
is sent until the cool-down is over, then one attempt decides. Times are seconds of a monotonic
clock that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how often; seconds and counts."""

    attempts: int = 5
    """Of one batch, before the breaker opens."""
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    cool_down_seconds: float = 30.0
    longest_cool_down_seconds: float = 600.0
    refusals: int = 5
    """How often a posting may be refused as retryable before a person must look."""


def backoff_seconds(
    patience: Patience, attempt: int, chance: float, retry_after_seconds: int | None = None
) -> float:
    """Return how long to wait after the attempt of that number, from 1.

    `chance`: a random number from 0 to 1. What the ERP asked for is the least.
    """
    longest = min(patience.longest_wait_seconds, patience.first_wait_seconds * 2.0 ** (attempt - 1))
    return max(chance * longest, retry_after_seconds or 0)


class CircuitBreaker:
    """Keeps a deliverer from an ERP that is down, longer each time it is found down."""

    def __init__(self, patience: Patience, clock: Callable[[], float]) -> None:
        self._patience = patience
        self._clock = clock
        self._failures = 0
        self._closed_again_at = 0.0

    @property
    def is_open(self) -> bool:
        """Tell whether the ERP was away when it was tried last."""
        return self._failures > 0

    @property
    def attempts(self) -> int:
        """How often a batch may be tried now."""
        return 1 if self.is_open else self._patience.attempts

    def seconds_left(self) -> float:
        """Return how long nothing may be sent yet; 0 when one may try."""
        return max(0.0, self._closed_again_at - self._clock()) if self.is_open else 0.0

    def failed(self) -> None:
        """Open: a batch was in vain."""
        self._failures += 1
        cool_down = min(
            self._patience.longest_cool_down_seconds,
            self._patience.cool_down_seconds * 2.0 ** min(self._failures - 1, 30),
        )
        self._closed_again_at = self._clock() + cool_down

    def succeeded(self) -> None:
        """Close: the ERP answers."""
        self._failures = 0
