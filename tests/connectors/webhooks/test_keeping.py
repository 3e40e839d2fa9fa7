"""Deliveries are kept at once; what is due beside them is done once in a while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.webhooks.deliveries import Delivery, delivery_of
from connectors.webhooks.keeping import TICK_SECONDS, Keeping, NotDurable
from connectors.webhooks.seen import Verdict
from connectors.webhooks.spool_log import SpoolLog


class WatchedLog(SpoolLog):
    """A spool that writes down what it was asked to do."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, {"stripe": "stripe"}, lambda: 1_767_225_600.0)
        self.done: list[str] = []
        self.fails = False

    def keep(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        self.done.append("keep")
        return super().keep(deliveries)

    def tick(self) -> None:
        self.done.append("tick")
        if self.fails:
            raise NotDurable("the disk is full")
        super().tick()


class Watch:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def keep(keeping: Keeping, name: str) -> Verdict:
    """Hand one delivery over and wait until it is durable."""
    body = f'{{"id":"{name}"}}'.encode()
    return asyncio.run(keeping.keep(delivery_of("stripe", "stripe", body)))


def test_a_log_ticks_once_a_second_however_many_batches_come(tmp_path: Path) -> None:
    log, watch = WatchedLog(tmp_path), Watch()
    keeping = Keeping(log, watch)
    keeping.start()
    for number in range(20):
        assert keep(keeping, f"evt_{number}") is Verdict.NEW
    assert log.done.count("keep") == 20
    assert log.done.count("tick") == 1
    watch.seconds += TICK_SECONDS
    keep(keeping, "evt_later")
    keep(keeping, "evt_latest")
    assert log.done[-3:] == ["keep", "tick", "keep"]
    keeping.stop()


def test_a_tick_that_failed_is_tried_with_the_next_batch(tmp_path: Path) -> None:
    log, watch = WatchedLog(tmp_path), Watch()
    log.fails = True
    keeping = Keeping(log, watch)
    keeping.start()
    with pytest.raises(NotDurable):
        keep(keeping, "evt_1")
    assert keeping.problem == "the disk is full"
    log.fails = False
    assert keep(keeping, "evt_1") is Verdict.DUPLICATE
    assert keeping.problem is None
    assert log.done[:2] == ["keep", "tick"]
    assert log.done.count("tick") >= 2
    keeping.stop()
