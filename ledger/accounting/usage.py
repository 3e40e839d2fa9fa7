"""Metered usage: earned when it is used, settled by the invoice of its meter.

Aggregations and their effect on revenue: https://docs.stripe.com/revenue-recognition/examples#metered.
Two things decide where a report counts. Its time of use says with which reports it is aggregated:
those of the first invoice that reaches that time. When it was reported says which invoice settles
it: that one, or, when it had been issued by then, the meter's next. Tiers are billing's business:
what is accrued is worth its stated price or amount, and all lines of the meter on an invoice clear
the same accrual; the difference is revenue.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from ledger.accounting.accruals import Billing, Settlement, Settlements
from ledger.accounting.poster import Poster
from ledger.accounts import AccountRole
from ledger.events import InvoiceLine, UsageReported
from ledger.money import MAX_MINOR, apportion
from ledger.policies import DAY_MICROS
from ledger.rates import translate
from ledger.reasons import Reason
from ledger.recognition import is_service_time, month_of


class _Running:
    """What the reports so far are worth together, in minor units; reports come in order of use."""

    __slots__ = ("exact", "most")

    def __init__(self) -> None:
        self.exact = Decimal(0)
        self.most: Decimal | None = None

    def worth_with(self, report: UsageReported) -> int:
        """Take a report in and return the new worth."""
        worth = _stated(report)
        if report.aggregation == "sum":
            self.exact += worth
        elif report.aggregation != "max":
            self.exact = worth
        elif self.most is None or report.quantity > self.most:
            self.most = report.quantity
            self.exact = worth
        return int(self.exact.to_integral_value(rounding=ROUND_HALF_EVEN))


class _Bill:
    """An invoice of the meter with all its lines: tiers, flat parts, minimums."""

    __slots__ = ("invoice_id", "issued_at", "lines", "until")

    def __init__(self, first: Billing) -> None:
        self.invoice_id = first.invoice_id
        self.issued_at = first.issued_at
        self.lines: list[InvoiceLine] = []
        self.until = 0
        """Usage before it belongs to this invoice, or to one before."""

    def add(self, line: InvoiceLine) -> None:
        """Take in one more line; without a service period it reaches the invoice itself."""
        self.lines.append(line)
        start, end = line.service_start_micros, line.service_end_micros
        if start is None or end is None or end <= start:
            end = self.issued_at + 1
        self.until = max(self.until, end)


class _Window:
    """The usage of one invoice: the reports that are aggregated, and what it settles."""

    __slots__ = ("amount", "functional", "open", "reports")

    def __init__(self) -> None:
        self.reports: dict[str, UsageReported] = {}
        self.amount = 0
        self.functional = 0
        self.open: dict[int, tuple[UsageReported, int]] = {}
        """Month of use -> (first report, amount), what is looked at when no invoice comes."""

    def worth(self) -> int:
        """Return what its reports are worth together, in minor units."""
        return sum(change for _, change in _changes(self.reports.values()))


def accrue_meter(
    poster: Poster, told: list[UsageReported], billed: list[Billing], settled: Settlements
) -> None:
    """Book the usage of one meter and tell its invoices how much of it was accrued."""
    told = [report for report in told if _is_usable(poster, report, told[0].currency)]
    if not told:
        return
    bills = _bills(billed, told[0].currency)
    windows = [_Window() for _ in range(len(bills) + 1)]
    late = _sort_in(told, bills, windows)
    messages: dict[str, set[str]] = {}
    too_late = {report.event_id for report in late}
    for report in told:
        if report.event_id not in too_late:
            messages.setdefault(report.usage_id, set()).add(report.source_event_id)
    for window in windows:
        _book_window(poster, window, messages)
    homes = {usage_id: window for window in windows for usage_id in window.reports}
    for report in late:
        home, settles = _home_of(report, bills), _settled_by(report, bills)
        _book_late(poster, homes, windows[home], windows[settles], report)
    for bill, window in zip(bills, windows, strict=False):
        _settle(bill, window, settled)
    _wait_for_invoice(poster, windows[-1])


def _bills(billed: list[Billing], currency: str) -> list[_Bill]:
    bills: dict[str, _Bill] = {}
    for one in billed:
        if one.currency == currency:
            bills.setdefault(one.invoice_id, _Bill(one)).add(one.line)
    return list(bills.values())


def _stated(report: UsageReported) -> Decimal:
    """Return the worth of a report by itself: as stated, else quantity times price."""
    if report.amount_minor is not None:
        return Decimal(report.amount_minor)
    return report.quantity * report.unit_amount


def _is_usable(poster: Poster, report: UsageReported, currency: str) -> bool:
    """Tell whether a report can be booked; refuse it otherwise."""
    worth = _stated(report)
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


def _home_of(report: UsageReported, bills: list[_Bill]) -> int:
    """Return the first invoice that reaches the time of use, issued or not."""
    for position, bill in enumerate(bills):
        if report.used_at_micros < bill.until:
            return position
    return len(bills)


def _settled_by(report: UsageReported, bills: list[_Bill]) -> int:
    """Return the first invoice from its home on that was issued after the report."""
    for position in range(_home_of(report, bills), len(bills)):
        if report.occurred_at_micros <= bills[position].issued_at:
            return position
    return len(bills)


def _sort_in(
    told: list[UsageReported], bills: list[_Bill], windows: list[_Window]
) -> list[UsageReported]:
    """Put every report that came before its invoice into its window; return those that did not.

    A correction that came in time replaces its report, also when it moves it to another window.
    """
    late: list[UsageReported] = []
    homes: dict[str, int] = {}
    for report in told:
        usage_id, home = report.usage_id, _home_of(report, bills)
        known = homes.get(usage_id)
        charged = bills[known].issued_at if known is not None and known < len(bills) else None
        if charged is not None and report.occurred_at_micros > charged:
            late.append(report)
            continue
        if known is not None:
            windows[known].reports.pop(usage_id, None)
        homes[usage_id] = home
        if _settled_by(report, bills) == home:
            windows[home].reports[usage_id] = report
        else:
            late.append(report)
    return late


def _ordered(reports: Iterable[UsageReported]) -> list[UsageReported]:
    return sorted(
        reports, key=lambda one: (one.used_at_micros, one.occurred_at_micros, one.event_id)
    )


def _changes(reports: Iterable[UsageReported]) -> list[tuple[UsageReported, int]]:
    """Return what each report adds to the worth of those used before it.

    Peaks and last values begin anew with every period that the reports state.
    """
    runs: dict[tuple[int | None, int | None], tuple[_Running, int]] = {}
    changes: list[tuple[UsageReported, int]] = []
    for report in _ordered(reports):
        anew = report.aggregation in ("max", "last_during_period")
        key = (report.period_start_micros, report.period_end_micros) if anew else (None, None)
        running, before = runs.get(key) or (_Running(), 0)
        worth = running.worth_with(report)
        runs[key] = (running, worth)
        changes.append((report, worth - before))
    return changes


def _book_window(poster: Poster, window: _Window, messages: dict[str, set[str]]) -> None:
    for report, change in _changes(window.reports.values()):
        told = tuple(sorted(messages[report.usage_id] - {report.source_event_id}))
        key = f"{report.accrual_id}:usage:{report.usage_id}"
        _book(poster, window, report, (key, report.used_at_micros), change, told)


def _book_late(
    poster: Poster,
    homes: dict[str, _Window],
    home: _Window,
    settles: _Window,
    report: UsageReported,
) -> None:
    """Post what a report after its invoice changes, for the meter's next invoice.

    New usage counts when it was used; a correction is a difference of its own date.
    """
    usage_id = report.usage_id
    known = homes.get(usage_id)
    touched = [home] if known is None or known is home else [known, home]
    before = sum(window.worth() for window in touched)
    if known is not None:
        del known.reports[usage_id]
    home.reports[usage_id] = report
    homes[usage_id] = home
    change = sum(window.worth() for window in touched) - before
    key, at = f"{report.accrual_id}:usage:{usage_id}", report.used_at_micros
    if known is not None:
        key, at = f"{key}:corrected:{report.event_id}", report.occurred_at_micros
    _book(poster, settles, report, (key, at), change, ())


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
    first, open_amount = window.open.get(month_of(micros), (report, 0))
    window.open[month_of(micros)] = (first, open_amount + amount)
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


def _settle(bill: _Bill, window: _Window, settled: Settlements) -> None:
    """Share what was accrued among the lines of the meter, by what billing charges on each."""
    weights = [line.amount_minor for line in bill.lines]
    amounts, functionals = apportion(window.amount, weights), apportion(window.functional, weights)
    for line, amount, functional in zip(bill.lines, amounts, functionals, strict=True):
        settled[bill.invoice_id, line.line_id] = Settlement(amount, functional, by_usage=True)


def _wait_for_invoice(poster: Poster, window: _Window) -> None:
    """Let usage wait for its invoice, month by month: money that is earned and not asked for."""
    for _, (report, amount) in sorted(window.open.items()):
        if amount:
            since = max(report.used_at_micros, report.period_end_micros or 0)
            poster.wait(
                report,
                Reason.UNBILLED_USAGE,
                report.accrual_id,
                amount,
                report.currency,
                since=since,
            )
