"""Money that came in or went out: its worth in the books' currency, and the processor's fee."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from ledger.accounting.poster import Cause, Poster, Raw, raw
from ledger.accounts import AccountRole
from ledger.events import Event
from ledger.money import divide
from ledger.policies import BooksConfig
from ledger.rates import functional_amount, translate


class Moved(Protocol):
    """What tells how money moved: payments, refunds, disputes."""

    @property
    def settlement_currency(self) -> str | None:
        """Currency of the processor's balance, where stated."""

    @property
    def settlement_minor(self) -> int | None:
        """Gross amount in the settlement currency, where stated."""

    @property
    def exchange_rate(self) -> Decimal | None:
        """Settlement currency per unit of the transaction's, where stated."""


def worth(
    config: BooksConfig, moved: Moved, amount: int, currency: str, into: str, day: int
) -> int | None:
    """Return the money in functional currency at its own rate; None when no rate is known."""
    if currency == into:
        return amount
    return functional_amount(
        config,
        amount,
        currency,
        into,
        day,
        settlement_currency=moved.settlement_currency,
        settlement_minor=moved.settlement_minor,
        exchange_rate=moved.exchange_rate,
    )


def fee_of(
    config: BooksConfig,
    moved: Moved,
    fee: int,
    amount: int,
    cause: Cause,
    functional: int,
    day: int,
) -> tuple[int, int] | None:
    """Return a fee stated in the settlement currency in (transaction, functional) currency.

    `functional` is what the money is worth. None when the fee's share of it cannot be told for want
    of a rate.
    """
    currency, into = cause.currency, cause.functional
    settled = moved.settlement_currency
    if settled is None or settled == currency:
        return (fee, fee if currency == into else _share(functional, fee, amount))
    gross = moved.settlement_minor
    if gross is None:
        gross = translate(config, amount, currency, settled, day, moved.exchange_rate)
    if not gross:
        return None
    gross = abs(gross)
    in_transaction = _share(amount, fee, gross)
    if currency == into:
        return (in_transaction, in_transaction)
    return (in_transaction, fee if settled == into else _share(functional, fee, gross))


def _share(total: int, part: int, whole: int) -> int:
    return divide(total * part, whole) if whole else part


class Money:
    """Money of one movement in the books of the claim and of the entity that collected it."""

    __slots__ = ("claim", "collected", "fee", "fee_worth", "lines", "lines_collected", "worth")

    def __init__(self, claim: Cause, collected: Cause) -> None:
        self.claim = claim
        self.collected = collected
        self.worth = 0
        """Gross, in the claim's functional currency."""
        self.fee = 0
        self.fee_worth = 0
        self.lines: list[Raw] = []
        self.lines_collected: list[Raw] = []


def money_of(
    poster: Poster,
    event: Event,
    moved: Moved,
    amount: int,
    fee: int | None,
    day: int,
    claim: Cause,
    roles: tuple[AccountRole, AccountRole],
    entity: str | None,
    sign: int = 1,
) -> Money | None:
    """Return the lines of money moved (`sign` -1: given back), or None when a rate is missing.

    `roles` are those of the money and of the fee, which is paid in either direction.
    """
    collected = claim
    if entity is not None and entity != claim.entity:
        collected = poster.cause(event, claim.currency, claim.invoice_id, claim.evidence, entity)
    money = Money(claim, collected)
    told = _in_books_of(poster, claim, moved, amount, fee, day)
    if told is None:
        return None
    money.worth, money.fee, money.fee_worth = told
    money.lines = _lines(roles, sign, amount, told)
    if collected is not claim:
        there = _in_books_of(poster, collected, moved, amount, fee, day)
        if there is None:
            return None
        money.lines_collected = _lines(roles, sign, amount, there)
    return money


def wait_for_money(
    poster: Poster, event: Event, moved: Moved, amount: int, claim: Cause, day: int
) -> None:
    """Let an event wait for the rate that `money_of` lacked: into the books, or the settlement."""
    into = claim.functional
    if into == claim.currency:
        into = moved.settlement_currency or into
    poster.wait_for_rate(event, claim.currency, into, day, amount)


def _in_books_of(
    poster: Poster, cause: Cause, moved: Moved, amount: int, fee: int | None, day: int
) -> tuple[int, int, int] | None:
    """Return (worth, fee, fee's worth) of money in the functional currency of a cause's entity."""
    currency, into = cause.currency, cause.functional
    value = worth(poster.config, moved, amount, currency, into, day)
    if value is None:
        return None
    if not fee:
        return (value, 0, 0)
    kept = fee_of(poster.config, moved, fee, amount, cause, value, day)
    return None if kept is None else (value, *kept)


def _lines(
    roles: tuple[AccountRole, AccountRole], sign: int, amount: int, told: tuple[int, int, int]
) -> list[Raw]:
    value, fee, fee_worth = told
    return [
        (roles[0], sign * amount - fee, sign * value - fee_worth, None, None, None),
        (roles[1], fee, fee_worth, None, None, None),
    ]


def post_money(
    poster: Poster, key: str, day: int, rule: str, money: Money, lines: list[Raw]
) -> None:
    """Post an entry with its money, which may be in another entity's account than the claim.

    In the same entity it is one entry; else each entity gets its own, balanced by what they owe
    each other.
    """
    if money.collected is money.claim:
        poster.post(key, day, rule, money.claim, [*money.lines, *lines])
        return
    amount = sum(line[1] for line in money.lines)
    functional = sum(line[2] for line in money.lines)
    due = AccountRole.DUE_FROM if amount >= 0 else AccountRole.DUE_TO
    owed = AccountRole.DUE_TO if amount >= 0 else AccountRole.DUE_FROM
    poster.post(key, day, rule, money.claim, [raw(due, amount, functional), *lines])
    there = money.lines_collected
    settle = raw(owed, -sum(line[1] for line in there), -sum(line[2] for line in there))
    poster.post(f"{key}:collected", day, rule, money.collected, [*there, settle])
