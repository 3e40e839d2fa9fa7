"""The chart of accounts of plain-text ledgers: `Assets:DE01:AccountsReceivable`.

Transactions in a foreign currency have a second set of lines in the entity's functional
currency, on the account's `Functional` sub-account. So an account with its sub-accounts, looked
at in the functional currency, shows the entity's books; in another currency, the amounts as
invoiced and paid.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from connectors.exports.postings import booking_date, is_translated
from connectors.store.postings import PostedEntry
from ledger.accounts import AccountRole
from ledger.gl_accounts import AppliedLine
from ledger.journal import JournalLine
from ledger.money import format_major

_ASSETS = (
    AccountRole.ACCOUNTS_RECEIVABLE,
    AccountRole.UNBILLED_RECEIVABLE,
    AccountRole.CASH_CLEARING,
    AccountRole.EXTERNAL_CASH,
    AccountRole.BANK,
    AccountRole.DISPUTES_RECEIVABLE,
    AccountRole.DUE_FROM,
    AccountRole.DEFERRED_FEES,
)
_LIABILITIES = (
    AccountRole.DUE_TO,
    AccountRole.DEFERRED_REVENUE,
    AccountRole.TAX_PAYABLE,
    AccountRole.CUSTOMER_BALANCE,
    AccountRole.EXTERNAL_CUSTOMER_BALANCE,
)
_INCOME = (
    AccountRole.REVENUE,
    AccountRole.RECOVERABLES,
    AccountRole.EXCLUSION,
    AccountRole.REFUNDS,
    AccountRole.DISPUTES,
    AccountRole.CREDIT_NOTES,
    AccountRole.VOIDS,
    AccountRole.UNBILLED_VOIDS,
)
_EXPENSES = (
    AccountRole.BAD_DEBT,
    AccountRole.PROCESSING_FEES,
    AccountRole.DISPUTE_LOSSES,
    AccountRole.OTHER_LOSS,
    AccountRole.FX_GAIN_LOSS,
    AccountRole.FX_UNREALISED,
    AccountRole.ROUNDING,
)
_EQUITY = (AccountRole.CURRENCY_CONVERSION,)

ROOT: dict[AccountRole, str] = {
    **dict.fromkeys(_ASSETS, "Assets"),
    **dict.fromkeys(_LIABILITIES, "Liabilities"),
    **dict.fromkeys(_INCOME, "Income"),
    **dict.fromkeys(_EXPENSES, "Expenses"),
    **dict.fromkeys(_EQUITY, "Equity"),
}
"""Which of the five account types each role is; contra revenue lowers income."""

FUNCTIONAL = "Functional"

Roots = Mapping[str, str]
"""GL account -> which of the five account types it is, where a chart says so."""
NO_CHART: Roots = MappingProxyType({})

_PLAIN = re.compile(r"(?!X-)[A-Z0-9][A-Za-z0-9-]*", re.ASCII)


class AccountLine(NamedTuple):
    """One line in one currency."""

    account: str
    amount: str
    """Major units, debit positive, with the currency's decimals."""
    currency: str
    line: JournalLine


def account_name(entity: str, role: AccountRole) -> str:
    """`Assets:DE01:AccountsReceivable`; two entities never share an account."""
    name = "".join(word.capitalize() for word in role.value.split("_"))
    return f"{ROOT[role]}:{entity_name(entity)}:{name}"


def entity_name(entity: str) -> str:
    """A legal entity's code as part of an account name.

    Codes of letters, digits and dashes that begin with a capital or digit stay as they are;
    in others every other character becomes its number: `us west` -> `X-us-20-west`.
    """
    if _PLAIN.fullmatch(entity):
        return entity
    kept = (char if char.isascii() and char.isalnum() else f"-{ord(char):x}-" for char in entity)
    return "X-" + "".join(kept)


def _gl_name(entity: str, role: AccountRole, applied: AppliedLine, roots: Roots) -> str:
    """`Income:DE01:4000`, by the chart's type of the account; without one, by the role's."""
    root = roots.get(applied.account, ROOT[role])
    return f"{root}:{entity_name(entity)}:{entity_name(applied.account)}"


def account_lines(posting: PostedEntry, roots: Roots = NO_CHART) -> Iterator[AccountLine]:
    """The lines of a posting; a translated one has its functional lines after the others."""
    entry = posting.entry
    if posting.accounts:
        accounts = [
            _gl_name(entry.entity, line.role, applied, roots)
            for line, applied in zip(entry.lines, posting.accounts, strict=True)
        ]
    else:
        accounts = [account_name(entry.entity, line.role) for line in entry.lines]
    for account, line in zip(accounts, entry.lines, strict=True):
        amount = format_major(line.amount_minor, entry.currency)
        yield AccountLine(account, amount, entry.currency, line)
    if is_translated(entry):
        for account, line in zip(accounts, entry.lines, strict=True):
            amount = format_major(line.functional_minor, entry.functional_currency)
            name = f"{account}:{FUNCTIONAL}"
            yield AccountLine(name, amount, entry.functional_currency, line)


class OpenedAccount(NamedTuple):
    """An account with the day it is first used and the currencies it holds."""

    name: str
    first_date: str
    currencies: tuple[str, ...]


def opened_accounts(ordered: Iterable[PostedEntry], roots: Roots = NO_CHART) -> list[OpenedAccount]:
    """Every account that postings in date order use, by name."""
    first_date: dict[str, str] = {}
    currencies: dict[str, set[str]] = defaultdict(set)
    for posting in ordered:
        date = booking_date(posting)
        for line in account_lines(posting, roots):
            first_date.setdefault(line.account, date)
            currencies[line.account].add(line.currency)
    return [
        OpenedAccount(name, first_date[name], tuple(sorted(currencies[name])))
        for name in sorted(first_date)
    ]
