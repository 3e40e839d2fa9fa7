"""Exchange rates of the generated company: a small daily walk around a base, exact."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random

_BASES = {("EUR", "USD"): 108_000, ("USD", "EUR"): 92_600, ("USD", "JPY"): 14_950_000}
"""Hundred-thousandths of the second currency per one unit of the first."""

RateTable = dict[tuple[str, str, date], Decimal]


def draw_rates(seed: int, first: date, days: int) -> RateTable:
    """Rates of every pair the company uses for `days` days from `first`."""
    table: RateTable = {}
    for (currency, into), base in _BASES.items():
        walked = walk(seed, currency, into, base, first, days)
        table |= {key: Decimal(level).scaleb(-5) for key, level in walked}
    return table


def walk(
    seed: int, currency: str, into: str, base: int, first: date, days: int
) -> Iterator[tuple[tuple[str, str, date], int]]:
    """Yield the level of every day, in the unit of `base`; fewer days are its beginning."""
    rng = Random(f"{seed}/{currency}/{into}")
    level = base
    for day in range(days):
        level += rng.randint(-base // 400, base // 400) + (base - level) // 20
        yield (currency, into, first + timedelta(days=day)), level


def rates_csv(table: RateTable) -> str:
    """`rates.csv`: on `date`, one unit of `base` was worth `rate` units of `quote`."""
    rows = [
        f"{day.isoformat()},{base},{quote},{rate},generated\n"
        for (base, quote, day), rate in sorted(table.items(), key=lambda row: row[0][::-1])
    ]
    return "date,base,quote,rate,source\n" + "".join(rows)
