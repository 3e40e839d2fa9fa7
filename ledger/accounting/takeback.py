"""Takes revenue back: how much of it was recognised, how much is still deferred, how much is tax.

The weights are what remains, so a claim that is taken back piece by piece ends at exactly zero.
What was taken is kept, so that it can be given back when the refund fails or the note is voided.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.accounting.books import Book, TaxPool
from ledger.accounting.lines import LineBook, Part
from ledger.accounting.notes import StatedTax
from ledger.accounting.pools import Pool
from ledger.accounting.poster import Raw, raw
from ledger.accounts import AccountRole
from ledger.money import apportion


class Taken:
    """What one reduction took, by where it came from."""

    __slots__ = ("ahead", "deferred", "micros", "recognised", "recovered", "taxes")

    def __init__(self, micros: int) -> None:
        self.micros = micros
        self.recognised: list[tuple[LineBook, int, int]] = []
        self.ahead: list[tuple[LineBook, int, int]] = []
        """Booked as contra revenue although it is still deferred."""
        self.deferred: list[tuple[LineBook, list[Part]]] = []
        self.taxes: list[tuple[TaxPool, int, int]] = []
        self.recovered = Pool()

    def add_tax(self, tax: TaxPool, amount: int, worth: int) -> None:
        """Note tax that was taken; each jurisdiction is kept once."""
        for position, (known, before, worth_before) in enumerate(self.taxes):
            if known is tax:
                self.taxes[position] = (tax, before + amount, worth_before + worth)
                return
        self.taxes.append((tax, amount, worth))

    def lines(self, contra: AccountRole) -> list[Raw]:
        """Return the debits of the reduction, with `contra` for recognised revenue."""
        lines: list[Raw] = []
        for line, amount, worth in (*self.recognised, *self.ahead):
            lines.append((contra, amount, worth, line.product, None, line.line_id))
        for line, parts in self.deferred:
            amount = sum(part[1] for part in parts)
            worth = sum(part[2] for part in parts)
            role = AccountRole.DEFERRED_REVENUE
            lines.append((role, amount, worth, line.product, None, line.line_id))
        for tax, amount, worth in self.taxes:
            lines.append((AccountRole.TAX_PAYABLE, amount, worth, None, tax.jurisdiction, None))
        recovered = self.recovered
        lines.append(raw(AccountRole.RECOVERABLES, recovered.amount, recovered.functional))
        return lines


class Wish:
    """What a reduction asks for: how much, and where the source states it, from what."""

    __slots__ = ("amount", "contra_only", "everything", "per_line", "tax", "taxes")

    def __init__(
        self,
        amount: int,
        *,
        tax: int | None = None,
        per_line: Sequence[tuple[str | None, int]] = (),
        taxes: Sequence[StatedTax] = (),
        contra_only: bool = False,
        everything: bool = False,
    ) -> None:
        self.amount = amount
        self.everything = everything
        """All the book has left, also where lines cancel each other out."""
        self.tax = tax
        """Tax contained in the amount, as stated; None: in proportion."""
        self.per_line = per_line
        """(invoice line, part) of the amount without tax, as stated; None: over all lines.

        Where no tax is stated the parts contain it, and each line gives back its own tax."""
        self.taxes = taxes
        """Taxes in `tax` by line and jurisdiction, as far as stated."""
        self.contra_only = contra_only
        """Book deferred revenue as contra too and let the deferral run on."""


def take(book: Book, micros: int, message_id: str, wish: Wish) -> Taken:
    """Take `wish.amount` (no more than the book has left) out of a book at a time.

    The book must have been advanced to that time.
    """
    taken = Taken(micros)
    if not (wish.amount or wish.everything):
        return taken
    tax = _stated_tax(book, wish)
    if tax is not None:
        _take_tax(book, tax, wish.taxes, taken)
    amount = wish.amount - (tax or 0)
    gross = tax is None
    for line, part in _stated_lines(book, wish, amount, gross=gross):
        net = part - _take_tax_of_line(book, line, part, taken) if gross else part
        _take_line(line, net, message_id, taken, wish)
        amount -= part
    if amount or wish.everything:
        _take_from_all(book, amount, message_id, taken, wish, with_tax=tax is None)
    taken.taxes.sort(key=lambda one: book.taxes.index(one[0]))
    return taken


def _stated_tax(book: Book, wish: Wish) -> int | None:
    """Return the stated tax as far as it is owed and the rest can come from revenue.

    None, to be taken in proportion, when it is not stated or cannot be.
    """
    if wish.tax is None:
        return None
    left = sum(tax.amount for tax in book.taxes)
    tax = max(min(wish.tax, left), wish.amount - (book.remaining() - left))
    return tax if 0 <= tax <= min(left, wish.amount) else None


def _stated_lines(
    book: Book, wish: Wish, amount: int, *, gross: bool
) -> list[tuple[LineBook, int]]:
    """Return what to take from which line as stated, no more than each has.

    Parts are scaled where a note is only partly booked or states too much; `gross` ones contain the
    tax of their line. Nothing, so that all lines share, when what is left of the amount could not
    be taken from the others.
    """
    wanted = {line_id: 0 for line_id, _ in wish.per_line}
    for line_id, part in wish.per_line:
        wanted[line_id] += part
    total = sum(wanted.values())
    if total and (not gross or total > amount):
        scaled = apportion(amount, list(wanted.values()))
        wanted = dict(zip(wanted, scaled, strict=True))
    parts: list[tuple[LineBook, int]] = []
    for line in book.lines:
        part = wanted.pop(line.line_id, 0)
        left = sum(line.available())
        if gross:
            left += sum(tax.shares.get(line.line_id, 0) for tax in book.taxes)
        if (part := _within(part, left)) != 0:
            parts.append((line, part))
    rest = sum(part for _, part in parts)
    return parts if 0 <= amount - rest <= book.remaining() - rest else []


def _within(part: int, left: int) -> int:
    """Return a part, no more than is left; nothing where the signs differ."""
    if part * left <= 0:
        return 0
    return min(part, left) if left > 0 else max(part, left)


def _take_tax_of_line(book: Book, line: LineBook, part: int, taken: Taken) -> int:
    """Take a line's own share of tax in a gross part of it; return how much that was."""
    weights = [tax.shares.get(line.line_id, 0) for tax in book.taxes]
    shares = apportion(part, [sum(line.available()), *weights])[1:]
    for tax, share in zip(book.taxes, shares, strict=True):
        if share:
            taken.add_tax(tax, share, tax.take_of(line.line_id, share))
    return sum(shares)


