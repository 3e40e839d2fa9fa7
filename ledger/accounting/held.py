"""Realised exchange differences of money that is held: the processor's clearing, cash, the bank.

Money of many customers comes in at many rates and goes out in one payout, at another. Which part
of it was whose is nobody's business: it leaves at the average it is carried at, day by day, what
came in before what went out. The difference goes to fx_gain_loss in an entry of its own per
account and day, so that an account of zero is zero in the functional currency too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ledger.accounting.exchange import difference
from ledger.accounting.positions import Position
from ledger.accounts import AccountRole
from ledger.journal import JournalEntry, JournalLine, assert_balanced

HELD = (AccountRole.CASH_CLEARING, AccountRole.EXTERNAL_CASH, AccountRole.BANK)
"""Accounts of money whose exchange differences are realised when it goes out."""


class HeldAccount(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An account of one entity in a currency that is not its functional one."""

    tenant: str
    entity: str
    currency: str
    functional_currency: str
    role: AccountRole
    counterparty: str = ""


class HeldMove(msgspec.Struct, frozen=True, kw_only=True):
    """What came in, or what went out, of an account on one day, at its own worth.

    The other fields are those of the last posting that it adds up.
    """

    account: HeldAccount
    accounting_date: str
    amount_minor: int
    functional_minor: int
    policy: str
    source_event_id: str
    event_id: str

    @property
    def is_out(self) -> bool:
        """Whether it lowers the account."""
        return self.amount_minor < 0


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Under whose name the entries are kept."""

    customer_id: str
    contract_id: str


class HeldLine(NamedTuple):
    """A journal line of such an account, with what names its entry."""

    account: HeldAccount
    accounting_date: str
    entry_key: str
    amount_minor: int
    functional_minor: int
    policy: str
    source_event_id: str
    event_id: str


def moves_of(entries: Iterable[JournalEntry], roles: Iterable[AccountRole]) -> list[HeldMove]:
    """Add the foreign lines of some roles up to movements, in order."""
    wanted = frozenset(roles)
    return add_up(
        HeldLine(
            _account(entry, line.role, line.counterparty),
            entry.accounting_date,
            entry.entry_key,
            line.amount_minor,
            line.functional_minor,
            entry.policy,
            entry.source_event_id,
            entry.event_id,
        )
        for entry in entries
        if entry.currency != entry.functional_currency
        for line in entry.lines
        if line.role in wanted
    )


def add_up(lines: Iterable[HeldLine]) -> list[HeldMove]:
    """Add lines up to movements per account, day and direction; the order of lines is immaterial.

    Movements come by account and day, what came in before what went out.
    """
    sums: dict[tuple[HeldAccount, str, bool], tuple[int, int, HeldLine]] = {}
    for line in lines:
        key = (line.account, line.accounting_date, line.amount_minor < 0)
        amount, functional, last = sums.get(key, (0, 0, line))
        newest = line if line.entry_key > last.entry_key else last
        sums[key] = (amount + line.amount_minor, functional + line.functional_minor, newest)
    moves = [
        HeldMove(
            account=account,
            accounting_date=day,
            amount_minor=amount,
            functional_minor=functional,
            policy=last.policy,
            source_event_id=last.source_event_id,
            event_id=last.event_id,
        )
        for (account, day, _), (amount, functional, last) in sums.items()
    ]
    return in_order(moves)


def _account(entry: JournalEntry, role: AccountRole, counterparty: str | None) -> HeldAccount:
    return HeldAccount(
        tenant=entry.tenant,
        entity=entry.entity,
        currency=entry.currency,
        functional_currency=entry.functional_currency,
        role=role,
        counterparty=counterparty or "",
    )


def in_order(moves: Iterable[HeldMove]) -> list[HeldMove]:
    """Sort by account and day, what came in before what went out."""
    return sorted(moves, key=lambda one: (one.account, one.accounting_date, one.is_out))


def realise_held(moves: Iterable[HeldMove], owner: Owner) -> list[JournalEntry]:
    """Return the entry of every account and day on which a difference was realised.

    `moves` are in the order of `in_order`, and are all there are of their accounts.
    """
    positions: dict[HeldAccount, Position] = {}
    found: dict[tuple[HeldAccount, str], tuple[int, HeldMove]] = {}
    for move in moves:
        if move.account.role not in HELD:
            continue
        position = positions.setdefault(move.account, Position())
        realised = position.move(move.amount_minor, move.functional_minor)
        if realised:
            key = (move.account, move.accounting_date)
            found[key] = (found.get(key, (0, move))[0] + realised, move)
    return [
        _book("exchange_realised", move, realised, owner)
        for realised, move in found.values()
        if realised
    ]


def _book(rule: str, move: HeldMove, realised: int, owner: Owner) -> JournalEntry:
    account = move.account
    role = account.role
    key = f"{role.value}:{account.entity}:{account.currency}:realised:{move.accounting_date}"
    lines = (difference(role, -realised), difference(AccountRole.FX_GAIN_LOSS, realised))
    return assert_balanced(entry_of(move, owner, key, rule, lines))


def entry_of(
    move: HeldMove, owner: Owner, key: str, rule: str, lines: tuple[JournalLine, ...]
) -> JournalEntry:
    """Return an entry in the books of a movement's account, on its day."""
    account = move.account
    return JournalEntry(
        entry_key=key,
        tenant=account.tenant,
        entity=account.entity,
        currency=account.currency,
        functional_currency=account.functional_currency,
        accounting_date=move.accounting_date,
        rule=rule,
        policy=move.policy,
        source_event_id=move.source_event_id,
        event_id=move.event_id,
        customer_id=owner.customer_id,
        contract_id=owner.contract_id,
        lines=lines,
    )
