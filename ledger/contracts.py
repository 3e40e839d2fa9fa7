"""A contract as it stands: what the standing questions are answered from."""

from __future__ import annotations

from ledger.contract_facts import ContractFacts
from ledger.places import DIRECT
from ledger.policies import BooksConfig
from ledger.renewals import Renewal, is_past_due
from ledger.results import ContractState


def contract_state(
    facts: ContractFacts, renewal: Renewal | None, config: BooksConfig, as_of_micros: int
) -> ContractState | None:
    """State of a contract at `as_of_micros`; None for what is no contract (a payout)."""
    accounting = facts.accounting
    if facts.contract_id == DIRECT and not (accounting.invoices or accounting.payments):
        return None
    running = [sub for sub in facts.subscriptions if sub.runs_at(as_of_micros)]
    ends = [terms.term_end_micros for terms in facts.terms if terms.term_end_micros is not None]
    return ContractState(
        tenant=facts.tenant,
        customer_id=facts.customer_id,
        contract_id=facts.contract_id,
        entity=facts.entity or config.default_entity,
        currency=_currency(facts),
        signed=facts.signed is not None,
        term_start_micros=min((terms.term_start_micros for terms in facts.terms), default=None),
        term_end_micros=max(ends, default=None),
        subscription_ids=tuple(sub.subscription_id for sub in facts.subscriptions),
        paid=any(payment.amount_minor > 0 for payment in accounting.payments),
        provisioned=bool(running),
        past_due=is_past_due(facts, as_of_micros),
        cancelled=_is_cancelled(facts, as_of_micros),
        renewal_due=renewal is not None,
        renewal_at_risk=renewal is not None and bool(renewal.risks),
        renewal_risk_reasons=renewal.risks if renewal is not None else (),
        invoices=accounting.invoices,
    )


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