def _take_line(line: LineBook, amount: int, message_id: str, taken: Taken, wish: Wish) -> None:
    recognised, deferred = line.split(amount)
    _take_parts(line, recognised, deferred, message_id, taken, wish)


def _take_parts(
    line: LineBook, recognised: int, deferred: int, message_id: str, taken: Taken, wish: Wish
) -> None:
    _take_recognised(line, recognised, taken)
    if wish.contra_only:
        _take_ahead(line, deferred, taken)
    else:
        _take_deferred(line, deferred, message_id, taken)


def _take_from_all(
    book: Book, amount: int, message_id: str, taken: Taken, wish: Wish, *, with_tax: bool
) -> None:
    """Take an amount from every line, from recoverables and, unless it was stated, from tax."""
    lines = [line.available() for line in book.lines]
    weights = [part for pair in lines for part in pair]
    weights.append(book.recovered.amount)
    if with_tax:
        weights += [tax.amount for tax in book.taxes]
    parts = weights if wish.everything else apportion(amount, weights)
    for position, line in enumerate(book.lines):
        recognised, deferred = parts[2 * position], parts[2 * position + 1]
        if line.sells_credit:
            recognised, deferred = line.split(recognised + deferred)
        _take_parts(line, recognised, deferred, message_id, taken, wish)
    after = 2 * len(lines)
    taken.recovered.add(parts[after], book.recovered.take(parts[after]))
    if with_tax:
        for tax, part in zip(book.taxes, parts[after + 1 :], strict=True):
            taken.add_tax(tax, part, tax.take(part))


