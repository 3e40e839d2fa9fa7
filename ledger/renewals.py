"""When a contract comes up for renewal, and what speaks against it."""

from __future__ import annotations

import msgspec

from ledger import events
from ledger.contract_facts import Cause, ContractFacts, SubscriptionFacts, cause_of
from ledger.policies import DAY_MICROS, BooksConfig

_LONG_PERIOD_DAYS = 300
"""A subscription period from here on is a term to be renewed; shorter ones roll on by
themselves."""


class Renewal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The end of a term that is near, before or after `as_of`."""

    ends_at_micros: int
    cause: Cause
    """The event that states the term."""
    risks: tuple[str, ...] = ()
    """Sorted: cancel_at_period_end, disputed, failed_payment, lapsed, past_due."""


def renewal_of(facts: ContractFacts, config: BooksConfig, as_of_micros: int) -> Renewal | None:
    """The renewal that is due: its term ends within `renewal_notice_days` of `as_of_micros`.

    The term is CRM's; without one, the period of an annual subscription. What was cancelled is
    not renewed.
    """
    ending = _ending(facts, as_of_micros)
    if ending is None:
        return None
    ends_at, cause = ending
    notice = config.renewal_notice_days * DAY_MICROS
    if not ends_at - notice <= as_of_micros <= ends_at + notice:
        return None
    risks = _risks(facts, as_of_micros - notice, as_of_micros)
    if ends_at <= as_of_micros:
        risks.add("lapsed")
    return Renewal(ends_at_micros=ends_at, cause=cause, risks=tuple(sorted(risks)))


def is_past_due(facts: ContractFacts, as_of_micros: int) -> bool:
    """An invoice is open past its due date, or after a failed attempt to collect it."""
    if any(invoice.closed is None for invoice in facts.overdue):
        return True
    return any(
        invoice.status == "open"
        and invoice.due_at_micros is not None
        and invoice.due_at_micros < as_of_micros
        for invoice in facts.accounting.invoices
    )


def _ending(facts: ContractFacts, as_of_micros: int) -> tuple[int, Cause] | None:
    if facts.cancelled is not None:
        return None
    if facts.subscriptions and not any(sub.runs_at(as_of_micros) for sub in facts.subscriptions):
        return None
    terms = [
        (found.term_end_micros, cause_of(found))
        for found in facts.terms
        if found.term_end_micros is not None and not isinstance(found, events.ContractAmended)
    ]
    if terms:
        return max(terms, key=lambda term: term[0])
    periods = [
        (sub.latest.period_end_micros, cause_of(sub.latest))
        for sub in facts.subscriptions
        if sub.runs_at(as_of_micros)
        and sub.latest.period_end_micros is not None
        and _is_annual(sub.latest)
    ]
    return min(periods, key=lambda period: period[0], default=None)


def _is_annual(state: events.SubscriptionState) -> bool:
    if any(item.interval == "year" for item in state.items):
        return True
    if state.period_start_micros is None or state.period_end_micros is None:
        return False
    return state.period_end_micros - state.period_start_micros > _LONG_PERIOD_DAYS * DAY_MICROS


def _risks(facts: ContractFacts, since_micros: int, as_of_micros: int) -> set[str]:
    risks: set[str] = set()
    if is_past_due(facts, as_of_micros):
        risks.add("past_due")
    if any(_is_leaving(sub, as_of_micros) for sub in facts.subscriptions):
        risks.add("cancel_at_period_end")
    if any(not dispute.won for dispute in facts.disputes):
        risks.add("disputed")
    if any(
        since_micros <= attempt.at_micros <= as_of_micros
        for invoice in facts.overdue
        for _, attempt in invoice.attempts
    ):
        risks.add("failed_payment")
    return risks


def _is_leaving(subscription: SubscriptionFacts, as_of_micros: int) -> bool:
    return subscription.runs_at(as_of_micros) and subscription.latest.cancel_at_period_end
