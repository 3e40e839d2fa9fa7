"""Revaluation at the end of every period of what is owed in a foreign currency, and its reversal.

A balance keeps the rate at which it came in until it is settled. Where the policy says
`revaluation: period_end`, the last day of each period of the entity's calendar books the
difference to that day's rate on file against fx_unrealised, and the first day of the next period
takes it back: realised differences are always those against the rate at which it came in.
Sources: IAS 21.23 and .28 (monetary items at the closing rate, the difference in profit or loss).
Revenue still to be delivered, tax and unbilled revenue keep their rates here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

import msgspec

from ledger.accounting.exchange import difference
from ledger.accounting.held import HeldMove, Owner, entry_of
from ledger.accounts import AccountRole
from ledger.journal import JournalEntry, assert_balanced
from ledger.periods import Calendar, calendar_of, day_number
from ledger.policies import DAY_MICROS, BooksConfig, PolicyPack
from ledger.rates import rate_key, rated
from ledger.reasons import Reason
from ledger.recognition import iso_date
from ledger.results import Pending

OF_INVOICES = frozenset({AccountRole.ACCOUNTS_RECEIVABLE, AccountRole.DISPUTES_RECEIVABLE})
OF_CUSTOMERS = frozenset({AccountRole.CUSTOMER_BALANCE, AccountRole.EXTERNAL_CUSTOMER_BALANCE})
OF_ENTITIES = frozenset({AccountRole.CASH_CLEARING, AccountRole.DUE_FROM, AccountRole.DUE_TO})
"""What is revalued invoice by invoice, per customer, and per entity over all customers."""


class OpenItem(msgspec.Struct, kw_only=True):
    """A balance in a foreign currency over time."""

    name: str
    """What it is called in entry keys."""
    role: AccountRole
    like: JournalEntry
    """The entry that opened it: tenant, entity, currencies, customer, contract, cause."""
    invoice_id: str | None = None
    counterparty: str | None = None
    moves: list[tuple[str, int, int]] = []
    """(accounting date, amount, functional amount), in order of dates."""


class Revalued(NamedTuple):
    """What the revaluation of some balances gives."""

    entries: list[JournalEntry]
    pending: list[Pending]
    """Balances that were not revalued because the rate of a period's last day is not on file."""


def items_of(entries: Iterable[JournalEntry]) -> list[OpenItem]:
    """Return the foreign balances of one party: of its invoices, and of itself."""
    items: dict[tuple[str, ...], OpenItem] = {}
    for entry in sorted(entries, key=attrgetter("accounting_date", "entry_key")):
        if entry.currency == entry.functional_currency:
            continue
        for line in entry.lines:
            if line.role in OF_INVOICES:
                owner, invoice_id = entry.invoice_id or entry.contract_id, entry.invoice_id
            elif line.role in OF_CUSTOMERS:
                owner, invoice_id = entry.customer_id, None
            else:
                continue
            name = f"{owner}:{line.role.value}:{entry.entity}:{entry.currency}"
            if (item := items.get((name,))) is None:
                item = items[name,] = OpenItem(
                    name=name, role=line.role, like=entry, invoice_id=invoice_id
                )
            item.moves.append((entry.accounting_date, line.amount_minor, line.functional_minor))
    return list(items.values())


def items_held(moves: Iterable[HeldMove], owner: Owner) -> list[OpenItem]:
    """Return the foreign balances of entities; `moves` are in order, realised differences too."""
    items: dict[str, OpenItem] = {}
    for move in moves:
        account = move.account
        if account.role not in OF_ENTITIES:
            continue
        books = (account.role.value, account.entity, account.currency, account.counterparty)
        name = ":".join(part for part in books if part)
        if name not in items:
            items[name] = OpenItem(
                name=name,
                role=account.role,
                like=entry_of(move, owner, name, "", ()),
                counterparty=account.counterparty or None,
            )
        items[name].moves.append((move.accounting_date, move.amount_minor, move.functional_minor))
    return list(items.values())


def revalue(
    items: Iterable[OpenItem], policy: PolicyPack, config: BooksConfig, as_of_micros: int
) -> Revalued:
    """Revalue at the end of every period that is over at `as_of_micros` (exclusive).

    The reversal belongs to the next period's first day and is there once that day has begun.
    """
    found = Revalued([], [])
    if policy.revaluation == "none":
        return found
    for item in items:
        calendar = calendar_of(config, item.like.entity)
        for index, amount, functional in _balances(item, calendar, as_of_micros):
            day = calendar.last_day(index)
            label = calendar.label(index)
            value = rated(config, amount, item.like.currency, item.like.functional_currency, day)
            if value is None:
                end = calendar.end_micros(index)
                found.pending.append(_missing(item, amount, label, end, config, as_of_micros))
                continue
            if change := value.minor - functional:
                key = f"{item.name}:revalued:{label}"
                told = (value.told, policy)
                found.entries.append(_book(item, "revalued", key, day, change, told))
                if as_of_micros > calendar.end_micros(index):
                    back = f"{key}:reversed"
                    one = _book(item, "revaluation_reversed", back, day + 1, -change, told)
                    found.entries.append(one)
    return found


def _balances(
    item: OpenItem, calendar: Calendar, as_of_micros: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (period, amount, functional amount) at every period's end where something is left."""
    moves = sorted(item.moves)
    position = amount = functional = 0
    index = calendar.index_of_day(day_number(moves[0][0]))
    while calendar.end_micros(index) <= as_of_micros:
        last = iso_date(calendar.last_day(index))
        while position < len(moves) and moves[position][0] <= last:
            amount += moves[position][1]
            functional += moves[position][2]
            position += 1
        if amount:
            yield index, amount, functional
        elif position == len(moves):
            return
        index += 1


def _book(
    item: OpenItem, rule: str, key: str, day: int, change: int, told: tuple[str, PolicyPack]
) -> JournalEntry:
    own = difference(item.role, change)
    lines = (
        msgspec.structs.replace(own, counterparty=item.counterparty),
        difference(AccountRole.FX_UNREALISED, -change),
    )
    entry = msgspec.structs.replace(
        item.like,
        entry_key=key,
        rule=rule,
        accounting_date=iso_date(day),
        policy=told[1].label,
        invoice_id=item.invoice_id,
        memo=told[0],
        evidence=(),
        lines=lines,
    )
    return assert_balanced(entry)


def _missing(
    item: OpenItem,
    amount: int,
    label: str,
    end_micros: int,
    config: BooksConfig,
    as_of_micros: int,
) -> Pending:
    """Return the exception that a balance could not be revalued; its claim is booked all the same.

    The day it names is the period's last.
    """
    like = item.like
    days = config.pending_days.missing_closing_rate
    deadline = end_micros + days * DAY_MICROS
    last_day = end_micros // DAY_MICROS - 1
    return Pending(
        source_event_id=like.source_event_id,
        event_id=like.event_id,
        reason=Reason.MISSING_CLOSING_RATE.value,
        waits_for=rate_key(like.currency, like.functional_currency, last_day),
        deadline_micros=deadline,
        expired=as_of_micros > deadline,
        amount_minor=amount,
        currency=like.currency,
        entity=like.entity,
        period=label,
    )
