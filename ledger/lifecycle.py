"""Lifecycle rules: what other teams' systems must know or do about a contract.

| Rule | Update (target) | Once per |
|---|---|---|
| expect_subscription: signed in CRM, nothing runs it | create_subscription (billing) | contract |
| provision: subscription activated | provision_entitlement (entitlements) | subscription |
| onboard: first subscription activated | start_onboarding (customer_success) | contract |
| welcome_payment: money came for the first time | first_payment (crm) | contract |
| chase: an attempt to collect failed | dunning_step (billing) | attempt |
| | receivable_status past_due (erp), customer_outreach (customer_success), | |
| | suppress_renewal_messaging (marketing) | invoice |
| settle: a chased invoice was closed | receivable_status (erp) | invoice |
| | payment_recovered (customer_success), if paid | invoice |
| | resume_renewal_messaging (marketing), if nothing else is overdue | invoice |
| end: subscription or contract cancelled | revoke_entitlement (entitlements) | subscription |
| | start_offboarding (customer_success) | contract |
| stop_billing: contract cancelled, still billed | cancel_subscription (billing) | subscription |
| answer_dispute: a payment was disputed | customer_outreach (customer_success) | dispute |
| change: items of a subscription changed | change_entitlement (entitlements) | change |
| pause: collection paused, taken up again | pause_entitlement, resume_entitlement (entitlements) \
| pause |
| leave: the end is known before it comes | renewal_suppressed (crm) | end |
| move: the term ends another day | renewal_rescheduled (crm) | change of term |
| follow: amended or renewed in CRM, billed otherwise | change_subscription (billing) | change |
| renew: the term ends soon | renewal_due (crm) | end of term |
| | renewal_at_risk (customer_success), with the reasons | end and reasons |

Ids are made of what caused an update (the subscription, the attempt, …), so an update is the same
in every fold, also when better evidence of its cause comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from ledger import events
from ledger.contract_facts import (
    Cause,
    ContractFacts,
    OverdueInvoice,
    Run,
    cause_of,
)
from ledger.lifecycle_changes import change_subscription, changes
from ledger.policies import DAY_MICROS, BooksConfig
from ledger.renewals import Renewal
from ledger.results import ContractDrift, LifecycleUpdate
from ledger.updates import Updates, contract_key, make_update, run_key


def lifecycle_updates(
    facts: ContractFacts,
    renewal: Renewal | None,
    drifts: Sequence[ContractDrift],
    config: BooksConfig,
) -> tuple[LifecycleUpdate, ...]:
    """All updates of a contract, by (time, id). The same facts give the same updates."""
    found = {update.update_id: update for rule in _RULES for update in rule(facts)}
    for update in chain(changes(facts), change_subscription(facts, drifts)):
        found[update.update_id] = update
    if renewal is not None:
        for update in _renew(facts, renewal, config):
            found[update.update_id] = update
    return tuple(
        sorted(found.values(), key=lambda update: (update.effective_at_micros, update.update_id))
    )


# --- start --------------------------------------------------------------------------------


def _expect_subscription(facts: ContractFacts) -> Updates:
    if facts.signed is None or facts.subscriptions or facts.cancelled is not None:
        return
    yield make_update(
        facts,
        "create_subscription",
        "billing",
        contract_key(facts),
        "contract_signed",
        cause_of(facts.signed),
        at_micros=max(facts.signed.occurred_at_micros, facts.signed.term_start_micros),
    )


def _provision(facts: ContractFacts) -> Updates:
    for subscription in facts.subscriptions:
        for number, run in enumerate(subscription.runs):
            if run.activated is None:
                continue
            items = run.activated.items
            yield make_update(
                facts,
                "provision_entitlement",
                "entitlements",
                run_key(subscription, number),
                "subscription_activated",
                cause_of(run.activated),
                subscription=subscription.subscription_id,
                status=run.activated.status,
                products=",".join(sorted({item.product for item in items if item.product})) or None,
            )


def _onboard(facts: ContractFacts) -> Updates:
    activations = [
        cause_of(run.activated)
        for subscription in facts.subscriptions
        for run in subscription.runs
        if run.activated is not None
    ]
    if activations:
        first = min(activations, key=lambda cause: (cause.at_micros, cause.event_id))
        yield make_update(
            facts,
            "start_onboarding",
            "customer_success",
            contract_key(facts),
            "subscription_activated",
            first,
        )


def _welcome_payment(facts: ContractFacts) -> Updates:
    for payment in facts.accounting.payments:
        if payment.amount_minor > 0:
            yield make_update(
                facts,
                "first_payment",
                "crm",
                contract_key(facts),
                "payment_succeeded",
                Cause(payment.at_micros, payment.event_id, payment.source_event_id),
                amount_minor=str(payment.amount_minor),
                currency=payment.currency,
                invoice=payment.invoice_id,
            )
            return


# --- collecting ---------------------------------------------------------------------------


def _chase(facts: ContractFacts) -> Updates:
    for overdue in facts.overdue:
        yield from _dunning_steps(facts, overdue)
        first = overdue.attempts[0][1]
        cause = Cause(first.at_micros, first.event_id, first.source_event_id)
        for kind, target, status in (
            ("receivable_status", "erp", "past_due"),
            ("customer_outreach", "customer_success", None),
            ("suppress_renewal_messaging", "marketing", None),
        ):
            yield make_update(
                facts,
                kind,
                target,
                f"{overdue.invoice_id}/payment_failed",
                "payment_failed",
                cause,
                invoice=overdue.invoice_id,
                status=status,
                failure_code=first.failure_code,
            )


def _dunning_steps(facts: ContractFacts, overdue: OverdueInvoice) -> Updates:
    for step, attempt in overdue.attempts:
        following = attempt.next_attempt_at_micros
        yield make_update(
            facts,
            "dunning_step",
            "billing",
            f"{overdue.invoice_id}/{step}",
            "payment_failed",
            Cause(attempt.at_micros, attempt.event_id, attempt.source_event_id),
            invoice=overdue.invoice_id,
            step=str(step),
            failure_code=attempt.failure_code,
            next_attempt_at_micros=None if following is None else str(following),
        )


def _settle(facts: ContractFacts) -> Updates:
    for overdue in facts.overdue:
        closed = overdue.closed
        if closed is None:
            continue
        caused_by, invoice_id = f"{overdue.invoice_id}/{overdue.status}", overdue.invoice_id
        paid = overdue.status == "paid"
        reason = "payment_recovered" if paid else f"invoice_{overdue.status}"
        status = "current" if paid else overdue.status
        yield make_update(
            facts, "receivable_status", "erp", caused_by, reason, closed,
            invoice=invoice_id, status=status,
        )  # fmt: skip
        if paid:
            yield make_update(
                facts, "payment_recovered", "customer_success", caused_by, reason, closed,
                invoice=invoice_id,
            )  # fmt: skip
        if not any(other.open_at(closed.at_micros) for other in facts.overdue):
            yield make_update(
                facts, "resume_renewal_messaging", "marketing", caused_by, reason, closed,
                invoice=invoice_id,
            )  # fmt: skip


def _answer_dispute(facts: ContractFacts) -> Updates:
    for dispute in facts.disputes:
        yield make_update(
            facts,
            "customer_outreach",
            "customer_success",
            dispute.dispute_id,
            "dispute_opened",
            cause_of(dispute.opened),
            dispute=dispute.dispute_id,
            amount_minor=str(dispute.opened.amount_minor),
            currency=dispute.opened.currency,
        )


# --- end ----------------------------------------------------------------------------------


def _end(facts: ContractFacts) -> Updates:
    """Entitlements end with the subscription or the contract, whichever is first."""
    ends: list[_End] = []
    for subscription in facts.subscriptions:
        end = None
        for number, run in enumerate(subscription.runs):
            end = _end_of_run(run, facts.cancelled if run is subscription.runs[-1] else None)
            if end is not None and run.activated is not None:
                yield make_update(
                    facts,
                    "revoke_entitlement",
                    "entitlements",
                    run_key(subscription, number),
                    end.reason,
                    end.cause,
                    at_micros=end.at_micros,
                    subscription=subscription.subscription_id,
                )
        if end is not None:
            ends.append(end)
    if facts.cancelled is not None and not facts.subscriptions:
        ends.append(_end_of_contract(facts.cancelled))
    if ends and len(ends) >= len(facts.subscriptions):
        last = max(ends)
        yield make_update(
            facts,
            "start_offboarding",
            "customer_success",
            contract_key(facts),
            last.reason,
            last.cause,
            at_micros=last.at_micros,
        )


class _End(NamedTuple):
    """When service ends, and why; the later end is the greater one."""

    at_micros: int
    event_id: str
    reason: str
    cause: Cause


def _end_of_run(run: Run, cancelled: events.ContractCancelled | None) -> _End | None:
    ends = [] if cancelled is None else [_end_of_contract(cancelled)]
    if run.cancelled is not None and run.ends_at_micros is not None:
        cause = cause_of(run.cancelled)
        ends.append(_End(run.ends_at_micros, cause.event_id, "subscription_cancelled", cause))
    return min(ends, key=lambda end: end[:2], default=None)


def _end_of_contract(cancelled: events.ContractCancelled) -> _End:
    cause = cause_of(cancelled)
    return _End(cancelled.effective_at_micros, cause.event_id, "contract_cancelled", cause)


def _stop_billing(facts: ContractFacts) -> Updates:
    if facts.cancelled is None:
        return
    for subscription in facts.subscriptions:
        if subscription.runs[-1].activated is None or subscription.runs[-1].cancelled is not None:
            continue
        yield make_update(
            facts,
            "cancel_subscription",
            "billing",
            subscription.subscription_id,
            "contract_cancelled",
            cause_of(facts.cancelled),
            at_micros=facts.cancelled.effective_at_micros,
            subscription=subscription.subscription_id,
        )


# --- renewal ------------------------------------------------------------------------------


def _renew(facts: ContractFacts, renewal: Renewal, config: BooksConfig) -> Updates:
    notice = config.renewal_notice_days * DAY_MICROS
    term = f"{contract_key(facts)}/{renewal.ends_at_micros}"
    at_micros = renewal.ends_at_micros - notice
    ends_at = str(renewal.ends_at_micros)
    yield make_update(
        facts, "renewal_due", "crm", term, "term_ends", renewal.cause,
        at_micros=at_micros, ends_at_micros=ends_at,
    )  # fmt: skip
    if renewal.risks:
        risks = ",".join(renewal.risks)
        yield make_update(
            facts, "renewal_at_risk", "customer_success", f"{term}/{risks}", risks, renewal.cause,
            at_micros=at_micros, ends_at_micros=ends_at,
        )  # fmt: skip


_RULES: tuple[Callable[[ContractFacts], Updates], ...] = (
    _expect_subscription,
    _provision,
    _onboard,
    _welcome_payment,
    _chase,
    _settle,
    _answer_dispute,
    _end,
    _stop_billing,
)
