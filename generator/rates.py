"""Exchange rates of the generated company: a small daily walk around a base, exact."""

from __future__ import annotations

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
        rng = Random(f"{seed}/{currency}/{into}")
        level = base
        for day in range(days):
            level += rng.randint(-base // 400, base // 400) + (base - level) // 20
            table[currency, into, first + timedelta(days=day)] = Decimal(level).scaleb(-5)
    return table


def rates_csv(table: RateTable) -> str:
    """`rates.csv`: on `date`, one unit of `base` was worth `rate` units of `quote`."""
    rows = [
        f"{day.isoformat()},{base},{quote},{rate},generated\n"
        for (base, quote, day), rate in sorted(table.items(), key=lambda row: row[0][::-1])
    ]
    return "date,base,quote,rate,source\n" + "".join(rows)