def _take_tax(book: Book, amount: int, stated: Sequence[StatedTax], taken: Taken) -> None:
    """Take tax as stated by line and jurisdiction, and what that leaves over from all."""
    scaled = apportion(amount, [tax[2] for tax in stated]) if stated else []
    for (line_id, jurisdiction, _), part in zip(stated, scaled, strict=True):
        pools = [tax for tax in book.taxes if tax.jurisdiction == jurisdiction]
        for tax in pools or [tax for tax in book.taxes if tax.shares.get(line_id)]:
            on_line = line_id in tax.shares
            found = _within(part, tax.shares[line_id] if on_line else tax.amount)
            if found:
                worth = tax.take_of(line_id, found) if on_line else tax.take(found)
                taken.add_tax(tax, found, worth)
                amount -= found
                part -= found
    if book.taxes:
        parts = apportion(amount, [tax.amount for tax in book.taxes])
        for tax, part in zip(book.taxes, parts, strict=True):
            taken.add_tax(tax, part, tax.take(part))


def _take_recognised(line: LineBook, amount: int, taken: Taken) -> None:
    if amount:
        taken.recognised.append((line, amount, line.recognised.take(amount)))


def _take_deferred(line: LineBook, amount: int, message_id: str, taken: Taken) -> None:
    if amount:
        parts = line.take_deferred(amount, taken.micros, message_id)
        taken.deferred.append((line, parts))


def _take_ahead(line: LineBook, amount: int, taken: Taken) -> None:
    """Take contra revenue of what is still deferred, at the rate of the deferral."""
    if amount:
        left = Pool()
        for bucket in line.buckets[line.cursor :]:
            left.add(bucket.amount, bucket.functional)
        worth = left.worth(amount)
        line.ahead.add(amount, worth)
        taken.ahead.append((line, amount, worth))


def give_back(book: Book, taken: Taken, micros: int, message_id: str) -> list[Raw]:
    """Undo a reduction at a later time and return the lines that book it, but for the contra.

    The deferral runs on as if nothing had been taken: months that are over by now are recognised
    at once, the others get back what they had
    (https://docs.stripe.com/revenue-recognition/examples/credit-notes).
    """
    lines: list[Raw] = []
    for line, parts in taken.deferred:
        over, over_worth, back, back_worth = _refill(line, parts, micros, message_id)
        line.recognised.add(over, over_worth)
        name = (line.product, None, line.line_id)
        lines.append((AccountRole.REVENUE, -over, -over_worth, *name))
        lines.append((AccountRole.DEFERRED_REVENUE, -back, -back_worth, *name))
    for line, amount, worth in taken.recognised:
        line.recognised.add(amount, worth)
    for line, amount, worth in taken.ahead:
        line.ahead.add(-amount, -worth)
    for tax, amount, worth in taken.taxes:
        tax.add(amount, worth)
        lines.append((AccountRole.TAX_PAYABLE, -amount, -worth, None, tax.jurisdiction, None))
    recovered = taken.recovered
    book.recovered.add(recovered.amount, recovered.functional)
    lines.append(raw(AccountRole.RECOVERABLES, -recovered.amount, -recovered.functional))
    return lines


def _refill(
    line: LineBook, parts: list[Part], micros: int, message_id: str
) -> tuple[int, int, int, int]:
    """Put amounts back into their months; return (over, worth, still to come, worth)."""
    over = over_worth = back = back_worth = 0
    for bucket, amount, worth in parts:
        if bucket.end_micros <= micros or line.buckets.index(bucket) < line.cursor:
            over += amount
            over_worth += worth
        else:
            bucket.add(amount, worth)
            bucket.cut_at = None
            bucket.touch(message_id)
            back += amount
            back_worth += worth
    return over, over_worth, back, back_worth
