"""The outbox: positions without a gap, in the order of commits, until the ERP has taken all."""

from __future__ import annotations

import pytest
from store_builders import entry, folded, message

from connectors.store import DeliveryStatus, LedgerStore, UnknownId


def test_positions_follow_the_commits_and_survive_a_failed_one(store: LedgerStore) -> None:
    for number in range(3):
        name, customer = f"evt_{number}", f"stripe:cus_{number}"
        party = folded([message(name, customer)], [entry(f"{number}:{k}", by=name) for k in "ab"])
        store.commit([party])
        with pytest.raises(Exception, match="history changed"):
            store.commit([party])
    assert [d.position for d in store.deliveries()] == [1, 2, 3, 4, 5, 6]
    keys = {p.posting_id: p.entry.entry_key for p in store.postings()}
    assert [keys[d.posting_id] for d in store.deliveries(after=2, limit=2)] == [
        "stripe:1:a",
        "stripe:1:b",
    ]


def test_what_the_erp_accepts_or_refuses_leaves_the_queue(store: LedgerStore) -> None:
    store.commit([folded([message("evt_1")], [entry(key) for key in "abc"])])
    first, second, third = (d.posting_id for d in store.deliveries())
    store.record_delivery(first, DeliveryStatus.ACCEPTED)
    store.record_delivery(second, DeliveryStatus.PENDING, "timeout")
    store.record_delivery(third, DeliveryStatus.REFUSED, "closed period")
    (again,) = store.deliveries()
    assert (again.posting_id, again.attempts, again.reason) == (second, 1, "timeout")
    (refused,) = store.deliveries(DeliveryStatus.REFUSED)
    assert (refused.posting_id, refused.reason) == (third, "closed period")
    with pytest.raises(UnknownId):
        store.record_delivery("pst_none", DeliveryStatus.ACCEPTED)
