"""What the books say they have, before a source is told to forget it."""

from __future__ import annotations

import msgspec
from store_builders import TENANT, entry, folded, letter, message

from connectors.store import LedgerStore
from ledger.messages import Outcome, part_of

FIRST = message("evt_1")


def test_messages_and_dead_letters_are_kept_once_committed(store: LedgerStore) -> None:
    parts = {part_of(FIRST), part_of(message("evt_2")), part_of(letter("a")), part_of(letter("b"))}
    assert store.kept(TENANT, parts) == set()
    store.commit([folded([FIRST], [entry("a")])])
    store.commit_dead_letters([letter("a")])
    assert store.kept(TENANT, parts) == {part_of(FIRST), part_of(letter("a"))}
    assert store.kept("globex", {part_of(FIRST)}) == set()


def test_a_message_that_contradicts_one_that_stands_is_kept_as_its_dead_letter(
    store: LedgerStore,
) -> None:
    other = msgspec.structs.replace(FIRST, digest="other", body=b"other")
    store.commit([folded([FIRST], [entry("a")])])
    assert store.kept(TENANT, {part_of(other)}) == set()
    dead = letter("x", "event_id_conflict", message_id=FIRST.message_id, body=other.body)
    store.commit_dead_letters([dead])
    assert store.kept(TENANT, {part_of(other)}) == {part_of(other)}


def test_the_very_bytes_read_by_another_release_are_kept(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("a")])])
    reread = part_of(msgspec.structs.replace(FIRST, digest="of another release"))
    assert store.kept(TENANT, {reread}) == {reread}


def test_the_dead_letter_of_a_sibling_says_nothing_about_a_message(store: LedgerStore) -> None:
    """Both parts have the bytes of their payload, and so one dead letter id."""
    one, two = message("evt_1"), msgspec.structs.replace(message("evt_2"), body=FIRST.body)
    refused = {"stripe:evt_1": Outcome.DEAD_LETTERED}
    dead = letter("x", message_id="stripe:evt_1", body=one.body)
    store.commit([folded([one], outcomes=refused, dead=[dead])])
    assert part_of(one).dead_letter_id == part_of(two).dead_letter_id
    assert store.kept(TENANT, {part_of(one), part_of(two)}) == {part_of(one)}
