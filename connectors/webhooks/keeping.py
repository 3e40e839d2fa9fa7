"""Keeps deliveries durably, many at a time, and only then says so.

One thread writes. Requests that come while it waits for the disk or the broker are kept together
with the next write, so that the cost of durability is shared under load.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from connectors.webhooks.deliveries import Delivery
from connectors.webhooks.seen import Verdict

AT_ONCE = 256
WAITING = 4096
"""Deliveries that may wait; more are refused, and their senders try again later."""
TICK_SECONDS = 1.0
"""How often the log does what is due, at most while deliveries come and at least while none do."""


class NotDurable(Exception):
    """A delivery could not be kept: it must not be acknowledged."""


class DurableLog(Protocol):
    """Where deliveries go: a spool, a topic. Called by one thread."""

    def keep(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """Return what each delivery was; all of them are durable then. Raises NotDurable."""

    def tick(self) -> None:
        """Do what is due without deliveries. Raises NotDurable."""

    def close(self) -> None:
        """Release what is held."""


class _Waiting(NamedTuple):
    delivery: Delivery
    answer: Callable[[Verdict | NotDurable], None]


class Keeping:
    """Hands deliveries to the thread that writes."""

    def __init__(
        self, log: DurableLog, monotonic_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """`monotonic_seconds`: a clock that never goes back."""
        self._log = log
        self._now = monotonic_seconds
        self._tick_due = monotonic_seconds()
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._write, name="keeping", daemon=True)
        self.problem: str | None = None
        """Why the last write failed; None when it did not."""

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then close the log."""
        self._queue.put(None)
        self._thread.join()
        self._log.close()

    async def keep(self, delivery: Delivery) -> Verdict:
        """Return when the delivery is durable. Raises NotDurable when it is not."""
        if not self._thread.is_alive():
            raise NotDurable("the writer has stopped")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Verdict] = loop.create_future()

        def settle(result: Verdict | NotDurable) -> None:
            if future.done():
                return
            if isinstance(result, NotDurable):
                future.set_exception(result)
            else:
                future.set_result(result)

        def answer(result: Verdict | NotDurable) -> None:
            loop.call_soon_threadsafe(settle, result)

        try:
            self._queue.put_nowait(_Waiting(delivery, answer))
        except queue.Full:
            raise NotDurable("too many deliveries wait already") from None
        return await future

    def _write(self) -> None:
        batch: list[_Waiting] = []
        going_on = True
        try:
            while going_on:
                batch, going_on = self._next_batch()
                self._keep(batch)
                batch = []
        finally:
            self._refuse_the_rest(batch)

    def _keep(self, batch: list[_Waiting]) -> None:
        try:
            verdicts = self._log.keep([each.delivery for each in batch]) if batch else []
            self._tick()
            self.problem = None
        except NotDurable as error:
            self.problem = str(error)
            for each in batch:
                each.answer(error)
        else:
            for each, verdict in zip(batch, verdicts, strict=True):
                each.answer(verdict)

    def _tick(self) -> None:
        """Let the log do what is due, which may take longer than a batch: not after each."""
        now = self._now()
        if now >= self._tick_due:
            self._log.tick()
            self._tick_due = now + TICK_SECONDS

    def _refuse_the_rest(self, batch: list[_Waiting]) -> None:
        """No delivery may wait for a thread that has ended, by order or by a defect."""
        self.problem = "the writer has stopped"
        rest = [*batch]
        while not self._queue.empty():
            if (waiting := self._queue.get_nowait()) is not None:
                rest.append(waiting)
        for each in rest:
            each.answer(NotDurable(self.problem))

    def _next_batch(self) -> tuple[list[_Waiting], bool]:
        """Wait for a delivery or a tick; return what waits and whether more may come."""
        batch: list[_Waiting] = []
        try:
            first = self._queue.get(timeout=TICK_SECONDS)
        except queue.Empty:
            return batch, True
        while first is not None:
            batch.append(first)
            if len(batch) == AT_ONCE or self._queue.empty():
                return batch, True
            first = self._queue.get_nowait()
        return batch, False
