"""A contract as it stands: what the standing questions are answered from."""

from __future__ import annotations

from ledger import events
from ledger.contract_facts import ContractFacts
from ledger.drift import Deal
from ledger.money import divide
from ledger.places import DIRECT
from ledger.policies import BooksConfig
from ledger.renewals import Renewal, is_past_due
from ledger.results import ContractDrift, ContractState, LineInForce
from ledger.sold import term_at


def contract_state(
    facts: ContractFacts,
    deal: Deal,
    drifts: tuple[ContractDrift, ...],
    renewal: Renewal | None,
    config: BooksConfig,
    as_of_micros: int,
) -> ContractState | None:
    """State of a contract at `as_of_micros`; None for what is no contract (a payout)."""
    accounting = facts.accounting
    if facts.contract_id == DIRECT and not (accounting.invoices or accounting.payments):
        return None
    running = [sub for sub in facts.subscriptions if sub.runs_at(as_of_micros)]
    term = term_at(facts.terms, facts.cancelled, as_of_micros)
    lines = lines_in_force(deal, as_of_micros)
    return ContractState(
        tenant=facts.tenant,
        customer_id=facts.customer_id,
        contract_id=facts.contract_id,
        entity=facts.entity or config.default_entity,
        currency=_currency(facts),
        signed=facts.signed is not None,
        term_start_micros=term.start_micros if term else None,
        term_end_micros=term.end_micros if term else None,
        subscription_ids=tuple(sub.subscription_id for sub in facts.subscriptions),
        paid=any(payment.amount_minor > 0 for payment in accounting.payments),
        provisioned=bool(running),
        past_due=is_past_due(facts, as_of_micros),
        cancelled=_is_cancelled(facts, as_of_micros),
        renewal_due=renewal is not None,
        renewal_at_risk=renewal is not None and bool(renewal.risks),
        renewal_risk_reasons=renewal.risks if renewal is not None else (),
        invoices=accounting.invoices,
        paused=bool(running) and all(is_paused(sub.latest) for sub in running),
        mrr_minor=sum(line.monthly_minor for line in lines),
        lines=lines,
        drifts=drifts,
    )


def lines_in_force(deal: Deal, as_of_micros: int) -> tuple[LineInForce, ...]:
    """What runs at a moment: what billing charges, or what CRM sold where billing tells nothing."""
    running = [
        line
        for line in deal.priced
        if line.start < as_of_micros and (line.end is None or line.end >= as_of_micros)
    ]
    told = any(not line.is_sold and line.start < as_of_micros for line in deal.priced)
    shown = [line for line in running if not line.is_sold] if told else running
    return tuple(
        LineInForce(
            source="crm" if line.is_sold else "billing",
            product=line.name,
            quantity=str(line.quantity or 1),
            monthly_minor=0
            if line.silent
            else divide(line.per_month.numerator, line.per_month.denominator),
            start_micros=line.start,
            end_micros=line.end,
        )
        for line in shown
    )


def is_paused(state: events.SubscriptionState) -> bool:
    """Collection is paused, or the subscription itself."""
    return state.pause_behavior is not None or state.status == "paused"


def _currency(facts: ContractFacts) -> str | None:
    """The currency that CRM states, else of the first invoice, payment or subscription."""
    stated = [
        *(terms.currency for terms in facts.terms[:1]),
        *(invoice.currency for invoice in facts.accounting.invoices[:1]),
        *(payment.currency for payment in facts.accounting.payments[:1]),
        *(sub.latest.currency for sub in facts.subscriptions),
    ]
    return next((currency for currency in stated if currency is not None), None)


def _is_cancelled(facts: ContractFacts, as_of_micros: int) -> bool:
    """CRM ended it, or every subscription that ran it has ended."""
    if facts.cancelled is not None:
        return facts.cancelled.effective_at_micros <= as_of_micros
    return bool(facts.subscriptions) and all(
        run.ends_at_micros is not None and run.ends_at_micros <= as_of_micros
        for sub in facts.subscriptions
        for run in sub.runs[-1:]
    )
