"""Realised exchange differences of what a customer's contracts share: balance, intercompany.

A claim keeps its own rate by itself. The balance a customer spends was credited by another claim at
another rate, and what two entities owe each other is given back at another rate than it was
collected at: what leaves such a balance leaves at the average it is carried at, and the difference
goes to fx_gain_loss in the same entry. So a balance of zero is zero in the functional currency too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from ledger.accounting.positions import Position
from ledger.accounts import AccountRole
from ledger.journal import JournalEntry, JournalLine, assert_balanced

_ORDER = attrgetter("accounting_date", "entry_key")

_SHARED = {
    AccountRole.CUSTOMER_BALANCE: "balance",
    AccountRole.EXTERNAL_CUSTOMER_BALANCE: "external",
    AccountRole.DUE_FROM: "due",
    AccountRole.DUE_TO: "due",
}
"""Roles whose balance several claims share, and under which name: due_from and due_to are one."""

Key = tuple[str, str, str, str, str | None]
"""(entity, currency, functional currency, name, counterparty)."""


def realise_shared(entries: Iterable[JournalEntry]) -> list[JournalEntry]:
    """Return the entries with what leaves a shared balance at the worth it is carried at.

    `entries` are all of one party; the result is sorted by (accounting date, entry key). Entries in
    their entity's functional currency, and those without such a line, stay the same objects. An
    entry that comes to nothing (a refund of 0.00 that settled as 0.01) is left out.
    """
    positions: dict[Key, Position] = {}
    ordered = sorted(entries, key=_ORDER)
    told = (_realised(entry, positions) if _is_shared(entry) else entry for entry in ordered)
    return [entry for entry in told if entry is not None]


def _is_shared(entry: JournalEntry) -> bool:
    if entry.currency == entry.functional_currency:
        return False
    return any(line.role in _SHARED for line in entry.lines)


def _realised(entry: JournalEntry, positions: dict[Key, Position]) -> JournalEntry | None:
    total = 0
    lines: list[JournalLine] = []
    for line in entry.lines:
        name = _SHARED.get(line.role)
        if name is not None:
            books = (entry.entity, entry.currency, entry.functional_currency)
            position = positions.setdefault((*books, name, line.counterparty), Position())
            realised = position.move(line.amount_minor, line.functional_minor)
            total += realised
            line = _worth(line, line.functional_minor - realised)
        lines.append(line)
    if not total:
        return entry
    kept = tuple(line for line in _with_difference(lines, total) if _says_something(line))
    return assert_balanced(msgspec.structs.replace(entry, lines=kept)) if kept else None


def _with_difference(lines: Sequence[JournalLine], realised: int) -> list[JournalLine]:
    """Add a difference (a loss positive) to the entry's own, or as a line of its own."""
    own = next((line for line in lines if line.role is AccountRole.FX_GAIN_LOSS), None)
    if own is None:
        return [*lines, difference(AccountRole.FX_GAIN_LOSS, realised)]
    more = _worth(own, own.functional_minor + realised)
    return [more if line is own else line for line in lines]


def difference(role: AccountRole, functional: int) -> JournalLine:
    """Return a line that is in the functional currency alone."""
    return JournalLine(role=role, amount_minor=0, functional_minor=functional)


def _worth(line: JournalLine, functional: int) -> JournalLine:
    return msgspec.structs.replace(line, functional_minor=functional)


def _says_something(line: JournalLine) -> bool:
    return bool(line.amount_minor or line.functional_minor)
