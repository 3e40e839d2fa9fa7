"""Amounts that are used up piece by piece, in both currencies, without losing a minor unit."""

from __future__ import annotations

from ledger.money import divide


class Pool:
    """What is left of an amount, in transaction and functional currency (minor units, signed).

    Taking all of it gives exactly what is left in both, so a pool that is used up is empty in both
    however often its parts were rounded on the way.
    """

    __slots__ = ("amount", "functional")

    def __init__(self, amount: int = 0, functional: int = 0) -> None:
        self.amount = amount
        self.functional = functional

    def add(self, amount: int, functional: int) -> None:
        """Put an amount in."""
        self.amount += amount
        self.functional += functional

    def take(self, amount: int) -> int:
        """Take an amount out and return what it is in functional currency."""
        functional = self.worth(amount)
        self.amount -= amount
        self.functional -= functional
        return functional

    def worth(self, amount: int) -> int:
        """Return what an amount of the pool is in functional currency."""
        if self.functional == self.amount:
            return amount
        if self.amount == 0:
            return 0
        return divide(self.functional * amount, self.amount)
