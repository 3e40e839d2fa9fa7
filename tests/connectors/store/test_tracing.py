"""Every id explains itself, from the bytes to the books and back (I6)."""

from __future__ import annotations

import pytest
from store_builders import (
    JANUARY,
    contract,
    entry,
    folded,
    invoice,
    letter,
    message,
    refused,
    update,
    waiting,
)

from connectors.store import AmbiguousId, DeliveryStatus, LedgerStore, Trace, UnknownId
from ledger.journal import posting_id
from ledger.messages import Outcome

POSTING = posting_id("acme", "stripe:in_1:issued", 1)
REVERSAL = posting_id("acme", "stripe:in_1:issued", 1, reversal=True)
REVISION = posting_id("acme", "stripe:in_1:issued", 2)
OTHER = posting_id("acme", "stripe:in_2:issued", 1)


@pytest.fixture
def books(store: LedgerStore) -> LedgerStore:
    """Customer cus_1 with contracts sub_1 (invoice in_1, corrected once by evt_2) and sub_2."""
    first = message("evt_1", links=(("stripe:ch_1", "stripe:cus_1"),))
    second = message("evt_2", occurred_at_micros=JANUARY + 1)
    third = message("evt_3", occurred_at_micros=JANUARY + 2)
    other = entry("in_2:issued", by="evt_3", contract_id="stripe:sub_2", invoice_id="stripe:in_2")
    state = {
        "lifecycle": [
            update("lcu_1", by="evt_1"),
            update("lcu_2", by="evt_3", contract_id="stripe:sub_2"),
        ],
        "contracts": [
            contract(invoice("in_1")),
            contract(invoice("in_2"), contract_id="stripe:sub_2"),
        ],
        "pending": [waiting("evt_3")],
    }
    store.commit([folded([first, third], [entry("in_1:issued"), other], **state)])
    store.commit(
        [
            folded(
                [second],
                [entry("in_1:issued", 900, evidence=("stripe:evt_2",)), other],
                seen={"stripe:cus_1": 2},
                outcomes={"stripe:evt_1": Outcome.POSTED, "stripe:evt_3": Outcome.POSTED},
                **state,
            )
        ]
    )
    store.commit([folded([message("evt_9", "stripe:cus_9")], [entry("in_9:issued", by="evt_9")])])
    return store


def found(traced: Trace) -> tuple[str, list[str], list[str], list[str]]:
    """(kind, messages, postings, lifecycle updates) of a trace."""
    return (
        traced.kind,
        [t.message.message_id.removeprefix("stripe:") for t in traced.messages],
        [p.posting_id for p in traced.postings],
        [t.update.update_id for t in traced.lifecycle],
    )


def test_a_posting_leads_to_its_revisions_its_causes_and_their_bytes(books: LedgerStore) -> None:
    books.record_delivery(POSTING, DeliveryStatus.REFUSED, "no such account")
    for wanted in (POSTING, REVERSAL, REVISION):
        traced = books.trace(wanted)
        all_revisions = [POSTING, REVERSAL, REVISION]
        assert found(traced) == ("posting", ["evt_1", "evt_2"], all_revisions, ["lcu_1"])
    cause = traced.messages[0]
    assert cause.message.body == message("evt_1").body
    assert cause.message.schema_version == "payments.payment_succeeded@1"
    assert (cause.outcome, cause.party_ref, cause.party_id) == (
        "posted",
        "stripe:cus_1",
        "stripe:cus_1",
    )
    posted = traced.postings[0]
    assert (posted.entry.rule, posted.entry.policy) == ("invoice_issued", "stripe-contra@1")
    assert (posted.delivery, posted.delivery_reason) == ("refused", "no such account")
    assert [c["contract_id"] for c in traced.contracts] == ["stripe:sub_1"]
    assert [i["invoice_id"] for i in traced.invoices] == ["stripe:in_1"]


