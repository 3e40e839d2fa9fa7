"""Further published examples of metering, credit notes, tax, currency and settings, by days.

The source of each is in its docstring; all are under https://docs.stripe.com/revenue-recognition/.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from story import IN_DOLLARS, Story, pack

from ledger.events import CreditNoteLine

MONTH = ("2019-01-15", "2019-02-15")
QUARTER = ("2026-01-01", "2026-04-01")


def meter(story: Story, on: str, total: str, invoice: str = "in_1") -> Story:
    line = story.line(total, accrual_id="si_1")
    return story.invoice(on, total, lines=[line], invoice=invoice)


def test_the_largest_use_counts() -> None:
    """examples#metered, max: 17 units, then 15 that change nothing."""
    story = meter(Story(), "2019-02-14", "17")
    story.use("2019-01-25", "17", aggregation="max").use("2019-02-04", "15", aggregation="max")
    assert story.months() == {
        "2019-01": {"revenue": "17", "unbilled_receivable": "17"},
        "2019-02": {"accounts_receivable": "17", "unbilled_receivable": "-17"},
    }


def test_a_month_without_use_is_earned_when_it_is_invoiced() -> None:
    """examples#metered, last ever: 18 in February's second half, none until March 14."""
    story = meter(Story(), "2019-02-14", "18")
    for day, units in (("01-25", "17"), ("01-27", "10"), ("02-04", "15"), ("02-08", "18")):
        story.use(f"2019-{day}", units, aggregation="last_ever")
    assert meter(story, "2019-03-14", "18", "in_2").months() == {
        "2019-01": {"revenue": "10", "unbilled_receivable": "10"},
        "2019-02": {"revenue": "8", "unbilled_receivable": "-10", "accounts_receivable": "18"},
        "2019-03": {"revenue": "18", "accounts_receivable": "18"},
    }


def test_a_credit_note_after_payment_goes_three_ways() -> None:
    """examples/credit-notes: 45 of 90 after 31 of 90 days; 15 refunded, 10 to balance, 20 outside.

    The source prints 5.10 and 10.40; exactly it is 15 * 31 / 90 = 5.17 and 30 * 31 / 90 = 10.33.
    """
    story = Story().invoice("2026-01-01", "90", service=QUARTER).pay("2026-01-01", "90")
    story.credit(
        "2026-02-01", "45", refunded="15", to_balance="10", out_of_band="20", refund_ids=("re_1",)
    )
    story.refund("2026-02-01", "15", credit_note_id="cn_1")
    assert story.months() == {
        "2026-01": {"cash_clearing": "90", "revenue": "31", "deferred_revenue": "59"},
        "2026-02": {
            "cash_clearing": "-15",
            "credit_notes": "10.33",
            "refunds": "5.17",
            "customer_balance": "10",
            "external_customer_balance": "20",
            "revenue": "14",
            "deferred_revenue": "-43.5",
        },
        "2026-03": {"revenue": "15.5", "deferred_revenue": "-15.5"},
    }


def test_a_credit_note_halves_what_is_recognised_and_what_is_deferred() -> None:
    """methodology/subscriptions-and-invoicing#credit-notes: 45 of 90 on February 1."""
    story = Story().invoice("2026-01-01", "90", service=QUARTER)
    assert story.credit("2026-02-01", "45", to_receivable="45").months() == {
        "2026-01": {"accounts_receivable": "90", "revenue": "31", "deferred_revenue": "59"},
        "2026-02": {
            "accounts_receivable": "-45",
            "credit_notes": "15.5",
            "revenue": "14",
            "deferred_revenue": "-43.5",
        },
        "2026-03": {"revenue": "15.5", "deferred_revenue": "-15.5"},
    }


def test_a_credit_note_with_lines_takes_from_those_lines() -> None:
    """examples/credit-notes#credit-note-with-line-items: only the named line is credited."""
    story = Story()
    lines = [story.line("90", service=QUARTER), story.line("10", line="il_2")]
    story.invoice("2026-01-01", "100", lines=lines)
    credited = CreditNoteLine(line_id="cnl_1", amount_minor=1000, invoice_line_id="il_2")
    story.credit("2026-02-01", "10", to_receivable="10", lines=(credited,))
    assert story.months()["2026-02"] == {
        "accounts_receivable": "-10",
        "credit_notes": "10",
        "revenue": "28",
        "deferred_revenue": "-28",
    }


def test_tax_contained_in_the_price_is_not_revenue() -> None:
    """examples/tax: 31 with 10 % of it as tax, as stated: 27.90 revenue, 3.10 tax."""
    story = Story()
    line = story.line("31", service=("2026-01-01", "2026-02-01"), tax="3.10", inclusive=True)
    story.invoice("2026-01-01", "31", lines=[line])
    assert story.pay("2026-01-01", "31").months() == {
        "2026-01": {"cash_clearing": "31", "revenue": "27.9", "tax_payable": "3.1"}
    }


def test_a_tax_exempt_customer_pays_the_net_price() -> None:
    """examples/tax#tax-exempt: 27.90 due, no tax stated."""
    story = Story().invoice("2026-01-01", "27.90", service=("2026-01-01", "2026-02-01"))
    assert story.pay("2026-01-01", "27.90").months() == {
        "2026-01": {"cash_clearing": "27.9", "revenue": "27.9"}
    }


