"""Watching jobs while they run, and what must be equal in the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.store import open_store
from tests.servers.kafka_server import KafkaServer

AT_ONCE = 10
EVERY_SECONDS = 1.0
DONE_WITHIN_SECONDS = 600.0


@contextmanager
def trickle(kafka: KafkaServer, topic: str, lines: list[bytes]) -> Iterator[None]:
    """Write the lines bit by bit beside what is done within; in the end all are written."""
    writing = threading.Thread(target=_write_slowly, args=(kafka, topic, lines))
    writing.start()
    try:
        yield
    finally:
        writing.join()


def _write_slowly(kafka: KafkaServer, topic: str, lines: list[bytes]) -> None:
    for start in range(0, len(lines), AT_ONCE):
        kafka.write(topic, lines[start : start + AT_ONCE])
        time.sleep(EVERY_SECONDS)


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something that takes its time; fails when it takes too much."""
    until = time.monotonic() + DONE_WITHIN_SECONDS
    while not done():
        assert time.monotonic() < until, "nothing happens"
        time.sleep(0.5)


def balances(store: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Net debits per account role, in transaction and functional currency, in minor units.

    Sums of both sides would depend on how often something was booked and reversed on the way.
    """
    with open_store(store, create=False) as books:
        rows = books.trial_balance()
    return {
        (row.tenant, row.entity, row.currency, row.functional_currency, row.role): (
            row.balance_minor,
            row.functional_balance_minor,
        )
        for row in rows
        if row.balance_minor or row.functional_balance_minor
    }
