"""What well-formed events must mean; the registry's examples cover the refusals one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.canonical_checks import check_meaning, exclusive_tax_minor
from ledger.events import (
    CreditNoteIssued,
    InvoiceIssued,
    InvoiceLine,
    ItemAccrued,
    PaymentSucceeded,
    TaxAmount,
)

AT = 1_768_467_600_000_000
ENVELOPE: dict[str, Any] = {
    "event_id": "e",
    "source_event_id": "e",
    "source": "shop",
    "tenant": "acme",
    "occurred_at_micros": AT,
    "currency": "EUR",
}
AMOUNTS = st.integers(-(10**9), 10**9)
TAXES = st.lists(
    st.builds(TaxAmount, amount_minor=AMOUNTS, inclusive=st.booleans()), max_size=3
).map(tuple)


def invoice(lines: list[InvoiceLine], taxes: tuple[TaxAmount, ...], total: int) -> InvoiceIssued:
    return InvoiceIssued(
        **ENVELOPE,
        invoice_id="i",
        total_minor=total,
        lines=tuple(lines),
        taxes=taxes,
        issued_at_micros=AT,
        balance_applied_minor=min(total, 0),
    )


def reason_of(event: Any) -> str | None:
    found = check_meaning(event)
    return found.reason if found else None


def test_only_taxes_that_come_on_top_are_added() -> None:
    taxes = [TaxAmount(amount_minor=5), TaxAmount(amount_minor=7, inclusive=True)]
    assert exclusive_tax_minor(taxes) == 5


@given(st.lists(st.tuples(AMOUNTS, TAXES), max_size=4), TAXES, AMOUNTS.filter(bool))
def test_an_invoice_is_accepted_for_its_exact_total_and_no_other(
    parts: list[tuple[int, tuple[TaxAmount, ...]]], taxes: tuple[TaxAmount, ...], off: int
) -> None:
    lines = [
        InvoiceLine(line_id=f"l{index}", amount_minor=amount, taxes=taxes_of_line)
        for index, (amount, taxes_of_line) in enumerate(parts)
    ]
    on_top = [tax.amount_minor for _, each in parts for tax in each if not tax.inclusive]
    on_top += [tax.amount_minor for tax in taxes if not tax.inclusive]
    total = sum(amount for amount, _ in parts) + sum(on_top)
    assert reason_of(invoice(lines, taxes, total)) is None
    assert reason_of(invoice(lines, taxes, total + off)) == "lines_do_not_add_up"


def test_a_negative_invoice_must_be_credited_to_the_balance() -> None:
    line = InvoiceLine(line_id="l", amount_minor=-500)
    credited = invoice([line], (), -500)
    assert reason_of(credited) is None
    for balance in (0, -499, 500):
        event = msgspec.structs.replace(credited, balance_applied_minor=balance)
        assert reason_of(event) == "negative_amount"


SPAN = {"service_start_micros": AT, "service_end_micros": AT + 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"service_end_micros": AT}, None),
        ({"service_start_micros": None, "service_end_micros": None}, None),
        ({"service_end_micros": AT - 1}, "invalid_value"),
        ({"service_end_micros": None}, "missing_field"),
        ({"service_start_micros": None}, "missing_field"),
    ],
)
@pytest.mark.parametrize(
    "build",
    [
        lambda span: invoice([InvoiceLine(line_id="l", amount_minor=5, **span)], (), 5),
        lambda span: ItemAccrued(**ENVELOPE, accrual_id="a", amount_minor=5, **span),
    ],
    ids=["line", "accrual"],
)
def test_a_service_period_has_both_ends_in_order(
    build: Callable[[Any], Any], changes: dict[str, Any], reason: str | None
) -> None:
    assert reason_of(build({**SPAN, **changes})) == reason


@given(st.lists(st.integers(0, 10**9), min_size=4, max_size=4), st.integers(1, 10**9))
def test_a_credit_note_says_where_all_of_it_goes(parts: list[int], off: int) -> None:
    names = ("to_receivable_minor", "to_balance_minor", "refunded_minor", "out_of_band_minor")
    note = CreditNoteIssued(
        **ENVELOPE,
        credit_note_id="n",
        invoice_id="i",
        total_minor=sum(parts),
        **dict(zip(names, parts, strict=True)),
    )
    assert reason_of(note) is None
    more = msgspec.structs.replace(note, total_minor=sum(parts) + off)
    assert reason_of(more) == "lines_do_not_add_up"


def test_a_payment_can_be_recognised_again() -> None:
    payment = PaymentSucceeded(**ENVELOPE, payment_refs=("ch",), amount_minor=5)
    replace = msgspec.structs.replace
    assert reason_of(payment) is None
    assert reason_of(replace(payment, payment_refs=())) == "missing_field"
    told = replace(payment, payment_refs=(), evidence="invoice_total")
    assert reason_of(told) == "missing_field"
    assert reason_of(replace(told, invoice_id="i")) is None
    assert reason_of(replace(payment, linkage="invoice")) == "missing_field"
    assert reason_of(replace(payment, settlement_minor=5)) == "missing_field"
    settled = replace(payment, settlement_minor=5, settlement_currency="USD")
    assert reason_of(settled) is None
