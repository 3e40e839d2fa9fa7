"""A payment is booked: against the claim, what was written off, or the customer's balance."""

from __future__ import annotations

from ledger.accounting.books import Book
from ledger.accounting.lines import LineBook
from ledger.accounting.money_moves import Money, money_of, post_held, post_money
from ledger.accounting.payment_evidence import Payment
from ledger.accounting.poster import Cause, Poster, Raw, raw
from ledger.accounting.wallets import Wallet, sell
from ledger.accounts import AccountRole
from ledger.money import apportion, divide
from ledger.policies import DAY_MICROS


def _receive(
    poster: Poster, payment: Payment, claim: Cause, day: int, fees: AccountRole
) -> Money | None:
    """Return the money lines of a payment; without a rate the payment waits."""
    role = AccountRole.EXTERNAL_CASH if payment.out_of_band else AccountRole.CASH_CLEARING
    money = money_of(
        poster,
        payment.cause,
        payment,
        payment.amount,
        payment.fee,
        day,
        claim,
        (role, fees),
        payment.entity,
    )
    if money is not None:
        payment.booked.add(payment.amount, money.worth)
    return money


def pay_standalone(poster: Poster, payment: Payment, sold: list[Wallet]) -> Book | None:
    """Book a payment that belongs to no invoice: revenue at once, but for the credit it bought.

    Source: https://docs.stripe.com/revenue-recognition/methodology#one-time-payments.
    """
    day = payment.at // DAY_MICROS
    cause = poster.cause(payment.cause, payment.currency, None, payment.evidence, payment.entity)
    money = _receive(poster, payment, cause, day, AccountRole.PROCESSING_FEES)
    if money is None:
        return None
    book = Book(payment.key, cause, payment.at, day, payment.amount)
    line = LineBook(None, None)
    role = AccountRole.REVENUE
    if sold:
        role = AccountRole.DEFERRED_REVENUE
        sell(line, sold, payment.amount, money.worth)
    else:
        line.recognised.add(payment.amount, money.worth)
    book.lines.append(line)
    book.paid = book.paid_left = payment.amount
    revenue = raw(role, -payment.amount, -money.worth)
    post_money(poster, f"{payment.key}:payment", day, "payment_succeeded", money, [revenue])
    return book


def pay(poster: Poster, book: Book, payment: Payment) -> bool:
    """Book a payment of an invoice; False when it has to wait for a rate."""
    day = payment.at // DAY_MICROS
    claim = Cause(
        payment.cause,
        book.cause.entity,
        book.cause.currency,
        book.cause.functional,
        book.invoice_id,
        payment.evidence,
    )
    spread = poster.policy.fee_timing == "invoice"
    fees = AccountRole.DEFERRED_FEES if spread else AccountRole.PROCESSING_FEES
    money = _receive(poster, payment, claim, day, fees)
    if money is None:
        return False
    lines = _settle(poster, book, payment, money.worth)
    if spread and money.fee:
        _spread_fee(poster, book, payment, money)
    key = f"{payment.key}:payment"
    told_by_issue = claim.source == book.cause.source and day == book.issue_day
    if told_by_issue and money.held.entity == claim.entity:
        book.issue_lines += [*money.lines, *lines]
        book.cause.evidence = tuple(sorted({*book.cause.evidence, *payment.evidence}))
        post_held(poster, key, day, "payment_succeeded", money)
    else:
        post_money(poster, key, day, "payment_succeeded", money, lines)
    return True


def _settle(poster: Poster, book: Book, payment: Payment, worth: int) -> list[Raw]:
    """Return what a payment is credited to; the exchange difference evens out what is left."""
    credits: list[Raw] = []
    left = payment.amount
    if book.receivable.amount > 0:
        left -= _credit_receivable(poster, book, left, credits)
    elif book.written_off.amount > 0:
        left -= _credit_written_off(book, left, credits)
    applied = payment.amount - left
    book.paid += applied
    book.paid_left += applied
    if left:
        payment.overpaid += left
        balance = divide(worth * left, payment.amount)
        credits.append(raw(AccountRole.CUSTOMER_BALANCE, -left, -balance))
    if book.status in ("open", "uncollectible") and not (
        book.receivable.amount > 0 or book.written_off.amount > 0
    ):
        book.status = "paid"
    difference = worth + sum(line[2] for line in credits)
    credits.append(raw(AccountRole.FX_GAIN_LOSS, 0, -difference))
    return credits


