"""Correlation: every event finds its contract by what is stated, or waits; nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import events
from ledger.correlation import Correlation, correlate
from ledger.crm_contracts import CrmView, assemble_crm
from ledger.events import Event
from ledger.policies import BooksConfig

Told = Any
STRICT = BooksConfig()
ASSUMED = BooksConfig(links="assumed")


def correlated(
    tell: Told,
    told: Sequence[Event],
    config: BooksConfig = STRICT,
    crm: CrmView | None = None,
    on: str = "2026-02-01",
) -> Correlation:
    """The events of the customer's account, correlated as seen on a day."""
    crm = crm or CrmView()
    ordered = sorted([*told, *crm.events], key=lambda e: (e.occurred_at_micros, e.event_id))
    return correlate(tell.account, ordered, crm, config, tell.day(on))


def contract_of(correlation: Correlation, event: Event) -> str:
    """The contract an event was given."""
    (found,) = [
        contract_id
        for contract_id, contract_events in correlation.contracts.items()
        if event.event_id in {one.event_id for one in contract_events}
    ]
    return found


def as_placed(correlation: Correlation, event: Event) -> Any:
    """The event as it was placed, with what others say of it."""
    return next(
        one
        for contract_events in correlation.contracts.values()
        for one in contract_events
        if one.event_id == event.event_id
    )


def reasons(correlation: Correlation) -> dict[str, tuple[str, str]]:
    """Message -> (reason, what it waits for)."""
    return {p.source_event_id: (p.reason, p.waits_for) for p in correlation.pending}


def crm_with_contract(tell: Told, **values: Any) -> CrmView:
    """A CRM that knows the account and a contract with the number 00000417."""
    changes = [
        tell.change("001A", 1, "2026-01-01", "CREATE", "Account", currency="EUR"),
        tell.change("800C", 2, "2026-01-01", "CREATE", account_id="001A", status="Activated",
                    start_date="2026-01-01", contract_number="00000417", **values),
    ]  # fmt: skip
    return assemble_crm(changes, STRICT, tell.day("2026-02-01"))


# --- which contract -----------------------------------------------------------------------


def test_a_subscription_without_a_contract_is_a_contract_of_its_own(tell: Told) -> None:
    active = tell.subscription("1", "2026-01-01")
    invoice = tell.invoice("2", "2026-01-02", subscription_id="stripe:sub_1")
    payment = tell.payment("3", "2026-01-03", ("ch_1",), invoice_id="stripe:in_1")
    found = correlated(tell, [tell.customer_seen(), active, invoice, payment])
    assert {contract_of(found, e) for e in (active, invoice, payment)} == {"stripe:sub_1"}


