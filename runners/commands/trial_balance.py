"""`crossfoot trial-balance`: what stands on every account role, and that debits equal credits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated

import msgspec
import typer

from connectors.store import BalanceRow
from ledger.accounts import AccountRole, Side, normal_side
from ledger.money import format_major
from runners import arguments
from runners.commands.consolidated import show_consolidated
from runners.display import money, print_json, print_table
from runners.problems import Findings, Problem
from runners.stores import opened_store

Functional = Annotated[
    bool,
    typer.Option("--functional", help="Amounts in each entity's functional currency."),
]


Consolidated = Annotated[
    bool, typer.Option("--consolidated", help="All entities as one group, intercompany eliminated.")
]
Into = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Currency to translate a consolidated balance into."),
]


class BalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of one account role: on one side, in one currency."""

    tenant: str
    entity: str
    currency: str
    role: AccountRole
    side: Side
    """Where the balance stands; an empty one stands on the role's normal side."""
    balance: str
    """Major units, never negative."""
    balance_minor: int
    debits_minor: int
    """Everything ever debited, reversals included."""
    credits_minor: int


class BalanceTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of one entity in one currency."""

    tenant: str
    entity: str
    currency: str
    debit: str
    debit_minor: int
    credit: str
    credit_minor: int
    balanced: bool


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The trial balance of some books; field names are the JSON output."""

    functional: bool
    through: str | None
    lines: tuple[BalanceLine, ...]
    totals: tuple[BalanceTotal, ...]
    balanced: bool


def trial_balance(
    store: arguments.Store,
    entity: Annotated[str | None, typer.Option(metavar="CODE", help="Only this entity.")] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="ISO", help="Only this transaction currency.")
    ] = None,
    functional: Functional = False,
    through: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="Only what is booked up to this period (2026-03)."),
    ] = None,
    consolidated: Consolidated = False,
    into: Into = None,
    rates: arguments.Rates = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Show the balance of every account role per entity and currency.

    Debits equal credits in every entity and currency, or the exit code is 3.

    With --consolidated all entities are added up as one group, and what they owe each other is
    eliminated; exit code 3 where two of them do not agree. With --into it is in one currency:
    balances at the rate of the last day booked, income and expenses at that of the last day of
    their period, what is left as translation_difference.

    Example:

      crossfoot trial-balance --store sqlite:///books.db --entity DE01 --functional

      crossfoot trial-balance --store sqlite:///books.db --through 2026-03 --consolidated
      --into EUR --rates rates.csv
    """
    if (consolidated and (entity or currency or functional)) or (into and not consolidated):
        raise Problem(
            "--consolidated is of all entities, and --into belongs to it",
            "leave out --entity, --currency and --functional, or --consolidated and --into",
        )
    with opened_store(store) as books:
        if consolidated:
            show_consolidated(books, tenant or "default", through, into, rates, as_json)
            return
        rows = books.trial_balance(tenant, through)
    kept = [
        row for row in rows if entity in (None, row.entity) and currency in (None, row.currency)
    ]
    report = balance_report(kept, functional=functional, through=through)
    if as_json:
        print_json(report)
    else:
        print_trial_balance(report)
    if not report.balanced:
        raise Findings


def balance_report(
    rows: Iterable[BalanceRow], *, functional: bool = False, through: str | None = None
) -> TrialBalance:
    """Arrange the store's sums as a trial balance in transaction or functional currency."""
    sums: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    for row in rows:
        code = row.functional_currency if functional else row.currency
        key = (row.tenant, row.entity, code, row.role)
        debits, credits = sums.get(key, (0, 0))
        sums[key] = (
            debits + (row.functional_debits_minor if functional else row.debits_minor),
            credits + (row.functional_credits_minor if functional else row.credits_minor),
        )
    lines = tuple(_line(key, sums[key]) for key in sorted(sums))
    totals = tuple(_total(list(group)) for _, group in groupby(lines, key=_book))
    return TrialBalance(
        functional=functional,
        through=through,
        lines=lines,
        totals=totals,
        balanced=all(total.balanced for total in totals),
    )


def _book(line: BalanceLine | BalanceTotal) -> tuple[str, str, str]:
    return line.tenant, line.entity, line.currency


def _line(key: tuple[str, str, str, str], both: tuple[int, int]) -> BalanceLine:
    tenant, entity, currency, role_name = key
    role = AccountRole(role_name)
    net = both[0] - both[1]
    side = normal_side(role) if net == 0 else Side.DEBIT if net > 0 else Side.CREDIT
    return BalanceLine(
        tenant=tenant,
        entity=entity,
        currency=currency,
        role=role,
        side=side,
        balance=format_major(abs(net), currency),
        balance_minor=abs(net),
        debits_minor=both[0],
        credits_minor=both[1],
    )


def _total(lines: Sequence[BalanceLine]) -> BalanceTotal:
    debit = sum(line.balance_minor for line in lines if line.side is Side.DEBIT)
    credit = sum(line.balance_minor for line in lines if line.side is Side.CREDIT)
    tenant, entity, currency = _book(lines[0])
    return BalanceTotal(
        tenant=tenant,
        entity=entity,
        currency=currency,
        debit=format_major(debit, currency),
        debit_minor=debit,
        credit=format_major(credit, currency),
        credit_minor=credit,
        balanced=debit == credit,
    )


def print_trial_balance(report: TrialBalance) -> None:
    """Print one table per entity and currency, its totals last."""
    if not report.totals:
        print_table("trial balance", [], [], empty="nothing is posted")
    for total in report.totals:
        lines = [line for line in report.lines if _book(line) == _book(total)]
        rows = [[line.role.value, *_on_side(line)] for line in lines if line.balance_minor]
        debit, credit = (
            money(amount, total.currency) for amount in (total.debit_minor, total.credit_minor)
        )
        verdict = "debits = credits" if total.balanced else "DEBITS DIFFER FROM CREDITS"
        print_table(
            f"{total.entity} {total.currency}: {verdict}",
            ["role", "debit", "credit"],
            [*rows, ["total", debit, credit]],
            right=["debit", "credit"],
        )


def _on_side(line: BalanceLine) -> tuple[str, str]:
    amount = money(line.balance_minor, line.currency)
    return (amount, "") if line.side is Side.DEBIT else ("", amount)