def _credit_receivable(poster: Poster, book: Book, amount: int, credits: list[Raw]) -> int:
    """Credit the receivable; small differences within the tolerance are rounding."""
    owed = book.receivable.amount
    difference = amount - owed
    closes = amount > 0 and abs(difference) <= poster.policy.payment_tolerance_minor
    closing = owed if closes else min(amount, owed)
    worth = book.receivable.take(closing)
    credits.append(raw(AccountRole.ACCOUNTS_RECEIVABLE, -closing, -worth))
    if not closes or not difference:
        return closing
    book.rounded -= difference
    part = divide(worth * -difference, closing)
    credits.append(raw(AccountRole.ROUNDING, -difference, part))
    return amount


def _credit_written_off(book: Book, amount: int, credits: list[Raw]) -> int:
    """Credit what the write-off booked: tax in proportion, bad debt first, then recoverables.

    Source: https://docs.stripe.com/revenue-recognition/examples/contra#uncollectible.
    """
    owed = book.written_off.amount
    amount = min(amount, owed)
    worth = book.written_off.take(amount)
    left = amount
    for tax, given_up in book.unpaid_tax:
        part = divide(given_up.amount * amount, owed)
        part_worth = given_up.take(part)
        tax.add(part, part_worth)
        left -= part
        worth -= part_worth
        role = AccountRole.TAX_PAYABLE
        credits.append((role, -part, -part_worth, None, tax.jurisdiction, None))
    bad = min(left, book.bad_debt.amount)
    bad_worth = book.bad_debt.take(bad)
    _earn_again(book, bad)
    credits.append(raw(AccountRole.BAD_DEBT, -bad, -bad_worth))
    if left > bad:
        gain = (left - bad, worth - bad_worth)
        book.recovered.add(*gain)
        credits.append(raw(AccountRole.RECOVERABLES, -gain[0], -gain[1]))
    return amount


def _earn_again(book: Book, amount: int) -> None:
    """Count revenue as earned again whose bad debt was paid after all."""
    if book.lost:
        parts = apportion(amount, [lost.amount for _, lost in book.lost])
        for (line, lost), part in zip(book.lost, parts, strict=True):
            line.recognised.add(part, lost.take(part))


def _spread_fee(poster: Poster, book: Book, payment: Payment, money: Money) -> None:
    """Expense a fee over the periods in which the revenue was planned when it was paid.

    Periods before and of the payment are expensed with it.
    """
    calendar = poster.calendar_of(book.cause.entity)
    paid_month = calendar.index_of(payment.at)
    day = payment.at // DAY_MICROS
    now = 0
    later: dict[int, tuple[int, int, int]] = {}
    for line in book.lines:
        now += abs(line.recognised.amount)
        if line.sells_credit:  # nobody knows when it will be used
            now += abs(line.deferred())
            continue
        for bucket in line.buckets[line.cursor :]:
            weight = abs(bucket.amount)
            if bucket.month <= paid_month:
                now += weight
            else:
                before = later.get(bucket.month, (0, 0, 0))
                end = max(before[1], bucket.end_micros)
                later[bucket.month] = (before[0] + weight, end, max(before[2], bucket.last_day))
    months = [(paid_month, now, 0, day)]
    months += [(month, *plan) for month, plan in sorted(later.items())]
    weights = [month[1] for month in months]
    parts = apportion(money.fee, weights)
    worths = apportion(money.fee_worth, weights)
    for (month, _, end, on), part, part_worth in zip(months, parts, worths, strict=True):
        if end <= poster.as_of:
            poster.post(
                f"{payment.key}:fee:{calendar.label(month)}",
                on,
                "fee_recognised",
                money.held,
                [
                    raw(AccountRole.PROCESSING_FEES, part, part_worth),
                    raw(AccountRole.DEFERRED_FEES, -part, -part_worth),
                ],
            )
