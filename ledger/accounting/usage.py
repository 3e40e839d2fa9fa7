"""Metered usage: earned when it is used, settled by the invoice of its meter.

Aggregations and their effect on revenue: https://docs.stripe.com/revenue-recognition/examples#metered.
A report counts for the first invoice issued after it that reaches its time of use; a report or
correction that comes after its invoice stays unbilled until the meter's next invoice.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from ledger.accounting.accruals import Billing, Settlement, Settlements
from ledger.accounting.poster import Poster
from ledger.accounts import AccountRole
from ledger.events import UsageReported
from ledger.money import MAX_MINOR
from ledger.policies import DAY_MICROS
from ledger.rates import translate
from ledger.reasons import Reason
from ledger.recognition import is_service_time


class _Running:
    """What the reports so far are worth together, in minor units; reports come in order of use."""

    __slots__ = ("exact", "most")

    def __init__(self) -> None:
        self.exact = Decimal(0)
        self.most: Decimal | None = None

    def worth_with(self, report: UsageReported) -> int:
        """Take a report in and return the new worth."""
        worth = report.quantity * report.unit_amount
        if report.aggregation == "sum":
            self.exact += worth
        elif report.aggregation != "max":
            self.exact = worth
        elif self.most is None or report.quantity > self.most:
            self.most = report.quantity
            self.exact = worth
        return int(self.exact.to_integral_value(rounding=ROUND_HALF_EVEN))


class _Window:
    """What one invoice settles: the reports known by then, and what was booked for them."""

    __slots__ = ("amount", "functional", "reports")

    def __init__(self) -> None:
        self.reports: dict[str, UsageReported] = {}
        self.amount = 0
        self.functional = 0


def accrue_meter(
    poster: Poster, told: list[UsageReported], billed: list[Billing], settled: Settlements
) -> None:
    """Book the usage of one meter and tell its invoices how much of it was accrued."""
    told = [report for report in told if _is_usable(poster, report, told[0].currency)]
    if not told:
        return
    billed = [one for one in billed if one.currency == told[0].currency]
    windows = [_Window() for _ in range(len(billed) + 1)]
    first_window: dict[str, int] = {}
    messages: dict[str, list[str]] = {}
    corrections: list[tuple[int, UsageReported]] = []
    for report in told:
        position = _window_of(report, billed)
        known = first_window.setdefault(report.usage_id, position)
        if position <= known:
            windows[known].reports[report.usage_id] = report
            messages.setdefault(report.usage_id, []).append(report.source_event_id)
        else:
            corrections.append((position, report))
    for window in windows:
        _book_window(poster, window, messages)
    for position, report in corrections:
        _correct(poster, windows[first_window[report.usage_id]], windows[position], report)
    for one, window in zip(billed, windows, strict=False):
        settled[one.invoice_id, one.line.line_id] = Settlement(
            window.amount, window.functional, by_usage=True
        )


def _is_usable(poster: Poster, report: UsageReported, currency: str) -> bool:
    """Tell whether a report can be booked; refuse it otherwise."""
    worth = report.quantity * report.unit_amount
    if report.currency != currency:
        reason, detail = Reason.CURRENCY_MISMATCH, f"the meter is priced in {currency}"
    elif not worth.is_finite() or abs(worth) > MAX_MINOR:
        reason, detail = Reason.AMOUNT_OUT_OF_RANGE, "quantity times price is too large"
    elif not is_service_time(report.used_at_micros):
        reason, detail = Reason.TIMESTAMP_OUT_OF_RANGE, "used outside the years 2000 to 2100"
    else:
        return True
    poster.refuse(report, reason, detail, None, report.currency)
    return False


def _window_of(report: UsageReported, billed: list[Billing]) -> int:
    """Return the first invoice that was issued after the report and reaches its time of use."""
    for position, one in enumerate(billed):
        start, end = one.line.service_start_micros, one.line.service_end_micros
        reaches = start is None or end is None or end <= start or report.used_at_micros < end
        if reaches and report.occurred_at_micros <= one.issued_at:
            return position
    return len(billed)


def _ordered(reports: Iterable[UsageReported]) -> list[UsageReported]:
    return sorted(
        reports, key=lambda one: (one.used_at_micros, one.occurred_at_micros, one.event_id)
    )


def _worth(reports: Iterable[UsageReported]) -> int:
    """Return what reports are worth together, in minor units."""
    running = _Running()
    worth = 0
    for report in _ordered(reports):
        worth = running.worth_with(report)
    return worth


def _book_window(poster: Poster, window: _Window, messages: dict[str, list[str]]) -> None:
    """Post what each report adds to the worth of those used before it."""
    running = _Running()
    before = 0
    for report in _ordered(window.reports.values()):
        worth = running.worth_with(report)
        told = tuple(sorted(set(messages[report.usage_id]) - {report.source_event_id}))
        key = f"{report.accrual_id}:usage:{report.usage_id}"
        _book(poster, window, report, (key, report.used_at_micros), worth - before, told)
        before = worth


def _correct(poster: Poster, old: _Window, window: _Window, report: UsageReported) -> None:
    """Post what a correction after the invoice changes, for the meter's next invoice."""
    before = _worth(old.reports.values())
    old.reports[report.usage_id] = report
    change = _worth(old.reports.values()) - before
    key = f"{report.accrual_id}:usage:{report.usage_id}:corrected:{report.event_id}"
    _book(poster, window, report, (key, report.occurred_at_micros), change, ())


def _book(
    poster: Poster,
    window: _Window,
    report: UsageReported,
    key_at: tuple[str, int],
    amount: int,
    evidence: tuple[str, ...],
) -> None:
    """Post unbilled revenue of one report, or let it wait for its rate."""
    key, micros = key_at
    day = micros // DAY_MICROS
    cause = poster.cause(report, report.currency, None, evidence)
    functional = translate(poster.config, amount, report.currency, cause.functional, day)
    if functional is None:
        poster.wait_for_rate(report, report.currency, cause.functional, day, amount)
        return
    window.amount += amount
    window.functional += functional
    product = report.product
    unbilled = AccountRole.UNBILLED_RECEIVABLE
    poster.post(
        key,
        day,
        "usage_reported",
        cause,
        (
            (unbilled, amount, functional, product, None, None),
            (AccountRole.REVENUE, -amount, -functional, product, None, None),
        ),
    )
