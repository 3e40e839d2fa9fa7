"""One claim and its revenue: an invoice, or a standalone payment, with all that happens to it."""

from __future__ import annotations

from ledger.accounting.lines import LineBook
from ledger.accounting.pools import Pool
from ledger.accounting.poster import Cause, Raw
from ledger.money import apportion


class TaxPool(Pool):
    """Tax of one jurisdiction that is still owed on this claim, and on which lines.

    `shares` is what is left of it by invoice line; tax that only the invoice states is shared by
    what the lines are worth without tax. Together the shares are the pool's amount.
    """

    __slots__ = ("jurisdiction", "shares", "stated")

    def __init__(
        self,
        jurisdiction: str | None,
        amount: int,
        functional: int,
        shares: dict[str | None, int] | None = None,
    ) -> None:
        super().__init__(amount, functional)
        self.jurisdiction = jurisdiction
        self.shares: dict[str | None, int] = {None: amount} if shares is None else shares
        self.stated = dict(self.shares)

    def take(self, amount: int) -> int:
        """Take from all lines, in proportion to what is left on each."""
        parts = apportion(amount, list(self.shares.values()))
        for line_id, part in zip(self.shares, parts, strict=True):
            self.shares[line_id] -= part
        return super().take(amount)

    def take_of(self, line_id: str | None, amount: int) -> int:
        """Take from one line and return what it is in functional currency."""
        self.shares[line_id] -= amount
        return super().take(amount)

    def add(self, amount: int, functional: int) -> None:
        """Put back what was taken, on the lines that lack it."""
        lacking = [self.stated[line_id] - left for line_id, left in self.shares.items()]
        for line_id, part in zip(self.shares, apportion(amount, lacking), strict=True):
            self.shares[line_id] += part
        super().add(amount, functional)


class Book:
    """A claim: `lines`, `taxes` and `recovered` are what a reduction can take back.

    Together they are worth the claim's total less what was taken back, whoever paid for it.
    """

    __slots__ = (
        "applied",
        "bad_debt",
        "cause",
        "credited",
        "due_at",
        "issue_day",
        "issue_lines",
        "issued_at",
        "key",
        "lines",
        "lost",
        "paid",
        "paid_left",
        "receivable",
        "recovered",
        "rounded",
        "status",
        "taxes",
        "total",
        "unpaid_tax",
        "written_off",
    )

    def __init__(self, key: str, cause: Cause, issued_at: int, issue_day: int, total: int) -> None:
        self.key = key
        self.cause = cause
        self.issued_at = issued_at
        self.issue_day = issue_day
        self.total = total
        self.due_at: int | None = None
        self.lines: list[LineBook] = []
        self.taxes: list[TaxPool] = []
        self.issue_lines: list[Raw] = []
        self.receivable = Pool()
        """What the customer still owes on it."""
        self.applied = Pool()
        """Customer balance spent on it (negative: credited by it)."""
        self.recovered = Pool()
        """Booked as recoverables: won back, and lost again if it is taken back once more."""
        self.written_off = Pool()
        """Given up as uncollectible and not paid since."""
        self.bad_debt = Pool()
        """What of it was booked as bad debt."""
        self.lost: list[tuple[LineBook, Pool]] = []
        """Recognised revenue in it, by line; earned again when it is paid after all."""
        self.unpaid_tax: list[tuple[TaxPool, Pool]] = []
        """Tax in it, owed again when it is paid after all."""
        self.rounded = 0
        """Small difference that closed the receivable, as rounding (debit positive)."""
        self.paid = 0
        self.paid_left = 0
        """Paid and not yet given back: no more than this can be taken off revenue."""
        self.credited = 0
        self.status = "open"

    @property
    def invoice_id(self) -> str | None:
        """The invoice, or None for a standalone payment."""
        return self.cause.invoice_id

    def advance(self, micros: int, granularity: str) -> None:
        """Recognise on every line what was delivered before a time."""
        for line in self.lines:
            line.advance(micros, granularity)

    def remaining(self) -> int:
        """Return what the claim is still worth: revenue, deferral, tax and recoverables."""
        total = self.recovered.amount + sum(tax.amount for tax in self.taxes)
        for line in self.lines:
            total += sum(line.available())
        return total