def test_an_item_accrued_with_its_tax_is_voided_by_the_tax() -> None:
    """examples/tax, item in a different accounting period: 1.10 a day accrued, 1.00 a day net.

    January and February accrue 34.10 and 30.80; the invoice of March 1 keeps 59 of these 64.90,
    so 5.90 are voided, and March gives 31. (The source prints 100 due and 10 tax, but its own
    figures are those of 99 and 9.)
    """
    story = Story().item("2026-01-01", "99", "ii_1", QUARTER)
    line = story.line("99", service=QUARTER, tax="9", inclusive=True, accrual_id="ii_1")
    story.invoice("2026-03-01", "99", lines=[line]).pay("2026-03-01", "99")
    assert story.months() == {
        "2026-01": {"revenue": "34.1", "unbilled_receivable": "34.1"},
        "2026-02": {"revenue": "30.8", "unbilled_receivable": "30.8"},
        "2026-03": {
            "cash_clearing": "99",
            "tax_payable": "9",
            "revenue": "31",
            "unbilled_receivable": "-64.9",
            "unbilled_voids": "5.9",
        },
    }


def test_an_item_deleted_voids_what_it_had_earned() -> None:
    """methodology, UnbilledVoids: 30 over April, deleted on the 21st after 20 days."""
    story = Story().item("2026-04-01", "30", "ii_1", ("2026-04-01", "2026-05-01"))
    assert story.delete_item("2026-04-21", "ii_1").months() == {
        "2026-04": {"revenue": "20", "unbilled_voids": "20"}
    }


def test_money_at_the_same_rate_leaves_no_exchange_difference() -> None:
    """examples/fx#multi-currency: 30 EUR at 1.20."""
    story = Story("EUR").invoice("2026-01-01", "30", exchange_rate=Decimal("1.20"))
    story.pay("2026-01-01", "30", settlement_currency="USD", settlement_minor=3600)
    assert story.months(config=IN_DOLLARS) == {"2026-01": {"cash_clearing": "36", "revenue": "36"}}


@pytest.mark.parametrize("kind", ["refund", "dispute"])
def test_a_refund_or_dispute_at_another_rate_loses_on_exchange(kind: str) -> None:
    """examples/fx#fx-loss-refund-dispute: 30 EUR in at 1.20, out at 1.30."""
    story = Story("EUR").invoice("2026-01-01", "30", exchange_rate=Decimal("1.20"))
    story.pay("2026-02-01", "30", exchange_rate=Decimal("1.20"))
    getattr(story, kind)("2026-03-01", "30", exchange_rate=Decimal("1.30"))
    assert story.months(config=IN_DOLLARS) == {
        "2026-01": {"accounts_receivable": "36", "revenue": "36"},
        "2026-02": {"accounts_receivable": "-36", "cash_clearing": "36"},
        "2026-03": {"cash_clearing": "-39", f"{kind}s": "36", "fx_gain_loss": "3"},
    }


def test_a_better_rate_at_payment_is_a_gain() -> None:
    """30 EUR invoiced at 1.10 (33 USD) and paid at 1.20 (36 USD)."""
    story = Story("EUR").invoice("2026-01-01", "30", exchange_rate=Decimal("1.10"))
    story.pay("2026-02-01", "30", exchange_rate=Decimal("1.20"))
    assert story.months(config=IN_DOLLARS)["2026-02"] == {
        "accounts_receivable": "-33",
        "cash_clearing": "36",
        "fx_gain_loss": "-3",
    }


def test_service_before_the_invoice_is_caught_up_in_its_month() -> None:
    """revenue-settings/examples#catch-up-revenue: October to December, invoiced on November 1."""
    story = Story().invoice("2024-11-01", "92", service=("2024-10-01", "2025-01-01"))
    assert story.pay("2024-11-01", "92").months() == {
        "2024-11": {"cash_clearing": "92", "revenue": "61", "deferred_revenue": "31"},
        "2024-12": {"revenue": "31", "deferred_revenue": "-31"},
    }


def test_a_line_without_a_period_is_recognised_at_once() -> None:
    """methodology/subscriptions-and-invoicing#standalone-invoices: 31 over a month, 5 at once."""
    story = Story()
    lines = [story.line("31", service=MONTH), story.line("5", line="il_2")]
    assert story.invoice("2019-01-15", "36", lines=lines).months() == {
        "2019-01": {"accounts_receivable": "36", "revenue": "22", "deferred_revenue": "14"},
        "2019-02": {"revenue": "14", "deferred_revenue": "-14"},
    }


@pytest.mark.parametrize(("end", "role"), [("void", "voids"), ("give_up", "bad_debt")])
def test_an_unpaid_invoice_ends_before_its_service_does(end: str, role: str) -> None:
    """methodology/subscriptions-and-invoicing: 31 from January 15, ended on February 1."""
    story = Story().invoice("2019-01-15", "31", service=MONTH)
    getattr(story, end)("2019-02-01")
    assert story.months() == {
        "2019-01": {"accounts_receivable": "31", "revenue": "17", "deferred_revenue": "14"},
        "2019-02": {"accounts_receivable": "-31", role: "17", "deferred_revenue": "-14"},
    }


def test_a_full_refund_of_an_invoice_with_a_negative_line() -> None:
    """methodology#negative-line-item: 10 - 30 + 30, refunded on May 4 (by even months)."""
    story = Story()
    late_april = ("2022-04-21", "2022-05-01")
    story.item("2022-04-21", "10", "ii_1", late_april).item("2022-04-21", "-30", "ii_2", late_april)
    lines = [
        story.line("10", service=late_april, line="il_1", accrual_id="ii_1"),
        story.line("-30", service=late_april, line="il_2", accrual_id="ii_2"),
        story.line("30", service=("2022-05-01", "2022-06-01"), line="il_3"),
    ]
    story.invoice("2022-05-01", "10", lines=lines).pay("2022-05-01", "10")
    assert story.refund("2022-05-04", "10").months(pack(granularity="even_months")) == {
        "2022-04": {"revenue": "-20", "unbilled_receivable": "-20"},
        "2022-05": {"refunds": "-20", "unbilled_receivable": "20"},
    }
