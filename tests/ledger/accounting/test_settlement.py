"""Money in three currencies: what was charged, what the processor holds, what it is in the books.

Every test does its sums in its docstring. `held` gives the balance of a role by transaction
currency as (minor units, minor units of the books).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from story import Story, months_of, pack

from ledger.accounting.held import Owner, moves_of, realise_held
from ledger.accounting.result import AccountingResult
from ledger.events import PayoutFailed, PayoutPaid
from ledger.fold import ACCOUNTS, settle_held
from ledger.journal import JournalEntry
from ledger.policies import BooksConfig, EntityConfig

OWNER = Owner(customer_id="all", contract_id="direct")


def books_in(functional: str, **rates: str) -> BooksConfig:
    """Books of MAIN; `USD_EUR_0105="0.9"` is a rate of 5 January 2026."""
    return BooksConfig(
        entities={"MAIN": EntityConfig(functional_currency=functional)},
        rates={
            f"{name[:3]}/{name[4:7]}/2026-{name[8:10]}-{name[10:]}": Decimal(rate)
            for name, rate in rates.items()
        },
    )


def settled(currency: str, minor: int, fee: int | None = None, rate: str | None = None) -> Any:
    """How a movement settled, as a balance transaction states it."""
    fields: dict[str, Any] = {"settlement_currency": currency, "settlement_minor": minor}
    if fee is not None:
        fields["fee_minor"] = fee
    if rate is not None:
        fields["exchange_rate"] = Decimal(rate)
    return fields


def held(entries: tuple[JournalEntry, ...], role: str = "cash_clearing") -> dict[str, Any]:
    found: dict[str, list[int]] = {}
    for entry in entries:
        for line in entry.lines:
            if line.role == role:
                cell = found.setdefault(entry.currency, [0, 0])
                cell[0] += line.amount_minor
                cell[1] += line.functional_minor
    return {code: tuple(cell) for code, cell in found.items() if cell != [0, 0]}


def told(story: Story, config: BooksConfig, name: str = "stripe-contra") -> AccountingResult:
    books = story.fold(pack(name), config)
    assert not books.pending and not books.refusals
    assert not any(part[1] for part in [_sum(books.entries, "currency_conversion")])
    return books


def _sum(entries: tuple[JournalEntry, ...], role: str) -> tuple[int, int]:
    lines = [line for entry in entries for line in entry.lines if line.role == role]
    return sum(one.amount_minor for one in lines), sum(one.functional_minor for one in lines)


def test_an_invoice_in_yen_settled_in_dollars_in_books_in_euros() -> None:
    """10,000 JPY invoiced at 0.0062 = 62.00 EUR; settled as 70.00 USD with a fee of 2.33.

    On the day of the payment a dollar is 0.90 EUR: 70.00 USD = 63.00 EUR, 1.00 gained.
    The fee is 63.00 x 2.33 / 70.00 = 2.097 = 2.10 EUR; held are 67.67 USD = 60.90 EUR.
    """
    story = Story("JPY").invoice("2026-01-05", "10000")
    story.pay("2026-02-05", "10000", **settled("USD", 7_000, 233, "0.007"))
    books = told(story, books_in("EUR", JPY_EUR_0105="0.0062", USD_EUR_0205="0.90"))
    assert held(books.entries) == {"USD": (6_767, 6_090)}
    assert held(books.entries, "processing_fees") == {"USD": (233, 210)}
    assert held(books.entries, "accounts_receivable") == {}
    assert _sum(books.entries, "fx_gain_loss") == (0, -100)
    assert held(books.entries, "currency_conversion") == {
        "JPY": (10_000, 6_300),
        "USD": (-7_000, -6_300),
    }


def test_dinars_with_three_decimals_settle_in_yen_with_none() -> None:
    """12.345 KWD at 3.25 USD = 40.12 USD (40.12125); settled as 6,050 JPY at 0.0066 = 39.93."""
    story = Story("KWD").invoice("2026-01-05", "12.345")
    story.pay("2026-01-06", "12.345", **settled("JPY", 6_050, 50))
    books = told(story, books_in("USD", KWD_USD_0105="3.25", JPY_USD_0106="0.0066"))
    # the fee is 39.93 x 50 / 6,050 = 0.33
    assert held(books.entries) == {"JPY": (6_000, 3_960)}
    assert held(books.entries, "processing_fees") == {"JPY": (50, 33)}
    assert _sum(books.entries, "fx_gain_loss") == (0, 19)


def test_the_books_currency_with_three_decimals_takes_cents_exactly() -> None:
    """1.00 USD at 0.3065 KWD = 0.3065 = 0.306 KWD, half to even."""
    story = Story("USD").sell("2026-01-05", "1")
    books = told(story, books_in("KWD", USD_KWD_0105="0.3065"))
    assert held(books.entries) == {"USD": (100, 306)}


def test_a_third_currency_without_its_rate_is_worth_what_was_charged() -> None:
    """No GBP/USD on file: the 30 EUR are worth 33 USD by their own rate."""
    story = Story("EUR").sell("2026-01-05", "30", **settled("GBP", 2_550))
    books = told(story, books_in("USD", EUR_USD_0105="1.10"))
    assert held(books.entries) == {"GBP": (2_550, 3_300)}
    [memo] = {one.memo for one in books.entries}
    assert memo == "EUR/USD 1.10 of 2026-01-05 on file"


def test_partial_payments_realise_their_share_and_the_last_one_the_rest() -> None:
    """100 EUR at 1.20 = 120 USD, paid as 33, 33 and 34 EUR that settled as 36, 40 and 45 USD.

    33/100 of 120 is 39.60, twice, and 40.80 is left: 3.60 lost, 0.40 and 4.20 gained.
    """
    story = Story("EUR").invoice("2026-01-05", "100", exchange_rate=Decimal("1.20"))
    for number, (amount, got) in enumerate((("33", 3_600), ("33", 4_000), ("34", 4_500)), 1):
        story.pay(
            f"2026-0{number + 1}-05", amount, payment_refs=(f"ch_{number}",), **settled("USD", got)
        )
    months = months_of(told(story, books_in("USD")).entries)
    assert [months[f"2026-0{month}"]["fx_gain_loss"] for month in (2, 3, 4)] == [
        "3.6",
        "-0.4",
        "-4.2",
    ]
    assert held(told(story, books_in("USD")).entries, "accounts_receivable") == {}


def test_a_refund_leaves_the_balance_its_payment_went_into() -> None:
    """30 EUR settled as 33 USD. The refund says nothing of how it settled: 30 EUR at 1.20 = 36 USD.

    Books in dollars: 33 came in, 36 went out, 3 lost; nothing is left in euros.
    """
    story = (
        Story("EUR").sell("2026-01-05", "30", **settled("USD", 3_300)).refund("2026-02-05", "30")
    )
    books = told(story, books_in("USD", EUR_USD_0205="1.20"))
    assert held(books.entries) == {"USD": (-300, -300)}
    assert months_of(books.entries)["2026-02"] == {
        "cash_clearing": "-36",
        "fx_gain_loss": "3",
        "refunds": "33",
    }


def test_a_refund_whose_settlement_has_no_rate_waits_for_it() -> None:
    story = (
        Story("EUR").sell("2026-01-05", "30", **settled("USD", 3_300)).refund("2026-02-05", "30")
    )
    [pending] = story.fold(config=books_in("USD")).pending
    assert (pending.reason, pending.waits_for) == ("missing_rate", "EUR/USD/2026-02-05")


def test_a_refund_that_failed_comes_back_as_it_went() -> None:
    story = Story("EUR").sell("2026-01-05", "30", **settled("USD", 3_300))
    out = settled("USD", 3_600)
    story.refund("2026-02-05", "30", **out).refund("2026-03-05", "30", status="failed", **out)
    books = told(story, books_in("USD"))
    assert held(books.entries) == {"USD": (3_300, 3_300)}
    assert _sum(books.entries, "refunds") == (0, 0)
    assert _sum(books.entries, "fx_gain_loss") == (0, 0)


@pytest.mark.parametrize(
    ("name", "opened", "won"),
    [
        (
            "stripe-contra",
            {
                "cash_clearing": "-49",
                "disputes": "33",
                "fx_gain_loss": "1",
                "processing_fees": "15",
            },
            {"cash_clearing": "32", "recoverables": "32"},
        ),
        (
            "receivable",
            {
                "cash_clearing": "-49",
                "disputes_receivable": "33",
                "dispute_losses": "15",
                "fx_gain_loss": "1",
            },
            {"cash_clearing": "32", "disputes_receivable": "-33", "fx_gain_loss": "1"},
        ),
    ],
)
def test_a_dispute_is_opened_and_won_at_other_rates(
    name: str, opened: dict[str, str], won: dict[str, str]
) -> None:
    """30 EUR came in as 33 USD, left as 34 with a fee of 15, and came back as 32: 1 lost each way.

    Under `contra` what comes back is recoverable revenue of what it is worth.
    """
    story = Story("EUR").sell("2026-01-05", "30", **settled("USD", 3_300))
    story.dispute("2026-02-05", "30", **settled("USD", 3_400, 1_500))
    story.win("2026-03-05", "30", **settled("USD", 3_200))
    books = told(story, books_in("USD"), name)
    months = months_of(books.entries)
    assert (months["2026-02"], months["2026-03"]) == (opened, won)
    assert set(held(books.entries)) == {"USD"}


def test_a_dispute_that_is_lost_costs_what_was_parked() -> None:
    """33 USD parked at the payment's rate, whatever it is worth when it is lost."""
    story = Story("EUR").sell("2026-01-05", "30", **settled("USD", 3_300))
    story.dispute("2026-02-05", "30", **settled("USD", 3_400)).lose("2026-03-05", "30")
    months = months_of(told(story, books_in("USD"), "receivable").entries)
    assert months["2026-03"] == {"dispute_losses": "33", "disputes_receivable": "-33"}


