"""The posting period is decided once, when a posting is booked; closed periods stay as reported."""

from __future__ import annotations

import pytest
from store_builders import entry, folded, message

from connectors.store import LedgerStore, PeriodState, StoreError
from ledger.messages import Outcome

FIRST = message("evt_1")
SEEN_ONE = {"seen": {"stripe:cus_1": 1}, "outcomes": {"stripe:evt_1": Outcome.POSTED}}


def booked(store: LedgerStore) -> list[tuple[str, str, str | None]]:
    return [(p.kind, p.period, p.original_period) for p in store.postings()]


def test_an_open_period_is_booked_in_itself(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("a", accounting_date="2026-01-31")])])
    assert booked(store) == [("entry", "2026-01", None)]


@pytest.mark.parametrize("state", [PeriodState.CLOSED, PeriodState.SOFT_CLOSED])
def test_a_closed_period_books_to_the_next_open_one_and_keeps_the_original(
    store: LedgerStore, state: PeriodState
) -> None:
    for period in ("2025-11", "2025-12", "2026-01"):
        assert store.set_period("acme", "MAIN", period, state) is PeriodState.OPEN
    store.commit([folded([FIRST], [entry("a", accounting_date="2025-11-30")])])
    assert booked(store) == [("entry", "2026-02", "2025-11")]
    assert next(iter(store.postings())).entry.accounting_date == "2025-11-30"


def test_another_entity_or_tenant_is_not_closed_with_it(store: LedgerStore) -> None:
    store.set_period("acme", "OTHER", "2026-01", PeriodState.CLOSED)
    store.set_period("globex", "MAIN", "2026-01", PeriodState.CLOSED)
    store.commit([folded([FIRST], [entry("a")])])
    assert booked(store) == [("entry", "2026-01", None)]


def test_a_correction_of_a_reported_month_is_booked_in_the_open_one(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("a", 1000), entry("b", 70)])])
    reported = store.trial_balance(through_period="2026-01")
    store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)
    store.commit([folded([message("evt_2")], [entry("a", 900), entry("b", 70)], **SEEN_ONE)])
    assert store.trial_balance(through_period="2026-01") == reported
    assert booked(store) == [
        ("entry", "2026-01", None),
        ("entry", "2026-01", None),
        ("reversal", "2026-02", "2026-01"),
        ("entry", "2026-02", "2026-01"),
    ]
    assert [row.balance_minor for row in store.trial_balance()] == [970, -970]


def test_taking_back_what_was_booked_late_keeps_its_original_period(store: LedgerStore) -> None:
    store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)
    store.commit([folded([FIRST], [entry("a")])])
    store.commit([folded([], [], **SEEN_ONE)])
    assert booked(store) == [("entry", "2026-02", "2026-01"), ("reversal", "2026-02", "2026-01")]


def test_reopening_does_not_move_what_was_booked(store: LedgerStore) -> None:
    store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)
    store.commit([folded([FIRST], [entry("a")])])
    assert store.set_period("acme", "MAIN", "2026-01", PeriodState.OPEN) is PeriodState.CLOSED
    store.commit([folded([], [entry("a"), entry("b")], **SEEN_ONE)])
    assert booked(store) == [("entry", "2026-01", None), ("entry", "2026-02", "2026-01")]


def test_what_is_not_a_month_cannot_be_closed(store: LedgerStore) -> None:
    with pytest.raises(StoreError, match="2026-13"):
        store.set_period("acme", "MAIN", "2026-13", PeriodState.CLOSED)
