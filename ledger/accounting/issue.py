"""An invoice is issued: the claim against revenue, deferral, unbilled revenue and tax."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.accounting.accruals import Settlement, Settlements
from ledger.accounting.books import Book, TaxPool
from ledger.accounting.evidence import InvoiceFact, adds_up
from ledger.accounting.grants import Sales
from ledger.accounting.lines import LineBook
from ledger.accounting.poster import Poster, Raw, raw
from ledger.accounting.wallets import sell
from ledger.accounts import AccountRole
from ledger.events import InvoiceIssued, InvoiceLine
from ledger.money import apportion, divide
from ledger.periods import Calendar
from ledger.policies import DAY_MICROS
from ledger.rates import told_rate, translate
from ledger.reasons import Reason
from ledger.recognition import Segment, is_service_time, segments


def accept_invoice(poster: Poster, fact: InvoiceFact) -> int | None:
    """Return the invoice's total in functional currency; None when it cannot be booked yet.

    A missing rate lets it wait; what does not add up or lies outside the years is refused.
    """
    content = fact.content
    problem: tuple[Reason, str] | None = None
    if not adds_up(content):
        problem = (Reason.LINES_DO_NOT_ADD_UP, "lines and taxes do not add up to the total")
    elif not is_service_time(fact.issued_at) or not all(map(_is_in_time, content.lines)):
        problem = (Reason.TIMESTAMP_OUT_OF_RANGE, "issued or serviced outside 2000 to 2100")
    if problem is not None:
        poster.refuse(fact.cause, *problem, content.total_minor, content.currency)
        return None
    entity = poster.entity_of(fact.cause)
    into = poster.functional_of(entity, content.currency)
    if into == content.currency:
        return content.total_minor
    day = fact.issued_at // DAY_MICROS
    total = translate(poster.config, content.total_minor, content.currency, into, day, fact.rate)
    if total is None:
        poster.wait_for_rate(fact.cause, content.currency, into, day, content.total_minor)
    return total


def _is_in_time(line: InvoiceLine) -> bool:
    start, end = line.service_start_micros, line.service_end_micros
    return start is None or end is None or (is_service_time(start) and is_service_time(end))


def issue(
    poster: Poster, fact: InvoiceFact, functional: int, settled: Settlements, sales: Sales
) -> Book:
    """Open the book of an invoice worth `functional` and make the lines of its issue."""
    content = fact.content
    day = fact.issued_at // DAY_MICROS
    cause = poster.cause(fact.cause, content.currency, content.invoice_id, fact.evidence)
    cause.memo = told_rate(poster.config, content.currency, cause.functional, day, fact.rate)
    book = Book(content.invoice_id, cause, fact.issued_at, day, content.total_minor)
    book.due_at = fact.due_at
    nets, taxes = _nets_and_taxes(content)
    worths = _worths(poster, fact, functional, [*nets, *taxes.values()])
    book.receivable.add(content.total_minor, functional)
    lines = book.issue_lines
    for position, line in enumerate(content.lines):
        opened = LineBook(line.line_id, line.product)
        book.lines.append(opened)
        name = (content.invoice_id, line.line_id)
        net = (nets[position], worths[position])
        if name in sales and name not in settled:
            sell(opened, sales[name], *net)
            lines.append(_line(opened, AccountRole.DEFERRED_REVENUE, -net[0], -net[1]))
        else:
            _open_line(poster, fact, line, opened, net, settled.get(name), lines)
    for (jurisdiction, amount), worth in zip(taxes.items(), worths[len(nets) :], strict=True):
        shares = _tax_shares(content, nets, jurisdiction)
        book.taxes.append(TaxPool(jurisdiction, amount, worth, shares))
        lines.append((AccountRole.TAX_PAYABLE, -amount, -worth, None, jurisdiction, None))
    if content.balance_applied_minor:
        _apply_balance(poster, book, fact, content.balance_applied_minor)
    claim = book.receivable
    lines.insert(0, raw(AccountRole.ACCOUNTS_RECEIVABLE, claim.amount, claim.functional))
    return book


def _nets_and_taxes(content: InvoiceIssued) -> tuple[list[int], dict[str | None, int]]:
    """Return line amounts without any tax, and the tax per jurisdiction."""
    nets: list[int] = []
    taxes: dict[str | None, int] = {}
    for line in content.lines:
        net = line.amount_minor
        for tax in line.taxes:
            taxes[tax.jurisdiction] = taxes.get(tax.jurisdiction, 0) + tax.amount_minor
            if tax.inclusive:
                net -= tax.amount_minor
        nets.append(net)
    for tax in content.taxes:
        taxes[tax.jurisdiction] = taxes.get(tax.jurisdiction, 0) + tax.amount_minor
        if tax.inclusive and nets:
            contained = apportion(tax.amount_minor, nets)
            nets = [net - part for net, part in zip(nets, contained, strict=True)]
    return nets, taxes


def _tax_shares(
    content: InvoiceIssued, nets: list[int], jurisdiction: str | None
) -> dict[str | None, int]:
    """Return the tax of a jurisdiction by line; what only the invoice states follows the nets."""
    shares: dict[str | None, int] = {}
    for line in content.lines:
        own = [tax.amount_minor for tax in line.taxes if tax.jurisdiction == jurisdiction]
        shares[line.line_id] = shares.get(line.line_id, 0) + sum(own)
    on_invoice = sum(tax.amount_minor for tax in content.taxes if tax.jurisdiction == jurisdiction)
    if not nets:
        return {None: on_invoice}
    for line, part in zip(content.lines, apportion(on_invoice, nets), strict=True):
        shares[line.line_id] += part
    return shares


def _worths(
    poster: Poster, fact: InvoiceFact, functional: int, amounts: list[int]
) -> Sequence[int]:
    """Translate the parts of an invoice so that they add up to its translated total."""
    content = fact.content
    if not poster.config.entities or not amounts:
        return amounts
    into = poster.functional_of(poster.entity_of(fact.cause), content.currency)
    if into == content.currency:
        return amounts
    if content.total_minor:
        return apportion(functional, amounts)
    day = fact.issued_at // DAY_MICROS
    parts = [
        translate(poster.config, amount, content.currency, into, day, fact.rate) or 0
        for amount in amounts
    ]
    parts[0] -= sum(parts)
    return parts


def _apply_balance(poster: Poster, book: Book, fact: InvoiceFact, amount: int) -> None:
    """Pay with the customer's balance (or, when negative, credit it), at the invoice's rate."""
    cause = book.cause
    if book.total or cause.currency == cause.functional:
        worth = book.receivable.take(amount)
    else:
        worth = (
            translate(
                poster.config, amount, cause.currency, cause.functional, book.issue_day, fact.rate
            )
            or 0
        )
        book.receivable.add(-amount, -worth)
    book.applied.add(amount, worth)
    book.issue_lines.append(raw(AccountRole.CUSTOMER_BALANCE, amount, worth))


def _open_line(
    poster: Poster,
    fact: InvoiceFact,
    line: InvoiceLine,
    opened: LineBook,
    net: tuple[int, int],
    settlement: Settlement | None,
    lines: list[Raw],
) -> None:
    """Book a line as delivered, deferred, or both where it was partly accrued."""
    amount, worth = net
    calendar = poster.calendar_of(poster.entity_of(fact.cause))
    cut = _service(poster, fact, line, calendar)
    if settlement is not None and (settlement.by_usage or not cut):
        cut = []
    if cut:
        end = line.service_end_micros or fact.issued_at + 1
        opened.defer(cut, amount, worth, end, calendar)
        deferred, deferred_worth = amount, worth
        if settlement is not None:
            amount, worth = _drop_past(opened, calendar.index_of(fact.issued_at))
            deferred, deferred_worth = deferred - amount, deferred_worth - worth
        lines.append(_line(opened, AccountRole.DEFERRED_REVENUE, -deferred, -deferred_worth))
        if settlement is None:
            return
    opened.recognised.add(amount, worth)
    _deliver(opened, amount, worth, settlement, lines)


def _service(
    poster: Poster, fact: InvoiceFact, line: InvoiceLine, calendar: Calendar
) -> list[Segment]:
    """Return the periods over which a line is recognised; none when it is delivered at once."""
    start, end = line.service_start_micros, line.service_end_micros
    if start is None or end is None or end <= start:
        return []
    if poster.policy.revenue_start == "invoice_date":
        start = fact.issued_at
        if end <= start:
            return []
    return segments(start, end, poster.policy.granularity, calendar)


def _drop_past(opened: LineBook, issue_month: int) -> tuple[int, int]:
    """Take the periods before the invoice's out of the deferral; return what they are worth."""
    past = [bucket for bucket in opened.buckets if bucket.month < issue_month]
    opened.buckets = opened.buckets[len(past) :]
    return sum(one.amount for one in past), sum(one.functional for one in past)


