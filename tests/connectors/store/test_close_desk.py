"""Decisions about periods: two people, one transaction, append-only; what races with a close."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from store_builders import entry, folded, letter, message, waiting

from connectors.sequences import number_of
from connectors.store import LedgerStore, PeriodState, PostingRight, StoreError, open_store
from connectors.store.books_calendar import set_period_state
from connectors.store.closing.decisions import Decision, Refused, Which, Who
from connectors.store.closing.desk import Approved, BooksMoved
from ledger.closing.facts import OpenItem
from ledger.closing.people import SamePerson, UnknownPerson
from ledger.messages import Outcome

JANUARY = Which(tenant="acme", entity="MAIN", period="2026-01")
FEBRUARY = msgspec.structs.replace(JANUARY, period="2026-02")
SEEN_ONE: dict[str, Any] = {
    "seen": {"stripe:cus_1": 1},
    "outcomes": {"stripe:evt_1": Outcome.POSTED},
}


def by(person: str, at: int = 1, reason: str = "because") -> Who:
    return Who(person=person, reason=reason, at_micros=at)


def mark(store: LedgerStore, which: Which = JANUARY) -> str:
    return store.close_desk.snapshot(which, number_of).fingerprint


def close(store: LedgerStore, which: Which, at: int = 1) -> Decision:
    proposal = store.close_desk.propose_close(which, by("anna", at), mark(store, which), "digest")
    return store.close_desk.approve_close(
        proposal.decision_id, by("ben", at + 1), approved(store, which)
    )


def approved(store: LedgerStore, which: Which = JANUARY, digest: str = "digest") -> Approved:
    return Approved(
        fingerprint=mark(store, which), figures_digest=digest, balances=[], report=b"{}\n"
    )


def test_a_proposal_soft_closes_and_a_second_person_closes(store: LedgerStore) -> None:
    store.commit([folded([message("evt_1")], [entry("a")])])
    proposal = store.close_desk.propose_close(JANUARY, by("anna"), mark(store), "digest")
    assert store.close_desk.state(JANUARY) is PeriodState.SOFT_CLOSED
    with pytest.raises(SamePerson):
        store.close_desk.approve_close(proposal.decision_id, by(" ANNA "), approved(store))
    assert store.close_desk.state(JANUARY) is PeriodState.SOFT_CLOSED
    taken = store.close_desk.approve_close(proposal.decision_id, by("ben"), approved(store))
    assert (taken.refers, taken.person) == (proposal.decision_id, "ben")
    assert store.close_desk.state(JANUARY) is PeriodState.CLOSED
    assert store.close_desk.report(JANUARY) == b"{}\n"


def test_figures_that_are_not_those_proposed_are_not_approved(store: LedgerStore) -> None:
    proposal = store.close_desk.propose_close(JANUARY, by("anna"), mark(store), "digest")
    with pytest.raises(Refused, match="not those that were proposed"):
        store.close_desk.approve_close(
            proposal.decision_id, by("ben"), approved(store, digest="other")
        )
    assert store.close_desk.report(JANUARY) is None


@pytest.mark.parametrize("what", ["posting", "letter", "pending"])
def test_what_comes_between_looking_and_deciding_stops_the_decision(
    store: LedgerStore, store_url: str, what: str
) -> None:
    before = mark(store)
    with open_store(store_url) as other:
        if what == "posting":
            other.commit([folded([message("evt_1")], [entry("a")])])
        elif what == "letter":
            other.commit_dead_letters([letter("a")])
        else:
            other.commit([folded([message("evt_1")], pending=[waiting("evt_1")])])
    with pytest.raises(BooksMoved):
        store.close_desk.propose_close(JANUARY, by("anna"), before, "digest")
    assert store.close_desk.decisions("acme") == []


def test_a_commit_that_races_with_a_close_books_in_the_next_period(
    store: LedgerStore, store_url: str
) -> None:
    with ThreadPoolExecutor(1) as pool, open_store(store_url) as other:
        with store._session.writing() as connection:
            store._backend.own_periods(connection)
            racing = pool.submit(other.commit, [folded([message("evt_1")], [entry("a")])])
            time.sleep(0.3)
            assert not racing.done()
            key = ("acme", "MAIN", "2026-01")
            set_period_state(connection, store._backend, key, PeriodState.CLOSED)
        assert racing.result(60).new_entries == 1
    (posted,) = store.postings()
    assert (posted.period, posted.original_period) == ("2026-02", "2026-01")


def test_two_approvals_at_once_close_once(store: LedgerStore, store_url: str) -> None:
    proposal = store.close_desk.propose_close(JANUARY, by("anna"), mark(store), "digest")
    given = approved(store)

    def approve(person: str) -> str:
        with open_store(store_url) as opened:
            try:
                opened.close_desk.approve_close(proposal.decision_id, by(person), given)
            except (Refused, BooksMoved):
                return "refused"
        return "closed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(approve, ("ben", "cara"))) == ["closed", "refused"]
    assert [one.action for one in store.close_desk.decisions("acme")] == [
        "propose_close",
        "approve_close",
    ]


@pytest.mark.parametrize("name", ["", "  ", "\u200b"])
def test_a_decision_without_a_name_or_reason_is_not_taken(store: LedgerStore, name: str) -> None:
    with pytest.raises(UnknownPerson):
        store.close_desk.soft_close(JANUARY, by(name))
    with pytest.raises(Refused, match="reason"):
        store.close_desk.soft_close(JANUARY, by("anna", reason=name.strip("\u200b")))
    assert store.close_desk.state(JANUARY) is PeriodState.OPEN


def test_reopening_takes_two_and_opens_every_later_period(store: LedgerStore) -> None:
    march = msgspec.structs.replace(JANUARY, period="2026-03")
    close(store, JANUARY, 1)
    close(store, FEBRUARY, 3)
    store.close_desk.propose_close(march, by("anna", 5), mark(store, march), "digest")
    other = msgspec.structs.replace(FEBRUARY, entity="DE")
    close(store, other, 6)
    wish = store.close_desk.propose_reopen(JANUARY, by("anna", 7))
    with pytest.raises(SamePerson):
        store.close_desk.approve_reopen(wish.decision_id, by("Anna", 8))
    taken = store.close_desk.approve_reopen(wish.decision_id, by("ben", 8))
    assert [(one.action, one.period) for one in taken] == [
        ("approve_reopen", "2026-01"),
        ("reopened_with", "2026-02"),
        ("reopened_with", "2026-03"),
    ]
    assert store.close_desk.states("acme") == [(other, "closed")]
    with pytest.raises(Refused, match="is open"):
        store.close_desk.propose_reopen(FEBRUARY, by("anna", 9))


def test_a_reopened_period_can_be_closed_again_with_another_report(store: LedgerStore) -> None:
    close(store, JANUARY, 1)
    wish = store.close_desk.propose_reopen(JANUARY, by("anna", 3))
    store.close_desk.approve_reopen(wish.decision_id, by("ben", 4))
    close(store, JANUARY, 5)
    assert store.close_desk.state(JANUARY) is PeriodState.CLOSED


def test_an_approved_adjustment_posts_into_its_soft_closed_period_alone(
    store: LedgerStore,
) -> None:
    store.close_desk.soft_close(JANUARY, by("anna"))
    wish = store.close_desk.propose_adjustment(JANUARY, by("anna", 2))
    unapproved = PostingRight(tenant="acme", adjustment=wish.decision_id)
    with pytest.raises(StoreError, match="no approved adjustment"):
        store.commit([folded([message("evt_1")], [entry("a")])], unapproved)
    with pytest.raises(SamePerson):
        store.close_desk.approve_adjustment(wish.decision_id, by("anna", 3))
    leave = store.close_desk.approve_adjustment(wish.decision_id, by("ben", 3))
    right = PostingRight(tenant="acme", adjustment=leave.decision_id)
    store.commit([folded([message("evt_1")], [entry("a")])], right)
    store.commit([folded([], [entry("a"), entry("b")], **SEEN_ONE)])
    assert [p.period for p in store.postings()] == ["2026-01", "2026-02"]
    store.close_desk.open_again(JANUARY, by("anna", 4))
    close(store, JANUARY, 5)
    with pytest.raises(StoreError, match="closed"):
        store.commit([folded([], [entry("c")], **SEEN_ONE)], right)


def test_a_withdrawn_proposal_opens_the_period_and_cannot_be_approved(store: LedgerStore) -> None:
    proposal = store.close_desk.propose_close(JANUARY, by("anna"), mark(store), "digest")
    with pytest.raises(Refused, match="waits for a second person"):
        store.close_desk.propose_close(JANUARY, by("cara", 2), mark(store), "digest")
    store.close_desk.withdraw(proposal.decision_id, by("anna", 2))
    assert store.close_desk.state(JANUARY) is PeriodState.OPEN
    with pytest.raises(Refused):
        store.close_desk.approve_close(proposal.decision_id, by("ben", 3), approved(store))


def test_a_closed_period_takes_no_sign_off(store: LedgerStore) -> None:
    item = OpenItem(
        item_id="x", reason="r", detail="", amount_minor=5, currency="USD", period="2026-01"
    )
    (taken,) = store.close_desk.sign_off(JANUARY, by("ben"), [item])
    assert taken.details == {
        "item_id": "x",
        "reason_code": "r",
        "amount_minor": 5,
        "currency": "USD",
    }
    close(store, JANUARY, 2)
    with pytest.raises(Refused):
        store.close_desk.sign_off(JANUARY, by("ben", 9), [item])


@pytest.mark.parametrize("table", ["decisions", "close_reports"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET decision_no = 7", "DELETE FROM {}"])
def test_what_was_decided_and_reported_cannot_be_changed(
    store: LedgerStore, table: str, statement: str
) -> None:
    close(store, JANUARY)
    with pytest.raises(DBAPIError), store._session.writing() as connection:
        connection.execute(text(statement.format(table)))


def test_exceptions_of_the_entity_up_to_the_period_are_seen(store: LedgerStore) -> None:
    mine = waiting("evt_1")
    others = [
        waiting("evt_2", entity="DE"),
        waiting("evt_3", period="2026-02"),
        waiting("evt_4", amount_minor=None),
        waiting("evt_5", amount_minor=0),
    ]
    messages = [message(f"evt_{n}") for n in range(1, 6)]
    store.commit([folded(messages, pending=[mine, *others])])
    store.commit_dead_letters([letter("a"), letter("b", entity="DE")])
    found = store.close_desk.snapshot(JANUARY, number_of).exceptions
    assert [(one.reason, one.amount_minor) for one in found] == [
        ("not_json", None),
        ("unmatched_invoice", 1000),
    ]


def test_a_manifest_names_what_never_came(store: LedgerStore) -> None:
    store.commit([folded([message("evt_1")])])
    manifest = [("stripe", "stripe:evt_1"), ("stripe", "stripe:evt_2")]
    found = store.close_desk.snapshot(JANUARY, number_of, manifest)
    assert [one.item_id for one in found.missing] == ["gap:stripe:evt_2"]
