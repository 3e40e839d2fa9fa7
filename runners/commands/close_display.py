"""How close commands show a gate, and what a figure adds up from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from ledger.closing.figures import Contribution
from ledger.closing.gate import Condition
from ledger.money import EXPONENT, format_major
from runners.display import money, print_lines, print_table
from runners.exit_codes import ExitCode
from runners.problems import Problem

if TYPE_CHECKING:
    from pipelines.closing import Look


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and what it adds up from; field names are the JSON output."""

    address: str
    currency: str
    amount: str
    """Major units."""
    amount_minor: int
    reported_minor: int | None
    """In the approved report of a closed period; None without one."""
    contributions: tuple[Contribution, ...]
    """Their amounts add up to `amount_minor`."""


def why_of(found: Look, address: str, kept: bytes | None) -> Why:
    """Return what the figure adds up from. Raises Problem for an address of nothing."""
    cells = {
        cell.address: (cell.amount_minor, row.about[0])
        for table in found.tables
        for row in table.rows
        for cell in row.cells
    }
    if address not in cells:
        raise Problem(
            f"the report has no figure {address!r}",
            "`crossfoot close report --json` prints the address of every figure",
            ExitCode.DATA,
        )
    amount, currency = cells[address]
    return Why(
        address=address,
        currency=currency,
        amount=format_major(amount, currency) if currency in EXPONENT else str(amount),
        amount_minor=amount,
        reported_minor=None if kept is None else _reported(kept, address),
        contributions=tuple(one for one in found.contributions if one.address == address),
    )


def _reported(kept: bytes, address: str) -> int | None:
    from pipelines.close_report import read_report

    for table in read_report(kept).tables:
        for row in table.rows:
            for cell in row.cells:
                if cell.address == address:
                    return cell.amount_minor
    return 0


def print_gate(conditions: Sequence[Condition]) -> None:
    """Print every condition and what was found."""
    for one in conditions:
        print_lines(f"{'passed' if one.passed else 'STOP  '}  {one.name.value}: {one.words}")


def print_why(why: Why) -> None:
    """Print what a figure adds up from, its sum last."""
    rows = [
        [
            one.date,
            one.name,
            one.rule,
            one.entry_key,
            money(one.amount_minor, why.currency),
            ", ".join(one.events),
        ]
        for one in why.contributions
    ]
    total = ["", "total", "", "", money(why.amount_minor, why.currency), ""]
    print_table(
        why.address,
        ["date", "posting", "rule", "entry", why.currency, "events"],
        [*rows, total],
        right=[why.currency],
    )
    if why.reported_minor is not None and why.reported_minor != why.amount_minor:
        print_lines(
            f"the approved report says {money(why.reported_minor, why.currency)}; "
            "the books say otherwise now"
        )
