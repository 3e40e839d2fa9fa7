"""Disputes: money withdrawn, and what becomes of it under either policy."""

from __future__ import annotations

from ledger.accounting.books import Book
from ledger.accounting.evidence import DisputeFact
from ledger.accounting.money_moves import Money, money_of, post_money, settled_like
from ledger.accounting.payment_evidence import Payment
from ledger.accounting.pools import Pool
from ledger.accounting.poster import Cause, Poster, raw
from ledger.accounting.refunds import rest_lines, take_paid
from ledger.accounting.takeback import Wish
from ledger.accounts import AccountRole
from ledger.events import DisputeLost, DisputeOpened, DisputeWon
from ledger.money import divide
from ledger.policies import DAY_MICROS


def open_dispute(
    poster: Poster, book: Book, payment: Payment, fact: DisputeFact, event: DisputeOpened
) -> Pool | None:
    """Book the withdrawal of disputed money; return what is parked. None: waits for a rate.

    contra: like a refund, in `disputes` (https://docs.stripe.com/revenue-recognition/examples/contra).
    receivable: parked until it is decided
    (https://github.com/jakethehoffer/ledgerly/blob/main/docs/accounting.md).
    """
    day = event.occurred_at_micros // DAY_MICROS
    money = _money(poster, book, payment, event, fact.evidence, -1)
    if money is None:
        return None
    amount = event.amount_minor
    parked = Pool()
    if poster.policy.dispute == "receivable":
        worth = payment.booked.worth(amount)
        parked.add(amount, worth)
        lines = [
            raw(AccountRole.DISPUTES_RECEIVABLE, amount, worth),
            raw(AccountRole.FX_GAIN_LOSS, 0, money.worth - worth),
        ]
    else:
        at = max(event.occurred_at_micros, book.issued_at)
        given = take_paid(poster, book, payment, amount, at, event.source_event_id, Wish(amount))
        lines = rest_lines(given, AccountRole.DISPUTES, amount, money.worth)
    key = f"{event.dispute_id}:dispute_opened"
    post_money(poster, key, day, "dispute_opened", money, lines)
    return parked


def win_dispute(
    poster: Poster,
    book: Book,
    payment: Payment,
    fact: DisputeFact,
    event: DisputeWon,
    parked: Pool,
) -> None:
    """Book that disputed money came back: out of what is parked, the rest as recoverables."""
    day = event.occurred_at_micros // DAY_MICROS
    money = _money(poster, book, payment, event, fact.won_evidence, 1)
    if money is None:
        return
    amount = event.amount_minor
    back = min(amount, parked.amount)
    back_worth = parked.take(back)
    lines = [raw(AccountRole.DISPUTES_RECEIVABLE, -back, -back_worth)]
    gain = amount - back
    if gain:
        gain_worth = divide(money.worth * gain, amount)
        book.recovered.add(gain, gain_worth)
        book.paid_left += gain
        lines.append(raw(AccountRole.RECOVERABLES, -gain, -gain_worth))
    difference = money.worth + sum(line[2] for line in lines)
    lines.append(raw(AccountRole.FX_GAIN_LOSS, 0, -difference))
    post_money(poster, f"{event.dispute_id}:dispute_won", day, "dispute_won", money, lines)


def lose_dispute(poster: Poster, book: Book, event: DisputeLost, parked: Pool) -> None:
    """Expense what is parked; under `contra` nothing further happens."""
    amount = parked.amount
    worth = parked.take(amount)
    cause = book.cause
    lost = Cause(event, cause.entity, cause.currency, cause.functional, book.invoice_id)
    poster.post(
        f"{event.dispute_id}:dispute_lost",
        event.occurred_at_micros // DAY_MICROS,
        "dispute_lost",
        lost,
        [
            raw(AccountRole.DISPUTE_LOSSES, amount, worth),
            raw(AccountRole.DISPUTES_RECEIVABLE, -amount, -worth),
        ],
    )


def _money(
    poster: Poster,
    book: Book,
    payment: Payment,
    event: DisputeOpened | DisputeWon,
    evidence: tuple[str, ...],
    sign: int,
) -> Money | None:
    """Return the money lines of a withdrawal (-1) or its return (1); a fee is paid or given back.

    Without a rate the event waits.
    """
    cause = book.cause
    claim = Cause(event, cause.entity, cause.currency, cause.functional, cause.invoice_id, evidence)
    parked = poster.policy.dispute == "receivable"
    fees = AccountRole.DISPUTE_LOSSES if parked else AccountRole.PROCESSING_FEES
    day = event.occurred_at_micros // DAY_MICROS
    fee = None if event.fee_minor is None else -sign * event.fee_minor
    return money_of(
        poster,
        event,
        settled_like(event, payment),
        event.amount_minor,
        fee,
        day,
        claim,
        (AccountRole.CASH_CLEARING, fees),
        event.entity or payment.entity,
        sign,
    )
