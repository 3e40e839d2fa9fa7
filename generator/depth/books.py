"""What these customers add to the company's books: an entity, and rates of every pair."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from generator.rates import RateTable, walk

ENTITIES = {"KW01": "KWD"}
"""Further legal entities and their functional currencies."""

DAYS_AFTER = 62
"""Rates go on after the last month, so that what is open can be revalued."""

_IN_DOLLARS = {
    "USD": Decimal(1),
    "EUR": Decimal("1.08"),
    "GBP": Decimal("1.27"),
    "JPY": Decimal("0.00669"),
    "KWD": Decimal("3.25"),
}
_DECIMALS = 8


def draw_all_rates(seed: int, first: date, days: int, known: RateTable) -> RateTable:
    """`known` and a rate of every other pair of the currencies, for every day."""
    table = dict(known)
    pairs = {(currency, into) for currency, into, _ in known}
    for currency, worth in _IN_DOLLARS.items():
        for into, other in _IN_DOLLARS.items():
            if currency != into and (currency, into) not in pairs:
                base = int((worth / other).scaleb(_DECIMALS))
                walked = walk(seed, currency, into, base, first, days)
                table |= {key: Decimal(level).scaleb(-_DECIMALS) for key, level in walked}
    return table
