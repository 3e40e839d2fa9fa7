"""What commands that send from an outbox have in common: patience, and going on until the end."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime

from connectors.deliveries.trying import Surroundings
from runners import arguments

FOLLOWED_STORE_WAIT_SECONDS = 3600


def surroundings_until(stop: threading.Event) -> Surroundings:
    """This machine's clock, sleep and chance; sleep ends when `stop` is set."""
    return Surroundings(
        now_micros=lambda: arguments.micros(datetime.now(UTC)),
        sleep=lambda seconds: _sleep(stop, seconds),
        chance=random.SystemRandom().random,
        stopping=stop.is_set,
    )


def _sleep(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)


def store_wait_seconds(asked: int | None, *, follow: bool) -> int:
    """How long the store is waited for: as asked; else long for who follows, and not otherwise."""
    if asked is not None:
        return asked
    return FOLLOWED_STORE_WAIT_SECONDS if follow else 0
