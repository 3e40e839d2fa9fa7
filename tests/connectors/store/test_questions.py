"""The standing questions: what is not posted, not provisioned, at risk or wrong, and why."""

from __future__ import annotations

import msgspec
from store_builders import (
    DAY,
    JANUARY,
    contract,
    entry,
    folded,
    invoice,
    letter,
    line,
    message,
    waiting,
)

from connectors.store import LedgerStore
from ledger.events import InvoiceIssued
from ledger.journal import net_by_account
from ledger.messages import Message, Outcome

CUSTOMER = "stripe:cus_1"


def issued(name: str, invoice_id: str, total: int = 1000) -> Message:
    """A message that issues an invoice."""
    event = InvoiceIssued(
        event_id=f"stripe:{name}/billing.invoice_issued",
        source_event_id=f"stripe:{name}",
        source="stripe",
        tenant="acme",
        occurred_at_micros=JANUARY,
        invoice_id=invoice_id,
        currency="EUR",
        total_minor=total,
        lines=(),
        issued_at_micros=JANUARY + 40 * DAY,
    )
    return message(name, events=(event,))


def test_an_invoice_whose_own_event_waits_is_not_posted_and_says_why(store: LedgerStore) -> None:
    event_id = "stripe:evt_1/billing.invoice_issued"
    waits = [
        waiting("evt_1", event_id=event_id, reason="missing_rate", waits_for="EUR/USD/2026-02-10"),
        waiting(
            "evt_1",
            event_id=event_id,
            reason="unmatched_contract",
            waits_for="salesforce:800",
            deadline_micros=JANUARY + DAY,
        ),
    ]
    pending = {"stripe:evt_1": Outcome.PENDING}
    store.commit([folded([issued("evt_1", "stripe:in_1")], outcomes=pending, pending=waits)])
    (found,) = store.unposted_invoices()
    assert (found.invoice_id, found.currency, found.total_minor) == ("stripe:in_1", "EUR", 1000)
    assert (found.customer_id, found.contract_id, found.period) == (CUSTOMER, None, "2026-02")
    assert found.reasons == ("unmatched_contract", "missing_rate")
    assert found.waits_for == ("salesforce:800", "EUR/USD/2026-02-10")
    assert found.deadline_micros == JANUARY + DAY


def test_an_invoice_that_a_contract_holds_unposted_is_listed_once(store: LedgerStore) -> None:
    invoices = [
        invoice("in_1", posted=False, status="pending"),
        invoice("in_2"),
        invoice("in_3", posted=False, status="voided"),
    ]
    waits = waiting("evt_1", event_id="stripe:evt_1/billing.invoice_issued", reason="missing_rate")
    store.commit(
        [
            folded(
                [issued("evt_1", "stripe:in_1")],
                contracts=[contract(*invoices)],
                pending=[waits],
            )
        ]
    )
    (found,) = store.unposted_invoices("acme")
    assert (found.invoice_id, found.contract_id) == ("stripe:in_1", "stripe:sub_1")
    assert found.reasons == ("missing_rate",)
    assert store.unposted_invoices("globex") == []


def test_paid_and_not_provisioned_leaves_out_who_is_served_or_gone(store: LedgerStore) -> None:
    paid = [invoice("in_1", paid_minor=600), invoice("in_2", paid_minor=50)]
    cases = [
        contract(*paid, contract_id="waits", paid=True),
        contract(contract_id="served", paid=True, provisioned=True),
        contract(contract_id="gone", paid=True, cancelled=True),
        contract(contract_id="owes"),
    ]
    store.commit([folded([message("evt_1")], contracts=cases)])
    (found,) = store.unprovisioned()
    assert (found.contract_id, found.paid_minor) == ("waits", 650)
    assert found.subscription_ids == ("stripe:sub_1",)
    assert store.unprovisioned("globex") == []


def test_renewals_at_risk_tell_why_and_how_much_is_open(store: LedgerStore) -> None:
    at_risk = contract(
        invoice("in_1", total_minor=1000, paid_minor=300, credited_minor=100),
        invoice("in_2", status="voided"),
        invoice("in_3", posted=False, status="pending"),
        renewal_due=True,
        renewal_at_risk=True,
        renewal_risk_reasons=("past_due", "disputed"),
        term_end_micros=JANUARY,
    )
    safe = contract(contract_id="safe", renewal_due=True)
    store.commit([folded([message("evt_1")], contracts=[at_risk, safe])])
    (found,) = store.renewals_at_risk()
    assert (found.contract_id, found.open_minor) == ("stripe:sub_1", 600)
    assert (found.reasons, found.term_end_micros) == (("past_due", "disputed"), JANUARY)


