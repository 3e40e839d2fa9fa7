"""What other teams must do, by hand: the lifecycle rules for the events of the bulk company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.by_hand_facts import Charge, Company, State
from benchmarks.by_hand_rules import DAY, TENANT, Books, deterministic_id
from benchmarks.by_hand_terms import Contract

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTICE = 60 * DAY
Failures = list[tuple[int, str]]


class Subscription:
    """A subscription after all its events, in order of time."""

    __slots__ = ("active", "cancelled", "contract", "customer", "ending", "ends_at", "name")

    def __init__(self, name: str, states: list[State]) -> None:
        states.sort(key=lambda state: (state.at, RANK[state.kind], state.message_id))
        self.name = name
        self.customer = states[0].customer
        self.contract = next((state.contract for state in states if state.contract), None)
        self.active = any(state.kind == "created" for state in states)
        last = states[-1]
        self.cancelled = last if last.kind == "deleted" else None
        self.ends_at = (last.ended_at or last.at) if last.kind == "deleted" else None
        self.ending = last.ending

    def runs_at(self, at: int) -> bool:
        """Whether it was activated and has not ended."""
        return self.active and (self.ends_at is None or self.ends_at > at)


RANK = {"created": 0, "updated": 1, "deleted": 2}


class _Teller:
    """Writes the updates of one contract."""

    def __init__(self, books: Books, customer: str, contract: str) -> None:
        self._books = books
        self._customer = customer
        self._contract = contract

    def tell(self, kind: str, target: str, caused_by: str, reason: str, at: int) -> None:
        update = {
            "update_id": deterministic_id("lcu", kind, caused_by),
            "tenant": TENANT,
            "kind": kind,
            "target": target,
            "reason": reason,
            "effective_at_micros": at * 1_000_000,
            "customer_id": self._customer,
            "contract_id": self._contract,
        }
        self._books.add_update(update)


def tell_lifecycle(
    books: Books,
    company: Company,
    contracts: Mapping[str, Contract],
    first_payments: Mapping[str, Charge],
) -> None:
    """All updates, contract by contract."""
    by_contract: dict[str, list[Subscription]] = {contract: [] for contract in contracts}
    for name, states in company.subscriptions.items():
        subscription = Subscription(name, states)
        owner = f"salesforce:{subscription.contract}" if subscription.contract else name
        by_contract.setdefault(owner, []).append(subscription)
    failed: dict[str, list[tuple[str, Failures]]] = {}
    for invoice_id, attempts in company.failures.items():
        contract_id = company.invoices[invoice_id].contract
        failed.setdefault(f"salesforce:{contract_id}", []).append((invoice_id, attempts))
    for contract_id, subscriptions in by_contract.items():
        contract = contracts.get(contract_id)
        customer = contract.account if contract else subscriptions[0].customer
        teller = _Teller(books, customer or "", contract_id)
        _tell_start(teller, contract_id, contract, subscriptions)
        paid = first_payments.get(contract_id)
        if paid is not None:
            teller.tell("first_payment", "crm", contract_id, "payment_succeeded", paid.at)
        overdue = failed.get(contract_id, [])
        recovered = [_tell_overdue(teller, company, *late) for late in overdue]
        _tell_end(teller, contract_id, contract, subscriptions)
        if contract is not None:
            is_open = None in recovered
            failed_at = [at for _, told in overdue for at, _ in told]
            _tell_renewal(
                teller, contract_id, contract, subscriptions, (is_open, failed_at), books.as_of
            )


def _tell_start(
    teller: _Teller, contract_id: str, contract: Contract | None, subscriptions: list[Subscription]
) -> None:
    if not subscriptions and contract and contract.signed_at and contract.ends_at is None:
        at = max(contract.signed_at, contract.term_start)
        teller.tell("create_subscription", "billing", contract_id, "contract_signed", at)
    for subscription in subscriptions:
        if subscription.active:
            reason = "subscription_activated"
            teller.tell("provision_entitlement", "entitlements", subscription.name, reason, 0)
            teller.tell("start_onboarding", "customer_success", contract_id, reason, 0)


def _tell_overdue(
    teller: _Teller, company: Company, invoice_id: str, attempts: Failures
) -> int | None:
    """Chase an invoice and, once it is paid, settle it; returns when it was paid."""
    for at, step in attempts:
        teller.tell("dunning_step", "billing", f"{invoice_id}/{step}", "payment_failed", at)
    first = min(attempts)[0]
    failed = f"{invoice_id}/payment_failed"
    teller.tell("receivable_status", "erp", failed, "payment_failed", first)
    teller.tell("customer_outreach", "customer_success", failed, "payment_failed", first)
    teller.tell("suppress_renewal_messaging", "marketing", failed, "payment_failed", first)
    paid = company.invoices[invoice_id].paid
    if paid is None:
        return None
    closed, reason = f"{invoice_id}/paid", "payment_recovered"
    teller.tell("receivable_status", "erp", closed, reason, paid.at)
    teller.tell("payment_recovered", "customer_success", closed, reason, paid.at)
    teller.tell("resume_renewal_messaging", "marketing", closed, reason, paid.at)
    return paid.at


def _tell_end(
    teller: _Teller, contract_id: str, contract: Contract | None, subscriptions: list[Subscription]
) -> None:
    ends_at = contract.ends_at if contract else None
    ends = []
    for subscription in subscriptions:
        both = [at for at in (ends_at, subscription.ends_at) if at is not None]
        if both and subscription.active:
            ends.append(min(both))
            teller.tell("revoke_entitlement", "entitlements", subscription.name, "ended", ends[-1])
        if ends_at is not None and subscription.active and subscription.cancelled is None:
            reason = "contract_cancelled"
            teller.tell("cancel_subscription", "billing", subscription.name, reason, ends_at)
    if ends and len(ends) >= len(subscriptions):
        teller.tell("start_offboarding", "customer_success", contract_id, "ended", max(ends))


def _tell_renewal(
    teller: _Teller,
    contract_id: str,
    contract: Contract,
    subscriptions: list[Subscription],
    overdue: tuple[bool, list[int]],
    as_of: int,
) -> None:
    end = contract.term_end
    running = [sub for sub in subscriptions if sub.runs_at(as_of)]
    if contract.ends_at is not None or end is None or (subscriptions and not running):
        return
    if contract.signed_at is None or not end - NOTICE <= as_of <= end + NOTICE:
        return
    is_open, attempts = overdue
    risks = {
        "past_due": is_open,
        "cancel_at_period_end": any(sub.ending for sub in running),
        "failed_payment": any(as_of - NOTICE <= at <= as_of for at in attempts),
        "lapsed": end <= as_of,
    }
    term = f"{contract_id}/{end * 1_000_000}"
    teller.tell("renewal_due", "crm", term, "term_ends", end - NOTICE)
    named = ",".join(sorted(name for name, holds in risks.items() if holds))
    if named:
        teller.tell("renewal_at_risk", "customer_success", f"{term}/{named}", named, end - NOTICE)
