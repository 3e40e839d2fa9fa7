"""Credit notes: what is credited, of which lines and tax, and where the credit goes."""

from __future__ import annotations

import pytest
from stripe_builders import (
    OLD,
    at,
    credit_note,
    credit_note_line,
    event,
    listed,
    micros,
)

from ledger.events import CreditNoteIssued, CreditNoteVoided

TAX = {"amount": 500, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"}}
OLD_TAX = {"amount": 500, "inclusive": False, "tax_rate": "txr_1"}


def issued(decode, obj, event_type="credit_note.created", **kwargs):
    return decode(event(event_type, obj, created="2026-02-01", **kwargs)).events[0]


def bare(total, **fields):
    """A note in the old shape with nothing but what it must have."""
    return {
        "id": "cn_1",
        "customer": "cus_1",
        "invoice": "in_1",
        "currency": "usd",
        "amount": total,
        **fields,
    }


NOWHERE = {"pre_payment_amount": None, "post_payment_amount": None, "type": None}


@pytest.mark.parametrize(
    ("obj", "goes"),
    [
        (credit_note(3000), (3000, 0, 0, 0)),
        (
            credit_note(
                3000,
                pre_payment_amount=1000,
                post_payment_amount=2000,
                customer_balance_transaction="cbtxn_1",
            ),
            (1000, 2000, 0, 0),
        ),
        (
            credit_note(
                3000,
                pre_payment_amount=0,
                post_payment_amount=3000,
                refunds=[{"amount_refunded": 3000, "refund": "re_1"}],
            ),
            (0, 0, 3000, 0),
        ),
        (
            credit_note(
                3000,
                pre_payment_amount=0,
                post_payment_amount=3000,
                out_of_band_amount=1000,
                refunds=[
                    {"amount_refunded": 500, "refund": "re_1"},
                    {"amount_refunded": 700, "refund": {"id": "re_2"}},
                ],
                customer_balance_transaction="cbtxn_1",
            ),
            (0, 800, 1200, 1000),
        ),
        (bare(3000, type="pre_payment"), (3000, 0, 0, 0)),
        (bare(3000, type="post_payment"), (0, 3000, 0, 0)),
        (bare(3000, type="post_payment", refund="re_1"), (0, 0, 3000, 0)),
        (
            bare(3000, type="post_payment", refund="re_1", out_of_band_amount=1000),
            (0, 0, 2000, 1000),
        ),
        (
            bare(
                3000,
                type="post_payment",
                refund={"id": "re_1", "amount": 2000},
                customer_balance_transaction="cbtxn_1",
            ),
            (0, 1000, 2000, 0),
        ),
        (
            bare(
                3000,
                type="post_payment",
                refund="re_1",
                customer_balance_transaction={"id": "cbtxn_1", "amount": -1200},
            ),
            (0, 1200, 1800, 0),
        ),
        (bare(3000), (3000, 0, 0, 0)),
        (bare(3000, refund="re_1"), (0, 0, 3000, 0)),
        (bare(3000, out_of_band_amount=3000), (0, 0, 0, 3000)),
        (bare(3000, customer_balance_transaction="cbtxn_1"), (0, 3000, 0, 0)),
        ({**credit_note(3000), **NOWHERE}, (3000, 0, 0, 0)),
    ],
)
def test_the_credit_goes_where_the_note_says(decode, obj, goes):
    note = issued(decode, obj)
    assert (
        note.to_receivable_minor,
        note.to_balance_minor,
        note.refunded_minor,
        note.out_of_band_minor,
    ) == goes
    assert note.total_minor == sum(goes) == 3000


def test_where_it_goes_is_never_guessed(decode):
    obj = bare(3000, type="post_payment", refund="re_1", customer_balance_transaction="cbtxn_1")
    refused = decode(event("credit_note.created", obj))
    assert refused.reason == "missing_field"
    assert "expand" in refused.detail


@pytest.mark.parametrize(
    "fields",
    [
        {"refunds": [{"amount_refunded": 4000, "refund": "re_1"}]},
        {"out_of_band_amount": 4000},
        {"pre_payment_amount": -1000},
    ],
)
def test_more_given_than_credited_does_not_add_up(decode, fields):
    obj = credit_note(3000, **{"pre_payment_amount": 0, "post_payment_amount": 3000, **fields})
    assert decode(event("credit_note.created", obj)).reason == "lines_do_not_add_up"


def test_lines_and_taxes_are_kept_per_invoice_line(decode):
    first = credit_note_line("cnli_1", 3000, taxes=[TAX])
    second = credit_note_line("cnli_2", 2000, invoice_line_item=None, type="custom_line_item")
    note = issued(decode, credit_note(5500, first, second, total_taxes=[TAX]))
    assert note.tax_minor == 500
    assert [(each.line_id, each.amount_minor, each.invoice_line_id) for each in note.lines] == [
        ("cnli_1", 3000, "il_1"),
        ("cnli_2", 2000, None),
    ]
    assert note.lines[0].taxes[0].amount_minor == 500


def test_tax_that_only_the_note_states_is_split_over_its_lines(decode):
    lines = [credit_note_line("cnli_1", 2000), credit_note_line("cnli_2", 1000)]
    note = issued(decode, credit_note(3500, *lines, total_taxes=[TAX]))
    assert [each.taxes[0].amount_minor for each in note.lines] == [333, 167]


def test_discounts_of_credited_lines_are_taken_off(decode):
    listed_discount = credit_note_line(
        "cnli_1", 2000, discount_amount=200, discount_amounts=[{"amount": 200, "discount": "di_1"}]
    )
    sum_only = credit_note_line("cnli_2", 1000, discount_amount=100)
    note = issued(decode, credit_note(2700, listed_discount, sum_only))
    assert [each.amount_minor for each in note.lines] == [1800, 900]


def test_shipping_that_is_credited_is_a_line(decode):
    shipping = {"amount_subtotal": 500, "amount_tax": 50, "amount_total": 550}
    note = issued(
        decode, credit_note(2550, credit_note_line("cnli_1", 2000), shipping_cost=shipping)
    )
    assert [(each.line_id, each.amount_minor) for each in note.lines] == [
        ("cnli_1", 2000),
        ("cn_1/shipping", 500),
    ]


@pytest.mark.parametrize(
    ("obj", "tax"),
    [
        (bare(5500, tax_amounts=[OLD_TAX]), 500),
        (bare(5500, tax_amounts=[]), 0),
        (bare(5500, total_excluding_tax=5000), 500),
        (bare(5500), None),
    ],
)
def test_the_tax_is_what_the_note_states(decode, obj, tax):
    assert issued(decode, obj, version=OLD).tax_minor == tax


def test_lines_that_do_not_add_up_are_refused(decode):
    obj = credit_note(3000, credit_note_line("cnli_1", 2000))
    assert decode(event("credit_note.created", obj)).reason == "lines_do_not_add_up"


def test_a_first_page_of_lines_is_refused(decode):
    obj = credit_note(3000, lines=listed(credit_note_line("cnli_1", 3000), has_more=True))
    assert decode(event("credit_note.created", obj)).reason == "lines_incomplete"


def test_a_voided_note_is_also_evidence_that_it_was_issued(decode):
    obj = credit_note(3000, status="void", voided_at=at("2026-05-03"))
    for event_type, created in (
        ("credit_note.voided", "2026-05-03"),
        ("credit_note.updated", "2026-06-01"),
    ):
        note, voided = decode(event(event_type, obj, created=created)).events
        assert isinstance(note, CreditNoteIssued)
        assert note.occurred_at_micros == micros("2026-02-01")
        assert isinstance(voided, CreditNoteVoided)
        assert voided.occurred_at_micros == micros("2026-05-03")
        assert (voided.credit_note_id, voided.invoice_id) == ("stripe:cn_1", "stripe:in_1")


def test_an_update_of_an_issued_note_tells_the_same_note_again(decode):
    (note,) = decode(event("credit_note.updated", credit_note(3000), created="2026-06-01")).events
    assert (note.credit_note_id, note.occurred_at_micros) == ("stripe:cn_1", micros("2026-02-01"))


def test_a_note_without_customer_belongs_where_its_invoice_does(decode):
    message = decode(event("credit_note.created", credit_note(3000, customer=None)))
    assert (message.party_ref, message.link_refs) == (None, ("stripe:in_1",))


def test_a_note_needs_an_amount(decode):
    refused = decode(
        event("credit_note.created", {**credit_note(3000), "total": None, "amount": None})
    )
    assert refused.reason == "missing_field"
