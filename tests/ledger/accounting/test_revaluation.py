"""What is owed in a foreign currency at the end of a period, and what it is worth the day after."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from story import Story, months_of, pack

from ledger.accounting.result import AccountingResult
from ledger.policies import BooksConfig, CalendarConfig, EntityConfig

AT_PERIOD_END = pack(revaluation="period_end")


def in_dollars(pair: str = "EUR", **rates: str) -> BooksConfig:
    """Books in dollars; `d0131="1.10"` is the rate of 31 January 2026."""
    return BooksConfig(
        entities={"MAIN": EntityConfig(functional_currency="USD")},
        rates={
            f"{pair}/USD/2026-{day[1:3]}-{day[3:]}": Decimal(rate) for day, rate in rates.items()
        },
    )


RATES = in_dollars(
    d0110="1.20", d0131="1.10", d0228="1.25", d0310="1.30", d0331="1.40", d0415="1.15"
)


def fold(story: Story, config: BooksConfig = RATES, as_of: str = "2026-05-01") -> AccountingResult:
    return story.fold(AT_PERIOD_END, config, as_of)


def test_a_receivable_is_revalued_at_two_month_ends_and_then_paid() -> None:
    """100 EUR invoiced at 1.20 = 120 USD.

    31 January at 1.10: worth 110, 10 lost and not realised; taken back on 1 February.
    28 February at 1.25: worth 125, 5 gained; taken back on 1 March.
    10 March paid at 1.30: 130 in, 120 out, 10 gained and realised.
    """
    story = Story("EUR").invoice("2026-01-10", "100").pay("2026-03-10", "100")
    books = fold(story)
    assert months_of(books.entries) == {
        "2026-01": {"accounts_receivable": "110", "fx_unrealised": "10", "revenue": "120"},
        "2026-02": {"accounts_receivable": "15", "fx_unrealised": "-15"},
        "2026-03": {
            "accounts_receivable": "-125",
            "cash_clearing": "130",
            "fx_gain_loss": "-10",
            "fx_unrealised": "5",
        },
    }
    assert not books.pending
    told = {one.entry_key: (one.accounting_date, one.memo) for one in books.entries}
    first = "in_1:accounts_receivable:MAIN:EUR:revalued:2026-01"
    assert told[first] == ("2026-01-31", "EUR/USD 1.10 of 2026-01-31 on file")
    assert told[f"{first}:reversed"] == ("2026-02-01", "EUR/USD 1.10 of 2026-01-31 on file")


def test_the_reversal_is_there_once_the_next_period_has_begun() -> None:
    story = Story("EUR").invoice("2026-01-10", "100")
    rules = [one.rule for one in fold(story, as_of="2026-01-31T23:00").entries]
    assert rules == ["invoice_issued"]
    rules = [one.rule for one in fold(story, as_of="2026-02-01").entries]
    assert rules == ["invoice_issued", "revalued"]
    rules = [one.rule for one in fold(story, as_of="2026-02-01T00:01").entries]
    assert rules == ["invoice_issued", "revalued", "revaluation_reversed"]


def test_only_what_is_still_owed_is_revalued() -> None:
    """100 EUR at 1.20, 40 paid on the day: 60 EUR are carried at 72 and worth 66 at 1.10."""
    story = Story("EUR").invoice("2026-01-10", "100").pay("2026-01-10", "40")
    [revalued] = [one for one in fold(story, as_of="2026-02-01").entries if one.rule == "revalued"]
    assert [(one.role, one.amount_minor, one.functional_minor) for one in revalued.lines] == [
        ("accounts_receivable", 0, -600),
        ("fx_unrealised", 0, 600),
    ]


def test_nothing_is_revalued_where_the_policy_says_nothing() -> None:
    story = Story("EUR").invoice("2026-01-10", "100")
    assert [one.rule for one in story.fold(pack(), RATES, "2026-05-01").entries] == [
        "invoice_issued"
    ]


def test_a_missing_closing_rate_names_pair_and_day_and_holds_nothing_up() -> None:
    """January's is missing; the invoice is booked and February's revaluation is there."""
    config = in_dollars(d0110="1.20", d0228="1.25")
    story = Story("EUR").invoice("2026-01-10", "100")
    books = fold(story, config, "2026-03-01")
    [pending] = books.pending
    assert (pending.reason, pending.waits_for) == ("missing_closing_rate", "EUR/USD/2026-01-31")
    assert (pending.amount_minor, pending.currency, pending.period) == (10_000, "EUR", "2026-01")
    assert pending.expired
    assert [one.rule for one in books.entries] == ["invoice_issued", "revalued"]
    assert [one.status for one in books.invoices] == ["open"]


def test_periods_are_those_of_the_entitys_calendar() -> None:
    """4-4-5 weeks of a year that began on 28 December: its second period ends on 21 February."""
    config = BooksConfig(
        entities={
            "MAIN": EntityConfig(
                functional_currency="USD", calendar=CalendarConfig(pattern="4-4-5")
            )
        },
        rates={"EUR/USD/2026-02-01": Decimal("1.2"), "EUR/USD/2026-02-21": Decimal("1.3")},
    )
    story = Story("EUR").invoice("2026-02-01", "100")
    added = [
        one for one in fold(story, config, "2026-02-23").entries if one.rule != "invoice_issued"
    ]
    assert [(one.rule, one.accounting_date, one.entry_key[-15:]) for one in added] == [
        ("revalued", "2026-02-21", "valued:2026-P02"),
        ("revaluation_reversed", "2026-02-22", "26-P02:reversed"),
    ]


def test_yen_are_revalued_into_dinars() -> None:
    """10,000 JPY at 0.0021 = 21.000 KWD; at 0.00205 they are worth 20.500: 0.500 lost."""
    config = BooksConfig(
        entities={"MAIN": EntityConfig(functional_currency="KWD")},
        rates={"JPY/KWD/2026-01-10": Decimal("0.0021"), "JPY/KWD/2026-01-31": Decimal("0.00205")},
    )
    story = Story("JPY").invoice("2026-01-10", "10000")
    assert months_of(fold(story, config, "2026-02-01").entries) == {
        "2026-01": {"accounts_receivable": "20.5", "fx_unrealised": "0.5", "revenue": "21"}
    }


def test_a_customer_balance_is_revalued_until_it_is_spent() -> None:
    """20 EUR overpaid at 1.20 = 24 USD owed to the customer; at 1.10 only 22: 2 gained, for a day.

    Spent in March on an invoice at 1.30, worth 26: 2 lost and realised.
    """
    story = Story("EUR").invoice("2026-01-10", "100").pay("2026-01-10", "120")
    story.invoice(
        "2026-03-10", "20", invoice="in_2", applied="20", lines=[story.line("20", line="il_2")]
    )
    books = fold(story, as_of="2026-05-01")
    months = months_of(books.entries)
    assert months["2026-01"]["customer_balance"] == "22"
    assert months["2026-01"]["fx_unrealised"] == "-2"
    assert months["2026-03"]["fx_gain_loss"] == "2"
    total: Counter[str] = Counter()
    for entry in books.entries:
        for line in entry.lines:
            total[line.role] += line.functional_minor
    assert (total["customer_balance"], total["fx_unrealised"], total["fx_gain_loss"]) == (0, 0, 200)
