"""Which request brought an event is kept beside the books, and is no part of them."""

from __future__ import annotations

from pathlib import Path

from store_builders import TENANT, entry, folded, message

from connectors.store import LedgerStore, open_store
from ledger.messages import Outcome
from ledger.trace_context import TraceContext

FIRST = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "acme=1")
SECOND = TraceContext("00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")


def dumps(store: LedgerStore) -> tuple[bytes, bytes]:
    return b"".join(store.canonical_dump()), b"".join(store.standing_dump())


def test_books_with_and_without_are_the_same_books(store: LedgerStore, tmp_path: Path) -> None:
    store.commit([folded([message("evt_1", trace=FIRST)], [entry("in_1")])])
    with open_store(f"sqlite:///{tmp_path}/without.db") as without:
        without.commit([folded([message("evt_1")], [entry("in_1")])])
        assert dumps(store) == dumps(without)
        ours, theirs = list(store.postings()), list(without.postings())
    assert ours == theirs


def test_a_posting_knows_which_request_brought_its_cause(store: LedgerStore) -> None:
    events = [message("evt_1", trace=FIRST), message("evt_2", trace=SECOND), message("evt_3")]
    entries = [entry("in_1"), entry("in_2", by="evt_2"), entry("in_3", by="evt_3")]
    store.commit([folded(events, entries)])
    waiting = store.delivery_desk.next_postings(TENANT, 0, 10)
    found = {each.posting.entry.source_event_id: each.trace for each in waiting}
    assert found == {"stripe:evt_1": FIRST, "stripe:evt_2": SECOND, "stripe:evt_3": None}
    assert store.trace("evt_2").contexts == {(TENANT, "stripe:evt_2"): SECOND}


def test_a_correction_leads_to_the_request_that_brought_it(store: LedgerStore) -> None:
    store.commit([folded([message("evt_1", trace=FIRST)], [entry("in_1")])])
    corrected = folded(
        [message("evt_2", trace=SECOND)],
        [entry("in_1", 900, evidence=("stripe:evt_2",))],
        seen={"stripe:cus_1": 1},
        outcomes={"stripe:evt_1": Outcome.POSTED},
    )
    store.commit([corrected])
    last = store.delivery_desk.next_postings(TENANT, 0, 10)[-1]
    assert last.posting.cause == "stripe:evt_2" and last.trace == SECOND
