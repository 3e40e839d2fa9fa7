"""The tax report: what stands on tax payable per place and period, and supplies without tax."""

from __future__ import annotations

from typing import Any

from store_builders import JANUARY, contract, entry, folded, invoice, line, message

from connectors.store import LedgerStore, TaxRow, UntaxedRow
from ledger.events import (
    CreditNoteIssued,
    CreditNoteLine,
    CreditNoteVoided,
    Event,
    InvoiceIssued,
    InvoiceLine,
    TaxAmount,
)
from ledger.journal import JournalEntry
from ledger.messages import Message, Outcome

ABROAD = TaxAmount(amount_minor=0, jurisdiction="FR", treatment="reverse_charge")


def taxed(key: str, amount: int, place: str | None, **changes: Any) -> JournalEntry:
    """An entry that owes `amount` of tax in a place (negative: gives it back)."""
    tax = line("tax_payable", -amount, jurisdiction=place)
    return entry(key, lines=(line("accounts_receivable", amount), tax), **changes)


def about(name: str, kind: type[Event], **fields: Any) -> Event:
    return kind(
        event_id=f"stripe:{name}/{kind.__struct_config__.tag}",
        source_event_id=f"stripe:{name}",
        source="stripe",
        tenant="acme",
        occurred_at_micros=JANUARY,
        **fields,
    )


def told(name: str, *events: Event) -> Message:
    version = ",".join(f"{event.__struct_config__.tag}@2" for event in events)
    return message(name, events=events, schema_version=version)


def issued(name: str, invoice_id: str, *lines: InvoiceLine) -> Message:
    total = sum(each.amount_minor for each in lines)
    return told(
        name,
        about(
            name,
            InvoiceIssued,
            invoice_id=invoice_id,
            currency="USD",
            total_minor=total,
            lines=lines,
            issued_at_micros=JANUARY,
        ),
    )


def test_what_is_owed_is_stated_less_given_back_per_place_and_period(store: LedgerStore) -> None:
    """Germany 19.00 + 7.00 in January, 4.00 back in February; 8.00 of no stated place."""
    entries = [
        taxed("in_1:invoice_issued", 1_900, "DE"),
        taxed("in_2:invoice_issued", 700, "DE"),
        taxed("in_3:invoice_issued", 800, None),
        taxed("cn_1", -400, "DE", rule="credit_note_issued", accounting_date="2026-02-03"),
    ]
    store.commit([folded([message("evt_1")], entries)])
    owed, without = store.taxes()
    assert [
        (row.jurisdiction, row.period, row.stated_minor, row.given_back_minor, row.payable_minor)
        for row in owed
    ] == [
        (None, "2026-01", 800, 0, 800),
        ("DE", "2026-01", 2_600, 0, 2_600),
        ("DE", "2026-02", 0, 400, -400),
    ]
    assert without == []
    assert [row.period for row in store.taxes(through_period="2026-01")[0]] == ["2026-01"] * 2
    assert store.taxes(tenant="other") == ([], [])


def test_a_corrected_entry_counts_once(store: LedgerStore) -> None:
    """19.00 were booked and then 17.00: the reversal takes the first back from what was stated."""
    store.commit([folded([message("evt_1")], [taxed("in_1:invoice_issued", 1_900, "DE")])])
    correction = folded(
        [message("evt_2")],
        [taxed("in_1:invoice_issued", 1_700, "DE")],
        seen={"stripe:cus_1": 1},
        outcomes={"stripe:evt_1": Outcome.POSTED},
    )
    store.commit([correction])
    [row] = store.taxes()[0]
    assert isinstance(row, TaxRow)
    assert (row.stated_minor, row.given_back_minor) == (1_700, 0)
    assert row.functional_payable_minor == 1_700


def test_supplies_without_tax_are_told_by_place_and_treatment(store: LedgerStore) -> None:
    """100 + 50 under reverse charge (one invoice told twice), 30 exempt; 40 credited."""
    exempt = TaxAmount(
        amount_minor=0, jurisdiction="US-NY", treatment="customer_exempt", taxable_minor=3_000
    )
    lines = (
        InvoiceLine(line_id="il_1", amount_minor=10_000, taxes=(ABROAD,)),
        InvoiceLine(line_id="il_2", amount_minor=3_500, taxes=(exempt,)),
    )
    note = about(
        "evt_4",
        CreditNoteIssued,
        credit_note_id="stripe:cn_1",
        invoice_id="stripe:in_1",
        currency="USD",
        total_minor=4_000,
        lines=(CreditNoteLine(line_id="cnl_1", amount_minor=4_000, taxes=(ABROAD,)),),
    )
    store.commit(
        [
            folded(
                [
                    issued("evt_1", "stripe:in_1", *lines),
                    issued("evt_2", "stripe:in_1", *lines),
                    issued("evt_3", "stripe:in_2", InvoiceLine(
                        line_id="il_1", amount_minor=5_000, taxes=(ABROAD,)
                    )),
                    told("evt_4", note),
                ],
                [
                    entry("in_1:invoice_issued", 13_500, entity="DE01"),
                    entry("in_2:invoice_issued", 5_000, entity="DE01"),
                    entry(
                        "cn_1:credit_note_issued",
                        4_000,
                        rule="credit_note_issued",
                        accounting_date="2026-02-10",
                        entity="DE01",
                    ),
                ],
            )
        ]
    )  # fmt: skip
    owed, without = store.taxes()
    assert owed == []
    assert [
        (row.entity, row.jurisdiction, row.treatment, row.period, row.supplied_minor,
         row.credited_minor)
        for row in without
    ] == [
        ("DE01", "FR", "reverse_charge", "2026-01", 15_000, 0),
        ("DE01", "FR", "reverse_charge", "2026-02", 0, 4_000),
        ("DE01", "US-NY", "customer_exempt", "2026-01", 3_000, 0),
    ]  # fmt: skip
    assert all(isinstance(row, UntaxedRow) for row in without)
    assert {row.period for row in store.taxes(through_period="2026-01")[1]} == {"2026-01"}


def test_what_was_voided_was_not_supplied(store: LedgerStore) -> None:
    """One invoice is void, and so is the credit note of the other: 50.00 are left."""
    whole = InvoiceLine(line_id="il_1", amount_minor=5_000, taxes=(ABROAD,))
    of_note = {"credit_note_id": "stripe:cn_1", "invoice_id": "stripe:in_2"}
    note = about(
        "evt_3",
        CreditNoteIssued,
        **of_note,
        currency="USD",
        total_minor=2_000,
        lines=(CreditNoteLine(line_id="cnl_1", amount_minor=2_000, taxes=(ABROAD,)),),
    )
    new = [
        issued("evt_1", "stripe:in_1", whole),
        issued("evt_2", "stripe:in_2", whole),
        told("evt_3", note),
        told("evt_4", about("evt_4", CreditNoteVoided, **of_note)),
    ]
    states = contract(invoice("in_1", status="voided"), invoice("in_2"))
    store.commit([folded(new, [entry("in_2:invoice_issued", 5_000)], contracts=[states])])
    [row] = store.taxes()[1]
    assert (row.supplied_minor, row.credited_minor) == (5_000, 0)
