"""Posting is target minus posted: what stands afterwards is the fold's target, added up from
entries and reversals that are never changed."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from store_builders import (
    JANUARY,
    contract,
    entry,
    folded,
    invoice,
    line,
    message,
    update,
    waiting,
)

from connectors.store import LedgerStore, PostedEntry, StaleHistory
from ledger.journal import JournalEntry, UnbalancedEntry, net_by_account, posting_id
from ledger.messages import Outcome
from ledger.results import StaleParty

CUSTOMER = "stripe:cus_1"
FIRST = message("evt_1")
SECOND = message("evt_2", occurred_at_micros=JANUARY + 1)
SEEN_ONE = {"seen": {CUSTOMER: 1}, "outcomes": {"stripe:evt_1": Outcome.POSTED}}
"""A fold that saw the first message."""


_FRESH = itertools.count()
"""A customer of its own for every example, run again or not."""


def dump(store: LedgerStore) -> bytes:
    return b"".join(store.canonical_dump())


def standing(postings: list[PostedEntry]) -> list[JournalEntry]:
    """Entries that no reversal names."""
    reversed_ids = {posted.reverses for posted in postings}
    return [p.entry for p in postings if p.kind == "entry" and p.posting_id not in reversed_ids]


def test_a_first_commit_keeps_messages_entries_and_deliveries(store: LedgerStore) -> None:
    report = store.commit([folded([FIRST], [entry("in_1:issued")])])
    assert report.messages == {"posted": 1}
    assert (report.new_entries, report.reversals, report.journal_lines) == (1, 0, 2)
    (posted,) = store.postings()
    assert posted.entry == entry("in_1:issued")
    assert posted.posting_id == posting_id("acme", "stripe:in_1:issued", 1)
    assert (posted.kind, posted.revision, posted.cause) == ("entry", 1, "stripe:evt_1")
    (delivery,) = store.deliveries()
    assert (delivery.position, delivery.posting_id) == (1, posted.posting_id)
    assert store.history("acme", [CUSTOMER]).messages == {CUSTOMER: (FIRST,)}


def test_replaying_everything_adds_nothing(store: LedgerStore) -> None:
    state = {
        "lifecycle": [update("lcu_1")],
        "contracts": [contract(invoice("in_1"))],
        "pending": [waiting("evt_1")],
    }
    store.commit([folded([FIRST], [entry("in_1:issued")], **state)])
    before = dump(store)
    report = store.commit(
        [folded([], [entry("in_1:issued")], duplicates=[FIRST, FIRST], **SEEN_ONE, **state)]
    )
    assert report.messages == {"duplicate": 2}
    assert not report.changed_books
    assert (report.updates_issued, report.updates_withdrawn) == (0, 0)
    assert dump(store) == before


def test_a_changed_entry_is_reversed_and_posted_anew(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("in_1:issued", 1000)])])
    report = store.commit([folded([SECOND], [entry("in_1:issued", 900)], **SEEN_ONE)])
    assert (report.new_entries, report.reversals, report.journal_lines) == (1, 1, 4)
    first, reversal, second = store.postings()
    assert [(p.kind, p.revision) for p in (first, reversal, second)] == [
        ("entry", 1),
        ("reversal", 1),
        ("entry", 2),
    ]
    assert reversal.reverses == first.posting_id
    assert reversal.posting_id == posting_id("acme", "stripe:in_1:issued", 1, reversal=True)
    assert [x.amount_minor for x in reversal.entry.lines] == [-1000, 1000]
    assert msgspec.structs.replace(reversal.entry, lines=()) == msgspec.structs.replace(
        first.entry, lines=()
    )
    assert first.cause == "stripe:evt_1"
    assert reversal.cause == second.cause == "stripe:evt_2"
    assert [d.posting_id for d in store.deliveries()] == [
        first.posting_id,
        reversal.posting_id,
        second.posting_id,
    ]


def test_an_entry_that_vanishes_is_reversed(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("in_1:issued"), entry("in_1:recognised")])])
    report = store.commit([folded([SECOND], [entry("in_1:issued")], **SEEN_ONE)])
    assert (report.new_entries, report.reversals) == (0, 1)
    assert standing(list(store.postings())) == [entry("in_1:issued")]
    assert sum(row.balance_minor for row in store.trial_balance()) == 0
    assert [row.balance_minor for row in store.trial_balance()] == [1000, -1000]


def test_an_entry_that_comes_back_is_the_next_revision(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("in_1:issued")])])
    store.commit([folded([], [], **SEEN_ONE)])
    store.commit([folded([], [entry("in_1:issued")], **SEEN_ONE)])
    assert [(p.kind, p.revision) for p in store.postings()] == [
        ("entry", 1),
        ("reversal", 1),
        ("entry", 2),
    ]
    assert standing(list(store.postings())) == [entry("in_1:issued")]


def test_a_change_without_a_new_message_names_the_policy_or_the_fold(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("a"), entry("b")])])
    other_policy = entry("a", policy="receivable@2")
    store.commit([folded([], [other_policy], **SEEN_ONE)])
    causes = {p.posting_id: p.cause for p in store.postings()}
    assert causes[posting_id("acme", "stripe:a", 2)] == "policy:receivable@2"
    assert causes[posting_id("acme", "stripe:a", 1, reversal=True)] == "policy:receivable@2"
    assert causes[posting_id("acme", "stripe:b", 1, reversal=True)] == "refold"


def test_a_change_names_the_new_message_that_shaped_the_entry(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("a")])])
    third = message("evt_3", occurred_at_micros=JANUARY + 2)
    changed = entry("a", 900, evidence=("stripe:evt_2",))
    store.commit([folded([SECOND, third], [changed], **SEEN_ONE)])
    assert [p.cause for p in store.postings()] == ["stripe:evt_1", "stripe:evt_2", "stripe:evt_2"]


def test_a_customer_that_is_linked_to_an_account_keeps_its_postings(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("in_1:issued")])])
    account = "salesforce:001"
    crm = message("crm_1", account, account_links=((CUSTOMER, account),))
    report = store.commit(
        [
            folded(
                [crm],
                [entry("in_1:issued")],
                party_id=account,
                refs=[account, CUSTOMER],
                **SEEN_ONE,
            )
        ]
    )
    assert not report.changed_books
    assert store.party_refs_of("acme", [account]) == {account: (account, CUSTOMER)}
    assert store.links_from("acme", [CUSTOMER]).account_links == [(CUSTOMER, account)]


def test_two_parties_that_claim_one_entry_key_both_post(store: LedgerStore) -> None:
    other = message("evt_9", "stripe:cus_2")
    store.commit([folded([FIRST], [entry("in_1:issued", 1000)])])
    theirs = entry("in_1:issued", 500, by="evt_9")
    store.commit([folded([other], [theirs], party_id="stripe:cus_2")])
    assert sorted(p.revision for p in store.postings()) == [1, 2]
    assert standing(list(store.postings())) == [entry("in_1:issued", 1000), theirs]
    before = dump(store)
    for _ in range(2):
        store.commit([folded([], [entry("in_1:issued", 1000)], **SEEN_ONE)])
        store.commit(
            [
                folded(
                    [],
                    [theirs],
                    party_id="stripe:cus_2",
                    seen={"stripe:cus_2": 1},
                    outcomes={"stripe:evt_9": Outcome.POSTED},
                )
            ]
        )
    assert dump(store) == before


def test_three_parties_that_claim_one_entry_key_all_post(store: LedgerStore) -> None:
    for number in (1, 2, 3):
        claim = entry("in_1:issued", number, by=f"evt_{number}")
        store.commit([folded([message(f"evt_{number}", f"stripe:cus_{number}")], [claim])])
    assert [(p.revision, p.entry.lines[0].amount_minor) for p in store.postings()] == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]


def test_one_entry_key_twice_in_a_commit_posts_both(store: LedgerStore) -> None:
    other = message("evt_9", "stripe:cus_2")
    theirs = entry("in_1:issued", 500, by="evt_9")
    store.commit(
        [
            folded([FIRST], [entry("in_1:issued", 1000)]),
            folded([other], [theirs], party_id="stripe:cus_2"),
        ]
    )
    assert [(p.revision, p.entry.lines[0].amount_minor) for p in store.postings()] == [
        (1, 1000),
        (2, 500),
    ]


def test_merged_parties_keep_one_of_two_standing_claims(store: LedgerStore) -> None:
    other = message("evt_9", "stripe:cus_2")
    theirs = entry("in_1:issued", 500, by="evt_9")
    store.commit([folded([FIRST], [entry("in_1:issued", 1000)])])
    store.commit([folded([other], [theirs], party_id="stripe:cus_2")])
    merged = folded(
        [],
        [entry("in_1:issued", 1000)],
        party_id="salesforce:001",
        refs=[CUSTOMER, "stripe:cus_2"],
        seen={CUSTOMER: 1, "stripe:cus_2": 1},
        outcomes={"stripe:evt_1": Outcome.POSTED, "stripe:evt_9": Outcome.POSTED},
    )
    report = store.commit([merged])
    assert (report.new_entries, report.reversals) == (0, 1)
    assert standing(list(store.postings())) == [entry("in_1:issued", 1000)]


def test_a_fold_over_outdated_history_is_refused_and_leaves_nothing(store: LedgerStore) -> None:
    store.commit([folded([FIRST], [entry("a")])])
    before = dump(store)
    good = folded([message("evt_5", "stripe:cus_5")], [entry("e", by="evt_5")])
    stale = folded([SECOND], [entry("a", 900)])
    with pytest.raises(StaleParty) as refusal:
        store.commit([good, stale])
    assert isinstance(refusal.value, StaleHistory)
    assert refusal.value.party_refs == (CUSTOMER,)
    assert dump(store) == before


def test_a_new_identity_makes_folds_of_both_sides_outdated(store: LedgerStore) -> None:
    account = "salesforce:001"
    third_party = message("evt_7", "stripe:cus_7", account_links=((CUSTOMER, account),))
    store.commit([folded([FIRST])])
    store.commit([folded([third_party])])
    for ref in (CUSTOMER, account):
        with pytest.raises(StaleHistory):
            late = message("evt_8", ref)
            seen = {CUSTOMER: 1, account: 0}
            store.commit([folded([late], seen=seen, outcomes={"stripe:evt_1": Outcome.POSTED})])
    assert store.history("acme", [CUSTOMER, account]).revisions == {CUSTOMER: 2, account: 1}


def test_a_message_taken_for_new_that_is_archived_elsewhere_is_refused(
    store: LedgerStore,
) -> None:
    store.commit([folded([FIRST])])
    twin = msgspec.structs.replace(FIRST, party_ref="stripe:cus_2")
    with pytest.raises(StaleHistory):
        store.commit([folded([twin])])


def test_an_unbalanced_entry_stops_the_whole_commit(store: LedgerStore) -> None:
    wrong = entry("a", lines=(line("revenue", -1), line("cash_clearing", 2)))
    with pytest.raises(UnbalancedEntry):
        store.commit([folded([FIRST], [entry("b"), wrong])])
    assert dump(store) == b""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal_lines SET amount_minor = 0",
        "DELETE FROM journal_lines",
        "UPDATE journal_entries SET period = '2020-01'",
        "DELETE FROM journal_entries",
    ],
)
def test_the_database_itself_refuses_to_change_what_is_posted(
    store: LedgerStore, change: str
) -> None:
    store.commit([folded([FIRST], [entry("a")])])
    before = dump(store)
    with (
        pytest.raises(DBAPIError, match="posted rows are never changed"),
        store._session.writing() as connection,
    ):
        connection.execute(text(change))
    assert dump(store) == before


def test_the_outcome_of_an_older_message_follows_the_fold(store: LedgerStore) -> None:
    store.commit([folded([FIRST], outcomes={"stripe:evt_1": Outcome.PENDING})])
    report = store.commit([folded([SECOND], [entry("a")], **SEEN_ONE)])
    assert report.messages == {"posted": 1}
    assert report.outcome_changes == {"pending>posted": 1}
    assert store.conservation(JANUARY).posted == 2


def test_lifecycle_updates_are_issued_changed_withdrawn_and_issued_again(
    store: LedgerStore,
) -> None:
    targets = [
        [update("lcu_1"), update("lcu_2", kind="start_onboarding")],
        [update("lcu_1", reason="trial_converted")],
        [update("lcu_1", reason="trial_converted"), update("lcu_2", kind="start_onboarding")],
    ]
    store.commit([folded([FIRST], lifecycle=targets[0])])
    reports = [store.commit([folded([], lifecycle=t, **SEEN_ONE)]) for t in targets[1:]]
    assert [(r.updates_issued, r.updates_withdrawn) for r in reports] == [(1, 1), (1, 0)]
    rows = store.trace("lcu_2").lifecycle
    assert [(r.revision, r.action) for r in rows] == [
        (1, "issued"),
        (2, "withdrawn"),
        (3, "issued"),
    ]
    rows = store.trace("lcu_1").lifecycle
    assert [(r.revision, r.action, r.update.reason) for r in rows] == [
        (1, "issued", "subscription_activated"),
        (2, "issued", "trial_converted"),
    ]
    assert rows[0].update == update("lcu_1")


def test_contracts_invoices_and_pendings_are_replaced_by_the_last_fold(
    store: LedgerStore,
) -> None:
    store.commit(
        [
            folded(
                [FIRST],
                contracts=[contract(invoice("in_1"), invoice("in_2")), contract(contract_id="x")],
                pending=[waiting("evt_1")],
            )
        ]
    )
    last = contract(invoice("in_1", status="paid", paid_minor=1000), paid=True)
    store.commit([folded([], contracts=[last], **SEEN_ONE)])
    found = store.trace(CUSTOMER)
    assert [c["contract_id"] for c in found.contracts] == ["stripe:sub_1"]
    assert [(i["invoice_id"], i["paid_minor"]) for i in found.invoices] == [("stripe:in_1", 1000)]
    assert found.pending == []


def test_an_identity_of_a_customer_outside_the_commit_leaves_its_contracts_alone(
    store: LedgerStore,
) -> None:
    store.commit([folded([FIRST], [entry("a")], contracts=[contract()])])
    teller = message("evt_7", "stripe:cus_7", account_links=((CUSTOMER, "salesforce:001"),))
    store.commit([folded([teller])])
    assert len(store.trace(CUSTOMER).contracts) == 1
    assert store.party_refs_of("acme", [CUSTOMER]) == {CUSTOMER: (CUSTOMER,)}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    targets=st.lists(
        st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), max_size=4),
        min_size=1,
        max_size=5,
    ),
)
def test_whatever_was_folded_before_only_the_last_target_stands(
    store: LedgerStore, targets: list[dict[str, int]]
) -> None:
    number = next(_FRESH)
    customer, name = f"stripe:cus_{number}", f"evt_{number}"
    for index, target in enumerate(targets):
        wanted = [entry(f"{number}:{key}", amount, by=name) for key, amount in target.items()]
        store.commit(
            [
                folded(
                    [message(name, customer)] if index == 0 else [],
                    wanted,
                    party_id=customer,
                    seen={customer: min(index, 1)},
                    outcomes={f"stripe:{name}": Outcome.POSTED},
                )
            ]
        )
    postings = store.trace(customer).postings
    assert sorted(standing(postings), key=str) == sorted(wanted, key=str)
    assert net_by_account(p.entry for p in postings) == net_by_account(wanted)
