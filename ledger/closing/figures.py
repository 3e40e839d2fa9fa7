"""The figures of a close report, and what each adds up from.

Every cell has an address, `deferred/2026-01/MAIN/USD/recognised`. A *contribution* is what one
posting line, planned recognition, exception or other fact adds to one cell; a cell is nothing but
the sum of its contributions, so that the answer to "why this number" adds up to it by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from ledger.accounts import AccountRole
from ledger.closing.facts import Break, OpenItem


class BookedLine(NamedTuple):
    """A posted line with what the report needs of its posting; debit positive, minor units."""

    posting_id: str
    entry_key: str
    rule: str
    date: str
    """Accounting date."""
    period: str
    """In which it is booked."""
    original_period: str | None
    currency: str
    functional_currency: str
    role: str
    amount_minor: int
    functional_minor: int
    invoice_id: str | None
    source_event_id: str
    cause: str


class PlannedLine(NamedTuple):
    """A recognition to come: what leaves deferred revenue in a later period (credit positive)."""

    entry_key: str
    rule: str
    date: str
    period: str
    currency: str
    amount_minor: int
    source_event_id: str


class Contribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one fact adds to one cell."""

    address: str
    amount_minor: int
    currency: str
    what: str
    """posting, planned, exception, invoice or event."""
    name: str
    """Posting id, entry key to come, or id of the exception, invoice or message."""
    entry_key: str = ""
    rule: str = ""
    date: str = ""
    events: tuple[str, ...] = ()
    """Messages that caused it."""


class Where(NamedTuple):
    """Which close."""

    period: str
    entity: str

    def address(self, table: str, *rest: str) -> str:
        """Return the address of a cell; slashes within a name are written `%2F`."""
        parts = (table, self.period, self.entity, *rest)
        return "/".join(quote(part, safe=" ") for part in parts)


MOVEMENTS = {
    "invoice_issued": "invoiced",
    "revenue_recognised": "recognised",
    "revenue_caught_up": "recognised",
    "credit_note_issued": "credited",
    "credit_note_voided": "credited",
    "invoice_voided": "voided",
    "invoice_marked_uncollectible": "written_off",
    "refund_issued": "refunded",
    "refund_failed": "refunded",
    "dispute_opened": "disputed",
    "dispute_won": "disputed",
    "dispute_lost": "disputed",
}
"""Column of the roll-forward by posting rule; revaluation is `fx`, any other rule `other`."""

COLUMNS = (
    "opening",
    "invoiced",
    "recognised",
    "credited",
    "voided",
    "refunded",
    "disputed",
    "written_off",
    "fx",
    "other",
    "closing",
)
BUCKETS = ("not_due", "1-30", "31-60", "61-90", "over_90", "unknown_due", "no_invoice", "total")


def movement_of(rule: str) -> str:
    """Return the column of the roll-forward in which a rule's postings count."""
    if "reval" in rule:
        return "fx"
    return MOVEMENTS.get(rule, "other")


def line_contributions(
    lines: Iterable[BookedLine], where: Where, bucket_of: dict[str, str]
) -> Iterator[Contribution]:
    """Yield what posted lines (up to the period, in any order) add to every table.

    `bucket_of`: bucket of the ageing by invoice; when another one is due nobody knows.
    """
    for line in lines:
        late = line.period < where.period
        for parts, amount, currency in (
            *_balances(line, late),
            *_deferred(line, late),
            *_receivable(line, bucket_of),
            *_late(line, where),
        ):
            yield of_posting(line, where.address(*parts), amount, currency)


_Cells = Iterator[tuple[tuple[str, ...], int, str]]
"""((table, currency, …), amount, currency)"""


def _balances(line: BookedLine, is_before: bool) -> _Cells:
    for table, currency, amount in (
        ("trial_balance", line.currency, line.amount_minor),
        ("trial_balance_functional", line.functional_currency, line.functional_minor),
    ):
        if is_before:
            yield (table, currency, line.role, "opening"), amount, currency
        else:
            side = "debits" if amount >= 0 else "credits"
            yield (table, currency, line.role, side), abs(amount), currency
        yield (table, currency, line.role, "closing"), amount, currency


def _deferred(line: BookedLine, is_before: bool) -> _Cells:
    if line.role != AccountRole.DEFERRED_REVENUE:
        return
    column = "opening" if is_before else movement_of(line.rule)
    for table, currency, amount in (
        ("deferred", line.currency, -line.amount_minor),
        ("deferred_functional", line.functional_currency, -line.functional_minor),
    ):
        yield (table, currency, column), amount, currency
        yield (table, currency, "closing"), amount, currency
    yield ("waterfall", line.currency, "total"), -line.amount_minor, line.currency


