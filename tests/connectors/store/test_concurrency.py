"""Many writers at once, and writers that are killed: no duplicate, no gap, all or nothing."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from store_builders import entry, folded, message
from store_children import (
    MESSAGES,
    PARTIES,
    all_messages,
    commit_in_own_order,
    commit_one_by_one,
    die_at_insert,
)

from connectors.store import LedgerStore, PeriodState, StaleHistory, open_store
from ledger.messages import Outcome
from ledger.results import FoldedParty

PROCESSES = multiprocessing.get_context("spawn")


def test_five_committers_at_once_leave_no_duplicate_and_no_gap(
    store: LedgerStore, store_url: str
) -> None:
    children = [
        PROCESSES.Process(target=commit_in_own_order, args=(store_url, seed)) for seed in range(5)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children] == [0] * 5
    assert store.conservation(0).posted == len(all_messages())
    postings = list(store.postings())
    reversed_ids = {p.reverses for p in postings if p.reverses}
    standing = [p for p in postings if p.kind == "entry" and p.posting_id not in reversed_ids]
    totals = [p for p in standing if p.entry.entry_key.endswith(":total")]
    assert [p.entry.lines[0].amount_minor for p in totals] == [100 * MESSAGES] * PARTIES
    assert [p.revision for p in totals] == [MESSAGES] * PARTIES
    own = Counter(p.entry.entry_key for p in postings if p.entry.entry_key.endswith(":own"))
    assert set(own.values()) == {1}
    assert len(own) == PARTIES * MESSAGES
    positions = [d.position for d in store.deliveries(limit=10_000)]
    assert positions == list(range(1, len(postings) + 1))
    revisions = store.history("acme", [f"stripe:cus_{n}" for n in range(PARTIES)]).revisions
    assert set(revisions.values()) == {MESSAGES}


def test_two_that_read_the_same_past_cannot_both_commit(store: LedgerStore) -> None:
    barrier = Barrier(2)

    def commit(name: str) -> bool:
        barrier.wait()
        try:
            store.commit([folded([message(name)], [entry("in_1:issued", by=name)])])
        except StaleHistory:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(commit, ("evt_1", "evt_2"))) == [False, True]
    assert len(list(store.postings())) == 1
    assert store.conservation(0).total == 1


def test_a_commit_waits_for_the_one_before_it_and_is_then_out_of_date(
    store: LedgerStore, store_url: str
) -> None:
    store.commit([folded([message("evt_0")])])
    seen = {"seen": {"stripe:cus_1": 1}, "outcomes": {"stripe:evt_0": Outcome.POSTED}}
    in_the_middle, go_on = Event(), Event()
    insert = store._backend.insert

    def insert_slowly(*arguments: Any) -> None:
        in_the_middle.set()
        go_on.wait(30)
        insert(*arguments)

    store._backend.insert = insert_slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool, open_store(store_url) as other:
        first = pool.submit(store.commit, [folded([message("evt_1")], **seen)])
        assert in_the_middle.wait(30)
        second = pool.submit(other.commit, [folded([message("evt_2")], **seen)])
        time.sleep(0.5)
        go_on.set()
        assert first.result(60).messages == {"posted": 1}
        with pytest.raises(StaleHistory):
            second.result(60)
    assert store.history("acme", ["stripe:cus_1"]).revisions == {"stripe:cus_1": 2}


def test_parties_in_opposite_orders_do_not_lock_each_other_out(store: LedgerStore) -> None:
    store.commit(parties())

    def again(order: int) -> int:
        return sum(store.commit(known_parties()[::order]).new_entries for _ in range(5))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(again, (1, -1, 1, -1))) == 30
    assert len(list(store.postings())) == 90


def known_parties() -> list[FoldedParty]:
    """The parties again, each with one entry more."""
    return [
        folded(
            [],
            [entry(f"{n}:{k}", by=f"e{n}") for k in "abc"],
            party_id=f"c:{n}",
            seen={f"c:{n}": 1},
            outcomes={f"stripe:e{n}": Outcome.POSTED},
        )
        for n in range(30)
    ]


def test_a_period_is_not_closed_under_a_running_commit(store: LedgerStore) -> None:
    closed: list[float] = []

    def close() -> None:
        store.set_period("acme", "MAIN", "2026-01", PeriodState.CLOSED)
        closed.append(time.monotonic())

    with store._session.writing() as connection:
        store._backend.share_periods(connection)
        closer = Thread(target=close)
        closer.start()
        time.sleep(0.3)
        held_until = time.monotonic()
    closer.join()
    assert closed[0] >= held_until


def parties() -> list[FoldedParty]:
    return [
        folded([message(f"e{n}", f"c:{n}")], [entry(f"{n}:{k}", by=f"e{n}") for k in "ab"])
        for n in range(30)
    ]


def dump(store: LedgerStore) -> bytes:
    return b"".join(store.canonical_dump())


@pytest.mark.parametrize("number", range(1, 9))
def test_a_writer_killed_between_two_statements_leaves_nothing(
    store: LedgerStore, store_url: str, number: int
) -> None:
    first, *rest = parties()
    store.commit([first])
    before = dump(store)
    child = PROCESSES.Process(target=die_at_insert, args=(store_url, number, rest))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    assert dump(store) == before
    store.commit(rest)
    assert [d.position for d in store.deliveries(limit=100)] == list(range(1, 61))


def test_a_run_killed_anywhere_and_run_again_gives_the_undisturbed_books(
    store: LedgerStore, store_url: str, tmp_path: Path
) -> None:
    child = PROCESSES.Process(target=commit_one_by_one, args=(store_url, parties()))
    child.start()
    while not store.deliveries(limit=1) and child.is_alive():
        time.sleep(0.005)
    child.kill()
    child.join(120)
    for party in parties():
        try:
            store.commit([party])
        except StaleHistory:
            known = store.history("acme", party.party_refs)
            assert known.of(party.party_refs) == party.new_messages
    with open_store(f"sqlite:///{tmp_path}/undisturbed.db") as undisturbed:
        undisturbed.commit(parties())
        assert dump(store) == dump(undisturbed)
