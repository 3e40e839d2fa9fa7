"""Stripe's units of money that differ from ISO 4217."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stripe_builders import (
    balance_transaction,
    event,
    line,
    new_charge,
    new_invoice,
    subscription,
)


@pytest.mark.parametrize(
    ("currency", "stripe", "iso"),
    [
        ("usd", 500, 500),
        ("jpy", 500, 500),
        ("bhd", 5120, 5120),
        ("huf", 1000, 1000),
        ("isk", 500, 5),
        ("ugx", 500, 5),
        ("mga", 5, 500),
    ],
)
def test_amounts_are_in_minor_units_of_iso_4217(decode, currency, stripe, iso):
    paid = decode(event("charge.succeeded", new_charge(stripe, currency=currency))).events[0]
    assert (paid.currency, paid.amount_minor) == (currency.upper(), iso)


def test_every_amount_of_an_invoice_is_in_the_same_unit(decode):
    taxed = line("il_1", 900, taxes=[{"amount": 100, "tax_behavior": "exclusive"}])
    obj = new_invoice(
        taxed, total=1000, currency="isk", starting_balance=-200, ending_balance=0, total_taxes=None
    )
    (issued,) = decode(event("invoice.finalized", obj)).events
    assert (issued.total_minor, issued.balance_applied_minor) == (10, 2)
    assert (issued.lines[0].amount_minor, issued.lines[0].taxes[0].amount_minor) == (9, 1)


def test_a_settlement_keeps_the_unit_of_its_own_currency(decode):
    moved = balance_transaction(3300, 126, currency="usd")
    charge = new_charge(500000, currency="isk", balance_transaction=moved)
    (paid,) = decode(event("charge.succeeded", charge)).events
    assert (paid.amount_minor, paid.settlement_minor, paid.fee_minor) == (5000, 3300, 126)


def test_a_fraction_of_the_smallest_unit_is_refused(decode):
    refused = decode(event("charge.succeeded", new_charge(4010, currency="isk")))
    assert refused.reason == "amount_precision"


def test_prices_are_in_the_same_unit_as_amounts(decode):
    obj = subscription(currency="mga")
    obj["items"]["data"][0]["price"].update(currency="mga", unit_amount_decimal="5")
    (state,) = decode(event("customer.subscription.created", obj)).events
    assert state.items[0].unit_amount == Decimal(500)
