"""Lifecycle rules of what changes in a running contract: items, pauses, its end, its terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ledger import events
from ledger.contract_facts import ContractFacts, SubscriptionFacts, cause_of
from ledger.results import ContractDrift
from ledger.sold import in_effect
from ledger.updates import Updates, contract_key, make_update

_TO_FOLLOW = frozenset({"quantity", "price", "dates", "sold_not_billed", "billed_not_sold"})
"""What billing can mend by following CRM."""


def changes(facts: ContractFacts) -> Updates:
    """Every update about a change that both sides may make."""
    for subscription in facts.subscriptions:
        yield from _change_entitlements(facts, subscription)
        yield from _pause(facts, subscription)
        yield from _leave(facts, subscription)
    if facts.cancelled is not None:
        yield make_update(
            facts, "renewal_suppressed", "crm",
            f"{contract_key(facts)}/contract/{facts.cancelled.effective_at_micros}",
            "contract_cancelled", cause_of(facts.cancelled),
            ends_at_micros=str(facts.cancelled.effective_at_micros),
        )  # fmt: skip
    yield from _move(facts)


def change_subscription(facts: ContractFacts, drifts: Sequence[ContractDrift]) -> Updates:
    """Billing has to follow what CRM amended or renewed; withdrawn once both sides agree."""
    asked = {
        told.event_id: told for told in facts.terms if not isinstance(told, events.ContractSigned)
    }
    for drift in drifts:
        told = asked.get(drift.crm_event_id or "")
        if told is None or drift.attribute not in _TO_FOLLOW or not facts.subscriptions:
            continue
        yield make_update(
            facts,
            "change_subscription",
            "billing",
            f"{told.event_id}/{drift.attribute}/{drift.product or ''}",
            drift.attribute,
            cause_of(told),
            at_micros=max(told.term_start_micros, told.occurred_at_micros),
            product=drift.product,
            sold=drift.sold,
            subscriptions=",".join(sub.subscription_id for sub in facts.subscriptions),
        )


# --- subscriptions ------------------------------------------------------------------------


def _change_entitlements(facts: ContractFacts, subscription: SubscriptionFacts) -> Updates:
    """Products or units are others than before; another price alone changes no entitlement."""
    running = [state for state in subscription.states if _runs(state)]
    for before, after in pairwise(running):
        then, now = _entitled(before.items), _entitled(after.items)
        if then == now or not (before.items and after.items):
            continue
        yield make_update(
            facts,
            "change_entitlement",
            "entitlements",
            f"{subscription.subscription_id}/{after.event_id}",
            "subscription_changed",
            cause_of(after),
            subscription=subscription.subscription_id,
            before=_words(then),
            after=_words(now),
        )


def _runs(state: events.SubscriptionState) -> bool:
    return not isinstance(state, events.SubscriptionCancelled) and state.status != "incomplete"


def _entitled(items: Iterable[events.SubscriptionItem]) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted(
            (item.product or item.item_id, "" if item.quantity is None else f"{item.quantity:f}")
            for item in items
        )
    )


def _words(entitled: Iterable[tuple[str, str]]) -> str:
    return ",".join(f"{product} x {units}" if units else product for product, units in entitled)


def _pause(facts: ContractFacts, subscription: SubscriptionFacts) -> Updates:
    """Paused, and taken up again; an end while it is paused is an end."""
    paused = False
    for state in subscription.states:
        now = state.pause_behavior is not None or state.status == "paused"
        if now is paused or isinstance(state, events.SubscriptionCancelled):
            continue
        paused = now
        resumes = state.resumes_at_micros
        yield make_update(
            facts,
            "pause_entitlement" if now else "resume_entitlement",
            "entitlements",
            f"{subscription.subscription_id}/{state.event_id}",
            "subscription_paused" if now else "subscription_resumed",
            cause_of(state),
            subscription=subscription.subscription_id,
            behavior=state.pause_behavior,
            resumes_at_micros=None if resumes is None else str(resumes),
        )


def _leave(facts: ContractFacts, subscription: SubscriptionFacts) -> Updates:
    """It is known to end; said from the first state on that says so, as long as it stands."""
    saying: events.SubscriptionState | None = None
    for state in subscription.states:
        if _stated_end(state) is None:
            saying = None
        elif saying is None or _stated_end(saying) != _stated_end(state):
            saying = state
    if saying is None or isinstance(saying, events.SubscriptionCancelled):
        return
    ends_at = _stated_end(saying)
    yield make_update(
        facts,
        "renewal_suppressed",
        "crm",
        f"{subscription.subscription_id}/{ends_at}",
        "cancel_at_period_end" if saying.cancel_at_period_end else "cancellation_scheduled",
        cause_of(saying),
        subscription=subscription.subscription_id,
        ends_at_micros=str(ends_at),
    )


def _stated_end(state: events.SubscriptionState) -> int | None:
    if state.cancel_at_micros is not None:
        return state.cancel_at_micros
    return state.period_end_micros if state.cancel_at_period_end else None


# --- terms --------------------------------------------------------------------------------


def _move(facts: ContractFacts) -> Updates:
    """A renewal, or an amendment that reaches further, moves the day on which to renew."""
    end: int | None = None
    for told in in_effect(facts.terms):
        moved = told.term_end_micros
        is_amendment = isinstance(told, events.ContractAmended)
        if is_amendment and (moved is None or end is None or moved <= end):
            continue
        if end is not None and moved != end:
            yield make_update(
                facts,
                "renewal_rescheduled",
                "crm",
                f"{contract_key(facts)}/{told.term_start_micros}/{moved}",
                "contract_amended" if is_amendment else "contract_renewed",
                cause_of(told),
                ended_at_micros=str(end),
                ends_at_micros=None if moved is None else str(moved),
                early="true" if not is_amendment and told.term_start_micros < end else None,
            )
        end = moved
