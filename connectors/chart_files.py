"""The ERP's chart of accounts as a CSV file: account, name, type."""

from __future__ import annotations

import csv
from enum import StrEnum
from pathlib import Path

import msgspec

COLUMNS = ("account", "name", "type")


class AccountType(StrEnum):
    """The five kinds of accounts."""

    ASSET = "asset"
    """What the company has or is owed."""
    LIABILITY = "liability"
    """What it owes, deferred revenue included."""
    EQUITY = "equity"
    """What belongs to the owners."""
    INCOME = "income"
    """Revenue, and contra revenue that lowers it."""
    EXPENSE = "expense"
    """What it spends or loses."""


class ChartAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the ERP."""

    account: str
    name: str
    type: AccountType


class ChartError(ValueError):
    """A chart that cannot be used; `problems` are all there are."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load_chart(path: str) -> dict[str, ChartAccount]:
    """Read a chart by account code, in the file's order. Raises ChartError with every mistake."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
            names = tuple(rows[0]) if rows else ()
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ChartError([f"{path}: cannot be read: {problem}"]) from problem
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ChartError([f"{path}: no rows, or no column {', '.join(missing)}"])
    chart: dict[str, ChartAccount] = {}
    problems = []
    for line, row in enumerate(rows, 2):
        account, name, kind = ((row[column] or "").strip() for column in COLUMNS)
        if not account or not name:
            problems.append(f"{path}, row {line}: account and name must be there")
        elif account in chart:
            problems.append(f"{path}, row {line}: account {account} comes twice")
        elif kind not in list(AccountType):
            problems.append(f"{path}, row {line}: type {kind!r} is none of {_types()}")
        else:
            chart[account] = ChartAccount(account=account, name=name, type=AccountType(kind))
    if problems:
        raise ChartError(problems)
    return chart


def _types() -> str:
    return ", ".join(AccountType)
