"""The amounts of a generated company are exact and agree with each other."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from generator.billing import Line, Price, TaxRate, rounded, tax_of
from generator.months import add_months, seconds

Events = list[dict[str, Any]]
WEEK = 7 * 86_400


@pytest.fixture(scope="module")
def stripe_events(busy_company: Any) -> Events:
    """Events of billing and payments."""
    return busy_company.events("stripe")


def objects(events: Events, *kinds: str) -> list[dict[str, Any]]:
    return [event["data"]["object"] for event in events if event["type"] in kinds]


def taxes_of(item: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    return next((item[name] for name in names if name in item), [])


def is_exclusive(tax: dict[str, Any]) -> bool:
    return tax.get("tax_behavior") == "exclusive" or tax.get("inclusive") is False


def invoices(events: Events) -> list[dict[str, Any]]:
    return [
        event["data"]["object"]
        for event in events
        if event["type"].startswith("invoice.") and event["type"] != "invoice.upcoming"
    ]


def test_lines_discounts_and_taxes_add_up_to_the_total_of_every_invoice(
    stripe_events: Events,
) -> None:
    inclusive_taxes = discounts = 0
    for invoice in invoices(stripe_events):
        lines = invoice["lines"]["data"]
        discount = sum(d["amount"] for line in lines for d in line["discount_amounts"])
        stated = taxes_of(invoice, "total_taxes", "total_tax_amounts")
        by_line = [t for line in lines for t in taxes_of(line, "taxes", "tax_amounts")]
        assert sum(t["amount"] for t in stated) == sum(t["amount"] for t in by_line)
        added = sum(t["amount"] for t in by_line if is_exclusive(t))
        assert invoice["subtotal"] == sum(line["amount"] for line in lines)
        assert invoice["total"] == invoice["subtotal"] - discount + added
        assert discount == sum(d["amount"] for d in invoice["total_discount_amounts"])
        inclusive_taxes += sum(t["amount"] for t in by_line if not is_exclusive(t))
        discounts += discount
    assert inclusive_taxes > 0 and discounts > 0


def test_tax_is_on_what_is_left_after_the_discount(stripe_events: Events) -> None:
    percents = {"DE": (1_900, 10_000), "US-NY": (888, 10_000), "JP": (1_000, 11_000)}
    discounted = 0
    for invoice in invoices(stripe_events):
        for line in invoice["lines"]["data"]:
            for tax in taxes_of(line, "taxes", "tax_amounts"):
                numerator, denominator = percents[invoice["default_tax_rates"][0]["jurisdiction"]]
                net = line["amount"] - sum(d["amount"] for d in line["discount_amounts"])
                assert abs(tax["amount"] * denominator - net * numerator) * 2 <= denominator
                discounted += bool(line["discount_amounts"])
    assert discounted > 100


def test_what_is_due_is_the_total_less_balance_and_credits(stripe_events: Events) -> None:
    applied = 0
    for invoice in invoices(stripe_events):
        spent = invoice["ending_balance"] - invoice["starting_balance"]
        credited = invoice["pre_payment_credit_notes_amount"]
        assert invoice["amount_due"] == invoice["total"] - spent - credited
        assert invoice["amount_remaining"] == invoice["amount_due"] - invoice["amount_paid"] >= 0
        applied += spent
    assert applied > 0


def test_a_balance_is_spent_once_and_never_more_than_was_credited(stripe_events: Events) -> None:
    credited: Counter[str] = Counter()
    for note in objects(stripe_events, "credit_note.created"):
        if note["customer_balance_transaction"]:
            credited[note["customer"]] += note["total"]
    spent: Counter[str] = Counter()
    seen = set()
    for invoice in invoices(stripe_events):
        if invoice["id"] not in seen:
            seen.add(invoice["id"])
            spent[invoice["customer"]] += invoice["ending_balance"] - invoice["starting_balance"]
    assert +spent
    assert all(amount <= credited[customer] for customer, amount in spent.items())


def test_paid_invoices_were_paid_by_payments_of_exactly_that_amount(
    stripe_events: Events,
) -> None:
    collected: Counter[str] = Counter()
    for link in objects(stripe_events, "invoice_payment.paid"):
        collected[link["invoice"]] += link["amount_paid"]
    for charge in objects(stripe_events, "charge.succeeded"):
        if charge.get("invoice"):
            collected[charge["invoice"]] += charge["amount"]
    paid = {i["id"]: i for i in invoices(stripe_events) if i["status"] == "paid"}
    outside = [i for i in paid.values() if i.get("paid_out_of_band")]
    assert outside and len(paid) > 300
    for invoice in paid.values():
        expected = 0 if invoice.get("paid_out_of_band") else invoice["amount_paid"]
        assert collected.pop(invoice["id"], 0) == expected
    assert not collected, "every payment belongs to an invoice that is paid"


def test_charges_intents_and_invoice_payments_tell_the_same_amount(stripe_events: Events) -> None:
    told: dict[str, set[int]] = defaultdict(set)
    for charge in objects(stripe_events, "charge.succeeded"):
        told[charge["payment_intent"]].add(charge["amount"])
    for intent in objects(stripe_events, "payment_intent.succeeded"):
        told[intent["id"]].add(intent["amount_received"])
    for link in objects(stripe_events, "invoice_payment.paid"):
        told[link["payment"]["payment_intent"]].add(link["amount_paid"])
    assert all(len(amounts) == 1 for amounts in told.values())


def test_credit_notes_add_up_and_never_exceed_their_invoice(stripe_events: Events) -> None:
    totals = {invoice["id"]: invoice["total"] for invoice in invoices(stripe_events)}
    notes = objects(stripe_events, "credit_note.created")
    assert {note["type"] for note in notes} == {"pre_payment", "post_payment"}
    for note in notes:
        lines = note["lines"]["data"]
        taxes = [t for line in lines for t in taxes_of(line, "taxes", "tax_amounts")]
        net = sum(line["amount"] - line["discount_amount"] for line in lines)
        assert note["total"] == net + sum(t["amount"] for t in taxes if is_exclusive(t))
        assert 0 < note["total"] <= totals[note["invoice"]]


def test_nothing_is_given_back_twice(stripe_events: Events) -> None:
    amounts = {c["id"]: c["amount"] for c in objects(stripe_events, "charge.succeeded")}
    back: Counter[str] = Counter()
    for charge in objects(stripe_events, "charge.refunded"):
        back[charge["id"]] += charge["amount_refunded"]
    for dispute in objects(stripe_events, "charge.dispute.created"):
        back[dispute["charge"]] += dispute["amount"]
    assert back and all(amount <= amounts[charge] for charge, amount in back.items())


def test_payouts_cover_exactly_what_moved_the_balance(stripe_events: Events) -> None:
    """Without conversions: charges net of fees, less refunds and disputes, week by week."""
    entity_of = {
        event["data"]["object"]["id"]: event["data"]["object"]["metadata"]["legal_entity"]
        for event in stripe_events
        if event["type"] == "customer.created"
    }
    charges = {c["id"]: c for c in objects(stripe_events, "charge.succeeded")}
    moves: list[tuple[str, str, int, int]] = []

    def moved(charge: dict[str, Any], at: int, net: int) -> None:
        moves.append((entity_of[charge["customer"]], charge["currency"], at, net))

    for charge in charges.values():
        moved(charge, charge["created"], charge["balance_transaction"]["net"])
    for charge in objects(stripe_events, "charge.refunded"):
        at = next(e["created"] for e in stripe_events if e["data"]["object"] is charge)
        moved(charge, at, -charge["amount_refunded"])
    for event in stripe_events:
        if event["type"] in ("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"):
            dispute = event["data"]["object"]
            net = dispute["balance_transactions"][-1]["net"]
            moved(charges[dispute["charge"]], event["created"], net)
    paid_out: Counter[tuple[str, str]] = Counter()
    last_covered: dict[tuple[str, str], int] = {}
    for payout in objects(stripe_events, "payout.paid"):
        key = payout["metadata"]["legal_entity"], payout["currency"]
        paid_out[key] += payout["amount"]
        last_covered[key] = payout["arrival_date"] - 2 * 86_400
    assert len(paid_out) >= 5
    for key, amount in paid_out.items():
        covered = [net for entity, currency, at, net in moves
                   if (entity, currency) == key and at < last_covered[key]]  # fmt: skip
        assert amount == sum(covered)


def test_there_is_no_number_with_decimals_where_money_is(busy_company: Any) -> None:
    """Stripe states amounts in minor units; only rates, percentages and CRM prices have points."""
    with_decimals = set()
    for _, line in busy_company.lines():
        json.loads(
            line,
            object_pairs_hook=lambda pairs: (
                with_decimals.update(name for name, value in pairs if isinstance(value, Decimal))
                or dict(pairs)
            ),
            parse_float=Decimal,
        )
    assert with_decimals <= {"percentage", "percent_off", "exchange_rate", "UnitPrice", "Amount"}


def test_conversions_state_the_rate_they_used() -> None:
    from generator.billing import settle

    move = settle("txn_1", 10_000, "EUR", "USD", Decimal("1.08125"), fee_minor=343)
    assert (move.gross_minor, move.net_minor, move.exchange_rate) == (
        10_812, 10_469, Decimal("1.08125"),
    )  # fmt: skip
    yen = settle("txn_2", 10_000, "USD", "JPY", Decimal("149.505"))
    assert yen.gross_minor == 14_950, "100 dollars are 14950.5 yen, half to even"


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (0, 7, 0), (9, 3, 3)],
)
def test_rounding_is_half_away_from_zero(numerator: int, denominator: int, expected: int) -> None:
    assert rounded(numerator, denominator) == expected


def test_inclusive_tax_is_contained_and_exclusive_tax_comes_on_top() -> None:
    def rate(inclusive: bool) -> TaxRate:
        return TaxRate(
            rate_id="txr", name="VAT", jurisdiction="DE", country="DE",
            hundredths_percent=1_900, inclusive=inclusive,
        )  # fmt: skip

    assert tax_of(11_900, rate(True)) == 1_900
    assert tax_of(10_000, rate(False)) == 1_900
    assert tax_of(-10_000, rate(False)) == -1_900
    assert tax_of(10_000, None) == 0


def test_the_last_day_of_a_month_is_clipped_and_the_time_kept() -> None:
    january_31 = seconds(datetime(2026, 1, 31, tzinfo=UTC).date()) + 3_600
    february = datetime.fromtimestamp(add_months(january_31, 1), UTC)
    assert (february.day, february.hour) == (28, 1)
    assert datetime.fromtimestamp(add_months(january_31, 25), UTC).day == 29


def test_a_line_is_net_of_its_discount() -> None:
    price = Price(
        price_id="p", product_id="p", name="Seat", currency="USD", interval="month",
        unit_amount_decimal="0.125",
    )  # fmt: skip
    line = Line(
        line_id="il", amount_minor=1_000, discount_minor=150, start=0, end=1, price=price,
        quantity=1, item_id="si", description="",
    )  # fmt: skip
    assert line.net_minor == 850
    assert price.unit_minor is None
