"""The worked examples others published, retold as canonical events and reproduced to the cent.

`tests/conformance/revenue_examples.json` holds the figures with their sources.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from story import IN_DOLLARS, NO_CONFIG, Story, lines_of, months_of, pack, plain

from ledger.events import PayoutFailed, PayoutPaid
from ledger.policies import BooksConfig, PolicyPack

EXAMPLES = json.loads(
    (Path(__file__).parents[2] / "conformance" / "revenue_examples.json").read_text()
)
QUARTER = ("2019-01-01", "2019-04-01")
LONG = ("2026-06-15T12:00", "2026-10-13T12:00")


def quarter(**fields: Any) -> Story:
    return Story().invoice("2019-01-01", "90", service=QUARTER, **fields)


def monthly_paid() -> Story:
    story = Story().invoice("2019-01-15", "31", service=("2019-01-15", "2019-02-15"))
    return story.pay("2019-01-15", "31")


def annual_paid() -> Story:
    story = Story().invoice("2019-01-01", "365", service=("2019-01-01", "2020-01-01"))
    return story.pay("2019-01-01", "365")


def metered(total: str) -> Story:
    story = Story()
    metered_line = story.line(total, service=("2019-01-15", "2019-02-15"), accrual_id="si_1")
    return story.invoice("2019-02-14", total, lines=[metered_line])


def last_during_period() -> Story:
    story = metered("15")
    for day, units in (("2019-01-25", "17"), ("2019-01-27", "10"), ("2019-02-04", "15")):
        story.use(day, units, aggregation="last_during_period")
    return story


def changed_plan(rest: str, next_month: str, total: str) -> Story:
    """90 a month from April 1, another plan from April 21, invoiced on May 1."""
    story = Story().invoice("2026-04-01", "90", service=("2026-04-01", "2026-05-01"))
    late_april = ("2026-04-21", "2026-05-01")
    story.item("2026-04-21", "-30", "ii_1", late_april).item("2026-04-21", rest, "ii_2", late_april)
    lines = [
        story.line("-30", service=late_april, line="il_1", accrual_id="ii_1"),
        story.line(rest, service=late_april, line="il_2", accrual_id="ii_2"),
        story.line(next_month, service=("2026-05-01", "2026-06-01"), line="il_3"),
    ]
    return story.invoice("2026-05-01", total, lines=lines, invoice="in_2")


def taxed() -> Story:
    story = Story()
    line = story.line("31", service=("2026-01-01", "2026-02-01"), tax="3.10")
    return story.invoice("2026-01-01", "34.10", lines=[line]).pay("2026-01-01", "34.10")


def half_year_credited() -> Story:
    story = Story().invoice("2019-01-01", "181", service=("2019-01-01", "2019-07-01"))
    story.credit("2019-02-01", "90.50", to_receivable="90.50")
    return story.void_credit("2019-05-03")


def four_months() -> Story:
    return Story().invoice(LONG[0], "120", service=LONG).pay(LONG[0], "120")


def first_quarter_2026(total: str) -> Story:
    return Story().invoice("2026-01-01", total, service=("2026-01-01", "2026-04-01"))


def exchanged() -> Story:
    story = Story("EUR").invoice("2026-01-01", "30", exchange_rate=Decimal("1.20"))
    return story.pay("2026-02-01", "30", exchange_rate=Decimal("1.10"))


def paid_elsewhere() -> Story:
    story = Story().invoice("2026-01-01", "31", service=("2026-01-01", "2026-02-01"))
    return story.pay(
        "2026-02-05", "31", payment_refs=(), evidence="invoice_total", out_of_band=True
    )


MONTHS: dict[str, Callable[[], Story]] = {
    "S01_monthly_sub": monthly_paid,
    "S02_annual_sub": annual_paid,
    "S03_metered_sum": lambda: metered("32").use("2019-01-25", "15").use("2019-02-04", "17"),
    "S04_metered_last_during_period": last_during_period,
    "S05_upgrade": lambda: changed_plan("40", "120", "130"),
    "S06_downgrade": lambda: changed_plan("10", "30", "10"),
    "S09_full_refund": lambda: quarter().pay("2019-01-01", "90").refund("2019-02-01", "90"),
    "S10_partial_refund": lambda: quarter().pay("2019-01-01", "90").refund("2019-02-01", "9"),
    "S11_void_unpaid": lambda: quarter().void("2019-02-01"),
    "S12_uncollectible_then_paid": lambda: quarter().give_up("2019-02-01").pay("2019-04-10", "90"),
    "S17_dispute_won": lambda: (
        quarter().pay("2019-01-01", "90").dispute("2019-02-01", "90").win("2019-04-01", "90")
    ),
    "S19_credit_note_prepayment": lambda: (
        first_quarter_2026("120")
        .credit("2026-01-01", "30", to_receivable="30")
        .pay("2026-02-10", "90")
    ),
    "S21_credit_note_no_lines_then_voided": half_year_credited,
    "S22_tax_exclusive": taxed,
    "S25_external_asset": paid_elsewhere,
    "S27_fx_loss": exchanged,
    "S29_fees": lambda: first_quarter_2026("90").pay("2026-01-01", "90", fee_minor=2),
    "S31_granularity_second": four_months,
    "S32_granularity_day": four_months,
    "S33_granularity_month_even": four_months,
}

GRANULARITY = {
    "S31_granularity_second": "second",
    "S32_granularity_day": "day",
    "S33_granularity_month_even": "even_months",
}


def policy_of(example: dict[str, Any]) -> PolicyPack:
    name = example["policy_pack"]
    granularity = GRANULARITY.get(example["id"])
    return pack(name) if granularity is None else pack(name, granularity=granularity)


def config_of(example: dict[str, Any]) -> BooksConfig:
    return IN_DOLLARS if example["id"] == "S27_fx_loss" else NO_CONFIG


def test_every_published_example_is_retold() -> None:
    assert sorted(MONTHS) == sorted(one["id"] for one in EXAMPLES["month_examples"])
    assert sorted(JOURNALS) == sorted(one["id"] for one in EXAMPLES["journal_examples"])


@pytest.mark.parametrize("example", EXAMPLES["month_examples"], ids=lambda one: one["id"])
def test_each_month_changes_the_accounts_as_published(example: dict[str, Any]) -> None:
    story = MONTHS[example["id"]]()
    last = max(example["months"])
    books = story.months(policy_of(example), config_of(example))
    got = {month: roles for month, roles in books.items() if month <= last}
    expected = {
        month: {role: plain(amount) for role, amount in roles.items()}
        for month, roles in example["months"].items()
    }
    if example["complete"]:
        assert got == expected
    else:
        shown = {role for roles in expected.values() for role in roles}
        assert {
            month: {role: amount for role, amount in roles.items() if role in shown}
            for month, roles in got.items()
        } == expected
    if example["complete"] and not example["notes"].startswith("doc shows"):
        assert got == books, "nothing happens after the months the source prints"


def net_terms() -> Story:
    story = Story()
    return story.invoice("2026-01-05", "540", lines=[story.line("500", tax="40")])


def paid_with_tax() -> Story:
    story = Story()
    story.invoice("2026-01-05", "540", lines=[story.line("500", tax="40")])
    return story.pay("2026-01-05", "540")


def annual_charged_at_once() -> Story:
    story = Story().invoice(
        "2026-01-01", "1200", service=("2026-01-01", "2027-01-01"), message="test:evt_paid"
    )
    return story.pay("2026-01-01", "1200", fee_minor=3600, message="test:evt_paid")


def sold() -> Story:
    return Story().sell("2026-01-01", "100")


JOURNALS: dict[str, tuple[Callable[[], Story], str]] = {
    "L01_charge": (lambda: Story().sell("2026-01-01", "100", fee_minor=320), "payment_succeeded"),
    "L02_annual": (annual_charged_at_once, "invoice_issued"),
    "L03_netterms_finalized": (net_terms, "invoice_issued"),
    "L04_netterms_paid": (
        lambda: net_terms().pay("2026-02-01", "540", fee_minor=1600),
        "payment_succeeded",
    ),
    "L05_uncollectible": (
        lambda: net_terms().give_up("2026-03-01"),
        "invoice_marked_uncollectible",
    ),
    "L06_voided": (lambda: net_terms().void("2026-03-01"), "invoice_voided"),
    "L08_cn_to_balance": (
        lambda: paid_with_tax().credit("2026-02-01", "55", to_balance="55", tax="5"),
        "credit_note_issued",
    ),
    "L12_dispute_withdrawn": (
        lambda: sold().dispute("2026-02-01", "100", fee_minor=1500),
        "dispute_opened",
    ),
    "L13_dispute_lost": (
        lambda: sold().dispute("2026-02-01", "100", fee_minor=1500).lose("2026-03-01", "100"),
        "dispute_lost",
    ),
    "L14_dispute_won": (
        lambda: sold().dispute("2026-02-01", "100", fee_minor=1500).win("2026-03-01", "100"),
        "dispute_won",
    ),
    "L17_payout": (lambda: payout("payout_paid"), "payout_paid"),
}


def payout(*rules: str) -> Story:
    story = Story()
    kinds = {"payout_paid": PayoutPaid, "payout_failed": PayoutFailed}
    for day, rule in enumerate(rules, 1):
        story.add(
            kinds[rule], f"2026-01-0{day}", payout_id="po_1", currency="USD", amount_minor=500_000
        )
    return story


@pytest.mark.parametrize("example", EXAMPLES["journal_examples"], ids=lambda one: one["id"])
def test_each_event_gives_the_entry_as_published(example: dict[str, Any]) -> None:
    tell, rule = JOURNALS[example["id"]]
    books = tell().fold(pack(example["policy_pack"]))
    assert not books.pending and not books.refusals
    [entry] = [entry for entry in books.entries if entry.rule == rule]
    signs = {"debit": "", "credit": "-"}
    assert lines_of(entry) == sorted(
        (line["role"], signs[line["side"]] + plain(line["amount"])) for line in example["lines"]
    )


def test_the_running_total_printed_wrong_at_the_source_is_not_copied() -> None:
    """The credit note example prints 0.00 deferred at the end of March; it is 45.50."""
    by_march = [entry for entry in half_year_credited().fold().entries if entry.period <= "2019-03"]
    deferred = sum(
        -line.amount_minor
        for entry in by_march
        for line in entry.lines
        if line.role == "deferred_revenue"
    )
    assert deferred == 4550
    all_months = months_of(half_year_credited().fold().entries)
    notes = [Decimal(roles.get("credit_notes", "0")) for roles in all_months.values()]
    assert sum(notes) == 0
