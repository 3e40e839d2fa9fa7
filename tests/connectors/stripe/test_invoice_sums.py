"""How lines, discounts, credits, taxes and shipping add up to the total, in both shapes."""

from __future__ import annotations

import pytest
from stripe_builders import OLD, event, line, listed, new_invoice, old_invoice

from ledger.messages import DeadLetter

OLD_TAX = {"amount": 900, "inclusive": False, "tax_rate": "txr_1"}
NEW_TAX = {"amount": 900, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"}}
NEW_TAX_WITHIN = {**NEW_TAX, "tax_behavior": "inclusive"}


def issued(decode, obj, version=OLD):
    (invoice, *_) = decode(event("invoice.finalized", obj, version=version)).events
    return invoice


def nets(invoice):
    return [each.amount_minor for each in invoice.lines]


def taxes(parts):
    return [(tax.amount_minor, tax.inclusive) for tax in parts]


def test_discounts_of_a_line_are_taken_off_it(decode):
    lines = [
        line("il_1", 9000, discount_amounts=[{"amount": 900, "discount": "di_1"}]),
        line("il_2", 1000, discount_amounts=[]),
    ]
    assert nets(issued(decode, new_invoice(*lines, total=9100))) == [8100, 1000]


def test_a_discount_told_in_both_lists_counts_once(decode):
    discounted = line(
        "il_1",
        9000,
        discount_amounts=[{"amount": 900, "discount": "di_1"}],
        pretax_credit_amounts=[{"amount": 900, "type": "discount"}],
    )
    assert nets(issued(decode, new_invoice(discounted, total=8100))) == [8100]


def test_billing_credits_spent_on_a_line_are_taken_off_it(decode):
    credited = line(
        "il_1",
        9000,
        discount_amounts=[],
        pretax_credit_amounts=[{"amount": 2000, "type": "credit_balance_transaction"}],
    )
    assert nets(issued(decode, new_invoice(credited, total=7000))) == [7000]


@pytest.mark.parametrize(
    "fields",
    [
        {"total_discount_amounts": [{"amount": 1000, "discount": "di_1"}]},
        {"discount": {"coupon": {"amount_off": 1000, "percent_off": None}}},
        {"discount": {"coupon": {"amount_off": None, "percent_off": 10}}},
        {"discount": {"coupon": {"amount_off": None, "percent_off": 10.004}}},
    ],
)
def test_a_discount_that_only_the_invoice_states_is_spread_by_amount(decode, fields):
    lines = [line("il_1", 6667), line("il_2", 3333)]
    assert nets(issued(decode, old_invoice(*lines, total=9000, **fields))) == [6000, 3000]


def test_a_discount_spares_lines_that_are_not_discountable(decode):
    lines = [line("il_1", 6000, discountable=False), line("il_2", 4000)]
    fields = {"total_discount_amounts": [{"amount": 1000}]}
    assert nets(issued(decode, old_invoice(*lines, total=9000, **fields))) == [6000, 3000]


def test_a_coupon_that_does_not_explain_the_difference_explains_nothing(decode):
    obj = old_invoice(
        line("il_1", 10000),
        total=8000,
        discount={"coupon": {"amount_off": 1000, "percent_off": None}},
    )
    refused = decode(event("invoice.finalized", obj, version=OLD))
    assert isinstance(refused, DeadLetter)
    assert refused.reason == "lines_do_not_add_up"
    assert (refused.amount_minor, refused.currency) == (8000, "USD")


def test_line_taxes_are_used_when_they_add_up_to_the_invoices(decode):
    lines = [
        line("il_1", 6000, tax_amounts=[{**OLD_TAX, "amount": 600}]),
        line("il_2", 3000, tax_amounts=[{**OLD_TAX, "amount": 300}]),
    ]
    invoice = issued(decode, old_invoice(*lines, total=9900, tax=900, total_tax_amounts=[OLD_TAX]))
    assert [taxes(each.taxes) for each in invoice.lines] == [[(600, False)], [(300, False)]]
    assert invoice.taxes == ()


def test_taxes_of_the_invoice_win_when_the_lines_do_not_add_up_to_them(decode):
    lines = [
        line("il_1", 6000, tax_amounts=[{**OLD_TAX, "amount": 599}]),
        line("il_2", 3000, tax_amounts=[{**OLD_TAX, "amount": 299}]),
    ]
    invoice = issued(decode, old_invoice(*lines, total=9900, total_tax_amounts=[OLD_TAX]))
    assert [each.taxes for each in invoice.lines] == [(), ()]
    assert taxes(invoice.taxes) == [(900, False)]


def test_the_bare_tax_of_the_oldest_shape_comes_on_top(decode):
    invoice = issued(decode, old_invoice(line("il_1", 9000), total=9900, tax=900))
    assert taxes(invoice.taxes) == [(900, False)]


@pytest.mark.parametrize("on_invoice", [None, []])
def test_line_taxes_alone_are_enough(decode, on_invoice):
    taxed = line("il_1", 9000, taxes=[NEW_TAX])
    invoice = issued(decode, new_invoice(taxed, total=9900, total_taxes=on_invoice))
    assert taxes(invoice.lines[0].taxes) == [(900, False)]


def test_inclusive_tax_is_flagged_and_not_added(decode):
    taxed = line("il_1", 9900, taxes=[NEW_TAX_WITHIN])
    invoice = issued(decode, new_invoice(taxed, total=9900, total_taxes=[NEW_TAX_WITHIN]))
    assert taxes(invoice.lines[0].taxes) == [(900, True)]


def test_inclusive_tax_that_only_the_invoice_states_is_kept_there(decode):
    invoice = issued(
        decode, new_invoice(line("il_1", 9900), total=9900, total_taxes=[NEW_TAX_WITHIN])
    )
    assert taxes(invoice.taxes) == [(900, True)]


def test_taxes_of_nothing_are_left_out(decode):
    exempt = line("il_1", 9000, taxes=[{**NEW_TAX, "amount": 0}])
    invoice = issued(
        decode, new_invoice(exempt, total=9000, total_taxes=[{**NEW_TAX, "amount": 0}])
    )
    assert (invoice.lines[0].taxes, invoice.taxes) == ((), ())


@pytest.mark.parametrize(
    ("rate", "carried", "expected"),
    [
        ("txr_1", [], "txr_1"),
        ("txr_1", [{"id": "txr_1", "jurisdiction": "FR", "country": "DE"}], "FR"),
        ("txr_1", [{"id": "txr_1", "jurisdiction": None, "country": "DE"}], "DE"),
        ({"id": "txr_1", "jurisdiction": "US-CA"}, [], "US-CA"),
        (None, [], None),
    ],
)
def test_tax_is_owed_to_the_jurisdiction_of_its_rate(decode, rate, carried, expected):
    obj = old_invoice(
        line("il_1", 9000),
        total=9900,
        default_tax_rates=carried,
        total_tax_amounts=[{**OLD_TAX, "tax_rate": rate}],
    )
    assert issued(decode, obj).taxes[0].jurisdiction == expected


def test_shipping_is_a_line_when_the_total_contains_it(decode):
    shipping = {"amount_subtotal": 500, "amount_tax": 50, "amount_total": 550}
    invoice = issued(decode, new_invoice(line("il_1", 9000), total=9550, shipping_cost=shipping))
    assert nets(invoice) == [9000, 500]
    assert taxes(invoice.lines[1].taxes) == [(50, False)]
    assert invoice.lines[1].line_id == "in_1/shipping"


def test_shipping_that_the_total_does_not_contain_is_no_line(decode):
    shipping = {"amount_subtotal": 500, "amount_tax": 0, "amount_total": 500}
    invoice = issued(decode, new_invoice(line("il_1", 9000), total=9000, shipping_cost=shipping))
    assert nets(invoice) == [9000]


def test_a_first_page_of_lines_is_refused(decode):
    obj = new_invoice(
        line("il_1", 9000), total=9000, lines=listed(line("il_1", 9000), has_more=True)
    )
    assert decode(event("invoice.finalized", obj)).reason == "lines_incomplete"


def test_old_lines_that_share_the_id_of_their_subscription_are_told_apart(decode):
    lines = [
        line("sub_9", 6000, type="subscription"),
        line("sub_9", 3000, type="subscription"),
        line("ii_7", 100, type="invoiceitem"),
        line("sub_9", 1, type="subscription", unique_id="il_5"),
    ]
    invoice = issued(decode, old_invoice(*lines, total=9101))
    assert [each.line_id for each in invoice.lines] == ["sub_9", "sub_9/2", "ii_7", "il_5"]
    assert [each.subscription_id for each in invoice.lines] == [
        "stripe:sub_9",
        "stripe:sub_9",
        None,
        "stripe:sub_9",
    ]
    assert invoice.lines[2].accrual_id == "stripe:ii_7"


@pytest.mark.parametrize(
    ("fields", "accrual", "proration"),
    [
        ({"invoice_item": "ii_1", "proration": True}, "stripe:ii_1", True),
        (
            {"subscription_item": "si_1", "plan": {"id": "p", "usage_type": "metered"}},
            "stripe:si_1",
            False,
        ),
        ({"subscription_item": "si_1", "plan": {"id": "p", "usage_type": "licensed"}}, None, False),
        (
            {
                "subscription_item": "si_1",
                "price": {"id": "p", "recurring": {"usage_type": "licensed"}},
            },
            None,
            False,
        ),
        (
            {
                "parent": {
                    "type": "invoice_item_details",
                    "invoice_item_details": {"invoice_item": "ii_1", "proration": True},
                }
            },
            "stripe:ii_1",
            True,
        ),
        (
            {
                "parent": {
                    "type": "subscription_item_details",
                    "subscription_item_details": {
                        "invoice_item": "ii_1",
                        "subscription_item": "si_1",
                        "proration": True,
                    },
                }
            },
            "stripe:ii_1",
            True,
        ),
        (
            {
                "parent": {
                    "type": "subscription_item_details",
                    "subscription_item_details": {"subscription_item": "si_1", "proration": False},
                }
            },
            "stripe:si_1",
            False,
        ),
        ({}, None, False),
    ],
)
def test_a_line_names_what_may_have_been_accrued_for_it(decode, fields, accrual, proration):
    invoice = issued(decode, old_invoice(line("il_1", 9000, **fields), total=9000))
    assert (invoice.lines[0].accrual_id, invoice.lines[0].proration) == (accrual, proration)


@pytest.mark.parametrize(
    ("fields", "product"),
    [
        ({"plan": {"id": "gold", "product": "prod_1"}}, "prod_1"),
        ({"price": {"id": "price_1", "product": {"id": "prod_1", "name": "Pro"}}}, "prod_1"),
        ({"pricing": {"price_details": {"price": "price_1", "product": "prod_1"}}}, "prod_1"),
        ({"price": "price_1"}, None),
        ({}, None),
    ],
)
def test_a_line_names_its_product_in_every_shape(decode, fields, product):
    invoice = issued(decode, old_invoice(line("il_1", 9000, **fields), total=9000))
    assert invoice.lines[0].product == product
