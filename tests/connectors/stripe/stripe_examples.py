"""The published examples as stories: what happened, in the words of stripe_stories.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stripe_builders import line
from stripe_stories import StripeStory

QUARTER = ("2019-01-01", "2019-04-01")
LONG = ("2026-06-15T12:00", "2026-10-13T12:00")
LATE_APRIL = ("2026-04-21", "2026-05-01")
Tell = Callable[[StripeStory], StripeStory]


def quarter(story: StripeStory) -> StripeStory:
    return story.invoice("2019-01-01", "90", service=QUARTER)


def first_quarter_2026(story: StripeStory, total: str) -> StripeStory:
    return story.invoice("2026-01-01", total, service=("2026-01-01", "2026-04-01"))


def changed_plan(story: StripeStory, rest: str, next_month: str, total: str) -> StripeStory:
    """90 a month from April 1, another plan from April 21, invoiced on May 1; nothing is paid."""
    story.invoice("2026-04-01", "90", service=("2026-04-01", "2026-05-01"))
    story.item("2026-04-21", "-30", "ii_1", LATE_APRIL).item("2026-04-21", rest, "ii_2", LATE_APRIL)
    return story.invoice(
        "2026-05-01",
        total,
        story.item_line("il_1", "-30", "ii_1", LATE_APRIL),
        story.item_line("il_2", rest, "ii_2", LATE_APRIL),
        line("il_3", int(next_month) * 100, "2026-05-01", "2026-06-01"),
        invoice="in_2",
    )


def taxed(story: StripeStory) -> StripeStory:
    """Exclusive tax of 10%, told per line and per invoice as each shape does."""
    start, end = "2026-01-01", "2026-02-01"
    if story.old:
        tax: Any = {"amount": 310, "inclusive": False, "tax_rate": "txr_1"}
        taxed_line = line("il_1", 3100, start, end, tax_amounts=[tax])
        fields: Any = {"total_tax_amounts": [tax], "tax": 310}
    else:
        details = {"tax_rate": "txr_1"}
        tax = {"amount": 310, "tax_behavior": "exclusive", "tax_rate_details": details}
        taxed_line = line("il_1", 3100, start, end, taxes=[tax])
        fields = {"total_taxes": [tax]}
    return story.invoice(start, "34.10", taxed_line, **fields).pay(start, "34.10")


def in_euros(story: StripeStory) -> StripeStory:
    """30 EUR, settled as 33 USD a month later; the invoice's rate is on file."""
    story.currency = "eur"
    moved = {"id": "txn_1", "amount": 3300, "fee": 0, "currency": "usd", "exchange_rate": 1.10}
    return story.invoice("2026-01-01", "30").pay("2026-02-01", "30", moved=moved)


def half_year_credited(story: StripeStory) -> StripeStory:
    story.invoice("2019-01-01", "181", service=("2019-01-01", "2019-07-01"))
    return story.credit("2019-02-01", "90.50").void_credit("2019-05-03")


def four_months(story: StripeStory) -> StripeStory:
    return story.invoice(LONG[0], "120", service=LONG).pay(LONG[0], "120")


def with_fee(fee: int, amount: int) -> dict[str, Any]:
    return {"id": "txn_1", "amount": amount, "fee": fee, "currency": "usd"}


