"""The fold: from the set of events of one contract to everything that should stand for it.

This is the one function batch and streaming share. It knows no clock, no store and no arrival
order: the same set of events gives the same result. Here is the accounting; `ledger.party` adds
lifecycle updates and the state of the contract, and settles exchange differences over all contracts
of a customer instead of one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from ledger.accounting.build import fold_accounting
from ledger.accounting.exchange import realise_shared
from ledger.accounting.held import HELD, HeldMove, Owner, in_order, moves_of, realise_held
from ledger.accounting.result import AccountingResult
from ledger.accounting.revaluation import (
    OF_ENTITIES,
    Revalued,
    items_held,
    items_of,
    revalue,
)
from ledger.events import Event
from ledger.journal import JournalEntry
from ledger.policies import BooksConfig, PolicyPack

_ORDER = attrgetter("accounting_date", "entry_key")


def fold_contract(
    tenant: str,
    customer_id: str,
    contract_id: str,
    events: Sequence[Event],
    policy: PolicyPack,
    config: BooksConfig,
    as_of_micros: int,
    alone: bool = True,
) -> AccountingResult:
    """Return entries, pendings, refusals, invoices and payments of one contract.

    `customer_id` and `contract_id` are the resolved ones that entries carry; `events` are those of
    this contract in any order, also more than once. Times are microseconds since the epoch.
    `alone`: the customer has no other contract, so that its exchange differences are settled here.
    """
    told = fold_accounting(tenant, customer_id, contract_id, events, policy, config, as_of_micros)
    if not (alone and config.entities):
        return told
    settled = settle_exchange(told.entries, policy, config, as_of_micros)
    pending = [*told.pending, *settled.pending]
    return msgspec.structs.replace(
        told,
        entries=tuple(sorted(settled.entries, key=_ORDER)),
        pending=tuple(sorted(pending, key=attrgetter("event_id", "reason", "waits_for"))),
    )


def settle_exchange(
    entries: Iterable[JournalEntry], policy: PolicyPack, config: BooksConfig, as_of_micros: int
) -> Revalued:
    """Return a party's entries with the exchange differences of what its contracts share.

    `entries` are those of all contracts of the party; added are revaluations, with what they lack.
    Nothing is done where no entity has a functional currency.
    """
    if not config.entities:
        return Revalued(list(entries), [])
    realised = realise_shared(entries)
    revalued = revalue(items_of(realised), policy, config, as_of_micros)
    return Revalued([*realised, *revalued.entries], revalued.pending)


ACCOUNTS = frozenset({*HELD, *OF_ENTITIES})
"""Accounts whose exchange differences are those of an entity, over all its customers."""


def settle_held(
    moves: Sequence[HeldMove],
    owner: Owner,
    policy: PolicyPack,
    config: BooksConfig,
    as_of_micros: int,
) -> Revalued:
    """Return the entries for the exchange differences of money that entities hold, and owe.

    `moves` are all movements of `ACCOUNTS` in foreign currency there are, as `moves_of` gives them.
    """
    realised = realise_held(moves, owner)
    carried = in_order([*moves, *moves_of(realised, ACCOUNTS)])
    revalued = revalue(items_held(carried, owner), policy, config, as_of_micros)
    return Revalued([*realised, *revalued.entries], revalued.pending)
