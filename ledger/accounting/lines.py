"""The revenue of one invoice line: what is recognised, what is still deferred, period by period."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.accounting.pools import Pool
from ledger.money import apportion, divide
from ledger.periods import MONTHS, Calendar
from ledger.policies import DAY_MICROS
from ledger.recognition import Segment, unit_of


class Bucket(Pool):
    """The part of a line that is recognised in one accounting period (`month`: its index).

    As a pool it is what is still deferred at the time the line was last looked at; `done` was
    recognised in this month before. What the month's entry books in the end is both together.
    """

    __slots__ = (
        "cut_at",
        "done",
        "done_functional",
        "end",
        "end_micros",
        "last_day",
        "month",
        "start",
        "touched",
    )

    def __init__(self, segment: Segment, amount: int, functional: int) -> None:
        self.month, _, self.start, self.end, self.end_micros, self.last_day = segment
        self.amount = amount
        self.functional = functional
        self.done = 0
        self.done_functional = 0
        self.cut_at: int | None = None
        """When a reduction took all that was left of a month that had begun."""
        self.touched: tuple[str, ...] = ()
        """Messages that changed what this month books."""

    def recognise(self, amount: int) -> int:
        """Move an amount to `done`; return it in functional currency."""
        functional = self.take(amount)
        self.done += amount
        self.done_functional += functional
        return functional

    def touch(self, message_id: str) -> None:
        """Remember that a message changed what this month books."""
        if message_id not in self.touched:
            self.touched = (*self.touched, message_id)


class LineBook:
    """One line of an invoice (or a standalone payment) from issue to the last reduction.

    `recognised` is recognised revenue that has not been taken back. `ahead` is what contra revenue
    has taken back before it was recognised (policy `refund_of_deferred: contra_only`).
    """

    __slots__ = (
        "ahead",
        "buckets",
        "calendar",
        "cursor",
        "ends_at",
        "line_id",
        "product",
        "recognised",
        "sells_credit",
    )

    def __init__(self, line_id: str | None, product: str | None) -> None:
        self.line_id = line_id
        self.product = product
        self.recognised = Pool()
        self.ahead = Pool()
        self.buckets: list[Bucket] = []
        self.cursor = 0
        self.ends_at = 0
        self.sells_credit = False
        """True: prepaid credit, a bucket per grant that use recognises and not time."""
        self.calendar = MONTHS
        """Whose periods its buckets are."""

    def defer(
        self,
        cut: Sequence[Segment],
        amount: int,
        functional: int,
        end_micros: int,
        calendar: Calendar = MONTHS,
    ) -> None:
        """Spread an amount over the periods of a service that ends at `end_micros`."""
        self.ends_at = end_micros
        self.calendar = calendar
        weights = [segment[1] for segment in cut]
        amounts = apportion(amount, weights)
        functionals = amounts if functional == amount else apportion(functional, weights)
        self.buckets = [
            Bucket(segment, part, worth)
            for segment, part, worth in zip(cut, amounts, functionals, strict=True)
        ]

    def advance(self, micros: int, granularity: str) -> None:
        """Recognise everything delivered before a time."""
        if self.cursor >= len(self.buckets) or self.sells_credit:
            return
        unit = unit_of(micros, granularity, self.calendar)
        over = micros >= self.ends_at
        for bucket in self.buckets[self.cursor :]:
            if over or unit >= bucket.end:
                part = bucket.amount
                self.cursor += 1
            elif unit > bucket.start:
                part = divide(bucket.amount * (unit - bucket.start), bucket.end - bucket.start)
                bucket.start = unit
            else:
                return
            self.recognised.add(part, bucket.recognise(part))

    def deferred(self) -> int:
        """Return what is still deferred, in transaction currency."""
        return sum(bucket.amount for bucket in self.buckets[self.cursor :])

    def available(self) -> tuple[int, int]:
        """Return (recognised, deferred) that has not been taken back yet."""
        deferred = self.deferred()
        ahead = self.ahead.amount
        if not ahead:
            return self.recognised.amount, deferred
        total = self.recognised.amount + deferred - ahead
        kept = min(deferred, total) if total >= 0 else max(deferred, total)
        return total - kept, kept

    def split(self, amount: int) -> tuple[int, int]:
        """Return (recognised, deferred) of an amount to be taken back.

        In proportion; of prepaid credit what is unused is given back first.
        """
        recognised, deferred = self.available()
        if self.sells_credit and amount > 0 and deferred > 0:
            unused = min(amount, deferred)
            return amount - unused, unused
        parts = apportion(amount, (recognised, deferred))
        return parts[0], parts[1]

    def take_deferred(self, amount: int, micros: int, message_id: str) -> list[Part]:
        """Take an amount off the months to come, in proportion; return what came off each."""
        open_buckets = self.buckets[self.cursor :]
        parts = apportion(amount, [bucket.amount for bucket in open_buckets])
        taken: list[Part] = []
        for bucket, part in zip(open_buckets, parts, strict=True):
            if part or bucket.amount:
                taken.append((bucket, part, bucket.take(part)))
                bucket.touch(message_id)
                if not bucket.amount and micros < bucket.end_micros:
                    bucket.cut_at = micros
        return taken


Part = tuple[Bucket, int, int]
"""(month, amount, functional amount) taken off a deferral."""


def last_day_of(bucket: Bucket, issue_day: int) -> int:
    """Return the accounting day of a month's entry, never before the invoice's."""
    day = bucket.last_day
    if bucket.cut_at is not None:
        day = min(day, bucket.cut_at // DAY_MICROS)
    return max(day, issue_day)