def test_a_customer_balance_spent_at_another_rate_realises_the_difference() -> None:
    """20 EUR overpaid at 1.20 = 24 USD; spent on an invoice at 1.30, worth 26: 2 lost."""
    story = Story("EUR").invoice("2026-01-05", "100", exchange_rate=Decimal("1.20"))
    story.pay("2026-01-05", "120", exchange_rate=Decimal("1.20"))
    line = story.line("20", line="il_2")
    story.invoice(
        "2026-02-05",
        "20",
        invoice="in_2",
        lines=[line],
        applied="20",
        exchange_rate=Decimal("1.30"),
    )
    books = told(story, books_in("USD"))
    assert held(books.entries, "customer_balance") == {}
    assert months_of(books.entries)["2026-02"] == {
        "customer_balance": "-24",
        "fx_gain_loss": "2",
        "revenue": "26",
    }


def test_a_part_of_a_balance_leaves_at_its_average() -> None:
    """10 EUR at 1.20 and 10 at 1.40 are carried at 1.30; 5 spent at 1.50 cost 6.50, 1 is lost."""
    story = Story("EUR").invoice("2026-01-05", "10", exchange_rate=Decimal("1.20"))
    story.pay("2026-01-05", "20", exchange_rate=Decimal("1.20"))
    story.sell("2026-01-06", "1", payment_refs=("ch_2",), exchange_rate=Decimal("1.20"))
    story.invoice("2026-01-07", "10", invoice="in_2", exchange_rate=Decimal("1.40"))
    story.pay(
        "2026-01-07", "20", payment_refs=("ch_3",), invoice_id="in_2", exchange_rate=Decimal("1.40")
    )
    story.invoice("2026-02-05", "5", invoice="in_3", applied="5", exchange_rate=Decimal("1.50"))
    books = told(story, books_in("USD"))
    assert held(books.entries, "customer_balance") == {"EUR": (-1_500, -1_950)}
    assert months_of(books.entries)["2026-02"]["fx_gain_loss"] == "1"


