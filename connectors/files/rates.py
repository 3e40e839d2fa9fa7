"""Exchange rates on file: CSV with the columns `date,base,quote,rate,source`.

A row says that on `date` one unit of `base` was worth `rate` units of `quote`, and who says so.
Nothing is derived: no inverse, no cross rate, no rate of the day before.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from connectors.policy_packs import ConfigurationError
from ledger.money import is_currency
from ledger.policies import BooksConfig

COLUMNS = ("date", "base", "quote", "rate", "source")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_RATE = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)
_SHOWN = 10
"""Problems named in the error; the rest is counted."""

Company = TypeVar("Company", bound=BooksConfig)


class RateTable(NamedTuple):
    """What a rates file says, by `base/quote/date`."""

    rates: dict[str, Decimal]
    sources: dict[str, str]
    """The text of the column `source`."""

    def added_to(self, books: Company) -> Company:
        """Return the company facts with these rates added; where both have one, these count."""
        kept = {name: text for name, text in books.rate_sources.items() if name not in self.rates}
        return msgspec.structs.replace(
            books,
            rates={**books.rates, **self.rates},
            rate_sources={**kept, **self.sources},
        )


def load_rates(path: str) -> dict[str, Decimal]:
    """Return the rates of a file without their sources; raises as `load_rate_table`."""
    return load_rate_table(path).rates


def load_rate_table(path: str) -> RateTable:
    """Return the rates of a file with their sources, as `BooksConfig` has them.

    Raises ConfigurationError naming the lines that are wrong: a missing column, a date, currency
    or rate that is none, a rate without a source, two rates for one pair and day.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{path}: cannot be read: {problem}") from problem
    return parse_rate_table(text, path)


def parse_rates(text: str, where: str) -> dict[str, Decimal]:
    """Return the rates in CSV text without their sources; see `load_rate_table`."""
    return parse_rate_table(text, where).rates


def parse_rate_table(text: str, where: str) -> RateTable:
    """Return the rates in CSV text; see `load_rate_table`. `where` names the text in errors."""
    rows = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        expected = ",".join(COLUMNS)
        raise ConfigurationError(f"{where}: no column {', '.join(missing)}; expected {expected}")
    table = RateTable({}, {})
    problems: list[str] = []
    try:
        for row in rows:
            found = list(_problems(row)) or list(_take(row, table))
            problems.extend(f"line {rows.line_num}: {problem}" for problem in found)
    except csv.Error as problem:
        raise ConfigurationError(f"{where}: line {rows.line_num + 1}: not CSV: {problem}") from None
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ConfigurationError(f"{where}: " + "; ".join(problems[:_SHOWN]) + more)
    return table


def _take(row: dict[str, str], table: RateTable) -> Iterator[str]:
    """Add the rate of a row; tell when the pair has another one on that day."""
    key, rate = f"{row['base']}/{row['quote']}/{row['date']}", Decimal(row["rate"])
    if table.rates.setdefault(key, rate) != rate:
        yield f"a second rate for {key}"
    table.sources.setdefault(key, row["source"].strip())


def _problems(row: dict[str, str]) -> Iterator[str]:
    """Everything that is wrong with one row."""
    cells = {name: row.get(name) or "" for name in COLUMNS}
    if None in row or None in row.values():
        yield "another number of cells than columns"
        return
    if not _is_day(cells["date"]):
        yield f"{cells['date']!r} is not a date (YYYY-MM-DD)"
    for name in ("base", "quote"):
        if not is_currency(cells[name]):
            yield f"{name} {cells[name]!r} is not an ISO 4217 currency"
    if cells["base"] == cells["quote"]:
        yield "base and quote are the same currency"
    if _RATE.fullmatch(cells["rate"]) is None or Decimal(cells["rate"]) == 0:
        yield f"{cells['rate']!r} is not a positive rate of at most 12 decimals"
    if not cells["source"].strip():
        yield "no source: a rate must say where it is from"


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