def test_exceptions_are_dead_letters_late_partners_and_the_ambiguous(store: LedgerStore) -> None:
    waits = [
        waiting("evt_1", deadline_micros=JANUARY + DAY),
        waiting("evt_2", deadline_micros=JANUARY + 3 * DAY),
        waiting("evt_3", reason="ambiguous_customer", deadline_micros=JANUARY + 9 * DAY),
    ]
    store.commit([folded([message("evt_1"), message("evt_2"), message("evt_3")], pending=waits)])
    lost = letter(
        "a", amount_minor=5, currency="EUR", entity="DE", occurred_at_micros=JANUARY + 31 * DAY
    )
    store.commit_dead_letters([lost, letter("b")])
    store.resolve_dead_letters([letter("b").dead_letter_id])
    found = list(store.exceptions(as_of_micros=JANUARY + 2 * DAY))
    assert [(e.kind, e.reason, e.message_id) for e in found] == [
        ("dead_letter", "not_json", None),
        ("ambiguous", "ambiguous_customer", "stripe:evt_3"),
        ("expired", "unmatched_invoice", "stripe:evt_1"),
    ]
    assert (found[0].exception_id, found[0].position) == (lost.dead_letter_id, "events.jsonl:1")
    money = [(e.amount_minor, e.currency, e.entity, e.period) for e in found]
    assert money == [(5, "EUR", "DE", "2026-02"), *[(1000, "USD", "MAIN", "2026-01")] * 2]
    # Exactly at the deadline the partner may still come.
    assert len(list(store.exceptions(as_of_micros=JANUARY + DAY))) == 2
    assert list(store.exceptions(JANUARY, "globex")) == []


def test_the_trial_balance_adds_up_per_entity_and_currency(store: LedgerStore) -> None:
    euro = (
        line("cash_clearing", 900, functional_minor=990),
        line("processing_fees", 100, functional_minor=110),
        line("accounts_receivable", -1000, functional_minor=-1100),
    )
    entries = [
        entry("a", 1000),
        entry("b", 250, entity="DE", accounting_date="2026-02-01"),
        entry("c", currency="EUR", lines=euro),
        entry("d", 10**17, entity="BIG"),
        entry("e", 10**17, entity="BIG"),
    ]
    store.commit([folded([message("evt_1")], entries)])
    other = entry("a", 7, by="evt_9", tenant="globex")
    store.commit([folded([message("evt_9", tenant="globex")], [other], tenant="globex")])
    rows = store.trial_balance()
    books = {(r.tenant, r.entity, r.currency) for r in rows}
    assert len(books) == 5
    for book in books:
        of_book = [r for r in rows if (r.tenant, r.entity, r.currency) == book]
        assert sum(r.debits_minor for r in of_book) == sum(r.credits_minor for r in of_book)
        assert sum(r.functional_balance_minor for r in of_book) == 0
    expected: dict[tuple[str, ...], list[int]] = {}
    for key, (amount, functional) in net_by_account([*entries, other]).items():
        tenant, entity, currency, _, role = key
        cell = expected.setdefault((tenant, entity, currency, role), [0, 0])
        cell[0] += amount
        cell[1] += functional
    found = {
        (r.tenant, r.entity, r.currency, r.role): [r.balance_minor, r.functional_balance_minor]
        for r in rows
    }
    assert found == expected
    assert rows == sorted(rows, key=lambda r: msgspec.structs.astuple(r)[:5])
    assert {r.entity for r in store.trial_balance("acme", through_period="2026-01")} == {
        "MAIN",
        "BIG",
    }


def test_postings_stream_by_period_date_and_key(store: LedgerStore) -> None:
    entries = [
        entry(f"{number:05d}", accounting_date=f"2026-{1 + number % 3:02d}-{1 + number % 28:02d}")
        for number in range(2500)
    ]
    store.commit([folded([message("evt_1")], entries)])
    found = [posted.entry for posted in store.postings()]
    assert found == sorted(
        entries, key=lambda e: (e.accounting_date[:7], e.accounting_date, e.entry_key)
    )
    assert len(list(store.postings(period="2026-02"))) == 833
    assert list(store.postings(entity="OTHER")) == []
    assert list(store.postings(tenant="globex")) == []