def payout(story: Story, on: str, minor: int, name: str = "po_1", **fields: Any) -> Story:
    return story.add(PayoutPaid, on, payout_id=name, amount_minor=minor, **fields)


def test_payouts_of_mixed_currencies_clear_each_to_zero_in_the_books() -> None:
    """Books in euros. 100 USD came in as 90 EUR, 50 USD as 46; 20 GBP as 23 EUR.

    Paid out: 150 USD at 0.92 = 138, carried at 136: 2 gained. 20 GBP at 1.10 = 22: 1 lost.
    """
    story = Story("USD")
    story.sell("2026-01-05", "100").sell("2026-01-06", "50", payment_refs=("ch_2",))
    payout(story, "2026-02-01", 15_000, currency="USD")
    story.currency = "GBP"
    story.sell("2026-01-06", "20", payment_refs=("ch_3",))
    payout(story, "2026-02-01", 2_000, "po_2", currency="GBP")
    config = books_in(
        "EUR", USD_EUR_0105="0.90", USD_EUR_0106="0.92", GBP_EUR_0106="1.15",
        USD_EUR_0201="0.92", GBP_EUR_0201="1.10",
    )  # fmt: skip
    books = told(story, config)
    assert held(books.entries) == {"USD": (0, -200), "GBP": (0, 100)}
    added = realise_held(moves_of(books.entries, ACCOUNTS), OWNER)
    assert held((*books.entries, *added)) == {}
    assert [(one.entry_key, one.lines[1].functional_minor) for one in added] == [
        ("cash_clearing:MAIN:GBP:realised:2026-02-01", 100),
        ("cash_clearing:MAIN:USD:realised:2026-02-01", -200),
    ]


