"""Who owns an attribute: what other systems say of a customer account does not win over CRM."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from ledger.crm_contracts import CrmView
from ledger.crm_events import ACCOUNT_ATTRIBUTES
from ledger.events import CustomerAccountChanged, Event
from ledger.results import OwnershipConflict

_Stated = dict[str, list[tuple[int, str | None]]]
"""Attribute -> what CRM said of it, by time."""


def account_conflicts(
    party_id: str, party_events: Iterable[Event], crm: CrmView
) -> list[OwnershipConflict]:
    """Attempts to set an attribute of the party's account to another value than CRM's.

    Compared with CRM's value at the time, or with its first one where the attempt came before.
    `party_events` are sorted by time.
    """
    account = crm.accounts.get(party_id)
    if account is None:
        return []
    stated: _Stated = {}
    claims: list[CustomerAccountChanged] = []
    for event in party_events:
        if type(event) is not CustomerAccountChanged:
            continue
        if event.customer_id == party_id:
            _note(event, stated)
        else:
            claims.append(event)
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
        for attribute in sorted(claim.attributes_set)
        if _contradicts(claim, attribute, stated)
    ]


def _note(event: CustomerAccountChanged, stated: _Stated) -> None:
    for attribute in event.attributes_set:
        if attribute in ACCOUNT_ATTRIBUTES:
            value = getattr(event, attribute)
            stated.setdefault(attribute, []).append((event.occurred_at_micros, value))


def _contradicts(claim: CustomerAccountChanged, attribute: str, stated: _Stated) -> bool:
    """CRM has a value and the claim sets another; an empty attribute is open to all."""
    history = stated.get(attribute)
    if history is None:
        return False
    position = bisect_right(history, claim.occurred_at_micros, key=lambda said: said[0])
    owned = history[max(position - 1, 0)][1]
    return owned is not None and getattr(claim, attribute) != owned
