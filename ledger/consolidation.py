"""The books of all legal entities as those of one group: intercompany eliminated, translated.

What entities owe each other is in due_from and due_to, in the currency of the claim, each naming
the other. It is eliminated where both sides agree; what does not agree stays and is told.

Translation is that of IAS 21.39: balances at the closing rate, income and expenses at the rate of
the last day of the period in which they were booked. What these rates leave, with rounding and the
difference between both sides of an eliminated pair, is the translation difference of the group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from ledger.accounts import AccountRole
from ledger.money import convert
from ledger.policies import BooksConfig

_BETWEEN = frozenset({AccountRole.DUE_FROM, AccountRole.DUE_TO})

EARNED = frozenset(
    {
        AccountRole.REVENUE,
        AccountRole.RECOVERABLES,
        AccountRole.EXCLUSION,
        AccountRole.REFUNDS,
        AccountRole.DISPUTES,
        AccountRole.CREDIT_NOTES,
        AccountRole.VOIDS,
        AccountRole.UNBILLED_VOIDS,
        AccountRole.BAD_DEBT,
        AccountRole.PROCESSING_FEES,
        AccountRole.DISPUTE_LOSSES,
        AccountRole.OTHER_LOSS,
        AccountRole.FX_GAIN_LOSS,
        AccountRole.FX_UNREALISED,
        AccountRole.ROUNDING,
    }
)
"""Roles of income and expenses; a role that is new here counts as a balance."""


class EntityBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What one entity booked on a role in one period; minor units, debit positive."""

    entity: str
    currency: str
    functional_currency: str
    role: AccountRole
    counterparty: str | None
    period_ends_on: str
    """ISO date."""
    amount_minor: int
    functional_minor: int


class Eliminated(msgspec.Struct, frozen=True, kw_only=True):
    """What two entities owe each other in one currency."""

    entity: str
    counterparty: str
    currency: str
    amount_minor: int
    """Net claim of `entity` on `counterparty`, in its own books."""
    other_amount_minor: int
    """The same in the books of `counterparty`, with its sign turned."""

    @property
    def cancels(self) -> bool:
        """Whether both sides say the same."""
        return self.amount_minor == self.other_amount_minor


class GroupLine(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of a role over all entities."""

    currency: str
    role: AccountRole
    balance_minor: int
    """Debit positive."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The consolidated balances, in each transaction currency or in one for all."""

    lines: tuple[GroupLine, ...]
    eliminated: tuple[Eliminated, ...]
    translation_difference_minor: int
    """Debit positive, zero where nothing is translated."""
    missing_rates: tuple[str, ...]
    """Names of rates that are not on file: `EUR/USD/2026-03-31`; with any, lines are empty."""

    @property
    def cancels(self) -> bool:
        """Whether everything between entities agrees."""
        return all(pair.cancels for pair in self.eliminated)


def consolidate(balances: Iterable[EntityBalance]) -> Group:
    """Add the entities up in each transaction currency."""
    kept = list(balances)
    pairs = eliminations(kept)
    stays = _disagreeing(pairs)
    sums: dict[tuple[str, AccountRole], int] = defaultdict(int)
    for one in kept:
        if _stays(one, stays):
            sums[one.currency, one.role] += one.amount_minor
    return Group(
        lines=_lines(sums), eliminated=pairs, translation_difference_minor=0, missing_rates=()
    )


def consolidate_into(
    balances: Iterable[EntityBalance], currency: str, config: BooksConfig, closing_day: str
) -> Group:
    """Add the entities up in one currency, at the rates on file.

    `closing_day` is an ISO date. Raises KeyError for an unknown currency.
    """
    kept = list(balances)
    pairs = eliminations(kept)
    stays = _disagreeing(pairs)
    sums: dict[tuple[str, AccountRole], int] = defaultdict(int)
    missing: set[str] = set()
    for (into_from, role, day), functional in sorted(_by_rate(kept, stays, closing_day).items()):
        rate = f"{into_from}/{currency}/{day}"
        if into_from == currency:
            sums[currency, role] += functional
        elif rate in config.rates:
            sums[currency, role] += convert(functional, into_from, config.rates[rate], currency)
        elif functional:
            missing.add(rate)
    difference = -sum(sums.values())
    return Group(
        lines=() if missing else _lines(sums),
        eliminated=pairs,
        translation_difference_minor=0 if missing else difference,
        missing_rates=tuple(sorted(missing)),
    )


def _by_rate(
    balances: Iterable[EntityBalance], stays: set[tuple[str, str, str]], closing_day: str
) -> dict[tuple[str, AccountRole, str], int]:
    """Add functional amounts up by (functional currency, role, day of the rate)."""
    found: dict[tuple[str, AccountRole, str], int] = defaultdict(int)
    for one in balances:
        if _stays(one, stays):
            day = one.period_ends_on if one.role in EARNED else closing_day
            found[one.functional_currency, one.role, day] += one.functional_minor
    return found


def eliminations(balances: Iterable[EntityBalance]) -> tuple[Eliminated, ...]:
    """Return what each pair of entities owes each other, each pair once, by name."""
    net: dict[tuple[str, str, str], int] = defaultdict(int)
    for one in balances:
        if one.role in _BETWEEN:
            net[one.entity, one.counterparty or "", one.currency] += one.amount_minor
    found = []
    for entity, other, currency in sorted(net):
        if entity < other or (other, entity, currency) not in net:
            found.append(
                Eliminated(
                    entity=entity,
                    counterparty=other,
                    currency=currency,
                    amount_minor=net[entity, other, currency],
                    other_amount_minor=-net.get((other, entity, currency), 0),
                )
            )
    return tuple(found)


def _disagreeing(pairs: Sequence[Eliminated]) -> set[tuple[str, str, str]]:
    """Return (entity, counterparty, currency), both ways, of what must not be eliminated."""
    found = set()
    for pair in pairs:
        if not pair.cancels:
            found.add((pair.entity, pair.counterparty, pair.currency))
            found.add((pair.counterparty, pair.entity, pair.currency))
    return found


def _stays(one: EntityBalance, stays: set[tuple[str, str, str]]) -> bool:
    if one.role not in _BETWEEN:
        return True
    return (one.entity, one.counterparty or "", one.currency) in stays


def _lines(sums: dict[tuple[str, AccountRole], int]) -> tuple[GroupLine, ...]:
    return tuple(
        GroupLine(currency=currency, role=role, balance_minor=balance)
        for (currency, role), balance in sorted(sums.items())
    )