def test_what_is_left_in_clearing_keeps_its_average() -> None:
    """100 USD at 0.90 and 100 at 0.94: 150 leave at 0.92 = 138, booked at 0.90 = 135, 3 lost."""
    story = Story("USD").sell("2026-01-05", "100").sell("2026-01-06", "100", payment_refs=("ch_2",))
    payout(story, "2026-02-01", 15_000, currency="USD")
    config = books_in("EUR", USD_EUR_0105="0.90", USD_EUR_0106="0.94", USD_EUR_0201="0.90")
    books = told(story, config)
    [realised] = realise_held(moves_of(books.entries, ACCOUNTS), OWNER)
    assert realised.lines[1].functional_minor == 300
    assert held((*books.entries, realised)) == {"USD": (5_000, 4_600)}


def test_a_payout_that_came_back_is_carried_at_what_it_is_worth_then() -> None:
    """100 USD at 0.90 out at 0.95 (5 gained) and back at 0.97; the bank holds nothing, 2 gained."""
    story = Story("USD").sell("2026-01-05", "100")
    payout(story, "2026-02-01", 10_000, currency="USD")
    story.add(PayoutFailed, "2026-02-10", payout_id="po_1", currency="USD", amount_minor=10_000)
    config = books_in("EUR", USD_EUR_0105="0.90", USD_EUR_0201="0.95", USD_EUR_0210="0.97")
    books = told(story, config)
    added = realise_held(moves_of(books.entries, ACCOUNTS), OWNER)
    everything = (*books.entries, *added)
    assert held(everything) == {"USD": (10_000, 9_700)}
    assert held(everything, "bank") == {}
    assert _sum(everything, "fx_gain_loss") == (0, -700)


def test_clearing_is_revalued_where_the_policy_says_so() -> None:
    """100 USD at 0.90 held on 31 January at 0.95: 5 gained until 1 February."""
    story = Story("USD").sell("2026-01-05", "100")
    config = books_in("EUR", USD_EUR_0105="0.90", USD_EUR_0131="0.95")
    policy = pack(revaluation="period_end")
    books = story.fold(policy, config, "2026-02-01")
    found = settle_held(
        moves_of(books.entries, ACCOUNTS),
        OWNER,
        policy,
        config,
        31 * 86_400_000_000 + 1_767_225_600_000_000,
    )
    assert [(one.rule, one.lines[0].functional_minor) for one in found.entries] == [
        ("revalued", 500)
    ]


def test_a_payment_told_with_its_invoice_settles_in_an_entry_of_its_own() -> None:
    """An invoice and its payment in one message: one entry for the claim, one for the money."""
    story = Story("EUR").invoice("2026-01-05", "30", message="m", exchange_rate=Decimal("1.10"))
    paid = settled("USD", 3_300, 100)
    story.pay("2026-01-05", "30", message="m", **paid)
    books = told(story, books_in("USD"))
    assert [one.entry_key for one in books.entries] == [
        "ch_1:payment:settled",
        "in_1:invoice_issued",
    ]
    assert held(books.entries) == {"USD": (3_200, 3_200)}
    assert held(books.entries, "accounts_receivable") == {}
