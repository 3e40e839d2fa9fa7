"""`crossfoot trial-balance --consolidated`: all legal entities as one group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from connectors.store import LedgerStore
from ledger.accounts import Side, normal_side
from ledger.consolidation import Group, consolidate, consolidate_into
from ledger.money import format_major, is_currency
from runners.display import money, print_json, print_table
from runners.exit_codes import ExitCode
from runners.problems import Findings, Problem
from runners.reading import books_config

TRANSLATION = "translation_difference"


class ConsolidatedLine(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of a role over all entities, on one side."""

    currency: str
    role: str
    """An account role, or `translation_difference`."""
    side: Side
    balance: str
    """Major units, never negative."""
    balance_minor: int


class EliminatedPair(msgspec.Struct, frozen=True, kw_only=True):
    """What two entities owe each other in one currency, by the books of either."""

    entity: str
    counterparty: str
    currency: str
    claim: str
    """Net claim of `entity` on `counterparty` in its own books; negative: a debt."""
    claim_minor: int
    debt_minor: int
    """The same in the books of `counterparty`."""
    cancels: bool


class ConsolidatedBalance(msgspec.Struct, frozen=True, kw_only=True):
    """A consolidated trial balance; field names are the JSON output."""

    tenant: str
    through: str | None
    into: str | None
    """Currency everything is translated into; none: every transaction currency by itself."""
    closing_day: str | None
    """Day of the rate of balances; income and expenses have that of their period's last day."""
    lines: tuple[ConsolidatedLine, ...]
    eliminated: tuple[EliminatedPair, ...]
    cancels: bool
    balanced: bool


def show_consolidated(
    store: LedgerStore,
    tenant: str,
    through: str | None,
    into: str | None,
    rates: str | None,
    as_json: bool,
) -> None:
    """Print the consolidated trial balance.

    Raises Problem for an unknown currency or a missing rate, Findings when it does not balance or
    two entities do not agree on what they owe each other.
    """
    if into is not None and not is_currency(into):
        raise Problem(f"--into: {into!r} is not an ISO 4217 currency", "give one such as EUR")
    report = consolidated_balance(store, tenant, through, into, rates)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not (report.balanced and report.cancels):
        raise Findings


def consolidated_balance(
    store: LedgerStore, tenant: str, through: str | None, into: str | None, rates: str | None
) -> ConsolidatedBalance:
    """Add the store's entities up. Raises Problem naming every rate that is not on file."""
    balances = store.entity_balances(tenant, through)
    closing = max((one.period_ends_on for one in balances), default=None)
    if into is None or closing is None:
        group = consolidate(balances)
    else:
        group = consolidate_into(balances, into, books_config(None, rates), closing)
    if group.missing_rates:
        raise Problem(
            f"no rate on file for {', '.join(group.missing_rates)}",
            "add them to the file that --rates names: the last day of every period with income or "
            "expenses, and the closing day",
            ExitCode.USAGE,
        )
    lines = _lines(group, into)
    return ConsolidatedBalance(
        tenant=tenant,
        through=through,
        into=into,
        closing_day=closing if into else None,
        lines=lines,
        eliminated=tuple(
            EliminatedPair(
                entity=pair.entity,
                counterparty=pair.counterparty,
                currency=pair.currency,
                claim=format_major(pair.amount_minor, pair.currency),
                claim_minor=pair.amount_minor,
                debt_minor=pair.other_amount_minor,
                cancels=pair.cancels,
            )
            for pair in group.eliminated
        ),
        cancels=group.cancels,
        balanced=all(_net(list(each)) == 0 for _, each in groupby(lines, lambda one: one.currency)),
    )


def _lines(group: Group, into: str | None) -> tuple[ConsolidatedLine, ...]:
    rows = [(one.currency, one.role.value, one.balance_minor) for one in group.lines]
    sides = {one.role.value: normal_side(one.role) for one in group.lines}
    if into is not None and group.translation_difference_minor:
        rows.append((into, TRANSLATION, group.translation_difference_minor))
    return tuple(
        ConsolidatedLine(
            currency=currency,
            role=role,
            side=sides[role] if net == 0 else Side.DEBIT if net > 0 else Side.CREDIT,
            balance=format_major(abs(net), currency),
            balance_minor=abs(net),
        )
        for currency, role, net in rows
    )


def _net(lines: Sequence[ConsolidatedLine]) -> int:
    return sum(one.balance_minor if one.side is Side.DEBIT else -one.balance_minor for one in lines)


def _print(report: ConsolidatedBalance) -> None:
    """Print one table per currency, then what was eliminated."""
    if not report.lines:
        print_table("consolidated trial balance", [], [], empty="nothing is posted")
    for currency, each in groupby(report.lines, lambda one: one.currency):
        lines = [line for line in each if line.balance_minor]
        debit = sum(line.balance_minor for line in lines if line.side is Side.DEBIT)
        credit = sum(line.balance_minor for line in lines if line.side is Side.CREDIT)
        verdict = "debits = credits" if debit == credit else "DEBITS DIFFER FROM CREDITS"
        at = f" at {report.closing_day}" if report.closing_day else ""
        print_table(
            f"all entities {currency}{at}: {verdict}",
            ["role", "debit", "credit"],
            [*map(_row, lines), ["total", money(debit, currency), money(credit, currency)]],
            right=["debit", "credit"],
        )
    if report.eliminated:
        _print_eliminated(report)


def _row(line: ConsolidatedLine) -> list[str]:
    amount = money(line.balance_minor, line.currency)
    return [line.role, *((amount, "") if line.side is Side.DEBIT else ("", amount))]


def _print_eliminated(report: ConsolidatedBalance) -> None:
    print_table(
        "between entities: " + ("eliminated" if report.cancels else "THEY DO NOT AGREE"),
        ["entity", "on", "currency", "its claim", "the other's debt", "cancels"],
        [
            [
                pair.entity,
                pair.counterparty or "not named",
                pair.currency,
                money(pair.claim_minor, pair.currency),
                money(pair.debt_minor, pair.currency),
                "yes" if pair.cancels else "NO",
            ]
            for pair in report.eliminated
        ],
        right=["its claim", "the other's debt"],
    )
