"""Revenue earned before it is invoiced: invoice items that wait for their invoice.

The rule is that of https://docs.stripe.com/revenue-recognition/examples#upgrade: what an item earns
before its invoice is unbilled; the invoice takes that over and defers only the rest. Whole periods
before the invoice's are accrued, since within one period both ways book the same.
"""

from __future__ import annotations

from ledger.accounting.lines import Bucket, LineBook, last_day_of
from ledger.accounting.poster import Cause, Poster, Raw
from ledger.accounts import AccountRole
from ledger.events import InvoiceLine, ItemAccrued, ItemDeleted
from ledger.policies import DAY_MICROS
from ledger.rates import translate
from ledger.recognition import is_service_time, segments


class Billing:
    """An invoice line that settles what was accrued for it."""

    __slots__ = ("currency", "invoice_id", "issued_at", "line")

    def __init__(self, issued_at: int, invoice_id: str, line: InvoiceLine, currency: str) -> None:
        self.issued_at = issued_at
        self.invoice_id = invoice_id
        self.line = line
        self.currency = currency


class Settlement:
    """What was accrued for an invoice line, and whether by usage (then all of it is delivered)."""

    __slots__ = ("amount", "by_usage", "functional")

    def __init__(self, amount: int, functional: int, *, by_usage: bool) -> None:
        self.amount = amount
        self.functional = functional
        self.by_usage = by_usage


Settlements = dict[tuple[str, str], Settlement]
"""By (invoice id, line id)."""


def accrue_item(
    poster: Poster,
    told: list[ItemAccrued],
    deleted: ItemDeleted | None,
    billed: list[Billing],
    settled: Settlements,
) -> None:
    """Accrue one item until its invoice or its deletion; the last event tells what it is."""
    item = told[-1]
    at = told[0].occurred_at_micros
    evidence = poster.others(told, told[0])
    cause = poster.cause(told[0], item.currency, None, evidence)
    functional = translate(
        poster.config, item.amount_minor, item.currency, cause.functional, at // DAY_MICROS
    )
    if functional is None:
        day = at // DAY_MICROS
        poster.wait_for_rate(item, item.currency, cause.functional, day, item.amount_minor)
        return
    line = LineBook(item.accrual_id, item.product)
    _spread(poster, line, item, cause, at, functional)
    invoice = next((one for one in billed if one.currency == item.currency), None)
    if invoice is not None and (deleted is None or deleted.occurred_at_micros >= invoice.issued_at):
        _until_invoice(poster, line, cause, at, invoice, settled)
    elif deleted is not None:
        _until_deletion(poster, line, cause, at, deleted)
    else:
        _book(poster, line, cause, at, line.buckets)


def _spread(
    poster: Poster, line: LineBook, item: ItemAccrued, cause: Cause, at: int, functional: int
) -> None:
    """Defer the item over its service; without one it is earned when it was made."""
    start, end = item.service_start_micros, item.service_end_micros
    if start is None or end is None or end <= start:
        start, end = at, at + 1
    if not (is_service_time(start) and is_service_time(end)):
        start, end = at, at + 1
    calendar = poster.calendar_of(cause.entity)
    cut = segments(start, end, poster.policy.granularity, calendar)
    line.defer(cut, item.amount_minor, functional, end, calendar)


def _until_invoice(
    poster: Poster,
    line: LineBook,
    cause: Cause,
    at: int,
    invoice: Billing,
    settled: Settlements,
) -> None:
    issue_month = line.calendar.index_of(invoice.issued_at)
    made_month = line.calendar.index_of(at)
    before = [one for one in line.buckets if max(one.month, made_month) < issue_month]
    amount = sum(one.amount for one in before)
    functional = sum(one.functional for one in before)
    settled[invoice.invoice_id, invoice.line.line_id] = Settlement(
        amount, functional, by_usage=False
    )
    _book(poster, line, cause, at, before)


def _until_deletion(
    poster: Poster, line: LineBook, cause: Cause, at: int, deleted: ItemDeleted
) -> None:
    """Accrue what was earned by then, and void it."""
    until = max(deleted.occurred_at_micros, at)
    line.advance(until, poster.policy.granularity)
    for bucket in line.buckets:
        if not bucket.done:
            bucket.take(bucket.amount)
        elif bucket.amount:
            bucket.take(bucket.amount)
            bucket.cut_at = until
    _book(poster, line, cause, at, line.buckets)
    total = line.recognised
    void = poster.cause(deleted, cause.currency, entity=cause.entity)
    poster.post(
        f"{line.line_id}:deleted",
        until // DAY_MICROS,
        "item_deleted",
        void,
        _lines(line, AccountRole.UNBILLED_VOIDS, -total.amount, -total.functional),
    )


def _book(poster: Poster, line: LineBook, cause: Cause, at: int, buckets: list[Bucket]) -> None:
    """Post the accrual of every period that is over."""
    created = at // DAY_MICROS
    for bucket in buckets:
        over = bucket.end_micros if bucket.cut_at is None else bucket.cut_at
        amount = bucket.done + bucket.amount
        functional = bucket.done_functional + bucket.functional
        if amount and (over <= poster.as_of or over == at + 1):
            poster.post(
                f"{line.line_id}:accrue:{line.calendar.label(bucket.month)}",
                last_day_of(bucket, created),
                "item_accrued",
                cause,
                _lines(line, AccountRole.REVENUE, amount, functional),
            )


def _lines(line: LineBook, role: AccountRole, amount: int, functional: int) -> list[Raw]:
    """Return unbilled receivable against `role`, for an amount earned (negative: voided)."""
    product = line.product
    return [
        (AccountRole.UNBILLED_RECEIVABLE, amount, functional, product, None, None),
        (role, -amount, -functional, product, None, None),
    ]
