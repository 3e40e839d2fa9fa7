"""A balance in a foreign currency and what it stands for in the books, side by side."""

from __future__ import annotations

from ledger.accounting.pools import Pool
from ledger.money import divide


class Position(Pool):
    """A running balance (debit positive) that is carried at the average of what went into it."""

    def move(self, amount: int, functional: int) -> int:
        """Take in a movement; return the exchange difference it realises, a loss positive.

        What adds to the balance is carried at its own worth. What lowers it leaves at the average
        that is carried: how much more or less the movement says it is worth is the difference. A
        balance of nothing is therefore worth nothing. A movement that goes past zero closes the
        balance and opens the other side.
        """
        if not amount:
            return self._revalue(functional)
        if self.amount * amount >= 0:
            self.add(amount, functional)
            return 0
        closing = amount if abs(amount) <= abs(self.amount) else -self.amount
        part = functional if closing == amount else divide(functional * closing, amount)
        carried = self.take(-closing)
        if closing != amount:
            self.add(amount - closing, functional - part)
        return part + carried

    def _revalue(self, functional: int) -> int:
        """Take in a difference in the functional currency alone."""
        if not self.amount:
            return functional
        self.functional += functional
        return 0
