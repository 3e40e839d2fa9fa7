"""Making lifecycle updates: ids that are the same in every fold, and what names them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ledger.contract_facts import Cause, ContractFacts, SubscriptionFacts
from ledger.places import DIRECT
from ledger.results import LifecycleUpdate

Updates = Iterator[LifecycleUpdate]


def update_id(tenant: str, kind: str, caused_by: str) -> str:
    """Deterministic id of an update; `caused_by` is unique within the tenant."""
    digest = hashlib.sha256(f"{tenant}\n{kind}\n{caused_by}".encode()).hexdigest()
    return f"lcu_{digest[:32]}"


def make_update(
    facts: ContractFacts,
    kind: str,
    target: str,
    caused_by: str,
    reason: str,
    cause: Cause,
    *,
    at_micros: int | None = None,
    **details: str | None,
) -> LifecycleUpdate:
    """An update; `at_micros` says when it takes effect, if not when its cause happened."""
    return LifecycleUpdate(
        update_id=update_id(facts.tenant, kind, caused_by),
        tenant=facts.tenant,
        kind=kind,
        target=target,
        reason=reason,
        effective_at_micros=cause.at_micros if at_micros is None else at_micros,
        customer_id=facts.customer_id,
        contract_id=facts.contract_id,
        cause_event_id=cause.event_id,
        source_event_id=cause.source_event_id,
        details={name: value for name, value in details.items() if value is not None},
    )


def contract_key(facts: ContractFacts) -> str:
    """Unique within the tenant; what is bought without a contract is told apart by customer."""
    if facts.contract_id == DIRECT:
        return f"{facts.customer_id}/{DIRECT}"
    return facts.contract_id


def run_key(subscription: SubscriptionFacts, number: int) -> str:
    """A subscription that is taken up again is provisioned and revoked again."""
    return f"{subscription.subscription_id}/{number}" if number else subscription.subscription_id