@pytest.mark.parametrize(
    ("wanted", "kind", "messages", "postings", "updates"),
    [
        ("evt_1", "message", ["evt_1", "evt_2"], [POSTING, REVERSAL, REVISION], ["lcu_1"]),
        ("evt_2", "message", ["evt_1", "evt_2"], [REVERSAL, REVISION], ["lcu_1"]),
        ("in_1", "invoice", ["evt_1", "evt_2"], [POSTING, REVERSAL, REVISION], ["lcu_1"]),
        ("sub_2", "contract", ["evt_3"], [OTHER], ["lcu_2"]),
        ("lcu_2", "lifecycle_update", ["evt_3"], [OTHER], ["lcu_2"]),
        (
            "cus_1",
            "customer",
            ["evt_1", "evt_2", "evt_3"],
            [POSTING, OTHER, REVERSAL, REVISION],
            ["lcu_1", "lcu_2"],
        ),
        ("ch_1", "object", ["evt_1", "evt_2"], [POSTING, REVERSAL, REVISION], ["lcu_1"]),
    ],
)
def test_an_id_is_found_with_and_without_its_prefix(
    books: LedgerStore,
    wanted: str,
    kind: str,
    messages: list[str],
    postings: list[str],
    updates: list[str],
) -> None:
    traced = books.trace(wanted)
    assert found(traced) == (kind, messages, postings, updates)
    if kind != "lifecycle_update":
        assert traced == books.trace(f"stripe:{wanted}")


def test_a_canonical_event_leads_to_its_message(books: LedgerStore) -> None:
    traced = books.trace("evt_3/payments.payment_succeeded")
    assert (traced.kind, traced.name) == ("event", "stripe:evt_3/payments.payment_succeeded")
    assert [t.message.message_id for t in traced.messages] == ["stripe:evt_3"]
    assert [p["waits_for"] for p in traced.pending] == ["stripe:in_9"]
    with pytest.raises(UnknownId):
        books.trace("stripe:evt_3/billing.invoice_issued")


def test_a_dead_letter_shows_its_bytes_with_or_without_a_message(books: LedgerStore) -> None:
    books.commit_dead_letters([letter("lost")])
    traced = books.trace(letter("lost").dead_letter_id)
    assert (traced.kind, traced.messages) == ("dead_letter", [])
    assert [(t.letter, t.status) for t in traced.dead_letters] == [(letter("lost"), "open")]
    bad = message("evt_b", "stripe:cus_b")
    outcomes = {"stripe:evt_b": Outcome.DEAD_LETTERED}
    books.commit([folded([bad], outcomes=outcomes, dead=[refused(bad)])])
    by_letter, by_message = books.trace(refused(bad).dead_letter_id), books.trace("evt_b")
    assert [t.message for t in by_letter.messages] == [bad]
    assert by_letter.dead_letters == by_message.dead_letters
    assert [t.letter for t in by_message.dead_letters] == [refused(bad)]


def test_one_id_in_two_tenants_is_told_apart_by_naming_the_tenant(books: LedgerStore) -> None:
    theirs = message("evt_1", tenant="globex")
    books.commit([folded([theirs], [entry("z", tenant="globex")], tenant="globex")])
    assert [t.message for t in books.trace("evt_1", tenant="globex").messages] == [theirs]
    assert len(books.trace("evt_1", tenant="acme").postings) == 3
    with pytest.raises(UnknownId):
        books.trace("in_1", tenant="globex")


def test_an_unknown_id_is_named(books: LedgerStore) -> None:
    with pytest.raises(UnknownId, match="in_404"):
        books.trace("in_404")


def test_a_contract_name_that_many_share_must_be_asked_by_customer(store: LedgerStore) -> None:
    store.commit(
        [
            folded([message(f"e{n}", f"c:{n}")], contracts=[contract(contract_id="direct")])
            for n in range(51)
        ]
    )
    with pytest.raises(AmbiguousId, match="51 parties"):
        store.trace("direct")