MONTHS: dict[str, Tell] = {
    "S01_monthly_sub": lambda story: story.invoice(
        "2019-01-15", "31", service=("2019-01-15", "2019-02-15")
    ).pay("2019-01-15", "31"),
    "S02_annual_sub": lambda story: story.invoice(
        "2019-01-01", "365", service=("2019-01-01", "2020-01-01")
    ).pay("2019-01-01", "365"),
    "S05_upgrade": lambda story: changed_plan(story, "40", "120", "130"),
    "S06_downgrade": lambda story: changed_plan(story, "10", "30", "10"),
    "S09_full_refund": lambda story: (
        quarter(story).pay("2019-01-01", "90").refund("2019-02-01", "90", of="90")
    ),
    "S10_partial_refund": lambda story: (
        quarter(story).pay("2019-01-01", "90").refund("2019-02-01", "9", of="90")
    ),
    "S11_void_unpaid": lambda story: quarter(story).void("2019-02-01"),
    "S12_uncollectible_then_paid": lambda story: (
        quarter(story).give_up("2019-02-01").pay("2019-04-10", "90")
    ),
    "S17_dispute_won": lambda story: (
        quarter(story).pay("2019-01-01", "90").dispute("2019-02-01", "90").win("2019-04-01", "90")
    ),
    "S19_credit_note_prepayment": lambda story: (
        first_quarter_2026(story, "120").credit("2026-01-01", "30").pay("2026-02-10", "90")
    ),
    "S21_credit_note_no_lines_then_voided": half_year_credited,
    "S22_tax_exclusive": taxed,
    "S25_external_asset": lambda story: story.invoice(
        "2026-01-01", "31", service=("2026-01-01", "2026-02-01")
    ).pay_outside("2026-02-05", "31"),
    "S27_fx_loss": in_euros,
    "S29_fees": lambda story: first_quarter_2026(story, "90").pay(
        "2026-01-01", "90", moved=with_fee(2, 9000)
    ),
    "S31_granularity_second": four_months,
    "S32_granularity_day": four_months,
    "S33_granularity_month_even": four_months,
}


def net_terms(story: StripeStory) -> StripeStory:
    """500 and tax of 40, told on the invoice only."""
    fields: Any = {"tax": 4000, "billing": "send_invoice"}
    if not story.old:
        tax = {"amount": 4000, "tax_behavior": "exclusive"}
        fields = {"total_taxes": [tax], "collection_method": "send_invoice"}
    return story.invoice("2026-01-05", "540", line("il_1", 50000), **fields)


def annual_with_fee(story: StripeStory) -> StripeStory:
    """Only the paid invoice is told, with its charge expanded."""
    year = ("2026-01-01", "2027-01-01")
    told = StripeStory(old=story.old).invoice("2026-01-01", "1200", service=year)
    invoice = told.events[-1]["data"]["object"]
    charge = {"id": "ch_1", "balance_transaction": with_fee(3600, 120_000)}
    paid = {**invoice, "status": "paid", "amount_paid": 120_000, "charge": charge}
    story._tell("invoice.payment_succeeded", paid, "2026-01-01")
    return story


def credited(story: StripeStory) -> StripeStory:
    tax = [{"amount": 500, "tax_behavior": "exclusive"}]
    return story.credit(
        "2026-02-01",
        "55",
        pre_payment_amount=0,
        post_payment_amount=5500,
        customer_balance_transaction="cbtxn_1",
        total_taxes=tax,
    )


def nothing(story: StripeStory) -> StripeStory:
    return story


def sold(story: StripeStory) -> StripeStory:
    return story.sell("2026-01-01", "100")


def disputed(story: StripeStory) -> StripeStory:
    return sold(story).dispute("2026-02-01", "100", fee="15")


JOURNALS: dict[str, tuple[Tell, Tell]] = {
    "L01_charge": (nothing, lambda story: story.sell("2026-01-01", "100", fee="3.20")),
    "L02_annual": (nothing, annual_with_fee),
    "L03_netterms_finalized": (nothing, net_terms),
    "L04_netterms_paid": (
        net_terms,
        lambda story: story.pay("2026-02-01", "540", moved=with_fee(1600, 54_000)),
    ),
    "L05_uncollectible": (net_terms, lambda story: story.give_up("2026-03-01")),
    "L06_voided": (net_terms, lambda story: story.void("2026-03-01")),
    "L08_cn_to_balance": (lambda story: net_terms(story).pay("2026-01-05", "540"), credited),
    "L12_dispute_withdrawn": (
        sold,
        lambda story: story.dispute("2026-02-01", "100", fee="15"),
    ),
    "L13_dispute_lost": (disputed, lambda story: story.lose("2026-03-01", "100")),
    "L14_dispute_won": (disputed, lambda story: story.win("2026-03-01", "100")),
    "L17_payout": (nothing, lambda story: story.pay_out("2026-01-01", "5000")),
}
