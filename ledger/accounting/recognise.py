"""Posts the revenue of every accounting period that is over: deferred revenue becomes revenue."""

from __future__ import annotations

from ledger.accounting.books import Book
from ledger.accounting.lines import LineBook, last_day_of
from ledger.accounting.poster import Poster
from ledger.accounts import AccountRole
from ledger.journal import JournalLine

_DEFERRED = AccountRole.DEFERRED_REVENUE
_REVENUE = AccountRole.REVENUE


def recognise(poster: Poster, book: Book) -> None:
    """Post one entry per line and period whose service ended by the as-of time.

    What was delivered in periods before the invoice is caught up at the invoice's date.
    """
    as_of = poster.as_of
    if book.issued_at > as_of:
        return
    calendar = poster.calendar_of(book.cause.entity)
    issue_month = calendar.index_of(book.issued_at)
    key = f"{book.key}:recognise:"
    for line in book.lines:
        buckets = line.buckets
        if not buckets or line.sells_credit:
            continue
        if buckets[0].month < issue_month:
            _catch_up(poster, book, line, issue_month)
        for bucket in buckets:
            if bucket.month < issue_month:
                continue
            over = bucket.end_micros if bucket.cut_at is None else bucket.cut_at
            if over > as_of:
                continue
            amount = bucket.done + bucket.amount
            worth = bucket.done_functional + bucket.functional
            if amount or worth:
                cause = book.cause
                if bucket.touched:
                    cause = cause.with_evidence(bucket.touched)
                poster.add(
                    f"{key}{line.line_id}:{calendar.label(bucket.month)}",
                    last_day_of(bucket, book.issue_day),
                    "revenue_recognised",
                    cause,
                    _lines(line, amount, worth),
                )


def _catch_up(poster: Poster, book: Book, line: LineBook, issue_month: int) -> None:
    past = [bucket for bucket in line.buckets if bucket.month < issue_month]
    amount = sum(bucket.done + bucket.amount for bucket in past)
    worth = sum(bucket.done_functional + bucket.functional for bucket in past)
    if amount or worth:
        poster.add(
            f"{book.key}:recognise:{line.line_id}:catch_up",
            book.issue_day,
            "revenue_caught_up",
            book.cause,
            _lines(line, amount, worth),
        )


def _lines(line: LineBook, amount: int, worth: int) -> tuple[JournalLine, JournalLine]:
    """Return the two lines that turn deferred revenue into revenue."""
    product, line_id = line.product, line.line_id
    return (
        JournalLine(
            role=_DEFERRED,
            amount_minor=amount,
            functional_minor=worth,
            product=product,
            invoice_line_id=line_id,
        ),
        JournalLine(
            role=_REVENUE,
            amount_minor=-amount,
            functional_minor=-worth,
            product=product,
            invoice_line_id=line_id,
        ),
    )
