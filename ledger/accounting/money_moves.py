"""Money that came in or went out, in up to three currencies and in the books of two entities.

The claim is in the transaction's currency. The money is held in the currency it settled in, by the
entity that collected it. Both are worth something in their entity's functional currency. An entry
is in one currency, so money that was converted makes an entry of its own; `currency_conversion`
bridges the two and is worth the same in both (docs/decisions/0007-settlement-currency.md).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Protocol

from ledger.accounting.poster import Cause, Poster, Raw, raw
from ledger.accounts import AccountRole
from ledger.events import Event
from ledger.money import divide, format_major
from ledger.policies import BooksConfig
from ledger.rates import Rated, rated, translate

Roles = tuple[AccountRole, AccountRole]
"""Of the money and of its fee."""

Missing = tuple[str, str]
"""The pair of currencies whose rate of the day would be needed."""


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


class Settled(NamedTuple):
    """How money moved, where its own event leaves something open."""

    settlement_currency: str | None
    settlement_minor: int | None
    exchange_rate: Decimal | None


def settled_like(moved: Moved, payment: Moved | None) -> Moved:
    """Return how money moved that goes back: out of the balance that its payment went into."""
    if moved.settlement_currency is not None or payment is None:
        return moved
    return Settled(payment.settlement_currency, moved.settlement_minor, moved.exchange_rate)


class Converted(NamedTuple):
    """An amount of the transaction and the gross amount that moved for it."""

    amount: int
    currency: str
    gross: int
    held: str
    """Currency of `gross`."""


def converted(
    config: BooksConfig, moved: Moved, amount: int, currency: str, day: int
) -> Converted | Missing:
    """Return what moved in the settlement currency: as stated, else at the rate of the day."""
    held = moved.settlement_currency
    if held is None or held == currency:
        return Converted(amount, currency, amount, currency)
    gross = moved.settlement_minor
    if gross is None:
        gross = translate(config, amount, currency, held, day, moved.exchange_rate)
    if gross is None:
        return (currency, held)
    return Converted(amount, currency, abs(gross), held)


def worth_of(
    config: BooksConfig, moved: Moved, money: Converted, into: str, day: int
) -> Rated | Missing:
    """Return what money is worth in a functional currency, and by which rate.

    What was settled in that currency is worth what it is, and what was charged in it is worth what
    was charged. In a third currency it is what is held that has a worth, at the day's rate; where
    that rate is not on file, what was charged at its own.
    """
    if money.currency == into:
        return Rated(money.amount, "")
    if money.held == into:
        return Rated(money.gross, _told_settlement(moved, money))
    if money.held == money.currency:
        stated = moved.exchange_rate if moved.settlement_currency is None else None
        worth = rated(config, money.amount, money.currency, into, day, stated)
        return worth or (money.currency, into)
    worth = rated(config, money.gross, money.held, into, day)
    worth = worth or rated(config, money.amount, money.currency, into, day)
    return worth or (money.held, into)


def _told_settlement(moved: Moved, money: Converted) -> str:
    """Say what the processor made of an amount."""
    rate = moved.exchange_rate
    stated = f" at {rate:f}" if rate is not None else ""
    charged = f"{format_major(money.amount, money.currency)} {money.currency}"
    return f"{charged} settled as {format_major(money.gross, money.held)} {money.held}{stated}"


def _fee_worth(
    config: BooksConfig, fee: int, held: Cause, money: Converted, worth: int, day: int
) -> int | None:
    """Return the fee's share of what the money is worth; a fee of no money has its own rate."""
    if held.currency == held.functional:
        return fee
    if money.gross:
        return divide(worth * fee, money.gross)
    return translate(config, fee, held.currency, held.functional, day)


class Money:
    """One movement of money, ready to be posted against a claim."""

    __slots__ = ("claim", "entries", "fee", "fee_worth", "held", "lines", "worth")

    def __init__(self, claim: Cause, held: Cause, worth: int) -> None:
        self.claim = claim
        self.held = held
        """Where the money is: the entity that collected it, the currency it settled in."""
        self.worth = worth
        """Gross and without a sign, in the claim's functional currency."""
        self.fee = 0
        """In the currency it settled in."""
        self.fee_worth = 0
        self.lines: list[Raw] = []
        """What stands in the claim's entry for the money."""
        self.entries: list[tuple[str, Cause, list[Raw]]] = []
        """(suffix of the key, books, lines) of the entries beside the claim's."""


