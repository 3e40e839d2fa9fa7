"""A trial balance from the store's sums: sides, totals, and the verdict."""

from __future__ import annotations

from connectors.store import BalanceRow
from runners.commands.trial_balance import balance_report


def _row(role: str, debits: int, credits: int, **changes: object) -> BalanceRow:
    values = {
        "tenant": "acme",
        "entity": "US01",
        "currency": "EUR",
        "functional_currency": "USD",
        "role": role,
        "debits_minor": debits,
        "credits_minor": credits,
        "functional_debits_minor": debits * 2,
        "functional_credits_minor": credits * 2,
    }
    return BalanceRow(**(values | changes))  # type: ignore[arg-type]


BALANCED = [_row("accounts_receivable", 500, 200), _row("revenue", 0, 300)]


def test_a_balance_stands_on_the_side_where_more_was_booked() -> None:
    report = balance_report(BALANCED)
    assert [(line.role.value, line.side.value, line.balance) for line in report.lines] == [
        ("accounts_receivable", "debit", "3.00"),
        ("revenue", "credit", "3.00"),
    ]
    assert report.balanced


def test_books_that_do_not_balance_are_not_called_balanced() -> None:
    report = balance_report([*BALANCED, _row("bank", 1, 0)])
    assert not report.balanced
    assert [(total.debit, total.credit, total.balanced) for total in report.totals] == [
        ("3.01", "3.00", False)
    ]


def test_one_currency_cannot_make_up_for_another() -> None:
    left = _row("bank", 100, 0, currency="GBP")
    right = _row("revenue", 0, 100)
    assert not balance_report([left, right]).balanced


def test_functional_amounts_add_the_currencies_of_an_entity_up() -> None:
    rows = [*BALANCED, _row("accounts_receivable", 100, 0, currency="GBP")]
    rows.append(_row("revenue", 0, 100, currency="GBP"))
    report = balance_report(rows, functional=True)
    assert [(line.currency, line.balance) for line in report.lines] == [
        ("USD", "8.00"),
        ("USD", "8.00"),
    ]
