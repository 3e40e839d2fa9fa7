"""Dead letters: kept once, counted once, closed by themselves when their bytes are accepted."""

from __future__ import annotations

import pytest
from store_builders import JANUARY, conflict, entry, folded, letter, message, refused, waiting

from connectors.store import LedgerStore, UnknownId
from ledger.messages import Outcome

FIRST = message("evt_1")
REFUSED = {"stripe:evt_1": Outcome.DEAD_LETTERED}


def test_the_same_bytes_are_one_dead_letter(store: LedgerStore) -> None:
    first = store.commit_dead_letters([letter("a"), letter("b"), letter("a", position="x:9")])
    assert (first.dead_letters_new, first.dead_letters_known) == (2, 1)
    assert first.messages == {"dead_lettered": 2, "duplicate": 1}
    again = store.commit_dead_letters([letter("b")])
    assert again.messages == {"duplicate": 1}
    assert sorted(store.open_dead_letters(), key=str) == sorted([letter("a"), letter("b")], key=str)


def test_a_refused_message_is_one_event_not_two(store: LedgerStore) -> None:
    report = store.commit([folded([FIRST], outcomes=REFUSED, dead=[refused(FIRST)])])
    assert report.messages == {"dead_lettered": 1}
    assert report.dead_letters_new == 1
    counts = store.conservation(JANUARY)
    assert (counts.dead_lettered, counts.total) == (1, 1)


def test_an_event_id_with_another_meaning_stands_apart(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("a")])])
    other = letter("x", "event_id_conflict", message_id="stripe:evt_1", step="FoldContracts")
    seen = {"seen": {"stripe:cus_1": 1}, "outcomes": {"stripe:evt_1": Outcome.POSTED}}
    report = store.commit([folded([], [entry("a")], dead=[other], **seen)])
    assert report.messages == {"dead_lettered": 1}
    again = store.commit([folded([], [entry("a")], dead=[other], **seen)])
    assert again.messages == {"duplicate": 1}
    counts = store.conservation(JANUARY)
    assert (counts.posted, counts.dead_lettered, counts.total) == (1, 1, 2)


def test_a_refused_message_and_a_conflict_with_it_are_two_events(store: LedgerStore) -> None:
    other = letter("x", "event_id_conflict", message_id="stripe:evt_1")
    report = store.commit([folded([FIRST], outcomes=REFUSED, dead=[refused(FIRST), other])])
    assert report.messages == {"dead_lettered": 2}
    assert store.conservation(JANUARY).total == 2


def test_a_refusal_that_ends_closes_its_dead_letter_and_a_new_one_opens_it(
    store: LedgerStore,
) -> None:
    store.commit([folded([FIRST], outcomes=REFUSED, dead=[refused(FIRST)])])
    seen = {"stripe:cus_1": 1}
    fine = {"stripe:evt_1": Outcome.POSTED}
    store.commit([folded([], [entry("a")], seen=seen, outcomes=fine)])
    assert list(store.open_dead_letters()) == []
    assert store.conservation(JANUARY).total == 1
    store.commit([folded([], seen=seen, outcomes=REFUSED, dead=[refused(FIRST)])])
    assert list(store.open_dead_letters()) == [refused(FIRST)]


def test_bytes_that_are_accepted_later_close_their_dead_letter(store: LedgerStore) -> None:
    undecoded = letter("", "unknown_api_version", body=FIRST.body)
    store.commit_dead_letters([undecoded, letter("other")])
    report = store.commit([folded([FIRST], [entry("a")])])
    assert report.dead_letters_mended == 1
    assert list(store.open_dead_letters()) == [letter("other")]
    counts = store.conservation(JANUARY)
    assert (counts.posted, counts.dead_lettered, counts.total) == (1, 1, 2)


def test_a_dead_letter_that_is_set_aside_stays_counted(store: LedgerStore) -> None:
    store.commit_dead_letters([letter("a"), letter("b")])
    assert store.resolve_dead_letters([letter("a").dead_letter_id]) == 1
    assert store.resolve_dead_letters([letter("a").dead_letter_id]) == 0
    assert list(store.open_dead_letters()) == [letter("b")]
    assert list(store.open_dead_letters("globex")) == []
    counts = store.conservation(JANUARY)
    assert (counts.dead_lettered, counts.set_aside, counts.total) == (2, 1, 2)
    with pytest.raises(UnknownId, match="dl_none"):
        store.resolve_dead_letters(["dl_none"])
    store.commit_dead_letters([letter("a")])
    assert list(store.open_dead_letters()) == [letter("b")]


def test_ownership_conflicts_are_kept_once(store: LedgerStore) -> None:
    both = [conflict("evt_1"), conflict("evt_1", "email")]
    assert store.commit([folded([FIRST], conflicts=both)]).conflicts_new == 2
    seen = {"seen": {"stripe:cus_1": 1}, "outcomes": {"stripe:evt_1": Outcome.RECORDED}}
    assert store.commit([folded([], conflicts=both[:1], **seen)]).conflicts_new == 0
    assert [c["attribute"] for c in store.trace("evt_1").conflicts] == ["email", "name"]


def test_conservation_counts_every_end(store: LedgerStore) -> None:
    outcomes = [Outcome.POSTED, Outcome.RECORDED, Outcome.PENDING, Outcome.PENDING]
    for number, outcome in enumerate(outcomes):
        name = f"evt_{number}"
        party = folded(
            [message(name, f"stripe:cus_{number}")],
            party_id=f"stripe:cus_{number}",
            outcomes={f"stripe:{name}": outcome},
            pending=[waiting(name, deadline_micros=number)] if outcome == "pending" else [],
        )
        store.commit([party])
    counts = store.conservation(as_of_micros=3)
    assert (counts.posted, counts.recorded, counts.pending, counts.expired) == (1, 1, 2, 1)
    assert counts.total == 4
    assert store.conservation(3, "globex").total == 0


def test_characters_that_no_database_keeps_do_not_stop_a_dead_letter(store: LedgerStore) -> None:
    evil = letter("a", message_id="stripe:e\0v\ud800t", position="b\udcff.jsonl:1", detail="\0")
    assert store.commit_dead_letters([evil]).dead_letters_new == 1
    refusal = folded([FIRST], [entry("a")], dead=[letter("b", message_id="stripe:\0\ud800")])
    assert store.commit([refusal]).messages == {"dead_lettered": 1, "posted": 1}
    (kept,) = (x for x in store.open_dead_letters() if x.body == evil.body)
    assert (kept.message_id, kept.position) == ("stripe:e\ufffdv?t", "b?.jsonl:1")