def _receivable(line: BookedLine, bucket_of: dict[str, str]) -> _Cells:
    if line.role != AccountRole.ACCOUNTS_RECEIVABLE:
        return
    bucket = bucket_of.get(line.invoice_id, "unknown_due") if line.invoice_id else "no_invoice"
    yield ("receivables", line.currency, bucket), line.amount_minor, line.currency
    yield ("receivables", line.currency, "total"), line.amount_minor, line.currency


def _late(line: BookedLine, where: Where) -> _Cells:
    if line.original_period is not None and line.period == where.period:
        cell = ("late", line.currency, line.original_period, line.role)
        yield cell, line.amount_minor, line.currency


def of_posting(line: BookedLine, address: str, amount: int, currency: str) -> Contribution:
    """Return what a posted line adds to the figure at `address`; minor units of `currency`."""
    return Contribution(
        address=address,
        amount_minor=amount,
        currency=currency,
        what="posting",
        name=line.posting_id,
        entry_key=line.entry_key,
        rule=line.rule,
        date=line.date,
        events=tuple(dict.fromkeys((line.source_event_id, line.cause))),
    )


def of_plan(line: PlannedLine, address: str) -> Contribution:
    """Return what a recognition to come adds to the figure at `address`."""
    return Contribution(
        address=address,
        amount_minor=line.amount_minor,
        currency=line.currency,
        what="planned",
        name=line.entry_key,
        entry_key=line.entry_key,
        rule=line.rule,
        date=line.date,
        events=(line.source_event_id,),
    )


def planned_contributions(lines: Iterable[PlannedLine], where: Where) -> Iterator[Contribution]:
    """Yield what recognitions to come add to the waterfall."""
    for line in lines:
        yield of_plan(line, where.address("waterfall", line.currency, line.period))


def booked_later_contributions(lines: Iterable[BookedLine], where: Where) -> Iterator[Contribution]:
    """Yield deferrals of the period's dates that are booked after it: planned, not in its balance.

    They are taken off, so that the waterfall adds up to the balance as it is booked.
    """
    for line in lines:
        if line.role == AccountRole.DEFERRED_REVENUE:
            address = where.address("waterfall", line.currency, "booked_later")
            yield of_posting(line, address, line.amount_minor, line.currency)


def item_contributions(items: Iterable[OpenItem], where: Where) -> Iterator[Contribution]:
    """Yield what open exceptions add to the money at risk."""
    for item in items:
        if item.amount_minor is None or item.currency is None:
            continue
        for row in (item.reason, "total"):
            yield Contribution(
                address=where.address("exceptions", item.currency, row),
                amount_minor=item.amount_minor,
                currency=item.currency,
                what="exception",
                name=item.item_id,
                rule=item.reason,
                events=item.events,
            )


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a report."""

    address: str
    currency: str
    amount_minor: int


def add_up(contributions: Iterable[Contribution]) -> dict[str, Cell]:
    """Return every cell by address, sorted; cells of nothing stay when something added to them."""
    sums: dict[str, list[int]] = {}
    currencies: dict[str, str] = {}
    for one in contributions:
        sums.setdefault(one.address, [0])[0] += one.amount_minor
        currencies[one.address] = one.currency
    return {
        address: Cell(address=address, currency=currencies[address], amount_minor=sums[address][0])
        for address in sorted(sums)
    }


def bucket(days_late: int) -> str:
    """Return the bucket of the ageing for days past due at the end of the period."""
    if days_late <= 0:
        return "not_due"
    for most, name in ((30, "1-30"), (60, "31-60"), (90, "61-90")):
        if days_late <= most:
            return name
    return "over_90"


def break_contributions(
    found: Break, ours: Iterable[Contribution], theirs: Iterable[Contribution], where: Where
) -> Iterator[Contribution]:
    """Yield both sides of a comparison and their difference, from what each side is made of."""
    for side, sign, parts in (("ours", 1, ours), ("theirs", -1, theirs)):
        for one in parts:
            for row, amount in ((side, one.amount_minor), ("difference", sign * one.amount_minor)):
                address = where.address("breaks", found.currency, found.kind, row)
                yield msgspec.structs.replace(one, address=address, amount_minor=amount)
