"""Receipts: telling a source that its events are durable, after they are.

A subscription gives an event again until it is acknowledged. An engine may call a bundle final
when its output lies in the memory of the next step, so acknowledging there would lose what was in
hand when the process dies. Hence the receipt travels with the message and is handed in when the
books have it. Unbounded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from ledger.messages import DeadLetter, Message, Part


class Receipts(Protocol):
    """Where receipts are handed in."""

    def acknowledge(self, tokens: Sequence[str]) -> None:
        """Say that the events of these receipts are durable. Does not raise for the source's
        troubles: what could not be told comes again, and is recognised."""


class KeptParts(Protocol):
    """Books that can be asked what they have, by whichever process put it there."""

    def kept(self, parts: Collection[Part]) -> set[Part]:
        """Return those that are durable."""


OpenReceipts = Callable[[], Receipts]


class LiveMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message with the receipt of the payload it came in."""

    message: Message
    receipt: str = ""
    """Empty when there is nothing to hand in for it."""
    parts: tuple[Part, ...] = ()
    """All that the payload gave, this one included; empty when it gave nothing else."""


class LiveLetter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A dead letter with the receipt of its payload."""

    letter: DeadLetter
    receipt: str = ""
    parts: tuple[Part, ...] = ()


class NoReceipts:
    """For sources that keep their place themselves."""

    def acknowledge(self, tokens: Sequence[str]) -> None:
        """Nothing to tell."""


class ReceiptBook:
    """Hands in a receipt when all parts of its payload are durable.

    The parts end in different steps, threads and machines. Each is committed first and the books
    are asked after that, so whoever commits last finds all of them; nothing is remembered here.
    """

    def __init__(self, receipts: Receipts, books: KeptParts) -> None:
        self._receipts = receipts
        self._books = books

    def durable(self, handed: Iterable[tuple[str, tuple[Part, ...]]]) -> None:
        """Take (receipt, parts) of what has been committed. Raises what the books raise."""
        parts_of = {receipt: parts for receipt, parts in handed if receipt}
        wanted = {part for parts in parts_of.values() for part in parts}
        kept = self._books.kept(wanted) if wanted else set()
        complete = [receipt for receipt, parts in parts_of.items() if kept.issuperset(parts)]
        if complete:
            self._receipts.acknowledge(complete)
