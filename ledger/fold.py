"""The fold: from the set of events of one contract to everything that should stand for it.

This is the one function batch and streaming share. It knows no clock, no store and no arrival
order: the same set of events gives the same result. Here is the accounting; `ledger.party` adds
lifecycle updates and the state of the contract from what it returns.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.accounting.build import fold_accounting
from ledger.accounting.result import AccountingResult
from ledger.events import Event
from ledger.policies import BooksConfig, PolicyPack


def fold_contract(
    tenant: str,
    customer_id: str,
    contract_id: str,
    events: Sequence[Event],
    policy: PolicyPack,
    config: BooksConfig,
    as_of_micros: int,
) -> AccountingResult:
    """Return entries, pendings, refusals, invoices and payments of one contract.

    `customer_id` and `contract_id` are the resolved ones that entries carry; `events` are those of
    this contract in any order, also more than once. Times are microseconds since the epoch.
    """
    return fold_accounting(tenant, customer_id, contract_id, events, policy, config, as_of_micros)