def _deliver(
    opened: LineBook,
    amount: int,
    worth: int,
    settlement: Settlement | None,
    lines: list[Raw],
) -> None:
    """Book delivered revenue: what was accrued comes from unbilled, the difference is booked now.

    An item accrued beyond what is invoiced was earned too much and is voided; this is how the
    published example of an item with inclusive tax comes out
    (https://docs.stripe.com/revenue-recognition/examples/tax). What usage was worth is an estimate
    until billing has rated it, so its difference is revenue either way.
    """
    if settlement is None:
        lines.append(_line(opened, AccountRole.REVENUE, -amount, -worth))
        return
    accrued, accrued_worth = settlement.amount, settlement.functional
    lines.append(_line(opened, AccountRole.UNBILLED_RECEIVABLE, -accrued, -accrued_worth))
    at_invoice_rate = divide(worth * accrued, amount) if amount else accrued_worth
    exchange = at_invoice_rate - accrued_worth
    if exchange:
        lines.append(_line(opened, AccountRole.FX_GAIN_LOSS, 0, -exchange))
    more, more_worth = amount - accrued, worth - accrued_worth - exchange
    over_accrued = more * accrued < 0 and not settlement.by_usage
    role = AccountRole.UNBILLED_VOIDS if over_accrued else AccountRole.REVENUE
    lines.append(_line(opened, role, -more, -more_worth))


def _line(opened: LineBook, role: AccountRole, amount: int, worth: int) -> Raw:
    return (role, amount, worth, opened.product, None, opened.line_id)


def post_issue(poster: Poster, book: Book) -> None:
    """Post the issue, with the payment that the same message told; the claim nets out."""
    amount = functional = 0
    rest: list[Raw] = []
    for line in book.issue_lines:
        if line[0] is AccountRole.ACCOUNTS_RECEIVABLE:
            amount += line[1]
            functional += line[2]
        else:
            rest.append(line)
    rest.insert(0, raw(AccountRole.ACCOUNTS_RECEIVABLE, amount, functional))
    key = f"{book.key}:invoice_issued"
    poster.post(key, book.issue_day, "invoice_issued", book.cause, rest)
