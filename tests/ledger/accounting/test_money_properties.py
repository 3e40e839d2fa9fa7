"""What holds for any history in three currencies and the books of three entities."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable

from histories import AFTER_EVERYTHING, THREE_BOOKS, histories, policies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.accounting.held import Owner, moves_of
from ledger.accounting.positions import Position
from ledger.accounts import AccountRole
from ledger.events import Event
from ledger.fold import ACCOUNTS, fold_contract, settle_held
from ledger.journal import JournalEntry
from ledger.policies import PolicyPack

often = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DAY = 86_400_000_000
IN_JANUARY = AFTER_EVERYTHING + 5 * DAY
"""No period ends today, so that what was revalued at the last one is back."""

IN_BOOKS_ONLY = (
    AccountRole.FX_GAIN_LOSS,
    AccountRole.FX_UNREALISED,
    AccountRole.CURRENCY_CONVERSION,
)
BALANCES = (
    AccountRole.ACCOUNTS_RECEIVABLE,
    AccountRole.CUSTOMER_BALANCE,
    AccountRole.EXTERNAL_CUSTOMER_BALANCE,
    AccountRole.DISPUTES_RECEIVABLE,
    AccountRole.DEFERRED_REVENUE,
    AccountRole.DEFERRED_FEES,
    AccountRole.CASH_CLEARING,
    AccountRole.EXTERNAL_CASH,
    AccountRole.BANK,
)


def books_of(
    history: list[Event], policy: PolicyPack, as_of: int = IN_JANUARY
) -> list[JournalEntry]:
    """The books of these events, as if there were no others."""
    told = fold_contract("acme", "test:cus_1", "direct", history, policy, THREE_BOOKS, as_of)
    owner = Owner(customer_id="crossfoot:exchange", contract_id="direct")
    held = settle_held(moves_of(told.entries, ACCOUNTS), owner, policy, THREE_BOOKS, as_of)
    assert not held.pending
    return [*told.entries, *held.entries]


def sums(entries: Iterable[JournalEntry], *, by: str) -> dict[tuple[str, ...], list[int]]:
    """Net debit in both currencies by entity, currency, role and what `by` says of a line."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        for line in entry.lines:
            more = line.counterparty if by == "counterparty" else getattr(entry, by)
            cell = found[entry.entity, entry.currency, line.role, more or ""]
            cell[0] += line.amount_minor
            cell[1] += line.functional_minor
    return found


@often
@given(histories(), policies())
def test_a_balance_of_zero_is_worth_nothing(history: list[Event], policy: PolicyPack) -> None:
    books = books_of(history, policy)
    for (_, currency, role, _), cell in sums(books, by="tenant").items():
        if role in BALANCES and not cell[0]:
            assert not cell[1], (currency, role, cell)


@often
@given(histories(), policies())
def test_a_receivable_of_zero_is_worth_nothing_invoice_by_invoice(
    history: list[Event], policy: PolicyPack
) -> None:
    for key, cell in sums(books_of(history, policy), by="invoice_id").items():
        if key[2] == AccountRole.ACCOUNTS_RECEIVABLE and not cell[0]:
            assert not cell[1], (key, cell)


@often
@given(histories(), policies())
def test_conversions_are_worth_nothing_in_the_books(
    history: list[Event], policy: PolicyPack
) -> None:
    left: dict[str, int] = defaultdict(int)
    for (entity, _, role, _), cell in sums(books_of(history, policy), by="tenant").items():
        if role == AccountRole.CURRENCY_CONVERSION:
            left[entity] += cell[1]
    assert not any(left.values()), left


@often
@given(histories(), policies())
def test_what_entities_owe_each_other_cancels(history: list[Event], policy: PolicyPack) -> None:
    """By pair and currency; and each is worth nothing in its own books once it is nothing."""
    between: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for (entity, currency, role, other), cell in sums(
        books_of(history, policy), by="counterparty"
    ).items():
        if role in (AccountRole.DUE_FROM, AccountRole.DUE_TO):
            assert other and other != entity
            between[entity, other, currency][0] += cell[0]
            between[entity, other, currency][1] += cell[1]
    for (entity, other, currency), cell in between.items():
        assert cell[0] == -between[other, entity, currency][0]
        if not cell[0]:
            assert not cell[1], (entity, other, currency, cell)


@often
@given(histories(), policies())
def test_revaluation_reverses(history: list[Event], policy: PolicyPack) -> None:
    books = books_of(history, policy)
    unrealised = [
        line.functional_minor
        for entry in books
        for line in entry.lines
        if line.role is AccountRole.FX_UNREALISED
    ]
    assert sum(unrealised) == 0
    if policy.revaluation == "none":
        assert not unrealised


@often
@given(histories(), policies())
def test_a_currency_of_the_books_is_the_same_on_both_sides(
    history: list[Event], policy: PolicyPack
) -> None:
    books = books_of(history, policy)
    for entry in books:
        if entry.currency == entry.functional_currency:
            assert all(line.amount_minor == line.functional_minor for line in entry.lines), entry
    assert len({entry.entry_key for entry in books}) == len(books)


@often
@given(histories(), policies(), st.randoms(use_true_random=False))
def test_no_order_and_no_repetition_changes_the_books(
    history: list[Event], policy: PolicyPack, chance: random.Random
) -> None:
    shuffled = history + chance.choices(history, k=3)
    chance.shuffle(shuffled)
    assert books_of(shuffled, policy) == books_of(history, policy)


@often
@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(-900, 900)), max_size=20))
def test_a_position_is_what_came_in_less_what_was_realised(moves: list[tuple[int, int]]) -> None:
    position = Position()
    amount = functional = 0
    for moved, worth in moves:
        realised = position.move(moved, worth)
        amount += moved
        functional += worth - realised
        assert (position.amount, position.functional) == (amount, functional)
        if not amount:
            assert not functional
