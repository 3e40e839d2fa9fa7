"""Receipts: telling a source that its events are durable, after they are.

A subscription gives an event again until it is acknowledged. An engine may call a bundle final
when its output lies in the memory of the next step, so acknowledging there would lose what was in
hand when the process dies. Hence the receipt travels with the message and is handed in when the
books have it. Unbounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from ledger.messages import DeadLetter, Message

REMEMBERED = 100_000
"""Receipts of several parts that may be open at a time in one process."""


class Receipts(Protocol):
    """Where receipts are handed in."""

    def acknowledge(self, tokens: Sequence[str]) -> None:
        """Say that the events of these receipts are durable. Does not raise for the source's
        troubles: what could not be told comes again, and is recognised."""


OpenReceipts = Callable[[], Receipts]


class LiveMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message with the receipt of the payload it came in."""

    message: Message
    receipt: str = ""
    parts: int = 1
    """How many messages and dead letters the payload gave."""


class LiveLetter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dead letter with the receipt of its payload."""

    letter: DeadLetter
    receipt: str = ""
    parts: int = 1


class NoReceipts:
    """For sources that keep their place themselves."""

    def acknowledge(self, tokens: Sequence[str]) -> None:
        """Nothing to tell."""


class ReceiptBook:
    """Hands in a receipt when all its parts are durable in this process."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._open: OrderedDict[str, set[str]] = OrderedDict()

    def durable(self, parts: Iterable[tuple[str, int, str]]) -> None:
        """Take (receipt, number of parts, id of the part that is durable now)."""
        complete: dict[str, None] = {}
        for receipt, number, part in parts:
            if receipt and self._all(receipt, number, part):
                complete[receipt] = None
        if complete:
            self._receipts.acknowledge(list(complete))

    def _all(self, receipt: str, number: int, part: str) -> bool:
        if number == 1:
            return True
        seen = self._open.setdefault(receipt, set())
        seen.add(part)
        if len(seen) < number:
            while len(self._open) > REMEMBERED:
                self._open.popitem(last=False)
            return False
        del self._open[receipt]
        return True
