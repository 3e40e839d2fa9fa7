"""The posting period is decided once, when a posting is booked; closed periods stay as reported."""

from __future__ import annotations

import msgspec
import pytest
from store_builders import DAY, JANUARY, entry, folded, message

from connectors.policy_packs import load_policy_pack
from connectors.store import CalendarChanged, LedgerStore, PeriodState, StoreError
from ledger.folding import FoldSettings, PartyPast, fold_parties
from ledger.messages import Outcome
from ledger.policies import BooksConfig, CalendarConfig, EntityConfig

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


WEEKS = BooksConfig(entities={"MAIN": EntityConfig(calendar=CalendarConfig(pattern="4-4-5"))})


def test_an_entity_of_weeks_books_in_its_own_periods(store: LedgerStore) -> None:
    store.keep_calendars("acme", WEEKS)
    # Fiscal 2026 begins on 28 December 2025; its first period ends on 24 January.
    dates = {"a": "2025-12-28", "b": "2026-01-24", "c": "2026-01-25"}
    store.commit([folded([FIRST], [entry(k, accounting_date=d) for k, d in dates.items()])])
    assert [period for _, period, _ in booked(store)] == ["2026-P01", "2026-P01", "2026-P02"]


def test_a_closed_period_of_weeks_books_to_the_next_across_the_year(store: LedgerStore) -> None:
    store.keep_calendars("acme", WEEKS)
    store.set_period("acme", "MAIN", "2025-P12", PeriodState.CLOSED)
    store.commit([folded([FIRST], [entry("a", accounting_date="2025-12-27")])])
    assert booked(store) == [("entry", "2026-P01", "2025-P12")]
    with pytest.raises(StoreError, match="2026-01"):
        store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)


def test_a_calendar_cannot_change_under_posted_books(store: LedgerStore) -> None:
    store.keep_calendars("acme", WEEKS)
    store.keep_calendars("acme", BooksConfig())
    store.keep_calendars("acme", WEEKS)
    store.commit([folded([FIRST], [entry("a")])])
    store.keep_calendars("acme", WEEKS)
    store.keep_calendars("globex", BooksConfig())
    with pytest.raises(CalendarChanged, match="MAIN"):
        store.keep_calendars("acme", BooksConfig())


def test_a_balance_through_a_month_takes_the_weeks_that_ended_by_then(store: LedgerStore) -> None:
    store.keep_calendars("acme", WEEKS)
    entries = [
        entry("a", 100, accounting_date="2026-01-24"),
        entry("b", 20, accounting_date="2026-01-25"),
        entry("c", 3, accounting_date="2026-01-31", entity="DE"),
        entry("d", 1, accounting_date="2026-02-01", entity="DE"),
    ]
    store.commit([folded([FIRST], entries)])

    def receivable(through: str) -> dict[str, int]:
        rows = store.trial_balance(through_period=through)
        return {row.entity: row.balance_minor for row in rows if row.balance_minor > 0}

    assert receivable("2026-01") == {"MAIN": 100, "DE": 3}
    assert receivable("2026-P02") == {"MAIN": 120, "DE": 3}
    with pytest.raises(StoreError, match="January"):
        receivable("January")


def test_a_live_fold_with_an_older_as_of_takes_nothing_back_from_a_shut_period() -> None:
    settings = FoldSettings(
        tenant="acme",
        policy=load_policy_pack("stripe-contra"),
        books=BooksConfig(),
        as_of_micros=JANUARY,
    )
    february = JANUARY + 31 * DAY
    stood = PartyPast(("stripe:cus_1",), {"stripe:cus_1": 1}, (FIRST,), february + DAY, february)

    def as_of(past: PartyPast, settings: FoldSettings) -> int:
        (party,) = fold_parties({"stripe:cus_1": []}, {"stripe:cus_1": past}, settings, {})
        return party.as_of_micros

    assert as_of(stood, settings) == february
    assert as_of(stood._replace(shut_until_micros=0), settings) == JANUARY
    assert as_of(stood._replace(folded_as_of_micros=0), settings) == JANUARY
    closing = msgspec.structs.replace(settings, keep_as_of=True)
    assert as_of(stood, closing) == february + DAY