def test_what_is_bought_without_subscription_is_direct(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02")
    found = correlated(tell, [tell.customer_seen(), invoice])
    assert contract_of(found, invoice) == "direct"


@pytest.mark.parametrize("claim", ["salesforce:800C", "00000417", "800C"])
@pytest.mark.parametrize("stated_on", ["subscription", "invoice", "payment"])
def test_a_contract_stated_anywhere_is_the_contract_of_the_whole_subscription(
    tell: Told, stated_on: str, claim: str
) -> None:
    stated = {name: {"contract_id": claim} if name == stated_on else {} for name in
              ("subscription", "invoice", "payment")}  # fmt: skip
    active = tell.subscription("1", "2026-01-01", **stated["subscription"])
    invoice = tell.invoice("2", "2026-01-02", subscription_id="stripe:sub_1", **stated["invoice"])
    payment = tell.payment(
        "3", "2026-01-03", ("ch_1",), invoice_id="stripe:in_1", **stated["payment"]
    )
    refund = tell.event(events.RefundIssued, "4", "2026-01-04", refund_id="re_1",
                        payment_refs=("ch_1",), currency="EUR", amount_minor=100)  # fmt: skip
    told = [active, invoice, payment, refund]
    found = correlated(tell, told, crm=crm_with_contract(tell))
    assert {contract_of(found, event) for event in told} == {"salesforce:800C"}
    assert found.pending == ()


def test_the_claim_of_an_invoice_counts_before_its_subscription(tell: Told) -> None:
    line = events.InvoiceLine(line_id="l", amount_minor=1200, subscription_id="stripe:sub_1")
    other = events.InvoiceLine(line_id="m", amount_minor=0, subscription_id="stripe:sub_2")
    invoice = tell.invoice("1", "2026-01-02", contract_id="00000417", lines=(line, other))
    active = tell.subscription("2", "2026-01-01")
    found = correlated(tell, [invoice, active], crm=crm_with_contract(tell))
    assert contract_of(found, invoice) == "salesforce:800C"
    assert contract_of(found, active) == "stripe:sub_1", "two subscriptions: no claim on either"


def test_an_invoice_over_two_subscriptions_is_direct(tell: Told) -> None:
    lines = tuple(
        events.InvoiceLine(line_id=sub, amount_minor=600, subscription_id=sub)
        for sub in ("stripe:sub_1", "stripe:sub_2")
    )
    invoice = tell.invoice("1", "2026-01-02", lines=lines)
    assert contract_of(correlated(tell, [tell.customer_seen(), invoice]), invoice) == "direct"


def test_contradicting_claims_for_one_subscription_wait_all_of_them(tell: Told) -> None:
    active = tell.subscription("1", "2026-01-01", contract_id="salesforce:800C")
    invoice = tell.invoice("2", "2026-01-02", subscription_id="stripe:sub_1",
                           contract_id="salesforce:800D")  # fmt: skip
    payment = tell.payment("3", "2026-01-03", ("ch_1",), invoice_id="stripe:in_1")
    found = correlated(tell, [active, invoice, payment], ASSUMED)
    assert found.contracts == {}
    assert reasons(found) == dict.fromkeys(
        ("stripe:evt_1", "stripe:evt_2", "stripe:evt_3"), ("ambiguous_contract", "stripe:sub_1")
    )


def test_an_invoice_with_a_claim_still_waits_while_one_of_its_subscriptions_is_contradicted(
    tell: Told,
) -> None:
    lines = tuple(
        events.InvoiceLine(line_id=sub, amount_minor=600, subscription_id=sub)
        for sub in ("stripe:sub_1", "stripe:sub_2")
    )
    invoice = tell.invoice("1", "2026-01-02", lines=lines, contract_id="A")
    told = [
        invoice,
        tell.subscription("2", "2026-01-01", contract_id="A"),
        tell.subscription("3", "2026-01-03", "changed", contract_id="B"),
    ]
    found = correlated(tell, told, ASSUMED)
    assert reasons(found)["stripe:evt_1"] == ("ambiguous_contract", "stripe:sub_1")
    assert contract_of(correlated(tell, told[:2], ASSUMED), invoice) == "A"


def test_two_names_of_one_contract_do_not_contradict_each_other(tell: Told) -> None:
    active = tell.subscription("1", "2026-01-01", contract_id="salesforce:800C")
    invoice = tell.invoice(
        "2", "2026-01-02", subscription_id="stripe:sub_1", contract_id="00000417"
    )
    found = correlated(tell, [active, invoice], crm=crm_with_contract(tell))
    assert found.pending == ()
    assert contract_of(found, active) == contract_of(found, invoice) == "salesforce:800C"


def test_two_events_of_one_invoice_that_claim_different_contracts_wait(tell: Told) -> None:
    told = [
        tell.invoice("1", "2026-01-02", contract_id="A"),
        tell.invoice("2", "2026-01-03", contract_id="B"),
        tell.event(events.InvoiceVoided, "3", "2026-01-04", invoice_id="stripe:in_1"),
    ]
    found = correlated(tell, told, ASSUMED)
    assert set(reasons(found).values()) == {("ambiguous_contract", "stripe:in_1")}
    assert len(found.pending) == 3


# --- payments -----------------------------------------------------------------------------


def test_a_payment_that_knows_no_invoice_finds_it_by_shared_ids(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02", subscription_id="stripe:sub_1")
    charge = tell.payment("2", "2026-01-03", ("ch_1", "pi_1"))
    intent = tell.payment("3", "2026-01-03", ("pi_1",))
    tie = tell.payment("4", "2026-01-04", ("inpay_1", "pi_1"), invoice_id="stripe:in_1")
    found = correlated(tell, [tell.customer_seen(), invoice, charge, intent, tie])
    assert {contract_of(found, payment) for payment in (charge, intent)} == {"stripe:sub_1"}


def test_an_invoice_that_only_a_failed_attempt_ties_to_a_payment_is_told_to_the_payment(
    tell: Told,
) -> None:
    invoice = tell.invoice("1", "2026-01-02", subscription_id="stripe:sub_1")
    charge = tell.payment("2", "2026-01-03", ("ch_1", "pi_1"))
    failed = tell.failure("3", "2026-01-02", payment_refs=("pi_1",), invoice_id="stripe:in_1")
    found = correlated(tell, [tell.customer_seen(), invoice, charge, failed])
    placed = as_placed(found, charge)
    assert (placed.invoice_id, placed.linkage) == ("stripe:in_1", "invoice")


def test_a_payment_that_may_belong_to_an_invoice_waits_with_its_money(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02")
    payment = tell.payment("2", "2026-01-03", ("ch_1",), amount=999, entity="DE01")
    refund = tell.event(events.RefundIssued, "3", "2026-01-04", refund_id="re_1",
                        payment_refs=("ch_1",), currency="EUR", amount_minor=1)  # fmt: skip
    found = correlated(tell, [tell.customer_seen(), invoice, payment, refund], on="2026-01-11")
    assert reasons(found) == dict.fromkeys(
        ("stripe:evt_2", "stripe:evt_3"), ("unmatched_payment", "ch_1")
    )
    pending = found.pending[0]
    assert (pending.amount_minor, pending.currency) == (999, "EUR")
    assert (pending.entity, pending.period) == ("DE01", "2026-01")
    assert pending.deadline_micros == tell.day("2026-01-10")
    assert pending.expired
    on_time = correlated(tell, [tell.customer_seen(), invoice, payment], on="2026-01-10")
    assert not on_time.pending[0].expired, "the deadline itself is still in time"


def test_a_payment_of_a_customer_without_invoices_stands_alone(tell: Told) -> None:
    payment = tell.payment("1", "2026-01-03", ("ch_1",))
    found = correlated(tell, [payment])
    assert as_placed(found, payment).linkage == "standalone"
    assert contract_of(found, payment) == "direct"


def test_a_payment_that_one_event_calls_standalone_is_so_for_all_that_tell_it(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02")
    charge = tell.payment("2", "2026-01-03", ("ch_1", "pi_1"), linkage="standalone")
    intent = tell.payment("3", "2026-01-03", ("pi_1",))
    found = correlated(tell, [tell.customer_seen(), invoice, charge, intent])
    assert as_placed(found, intent).linkage == "standalone"
    assert as_placed(found, charge) == charge


def test_a_standalone_payment_goes_to_the_contract_it_names(tell: Told) -> None:
    fee = tell.payment("1", "2026-01-03", ("ch_1",), linkage="standalone", contract_id="00000417")
    found = correlated(tell, [fee], crm=crm_with_contract(tell))
    assert contract_of(found, fee) == "salesforce:800C"


def test_a_dispute_goes_where_its_payment_is(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02", subscription_id="stripe:sub_1")
    payment = tell.payment("2", "2026-01-03", ("ch_1", "pi_1"), invoice_id="stripe:in_1")
    dispute = tell.event(events.DisputeOpened, "3", "2026-01-09", dispute_id="dp_1",
                         payment_refs=("pi_1",), currency="EUR", amount_minor=1200)  # fmt: skip
    found = correlated(tell, [tell.customer_seen(), invoice, payment, dispute])
    assert contract_of(found, dispute) == "stripe:sub_1"


def test_a_failed_attempt_learns_its_invoice_from_the_ids_it_shares(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02", subscription_id="stripe:sub_1")
    failed = tell.failure("2", "2026-01-03", payment_refs=("pi_1",))
    told_by_invoice = tell.failure(
        "3", "2026-01-03", payment_refs=("pi_1",), invoice_id="stripe:in_1", attempt_count=1
    )
    found = correlated(tell, [tell.customer_seen(), invoice, failed, told_by_invoice])
    assert as_placed(found, failed).invoice_id == "stripe:in_1"
    assert contract_of(found, failed) == "stripe:sub_1"


def test_a_refund_that_only_its_credit_note_knows_goes_to_the_invoice(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02", subscription_id="stripe:sub_1")
    note = tell.event(events.CreditNoteIssued, "2", "2026-01-05", credit_note_id="cn_1",
                      invoice_id="stripe:in_1", currency="EUR", total_minor=100,
                      refunded_minor=100, refund_ids=("re_1",))  # fmt: skip
    refund = tell.event(events.RefundIssued, "3", "2026-01-05", refund_id="re_1",
                        payment_refs=("ch_9",), currency="EUR", amount_minor=100)  # fmt: skip
    found = correlated(tell, [tell.customer_seen(), invoice, note, refund])
    assert contract_of(found, note) == contract_of(found, refund) == "stripe:sub_1"


# --- usage and items ----------------------------------------------------------------------


def test_usage_and_pending_items_go_to_the_invoice_that_bills_them(tell: Told) -> None:
    line = events.InvoiceLine(line_id="l", amount_minor=1200, accrual_id="ii_1")
    invoice = tell.invoice("1", "2026-02-01", subscription_id="stripe:sub_1", lines=(line,))
    item = tell.event(events.ItemAccrued, "2", "2026-01-10", accrual_id="ii_1", currency="EUR",
                      amount_minor=1200)  # fmt: skip
    deleted = tell.event(events.ItemDeleted, "3", "2026-01-11", accrual_id="ii_2")
    accrued = tell.event(events.ItemAccrued, "4", "2026-01-10", accrual_id="ii_2", currency="EUR",
                         amount_minor=5, subscription_id="stripe:sub_2")  # fmt: skip
    found = correlated(tell, [tell.customer_seen(), invoice, item, deleted, accrued])
    assert contract_of(found, item) == "stripe:sub_1"
    assert contract_of(found, deleted) == "stripe:sub_2"


# --- waiting ------------------------------------------------------------------------------


def test_an_invoice_of_a_customer_nobody_has_shown_waits_with_all_that_follows(tell: Told) -> None:
    invoice = tell.invoice("1", "2026-01-02", total=4200)
    payment = tell.payment("2", "2026-01-03", ("ch_1",), invoice_id="stripe:in_1")
    found = correlated(tell, [invoice, payment], on="2026-01-05T01:00")
    assert set(reasons(found).values()) == {("unmatched_customer", "stripe:cus_1")}
    assert found.pending[0].amount_minor == 4200
    assert [p.expired for p in found.pending] == [True, False]
    for seen in ([tell.customer_seen()], []):
        crm = None if seen else crm_with_contract(tell)
        assert correlated(tell, [invoice, payment, *seen], crm=crm).pending == ()
    assert correlated(tell, [invoice, payment], ASSUMED).pending == ()


def test_what_names_a_contract_that_crm_has_not_sent_waits_for_it(tell: Told) -> None:
    active = tell.subscription("1", "2026-01-01", contract_id="00000417")
    invoice = tell.invoice("2", "2026-01-02", subscription_id="stripe:sub_1")
    told = [tell.customer_seen(), active, invoice]
    waiting = correlated(tell, told)
    assert reasons(waiting) == dict.fromkeys(
        ("stripe:evt_1", "stripe:evt_2"), ("unmatched_contract", "00000417")
    )
    assert waiting.pending[1].deadline_micros == tell.day("2026-01-09")
    released = correlated(tell, told, crm=crm_with_contract(tell))
    assert contract_of(released, invoice) == "salesforce:800C" and released.pending == ()
    assumed = correlated(tell, told, ASSUMED)
    assert contract_of(assumed, invoice) == "00000417"


def test_a_contract_told_whole_is_as_good_as_one_told_by_changes(tell: Told) -> None:
    invoice = tell.invoice("2", "2026-01-02", contract_id="C-100")
    signed = tell.signed("C-100", "1", "2026-01-01")
    found = correlated(tell, [tell.customer_seen(), invoice, signed])
    assert contract_of(found, invoice) == contract_of(found, signed) == "C-100"


def test_a_payout_belongs_to_nobody_and_waits_for_nobody(tell: Told) -> None:
    payout = tell.event(events.PayoutPaid, "1", "2026-01-02", payout_id="po_1", currency="EUR",
                        amount_minor=5, customer_id=None)  # fmt: skip
    found = correlated(tell, [payout])
    assert contract_of(found, payout) == "direct" and found.pending == ()


# --- legal entity -------------------------------------------------------------------------


def test_the_entity_of_the_contract_in_crm_wins_and_the_contradiction_is_kept(tell: Told) -> None:
    active = tell.subscription("1", "2026-01-01", contract_id="00000417")
    wrong = tell.invoice("2", "2026-01-02", subscription_id="stripe:sub_1", entity="US01")
    found = correlated(tell, [active, wrong], crm=crm_with_contract(tell, entity="DE01"))
    assert as_placed(found, wrong).entity == as_placed(found, active).entity == "DE01"
    (conflict,) = found.conflicts
    assert (conflict.event_id, conflict.attribute) == (wrong.event_id, "entity")
    assert (conflict.owner, conflict.claimed_by) == ("salesforce", "stripe")


def test_without_crm_the_event_says_its_entity_then_the_account(tell: Told) -> None:
    changes = [tell.change("001A", 1, "2026-01-01", "CREATE", "Account", entity="DE01")]
    crm = assemble_crm(changes, STRICT, tell.day("2026-02-01"))
    stated = tell.invoice("1", "2026-01-02", entity="US01")
    silent = tell.invoice("2", "2026-01-02", invoice="stripe:in_2")
    found = correlated(tell, [stated, silent], crm=crm)
    assert as_placed(found, stated).entity == "US01"
    assert as_placed(found, silent).entity == "DE01"
    assert found.conflicts == ()


def test_where_money_was_collected_is_the_payment_processors_to_say(tell: Told) -> None:
    active = tell.subscription("1", "2026-01-01", contract_id="00000417")
    invoice = tell.invoice("2", "2026-01-02", subscription_id="stripe:sub_1")
    abroad = tell.payment("3", "2026-01-03", ("ch_1",), invoice_id="stripe:in_1", entity="US01")
    silent = tell.payment("4", "2026-01-04", ("ch_2",), invoice_id="stripe:in_1")
    told = [active, invoice, abroad, silent]
    found = correlated(tell, told, crm=crm_with_contract(tell, entity="DE01"))
    entities = [as_placed(found, event).entity for event in told]
    assert entities == ["DE01", "DE01", "US01", None], "a silent payment follows its invoice"
    assert found.conflicts == ()


def test_a_standalone_payment_takes_the_entity_of_its_contract_unless_any_event_says_another(
    tell: Told,
) -> None:
    fee = tell.payment("1", "2026-01-03", ("ch_1", "pi_1"), contract_id="00000417")
    crm = crm_with_contract(tell, entity="DE01")
    assert as_placed(correlated(tell, [fee], crm=crm), fee).entity == "DE01"
    abroad = tell.payment("2", "2026-01-03", ("pi_1",), entity="US01")
    placed = correlated(tell, [fee, abroad], crm=crm)
    assert [as_placed(placed, event).entity for event in (fee, abroad)] == [None, "US01"]


def test_what_is_held_shows_the_entity_of_the_contract(tell: Told) -> None:
    told = [
        tell.invoice("1", "2026-01-02", contract_id="00000417", entity="US01"),
        tell.payment("2", "2026-01-02", ("ch_1",), contract_id="00000417"),
        tell.payment("3", "2026-01-02", ("ch_2",), contract_id="00000417", entity="US01"),
    ]
    found = correlated(tell, told, crm=crm_with_contract(tell, entity="DE01"))
    assert [p.entity for p in found.pending] == ["DE01", "US01"]


# --- order --------------------------------------------------------------------------------


@given(data=st.data())
def test_claims_and_ids_may_come_in_any_order_of_time(tell: Told, data: st.DataObject) -> None:
    days = data.draw(st.permutations([f"2026-01-{day:02}" for day in range(1, 8)]))
    told = [
        tell.customer_seen("1", days[0]),
        tell.subscription("2", days[1]),
        tell.invoice("3", days[2], subscription_id="stripe:sub_1"),
        tell.payment("4", days[3], ("ch_1", "pi_1")),
        tell.payment("5", days[4], ("inpay_1", "pi_1"), invoice_id="stripe:in_1"),
        tell.payment("6", days[5], ("ch_1",), contract_id="00000417"),
        tell.failure("7", days[6], payment_refs=("inpay_1",)),
    ]
    found = correlated(tell, told, crm=crm_with_contract(tell))
    assert found.pending == ()
    placed = {e.source_event_id for e in found.contracts["salesforce:800C"]}
    assert placed >= {f"stripe:evt_{number}" for number in range(2, 8)}
    ordered = found.contracts["salesforce:800C"]
    assert ordered == sorted(ordered, key=lambda e: (e.occurred_at_micros, e.event_id))
