"""Books in another currency than the invoice: every amount at its own rate, and exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from story import IN_DOLLARS, Story, pack

from ledger.accounting.result import AccountingResult
from ledger.policies import BooksConfig, EntityConfig

QUARTER = ("2026-01-01", "2026-04-01")
RATE = Decimal("1.23457")


def euros(total: str = "90", rate: Decimal | None = RATE) -> Story:
    return Story("EUR").invoice("2026-01-01", total, service=QUARTER, exchange_rate=rate)


def test_translated_parts_add_up_to_the_translated_total() -> None:
    """Three thirds of 0.10 EUR at 1.5 are 0.15 USD, not three times 0.05 rounded each."""
    story = Story("EUR")
    lines = [story.line("0.01", line=f"il_{number}") for number in range(3)]
    story.invoice("2026-01-01", "0.03", lines=lines, exchange_rate=Decimal("1.5"))
    [entry] = story.fold(config=IN_DOLLARS).entries
    assert [line.functional_minor for line in entry.lines] == [4, -2, -1, -1]


def test_the_deferral_ends_at_zero_in_both_currencies_after_partial_refunds() -> None:
    story = euros().pay("2026-01-02", "90", exchange_rate=RATE)
    for number, day in enumerate(("2026-01-11", "2026-02-03", "2026-03-09")):
        story.refund(day, "11.11", f"re_{number}", exchange_rate=Decimal("1.1"))
    left = [0, 0]
    for entry in story.fold(config=IN_DOLLARS).entries:
        for line in entry.lines:
            if line.role == "deferred_revenue":
                left[0] += line.amount_minor
                left[1] += line.functional_minor
    assert left == [0, 0]


def test_what_was_settled_is_taken_as_it_was_settled() -> None:
    story = euros("30", Decimal("1.20"))
    story.pay("2026-02-01", "30", settlement_currency="USD", settlement_minor=3301, fee_minor=101)
    assert story.months(config=IN_DOLLARS)["2026-02"] | {
        "revenue": "",
        "deferred_revenue": "",
    } == {
        "accounts_receivable": "-36",
        "cash_clearing": "32",
        "processing_fees": "1.01",
        "fx_gain_loss": "2.99",
        "revenue": "",
        "deferred_revenue": "",
    }


def held(books: AccountingResult, role: str = "cash_clearing") -> dict[str, tuple[int, int]]:
    """Balance of a role by transaction currency: (minor units, minor units of the books)."""
    found: dict[str, list[int]] = {}
    for entry in books.entries:
        for line in entry.lines:
            if line.role == role:
                cell = found.setdefault(entry.currency, [0, 0])
                cell[0] += line.amount_minor
                cell[1] += line.functional_minor
    return {currency: (cell[0], cell[1]) for currency, cell in found.items() if cell != [0, 0]}


def in_euros(**rates: str) -> BooksConfig:
    """Books in euros; `JPY_EUR_20260105="0.0062"` puts a rate on file."""
    return BooksConfig(
        entities={"MAIN": EntityConfig(functional_currency="EUR")},
        rates={
            f"{name[:3]}/{name[4:7]}/{name[8:12]}-{name[12:14]}-{name[14:]}": Decimal(rate)
            for name, rate in rates.items()
        },
    )


def test_money_and_its_fee_stand_in_the_currency_they_settled_in() -> None:
    """100 EUR charged, books in euros, settled as 110 USD of which 11 are the fee.

    Held are 99 USD, worth 100 - 10 = 90 EUR: the 110 USD are what 100 EUR were exchanged for.
    """
    story = Story("EUR").sell(
        "2026-01-01", "100", settlement_currency="USD", settlement_minor=11_000, fee_minor=1_100
    )
    books = story.fold(config=in_euros())
    assert held(books) == {"USD": (9_900, 9_000)}
    assert held(books, "processing_fees") == {"USD": (1_100, 1_000)}
    assert held(books, "currency_conversion") == {
        "EUR": (10_000, 10_000),
        "USD": (-11_000, -10_000),
    }
    assert [one.entry_key for one in books.entries] == ["ch_1:payment", "ch_1:payment:settled"]


def test_a_fee_whose_currency_has_no_rate_makes_the_payment_wait() -> None:
    books = Story("EUR").sell("2026-01-01", "100", settlement_currency="USD", fee_minor=9).fold()
    [pending] = books.pending
    assert (pending.reason, pending.waits_for) == ("missing_rate", "EUR/USD/2026-01-01")


def test_what_settled_is_told_by_the_rate_on_file_too() -> None:
    """100 EUR at 1.1 are 110 USD; 11 of them are the fee."""
    story = Story("EUR").sell("2026-01-01", "100", settlement_currency="USD", fee_minor=1_100)
    books = story.fold(config=BooksConfig(rates={"EUR/USD/2026-01-01": Decimal("1.1")}))
    assert held(books) == {"USD": (9_900, 9_900)}
    assert held(books, "processing_fees") == {"USD": (1_100, 1_100)}


def test_a_rate_into_another_settlement_currency_is_not_the_books_rate() -> None:
    story = euros("30", Decimal("1.20"))
    story.pay("2026-02-01", "30", settlement_currency="GBP", exchange_rate=Decimal("0.85"))
    assert [one.reason for one in story.fold(config=IN_DOLLARS).pending] == ["missing_rate"]


def with_rates(**rates: str) -> BooksConfig:
    return BooksConfig(
        entities={"MAIN": EntityConfig(functional_currency="USD")},
        rates={f"EUR/USD/2026-{day[1:3]}-{day[3:]}": Decimal(rate) for day, rate in rates.items()},
    )


def test_the_rate_on_file_of_the_day_counts_where_none_is_stated() -> None:
    story = Story("EUR").invoice("2026-01-01", "30").pay("2026-02-01", "30")
    months = story.months(config=with_rates(d0101="1.20", d0201="1.10"))
    assert months["2026-02"] == {
        "accounts_receivable": "-36",
        "cash_clearing": "33",
        "fx_gain_loss": "3",
    }


def test_a_missing_rate_is_never_taken_as_one() -> None:
    story = Story("EUR").invoice("2026-01-01", "30").pay("2026-02-01", "30")
    books = story.fold(config=with_rates(d0201="1.10"))
    assert books.entries == ()
    assert [(one.reason, one.waits_for) for one in books.pending] == [
        ("missing_rate", "EUR/USD/2026-01-01"),
        ("missing_rate", "in_1"),
    ]
    assert not story.fold(config=with_rates(d0201="1.10", d0101="1")).pending


@pytest.mark.parametrize(
    "take",
    [
        lambda story: story.refund("2026-03-01", "30"),
        lambda story: story.dispute("2026-03-01", "30").win("2026-03-02", "30"),
        lambda story: story.refund("2026-03-01", "30").refund("2026-03-02", "30", status="failed"),
    ],
)
def test_what_takes_from_a_payment_that_waits_waits_too(take: Any) -> None:
    story = euros("30", Decimal("1.20")).pay("2026-02-01", "30")
    take(story)
    books = story.fold(config=IN_DOLLARS)
    told = {one.event_id for one in story.events[1:]}
    assert {one.event_id for one in books.pending} == told
    assert {one.reason for one in books.pending} == {"missing_rate"}


def test_a_claim_parked_at_the_payments_rate_is_released_at_it() -> None:
    """ledgerly: withdrawn at 1.40, back at 1.30, charged at 1.35; the receivable clears to zero."""
    story = Story("USD").sell("2026-01-01", "100", exchange_rate=Decimal("1.35"))
    story.dispute("2026-02-01", "100", exchange_rate=Decimal("1.40"))
    story.win("2026-03-01", "100", exchange_rate=Decimal("1.30"))
    config = BooksConfig(entities={"MAIN": EntityConfig(functional_currency="CAD")})
    months = story.months(pack("receivable"), config)
    assert months["2026-02"] == {
        "cash_clearing": "-140",
        "disputes_receivable": "135",
        "fx_gain_loss": "5",
    }
    assert months["2026-03"] == {
        "cash_clearing": "130",
        "disputes_receivable": "-135",
        "fx_gain_loss": "5",
    }


def test_a_refund_at_another_rate_offsets_revenue_at_the_first() -> None:
    """ledgerly, charge_refunded_fx: 100 USD in at 1.35, out at 1.40: 135 and 5 of loss."""
    story = Story("USD").sell("2026-01-01", "100", exchange_rate=Decimal("1.35"))
    story.refund("2026-02-01", "100", exchange_rate=Decimal("1.40"))
    config = BooksConfig(entities={"MAIN": EntityConfig(functional_currency="CAD")})
    assert story.months(config=config)["2026-02"] == {
        "cash_clearing": "-140",
        "refunds": "135",
        "fx_gain_loss": "5",
    }


def test_the_settlement_of_a_total_is_not_that_of_a_part_of_it() -> None:
    """Two refunds of 10 EUR in one total: the second is worth its own rate, not the total's."""
    story = euros("30", Decimal("1.20")).pay("2026-01-02", "30", exchange_rate=Decimal("1.20"))
    story.refund("2026-02-01", "10", "re_1", exchange_rate=Decimal("1.20"))
    story.refund(
        "2026-03-01",
        "20",
        "ch_1",
        evidence="charge_total",
        settlement_currency="USD",
        settlement_minor=2500,
        exchange_rate=Decimal("1.30"),
    )
    months = story.months(config=IN_DOLLARS)
    assert months["2026-02"]["cash_clearing"] == "-12"
    assert months["2026-03"]["cash_clearing"] == "-13"


def test_two_currencies_of_one_entity_stay_apart_without_a_functional_one() -> None:
    """https://docs.stripe.com/revenue-recognition/examples/fx, multiple settlement currencies."""
    story = Story("EUR").sell("2026-01-01", "30")
    story.currency = "USD"
    story.sell("2026-01-01", "40", payment_refs=("ch_2",))
    entries = story.fold().entries
    assert sorted((one.currency, one.functional_currency) for one in entries) == [
        ("EUR", "EUR"),
        ("USD", "USD"),
    ]


def test_an_accrual_at_another_rate_than_its_invoice_shows_the_difference() -> None:
    """10 EUR used at 1.20, invoiced at 1.30: unbilled 12 out, receivable 13 in, 1 gained."""
    story = Story("EUR").use("2026-01-10", "10")
    line = story.line("10", accrual_id="si_1")
    story.invoice("2026-02-01", "10", lines=[line], exchange_rate=Decimal("1.30"))
    months = story.months(config=with_rates(d0110="1.20"))
    assert months["2026-02"] == {
        "accounts_receivable": "13",
        "unbilled_receivable": "-12",
        "fx_gain_loss": "-1",
    }
