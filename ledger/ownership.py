"""Who owns an attribute: what other systems say of a customer account does not win over CRM."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from ledger.crm_contracts import CrmView
from ledger.crm_events import ACCOUNT_ATTRIBUTES
from ledger.events import CustomerAccountChanged
from ledger.results import OwnershipConflict

_Stated = dict[str, list[tuple[int, str | None]]]
"""Attribute -> what CRM said of it, by time."""


def account_conflicts(
    party_id: str, changes: Iterable[CustomerAccountChanged], crm: CrmView
) -> list[OwnershipConflict]:
    """Attempts to set an attribute of the party's account to another value than CRM's.

    Compared with CRM's value at the time, or with its first one where the attempt came before.
    `changes` are sorted by time.
    """
    account = crm.accounts.get(party_id)
    if account is None:
        return []
    stated: _Stated = {}
    claims: list[CustomerAccountChanged] = []
    for change in changes:
        if change.customer_id == party_id:
            _note(change, stated)
        else:
            claims.append(change)
    return [
        OwnershipConflict(
            source_event_id=claim.source_event_id,
            event_id=claim.event_id,
            customer_id=party_id,
            attribute=attribute,
            owner=account.source,
            claimed_by=claim.source,
        )
        for claim in claims
        for attribute in _contradicted(claim, stated)
    ]


def _note(event: CustomerAccountChanged, stated: _Stated) -> None:
    for attribute in event.attributes_set:
        if attribute in ACCOUNT_ATTRIBUTES:
            value = getattr(event, attribute)
            stated.setdefault(attribute, []).append((event.occurred_at_micros, value))


def _contradicted(claim: CustomerAccountChanged, stated: _Stated) -> list[str]:
    """Attributes that the claim sets to another value than CRM's; what CRM leaves empty is open."""
    found = []
    for attribute in claim.attributes_set:
        history = stated.get(attribute)
        if history is None:
            continue
        owned = history[0][1] if len(history) == 1 else _at(claim.occurred_at_micros, history)
        if owned is not None and owned != getattr(claim, attribute):
            found.append(attribute)
    return sorted(found)


def _at(micros: int, history: list[tuple[int, str | None]]) -> str | None:
    position = bisect_right(history, micros, key=lambda said: said[0])
    return history[max(position - 1, 0)][1]
