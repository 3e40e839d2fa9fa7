"""A generated company, the mapping of its accounts, and its books as Tryton must show them."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from connectors.deliveries.tryton_rpc import plain_date, plain_decimal
from connectors.exports.chart import ROOT as ROOT_OF
from connectors.store import LedgerStore
from generator.company import write_company
from generator.plan import CompanyPlan, FaultMix, Habits
from ledger.accounts import AccountRole
from ledger.money import minor_to_major
from tests.erp.tryton_server import TrytonServer

ENTITIES = {"US01": "USD", "DE01": "EUR", "JP01": "JPY"}
AS_OF = "2026-05-31"
PLAN = CompanyPlan(
    seed=23,
    contracts=24,
    months=4,
    habits=Habits(foreign=0.4, refund=0.1, dispute=0.05, credit_note=0.1, failed_payment=0.1),
    faults=FaultMix(duplicates=0.05, disorder=0.2, late=0.05, malformed=0.02),
)
"""Small, with many foreign currencies and everything that goes wrong with invoices."""

_KIND = {
    "Assets": "asset",
    "Liabilities": "liability",
    "Equity": "liability",
    "Income": "revenue",
    "Expenses": "expense",
}


def code_of(role: str) -> str:
    """Account code of a role in the test's chart: `1000` and up."""
    return str(1000 + 10 * [member.value for member in AccountRole].index(role))


def chart_spec(entities: dict[str, str] = ENTITIES) -> dict[str, Any]:
    """What provision.py makes: the companies with an account per role."""
    accounts = [
        {
            "code": code_of(role.value),
            "name": role.value,
            "kind": (
                "receivable" if role is AccountRole.ACCOUNTS_RECEIVABLE else _KIND[ROOT_OF[role]]
            ),
        }
        for role in AccountRole
    ]
    return {
        "currencies": {"USD": 2, "EUR": 2, "JPY": 0, "GBP": 2, "KWD": 3},
        "years": [2025, 2026, 2027],
        "companies": [
            {"name": name, "currency": currency, "accounts": accounts}
            for name, currency in entities.items()
        ],
    }


def write_files(
    folder: Path,
    tryton: TrytonServer,
    plan: CompanyPlan = PLAN,
    entities: dict[str, str] = ENTITIES,
) -> None:
    """The company's events, the GL mapping and the ERP file."""
    company = folder / "company"
    company.mkdir()
    write_company(company, plan)
    defaults = {role.value: code_of(role.value) for role in AccountRole}
    mapping = {"name": "example", "version": 1, "defaults": defaults}
    (folder / "gl.yaml").write_text(yaml.safe_dump(mapping))
    erp = {
        "batch_size": 50,
        "tryton": {
            "url": tryton.url,
            "database": tryton.database,
            "user": "admin",
            "companies": {name: name for name in entities},
        },
    }
    (folder / "erp.yaml").write_text(yaml.safe_dump(erp))


def expected_balance(store: LedgerStore) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Our trial balance as Tryton shows it: (debit, credit) by (company, account code)."""
    found: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in store.trial_balance("default"):
        cell = found[row.entity, code_of(row.role), row.functional_currency]
        cell[0] += row.functional_debits_minor
        cell[1] += row.functional_credits_minor
    return {
        (entity, code): (minor_to_major(debit, currency), minor_to_major(credit, currency))
        for (entity, code, currency), (debit, credit) in found.items()
        if (debit, credit) != (0, 0)
    }


Foreign = dict[tuple[str, str, str, str], Decimal]
"""Net debit by (company, account code, period, second currency)."""


def expected_foreign(store: LedgerStore) -> Foreign:
    """Our amounts in transaction currencies other than the books', by period."""
    found: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for posted in store.postings("default"):
        entry = posted.entry
        if entry.currency != entry.functional_currency:
            for line in entry.lines:
                key = (entry.entity, code_of(line.role.value), posted.period, entry.currency)
                found[key] += line.amount_minor
    return {key: minor_to_major(amount, key[3]) for key, amount in found.items() if amount}


def foreign_of(lines: list[dict[str, Any]]) -> Foreign:
    """Tryton's amounts in second currencies, by period."""
    found: Foreign = defaultdict(Decimal)
    for line in lines:
        if line["second_currency."]:
            key = (
                line["company."]["party."]["name"],
                line["account."]["code"],
                plain_date(line["move."]["period."]["start_date"])[:7],
                line["second_currency."]["code"],
            )
            found[key] += plain_decimal(line["amount_second_currency"])
    return {key: amount for key, amount in found.items() if amount}
