"""Lifecycle rules: each update once, with target, reason and cause; renewals, their risks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ledger import events
from ledger.accounting.result import AccountingResult, FailedPaymentFact, PaymentFact
from ledger.contract_facts import ContractFacts, gather_facts
from ledger.contracts import contract_state
from ledger.drift import deal_of
from ledger.events import Event
from ledger.lifecycle import lifecycle_updates
from ledger.policies import BooksConfig
from ledger.renewals import renewal_of
from ledger.results import ContractState, InvoiceState, LifecycleUpdate

Told = Any
CONFIG = BooksConfig(default_entity="DE01")


def facts_of(
    tell: Told, told: Sequence[Event], accounting: AccountingResult, contract: str = "800C"
) -> ContractFacts:
    """The facts of a contract of `salesforce:001A`."""
    ordered = sorted(told, key=lambda event: (event.occurred_at_micros, event.event_id))
    return gather_facts("acme", tell.account, contract, ordered, accounting)


def updates_of(
    tell: Told,
    *told: Event,
    accounting: AccountingResult | None = None,
    on: str = "2026-02-01",
    contract: str = "800C",
) -> list[LifecycleUpdate]:
    """All lifecycle updates of a contract, seen on a day."""
    facts = facts_of(tell, told, accounting or AccountingResult(), contract)
    return list(lifecycle_updates(facts, renewal_of(facts, CONFIG, tell.day(on)), (), CONFIG))


def state_of(
    tell: Told, *told: Event, accounting: AccountingResult | None = None, on: str = "2026-02-01"
) -> ContractState:
    """The state of a contract, seen on a day."""
    facts = facts_of(tell, told, accounting or AccountingResult())
    state = contract_state(
        facts,
        deal_of(facts, CONFIG),
        (),
        renewal_of(facts, CONFIG, tell.day(on)),
        CONFIG,
        tell.day(on),
    )
    assert state is not None
    return state


def kinds(updates: Sequence[LifecycleUpdate]) -> set[tuple[str, str]]:
    """(kind, target) of updates."""
    return {(update.kind, update.target) for update in updates}


def invoice_state(tell: Told, status: str, **fields: Any) -> InvoiceState:
    """An invoice over 12.00 EUR of 1 January."""
    given = {"invoice_id": "in_1", "issued_at_micros": tell.day("2026-01-01")} | fields
    return InvoiceState(
        currency="EUR", total_minor=1200, paid_minor=1200 if status == "paid" else 0,
        credited_minor=0, status=status, posted=True, **given,
    )  # fmt: skip


def failed(tell: Told, number: str, on: str, **fields: Any) -> FailedPaymentFact:
    """A failed attempt as the accounting tells it."""
    given = {"invoice_id": "in_1"} | fields
    return FailedPaymentFact(
        at_micros=tell.day(on), event_id=f"e{number}", source_event_id=f"m{number}",
        currency="EUR", amount_minor=1200, **given,
    )  # fmt: skip


def paid(tell: Told, number: str, on: str, **fields: Any) -> PaymentFact:
    """A payment as the accounting tells it."""
    given = {"invoice_id": "in_1", "amount_minor": 1200} | fields
    return PaymentFact(
        at_micros=tell.day(on), event_id=f"e{number}", source_event_id=f"m{number}",
        currency="EUR", **given,
    )  # fmt: skip


# --- start --------------------------------------------------------------------------------


def test_an_activated_subscription_is_provisioned_and_onboarded(tell: Told) -> None:
    items = (events.SubscriptionItem(item_id="si_1", product="PRO-SEAT"),)
    active = tell.subscription("1", "2026-01-05", items=items)
    updates = updates_of(tell, active)
    assert kinds(updates) == {
        ("provision_entitlement", "entitlements"),
        ("start_onboarding", "customer_success"),
    }
    provision = next(u for u in updates if u.kind == "provision_entitlement")
    assert provision.reason == "subscription_activated"
    assert provision.cause_event_id == active.event_id
    assert provision.source_event_id == "stripe:evt_1"
    assert provision.effective_at_micros == tell.day("2026-01-05")
    assert provision.details == {
        "subscription": "stripe:sub_1", "status": "active", "products": "PRO-SEAT",
    }  # fmt: skip


def test_a_second_subscription_is_provisioned_but_not_onboarded_again(tell: Told) -> None:
    first = tell.subscription("1", "2026-01-05")
    second = tell.subscription("2", "2026-01-06", sub="stripe:sub_2")
    updates = updates_of(tell, first, second)
    assert [u.kind for u in updates].count("provision_entitlement") == 2
    onboarding = [u for u in updates if u.kind == "start_onboarding"]
    assert [u.cause_event_id for u in onboarding] == [first.event_id]


def test_better_evidence_of_the_same_cause_keeps_the_id(tell: Told) -> None:
    late = tell.subscription("2", "2026-01-06")
    early = tell.subscription("1", "2026-01-05")
    before, after = updates_of(tell, late), updates_of(tell, late, early)
    assert {u.update_id for u in before} == {u.update_id for u in after}
    assert {u.cause_event_id for u in after} == {early.event_id}


def test_ids_differ_by_tenant_kind_and_cause(tell: Told) -> None:
    updates = [
        *updates_of(tell, tell.subscription("1", "2026-01-05")),
        *updates_of(tell, tell.subscription("1", "2026-01-05", sub="stripe:sub_2"), contract="D"),
    ]
    assert len({u.update_id for u in updates}) == 4
    assert all(u.update_id.startswith("lcu_") and len(u.update_id) == 36 for u in updates)


def test_what_is_direct_is_told_apart_by_customer(tell: Told) -> None:
    accounting = AccountingResult(payments=(paid(tell, "1", "2026-01-02"),))
    mine = gather_facts("acme", "cus_1", "direct", [], accounting)
    yours = gather_facts("acme", "cus_2", "direct", [], accounting)
    ids = {lifecycle_updates(facts, None, (), CONFIG)[0].update_id for facts in (mine, yours)}
    assert len(ids) == 2


def test_a_signed_contract_expects_a_subscription_until_there_is_one(tell: Told) -> None:
    signed = tell.signed("800C", "1", "2026-01-02")
    assert kinds(updates_of(tell, signed)) == {("create_subscription", "billing")}
    active = tell.subscription("2", "2026-01-05")
    assert ("create_subscription", "billing") not in kinds(updates_of(tell, signed, active))
    cancelled = tell.event(events.ContractCancelled, "3", "2026-01-04", contract_id="800C",
                           effective_at_micros=tell.day("2026-01-04"))  # fmt: skip
    assert ("create_subscription", "billing") not in kinds(updates_of(tell, signed, cancelled))


def test_the_first_payment_is_told_once(tell: Told) -> None:
    payments = tuple(
        paid(tell, number, on, amount_minor=amount)
        for number, on, amount in
        (("0", "2026-01-01", 0), ("1", "2026-01-02", 700), ("2", "2026-02-02", 900))
    )  # fmt: skip
    (update,) = updates_of(tell, accounting=AccountingResult(payments=payments))
    assert (update.kind, update.target, update.reason) == ("first_payment", "crm",
                                                            "payment_succeeded")  # fmt: skip
    assert update.details == {"amount_minor": "700", "currency": "EUR", "invoice": "in_1"}


# --- collecting ---------------------------------------------------------------------------


def test_a_failed_payment_tells_erp_billing_customer_success_and_marketing(tell: Told) -> None:
    accounting = AccountingResult(
        invoices=(invoice_state(tell, "open"),),
        failed_payments=(
            failed(tell, "1", "2026-01-05", attempt_count=1, failure_code="card_declined",
                   next_attempt_at_micros=tell.day("2026-01-08")),
            failed(tell, "2", "2026-01-08", attempt_count=2),
        ),
    )  # fmt: skip
    updates = updates_of(tell, accounting=accounting)
    assert kinds(updates) == {
        ("receivable_status", "erp"), ("dunning_step", "billing"),
        ("customer_outreach", "customer_success"), ("suppress_renewal_messaging", "marketing"),
    }  # fmt: skip
    steps = [u for u in updates if u.kind == "dunning_step"]
    assert [(u.details["step"], u.cause_event_id) for u in steps] == [("1", "e1"), ("2", "e2")]
    assert steps[0].details["next_attempt_at_micros"] == str(tell.day("2026-01-08"))
    assert steps[0].details["failure_code"] == "card_declined"
    status = next(u for u in updates if u.kind == "receivable_status")
    assert (status.details["status"], status.reason) == ("past_due", "payment_failed")
    assert len(updates) == 5


def test_two_events_of_one_attempt_are_one_step(tell: Told) -> None:
    told_twice = AccountingResult(
        invoices=(invoice_state(tell, "open"),),
        failed_payments=(
            failed(tell, "1", "2026-01-05"),
            failed(tell, "2", "2026-01-05", attempt_count=1),
            failed(tell, "3", "2026-01-05T00:01"),
        ),
    )
    steps = [u for u in updates_of(tell, accounting=told_twice) if u.kind == "dunning_step"]
    assert [(u.details["step"], u.cause_event_id) for u in steps] == [("1", "e2")]
    uncounted = AccountingResult(
        failed_payments=(failed(tell, "1", "2026-01-05"), failed(tell, "2", "2026-01-05"),
                         failed(tell, "3", "2026-01-09")),
    )  # fmt: skip
    steps = [u for u in updates_of(tell, accounting=uncounted) if u.kind == "dunning_step"]
    assert [u.details["step"] for u in steps] == ["1", "2"]


def test_a_recovered_payment_ends_what_its_failure_began(tell: Told) -> None:
    accounting = AccountingResult(
        invoices=(invoice_state(tell, "paid"),),
        failed_payments=(failed(tell, "1", "2026-01-05"),),
        payments=(paid(tell, "2", "2026-01-09"),),
    )
    recovery = [u for u in updates_of(tell, accounting=accounting) if u.cause_event_id == "e2"]
    assert kinds(recovery) == {
        ("receivable_status", "erp"), ("payment_recovered", "customer_success"),
        ("resume_renewal_messaging", "marketing"), ("first_payment", "crm"),
    }  # fmt: skip
    status = next(u for u in recovery if u.kind == "receivable_status")
    assert (status.details["status"], status.reason) == ("current", "payment_recovered")
    assert status.effective_at_micros == tell.day("2026-01-09")


def test_messaging_stays_suppressed_while_another_invoice_is_overdue(tell: Told) -> None:
    accounting = AccountingResult(
        invoices=(invoice_state(tell, "paid"), invoice_state(tell, "open", invoice_id="in_2")),
        failed_payments=(failed(tell, "1", "2026-01-05"),
                         failed(tell, "3", "2026-01-07", invoice_id="in_2")),
        payments=(paid(tell, "2", "2026-01-09"),),
    )  # fmt: skip
    told = kinds(updates_of(tell, accounting=accounting))
    assert ("payment_recovered", "customer_success") in told
    assert ("resume_renewal_messaging", "marketing") not in told


def test_a_failure_told_after_the_payment_chases_nobody(tell: Told) -> None:
    accounting = AccountingResult(
        invoices=(invoice_state(tell, "paid"),),
        failed_payments=(failed(tell, "2", "2026-01-10"),),
        payments=(paid(tell, "1", "2026-01-09"),),
    )
    assert kinds(updates_of(tell, accounting=accounting)) == {("first_payment", "crm")}


@pytest.mark.parametrize(
    ("kind", "status"),
    [(events.InvoiceVoided, "voided"), (events.InvoiceMarkedUncollectible, "uncollectible")],
)
def test_a_chased_invoice_that_is_given_up_is_settled_without_recovery(
    tell: Told, kind: type[Event], status: str
) -> None:
    given_up = tell.event(kind, "9", "2026-01-20", invoice_id="in_1")
    accounting = AccountingResult(
        invoices=(invoice_state(tell, status),), failed_payments=(failed(tell, "1", "2026-01-05"),)
    )
    updates = [u for u in updates_of(tell, given_up, accounting=accounting)
               if u.cause_event_id == given_up.event_id]  # fmt: skip
    assert kinds(updates) == {("receivable_status", "erp"),
                              ("resume_renewal_messaging", "marketing")}  # fmt: skip
    assert {u.reason for u in updates} == {f"invoice_{status}"}


def test_a_dispute_asks_customer_success_to_reach_out(tell: Told) -> None:
    dispute = tell.event(events.DisputeOpened, "1", "2026-01-09", dispute_id="dp_1",
                         payment_refs=("ch_1",), currency="EUR", amount_minor=1200)  # fmt: skip
    (update,) = updates_of(tell, dispute)
    assert (update.kind, update.target) == ("customer_outreach", "customer_success")
    assert update.details == {"dispute": "dp_1", "amount_minor": "1200", "currency": "EUR"}


# --- end ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "ends_on"),
    [
        ({}, "2026-01-20"),
        ({"cancel_at_period_end": True, "period_end": "2026-02-05"}, "2026-02-05"),
        ({"ended_at": "2026-01-21"}, "2026-01-21"),
    ],
)
def test_entitlements_end_at_once_or_with_the_period(
    tell: Told, fields: dict[str, Any], ends_on: str
) -> None:
    times = {f"{name}_micros": tell.day(value) for name, value in fields.items()
             if isinstance(value, str)}  # fmt: skip
    flags = {name: value for name, value in fields.items() if value is True}
    active = tell.subscription("1", "2026-01-05")
    ended = tell.subscription("2", "2026-01-20", "cancelled", **times, **flags)
    updates = {u.kind: u for u in updates_of(tell, active, ended)}
    assert updates["revoke_entitlement"].effective_at_micros == tell.day(ends_on)
    assert updates["revoke_entitlement"].target == "entitlements"
    assert updates["start_offboarding"].effective_at_micros == tell.day(ends_on)
    assert updates["start_offboarding"].target == "customer_success"
    assert state_of(tell, active, ended, on="2026-01-20T12:00").provisioned == (
        tell.day(ends_on) > tell.day("2026-01-20T12:00")
    )


def test_a_subscription_taken_up_again_is_provisioned_again(tell: Told) -> None:
    told = [
        tell.subscription("1", "2026-01-05"),
        tell.subscription("2", "2026-01-20", "cancelled"),
        tell.subscription("3", "2026-01-25"),
    ]
    updates = updates_of(tell, *told)
    provisions = [u for u in updates if u.kind == "provision_entitlement"]
    assert len({u.update_id for u in provisions}) == 2
    assert [u.kind for u in updates].count("revoke_entitlement") == 1
    assert "start_offboarding" not in {u.kind for u in updates}
    state = state_of(tell, *told)
    assert state.provisioned and not state.cancelled


def test_within_one_moment_a_subscription_starts_before_it_ends(tell: Told) -> None:
    ended = tell.subscription("1", "2026-01-05", "cancelled")
    active = tell.subscription("2", "2026-01-05")
    state = state_of(tell, active, ended)
    assert state.cancelled and not state.provisioned


def test_a_contract_cancelled_in_crm_revokes_and_stops_billing(tell: Told) -> None:
    active = tell.subscription("1", "2026-01-05")
    cancelled = tell.event(events.ContractCancelled, "2", "2026-01-10", contract_id="800C",
                           effective_at_micros=tell.day("2026-01-31"))  # fmt: skip
    updates = {u.kind: u for u in updates_of(tell, active, cancelled)}
    assert updates["cancel_subscription"].target == "billing"
    assert updates["revoke_entitlement"].effective_at_micros == tell.day("2026-01-31")
    assert updates["revoke_entitlement"].reason == "contract_cancelled"
    assert "start_offboarding" in updates
    sooner = tell.subscription("3", "2026-01-15", "cancelled")
    updates = {u.kind: u for u in updates_of(tell, active, cancelled, sooner)}
    assert updates["revoke_entitlement"].effective_at_micros == tell.day("2026-01-15")
    assert updates["revoke_entitlement"].reason == "subscription_cancelled"
    assert "cancel_subscription" not in updates


# --- renewal ------------------------------------------------------------------------------


def test_a_renewal_is_due_from_the_notice_before_the_term_ends(tell: Told) -> None:
    signed = tell.signed("800C", "1", "2026-01-01")
    active = tell.subscription("2", "2026-01-01")
    for on, due in (("2026-11-01", False), ("2026-11-02", True), ("2026-12-31", True)):
        assert state_of(tell, signed, active, on=on).renewal_due is due
    updates = [u for u in updates_of(tell, signed, active, on="2026-11-15")
               if u.kind.startswith("renewal")]  # fmt: skip
    (update,) = updates
    assert (update.kind, update.target, update.reason) == ("renewal_due", "crm", "term_ends")
    assert update.effective_at_micros == tell.day("2026-11-02")
    assert update.details == {"ends_at_micros": str(tell.day("2027-01-01"))}


def test_a_renewed_term_is_due_when_the_renewal_ends(tell: Told) -> None:
    signed = tell.signed("800C", "1", "2026-01-01")
    renewed = tell.event(events.ContractRenewed, "2", "2026-12-01", contract_id="800C",
                         currency="EUR", term_start_micros=tell.day("2027-01-01"),
                         term_end_micros=tell.day("2028-01-01"))  # fmt: skip
    assert not state_of(tell, signed, renewed, on="2026-12-15").renewal_due
    assert state_of(tell, signed, renewed, on="2027-12-15").renewal_due


def test_an_amendment_does_not_move_the_renewal(tell: Told) -> None:
    signed = tell.signed("800C", "1", "2026-01-01")
    amended = tell.event(events.ContractAmended, "2", "2026-06-01", contract_id="800C",
                         currency="EUR", term_start_micros=tell.day("2026-06-01"),
                         term_end_micros=tell.day("2028-01-01"))  # fmt: skip
    assert state_of(tell, signed, amended, on="2026-12-15").renewal_due


def test_an_annual_subscription_comes_up_for_renewal_and_a_monthly_one_does_not(
    tell: Told,
) -> None:
    yearly = (events.SubscriptionItem(item_id="si", interval="year"),)
    ends = {"period_end_micros": tell.day("2027-01-01")}
    annual = tell.subscription("1", "2026-01-01", items=yearly, **ends)
    by_length = tell.subscription(
        "1", "2026-01-01", period_start_micros=tell.day("2026-01-01"), **ends
    )
    monthly = tell.subscription(
        "1", "2026-12-01", period_start_micros=tell.day("2026-12-01"), **ends
    )
    due = [state_of(tell, sub, on="2026-12-15").renewal_due for sub in (annual, by_length, monthly)]
    assert due == [True, True, False]


def test_what_was_cancelled_is_not_renewed(tell: Told) -> None:
    signed = tell.signed("800C", "1", "2026-01-01")
    active = tell.subscription("2", "2026-01-01")
    ended = tell.subscription("3", "2026-06-01", "cancelled")
    assert not state_of(tell, signed, active, ended, on="2026-12-15").renewal_due
    cancelled = tell.event(events.ContractCancelled, "4", "2026-06-01", contract_id="800C",
                           effective_at_micros=tell.day("2026-06-01"))  # fmt: skip
    state = state_of(tell, signed, cancelled, on="2026-12-15")
    assert state.cancelled and not state.renewal_due


@pytest.mark.parametrize(
    "risk", ["past_due", "cancel_at_period_end", "disputed", "failed_payment", "lapsed"]
)
def test_a_renewal_is_at_risk_for_a_reason_that_is_named(tell: Told, risk: str) -> None:
    signed = tell.signed("800C", "1", "2026-01-01")
    active = tell.subscription("2", "2026-01-01")
    on = "2027-01-02" if risk == "lapsed" else "2026-12-15"
    extra: list[Event] = []
    accounting = AccountingResult()
    if risk == "past_due":
        due = invoice_state(tell, "open", due_at_micros=tell.day("2026-12-01"))
        accounting = AccountingResult(invoices=(due,))
    elif risk == "cancel_at_period_end":
        extra = [tell.subscription("3", "2026-11-01", "changed", cancel_at_period_end=True)]
    elif risk == "disputed":
        extra = [tell.event(events.DisputeOpened, "3", "2026-11-09", dispute_id="dp_1",
                            payment_refs=("ch_1",), currency="EUR", amount_minor=1)]  # fmt: skip
    elif risk == "failed_payment":
        accounting = AccountingResult(
            invoices=(invoice_state(tell, "paid"),), payments=(paid(tell, "8", "2026-12-03"),),
            failed_payments=(failed(tell, "9", "2026-12-01"),),
        )  # fmt: skip
    state = state_of(tell, signed, active, *extra, accounting=accounting, on=on)
    assert state.renewal_risk_reasons == (risk,) and state.renewal_at_risk
    told = updates_of(tell, signed, active, *extra, accounting=accounting, on=on)
    at_risk = [u for u in told if u.kind == "renewal_at_risk"]
    assert [(u.target, u.reason) for u in at_risk] == [("customer_success", risk)]


def test_a_won_dispute_and_an_old_failure_are_no_risk(tell: Told) -> None:
    facts = {"payment_refs": ("ch_1",), "currency": "EUR", "amount_minor": 1}
    told = [
        tell.signed("800C", "1", "2026-01-01"),
        tell.subscription("2", "2026-01-01"),
        tell.event(events.DisputeOpened, "3", "2026-03-01", dispute_id="dp_1", **facts),
        tell.event(events.DisputeWon, "4", "2026-04-01", dispute_id="dp_1", **facts),
    ]
    accounting = AccountingResult(
        invoices=(invoice_state(tell, "paid"),), payments=(paid(tell, "8", "2026-02-03"),),
        failed_payments=(failed(tell, "9", "2026-02-01"),),
    )  # fmt: skip
    state = state_of(tell, *told, accounting=accounting, on="2026-12-15")
    assert state.renewal_due and not state.renewal_at_risk


# --- state --------------------------------------------------------------------------------


def test_a_state_answers_who_paid_and_is_not_provisioned(tell: Told) -> None:
    accounting = AccountingResult(
        invoices=(invoice_state(tell, "paid"),), payments=(paid(tell, "1", "2026-01-02"),)
    )
    state = state_of(tell, tell.signed("800C", "1", "2026-01-01"), accounting=accounting)
    assert state.paid and not state.provisioned and state.signed
    assert (state.entity, state.currency) == ("DE01", "EUR")
    assert state.term_end_micros == tell.day("2027-01-01")
    assert state.invoices == accounting.invoices
    changed_only = state_of(tell, tell.subscription("2", "2026-01-03", "changed"))
    assert not changed_only.provisioned and changed_only.subscription_ids == ("stripe:sub_1",)


def test_an_open_invoice_is_past_due_after_its_due_date_or_a_failed_attempt(tell: Told) -> None:
    due = invoice_state(tell, "open", due_at_micros=tell.day("2026-01-15"))
    for on, late in (("2026-01-15", False), ("2026-01-16", True)):
        assert state_of(tell, accounting=AccountingResult(invoices=(due,)), on=on).past_due is late
    undated = AccountingResult(
        invoices=(invoice_state(tell, "open"),), failed_payments=(failed(tell, "1", "2026-01-05"),)
    )
    assert state_of(tell, accounting=undated).past_due


def test_a_payout_is_no_contract(tell: Told) -> None:
    payout = tell.event(events.PayoutPaid, "1", "2026-01-02", payout_id="po_1", currency="EUR",
                        amount_minor=5)  # fmt: skip
    facts = facts_of(tell, [payout], AccountingResult(), "direct")
    assert (
        contract_state(facts, deal_of(facts, CONFIG), (), None, CONFIG, tell.day("2026-02-01"))
        is None
    )
