"""Exchange differences over all customers, from and into the store, on both databases."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from store_builders import DAY, JANUARY, TENANT, entry, folded, line, message

from connectors.policy_packs import load_policy_pack
from connectors.store import LedgerStore
from ledger.accounts import AccountRole
from ledger.folding import FoldSettings
from ledger.journal import JournalEntry
from ledger.policies import BooksConfig, EntityConfig
from pipelines.settle_exchange import PARTY, settle_exchange

CONTRA = load_policy_pack("stripe-contra")


def settings(**changes: object) -> FoldSettings:
    values = {
        "tenant": TENANT,
        "policy": CONTRA,
        "books": BooksConfig(entities={"MAIN": EntityConfig(functional_currency="EUR")}),
        "as_of_micros": JANUARY + 90 * DAY,
    }
    return FoldSettings(**(values | changes))  # type: ignore[arg-type]


def moved(key: str, day: str, amount: int, worth: int, by: str, other: str) -> JournalEntry:
    """Money of so many cents of a dollar, worth so many of a euro."""
    lines = (
        line("cash_clearing", amount, functional_minor=worth),
        line(other, -amount, functional_minor=-worth),
    )
    return entry(key, by=by, functional_currency="EUR", accounting_date=day, lines=lines)


def pay(store: LedgerStore, number: int, amount: int, worth: int, day: str = "2026-01-05") -> None:
    name, customer = f"evt_{number}", f"stripe:cus_{number}"
    one = moved(f"ch_{number}:payment", day, amount, worth, name, "revenue")
    store.commit([folded([message(name, customer)], [one], party_id=customer)])


def pay_out(store: LedgerStore, amount: int, worth: int, day: str = "2026-02-01") -> None:
    one = moved("po_1:payout_paid", day, -amount, -worth, "evt_po", "bank")
    store.commit([folded([message("evt_po", "stripe:po_1")], [one], party_id="stripe:po_1")])


def clearing(store: LedgerStore) -> tuple[int, int]:
    (row,) = [one for one in store.trial_balance() if one.role == "cash_clearing"]
    return row.balance_minor, row.functional_balance_minor


def test_the_payout_of_two_customers_money_leaves_nothing(store: LedgerStore) -> None:
    """100 USD at 90 EUR and 100 at 94 are paid out at 190: 6 gained, and the account is at zero."""
    pay(store, 1, 10_000, 9_000)
    pay(store, 2, 10_000, 9_400)
    pay_out(store, 20_000, 19_000)
    assert clearing(store) == (0, -600)
    report = settle_exchange(store, settings())
    assert (report.new_entries, report.reversals) == (1, 0)
    assert clearing(store) == (0, 0)
    (realised,) = [one for one in store.postings() if one.entry.customer_id == PARTY]
    told = store.trace(realised.posting_id, TENANT)
    assert [one.message.message_id for one in told.messages] == ["stripe:evt_po"]
    again = settle_exchange(store, settings())
    assert not again.changed_books


def test_a_payment_that_comes_late_corrects_what_was_realised(store: LedgerStore) -> None:
    """Known too late, the second payment changes the average: the entry is reversed and anew."""
    pay(store, 1, 10_000, 9_000)
    pay_out(store, 10_000, 9_500)
    settle_exchange(store, settings())
    pay(store, 2, 10_000, 9_400)
    report = settle_exchange(store, settings())
    assert (report.new_entries, report.reversals) == (1, 1)
    assert clearing(store) == (10_000, 9_200)
    assert [posted.entry.customer_id for posted in store.postings()].count(PARTY) == 3


def test_what_came_in_is_no_difference_and_leaves_no_trace(store: LedgerStore) -> None:
    pay(store, 1, 10_000, 9_000)
    before = b"".join(store.canonical_dump())
    assert not settle_exchange(store, settings()).changed_books
    assert b"".join(store.canonical_dump()) == before


def test_clearing_is_revalued_for_all_customers_at_once(store: LedgerStore) -> None:
    """200 USD carried at 184 EUR are worth 190 on 31 January: 6 gained, taken back in February."""
    pay(store, 1, 10_000, 9_000)
    pay(store, 2, 10_000, 9_400)
    books = BooksConfig(
        entities={"MAIN": EntityConfig(functional_currency="EUR")},
        rates={"USD/EUR/2026-01-31": Decimal("0.95")},
    )
    policy = msgspec.structs.replace(CONTRA, revaluation="period_end")
    settle_exchange(store, settings(books=books, policy=policy, as_of_micros=JANUARY + 32 * DAY))
    revalued = [one.entry for one in store.postings() if one.entry.customer_id == PARTY]
    assert [(one.rule, one.accounting_date, one.lines[0].functional_minor) for one in revalued] == [
        ("revalued", "2026-01-31", 600),
        ("revaluation_reversed", "2026-02-01", -600),
    ]
    assert clearing(store) == (20_000, 18_400)


@pytest.mark.parametrize("through", [None, "2026-01"])
def test_entities_are_told_apart_by_period_and_counterparty(
    store: LedgerStore, through: str | None
) -> None:
    due = line("due_from", 500, counterparty="DE")
    one = entry("a", lines=(due, line("revenue", -500)))
    later = entry("b", by="evt_2", accounting_date="2026-02-28", lines=one.lines)
    store.commit([folded([message("evt_1"), message("evt_2")], [one, later])])
    found = store.entity_balances(TENANT, through)
    dues = [
        (row.counterparty, row.period_ends_on, row.amount_minor)
        for row in found
        if row.role is AccountRole.DUE_FROM
    ]
    expected = [("DE", "2026-01-31", 500), ("DE", "2026-02-28", 500)]
    assert dues == (expected if through is None else expected[:1])