def money_of(
    poster: Poster,
    event: Event,
    moved: Moved,
    amount: int,
    fee: int | None,
    day: int,
    claim: Cause,
    roles: Roles,
    entity: str | None,
    sign: int = 1,
) -> Money | None:
    """Return money moved (`sign` -1: given back); None when the event waits for a rate.

    The fee is stated in the settlement currency and paid in either direction.
    """
    money = _money(poster, event, moved, (amount, fee or 0), day, claim, roles, entity, sign)
    if isinstance(money, Money):
        return money
    poster.wait_for_rate(event, *money, day, amount)
    return None


def _money(
    poster: Poster,
    event: Event,
    moved: Moved,
    amount_fee: tuple[int, int],
    day: int,
    claim: Cause,
    roles: Roles,
    entity: str | None,
    sign: int,
) -> Money | Missing:
    amount, fee = amount_fee
    config = poster.config
    moves = converted(config, moved, amount, claim.currency, day)
    if not isinstance(moves, Converted):
        return moves
    worth = worth_of(config, moved, moves, claim.functional, day)
    if not isinstance(worth, Rated):
        return worth
    claim.memo = worth.told
    held = _held(poster, event, claim, entity or claim.entity, moves.held)
    held_worth = worth_of(config, moved, moves, held.functional, day)
    if not isinstance(held_worth, Rated):
        return held_worth
    held.memo = held_worth.told
    money = Money(claim, held, worth.minor)
    if fee:
        fee_worth = _fee_worth(config, fee, held, moves, held_worth.minor, day)
        if fee_worth is None:
            return (held.currency, held.functional)
        money.fee, money.fee_worth = fee, fee_worth
    _lay_out(poster, event, money, moves, held_worth.minor, roles, sign)
    return money


def _held(poster: Poster, event: Event, claim: Cause, entity: str, currency: str) -> Cause:
    """Return the books in which money is held: the claim's own where they are the same."""
    if entity == claim.entity and currency == claim.currency:
        return claim
    return poster.cause(event, currency, claim.invoice_id, claim.evidence, entity)


def _lay_out(
    poster: Poster,
    event: Event,
    money: Money,
    moves: Converted,
    held_worth: int,
    roles: Roles,
    sign: int,
) -> None:
    """Write the lines of the claim's entry and the entries beside it, each balanced by itself."""
    claim, held = money.claim, money.held
    amount, worth = sign * moves.amount, sign * money.worth
    gross, gross_worth = sign * moves.gross, sign * held_worth
    cash = [
        raw(roles[0], gross - money.fee, gross_worth - money.fee_worth),
        raw(roles[1], money.fee, money.fee_worth),
    ]
    if held is claim:
        money.lines = cash
        return
    bridge = AccountRole.CURRENCY_CONVERSION
    if held.entity == claim.entity:
        money.lines = [raw(bridge, amount, worth)]
        money.entries = [("settled", held, [*cash, raw(bridge, -gross, -gross_worth)])]
        return
    due, owed = _between(sign)
    money.lines = [raw(due, amount, worth, held.entity)]
    if held.currency == claim.currency:
        owing = raw(owed, -gross, -gross_worth, claim.entity)
        money.entries = [("collected", held, [*cash, owing])]
        return
    for_other = poster.cause(event, claim.currency, claim.invoice_id, claim.evidence, held.entity)
    for_other.memo = held.memo
    in_claims = moves.amount if for_other.currency == for_other.functional else held_worth
    passed_on = sign * in_claims
    money.entries = [
        (
            "collected",
            for_other,
            [raw(bridge, amount, passed_on), raw(owed, -amount, -passed_on, claim.entity)],
        ),
        ("settled", held, [*cash, raw(bridge, -gross, -gross_worth)]),
    ]


def _between(sign: int) -> tuple[AccountRole, AccountRole]:
    """Return what the claim's entity has against the one that collected, and the other way."""
    if sign > 0:
        return AccountRole.DUE_FROM, AccountRole.DUE_TO
    return AccountRole.DUE_TO, AccountRole.DUE_FROM


def post_money(
    poster: Poster, key: str, day: int, rule: str, money: Money, lines: list[Raw]
) -> None:
    """Post an entry with its money; what is held elsewhere or otherwise gets entries of its own."""
    poster.post(key, day, rule, money.claim, [*money.lines, *lines])
    post_held(poster, key, day, rule, money)


def post_held(poster: Poster, key: str, day: int, rule: str, money: Money) -> None:
    """Post the entries beside the claim's."""
    for suffix, cause, lines in money.entries:
        poster.post(f"{key}:{suffix}", day, rule, cause, lines)
