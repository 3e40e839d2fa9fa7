"""Balances as beancount and hledger work them out, and as the store's trial balance says them."""

from __future__ import annotations

import csv
import io
import subprocess
from collections import defaultdict
from datetime import date
from pathlib import Path

from beancount import loader
from beancount.core import data

from connectors.exports.chart import FUNCTIONAL, account_name
from connectors.store import LedgerStore
from ledger.accounts import AccountRole
from ledger.money import EXPONENT, major_to_minor

Balances = dict[tuple[str, str], int]
"""Net debit in minor units by (account, currency), without zeros."""


def of_the_store(store: LedgerStore, tenant: str, through_period: str | None = None) -> Balances:
    """The store's trial balance under the account names of the export."""
    found: Balances = defaultdict(int)
    for row in store.trial_balance(tenant, through_period=through_period):
        account = account_name(row.entity, AccountRole(row.role))
        found[account, row.currency] += row.balance_minor
        if row.currency != row.functional_currency:
            functional = (f"{account}:{FUNCTIONAL}", row.functional_currency)
            found[functional] += row.functional_balance_minor
    return _without_zeros(found)


def of_beancount(path: Path, before: date = date.max) -> Balances:
    """What beancount reads in its export, which it must accept; booked before a day."""
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    found: Balances = defaultdict(int)
    for entry in entries:
        if isinstance(entry, data.Transaction) and entry.date < before:
            for line in entry.postings:
                assert line.units is not None
                currency = line.units.currency
                found[line.account, currency] += major_to_minor(line.units.number, currency)
    return _without_zeros(found)


def of_hledger(path: Path, before: date = date.max) -> Balances:
    """What hledger reads in its export, which it must accept; booked before a day."""
    environment = {"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    check = ["hledger", "-f", str(path), "check", "--strict", "ordereddates"]
    subprocess.run(check, check=True, env=environment)
    command = [
        "hledger",
        "-f",
        str(path),
        "balance",
        "--flat",
        "--layout=bare",
        "-N",
        "-O",
        "csv",
        "-e",
        str(before),
    ]
    shown = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    _, *rows = csv.reader(io.StringIO(shown.stdout))
    return _without_zeros(
        {
            (account, currency): int(amount.replace(".", "").rjust(EXPONENT[currency] + 1, "0"))
            for account, currency, amount in rows
        }
    )


def _without_zeros(found: Balances) -> Balances:
    return {key: minor for key, minor in found.items() if minor}
