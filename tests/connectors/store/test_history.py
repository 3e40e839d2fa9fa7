"""What a fold is told of the past: messages unchanged, under every name a party ever had."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from store_builders import JANUARY, folded, message

from connectors.store import LedgerStore, StoreConfig
from ledger.events import ContractLine, ContractSigned, RecordChanged
from ledger.messages import Outcome

CUSTOMER = "stripe:cus_1"


class Keys(NamedTuple):
    """Names a party may be kept under."""

    party_id: str
    party_refs: frozenset[str]
    taught_ids: frozenset[str] = frozenset()


def test_a_message_comes_back_as_it_was_committed(store: LedgerStore) -> None:
    line = ContractLine(
        line_id="1", product="pro", quantity=Decimal("1.50"), unit_amount=Decimal("99.990")
    )
    common = {
        "source_event_id": "stripe:evt_1",
        "source": "stripe",
        "tenant": "acme",
        "occurred_at_micros": JANUARY,
    }
    rich = message(
        "evt_1",
        link_refs=("stripe:ch_1", "stripe:pi_1"),
        links=(("stripe:ch_1", CUSTOMER),),
        account_links=((CUSTOMER, "salesforce:001"),),
        body=b"\x00\xff\r\n" + "ünï".encode() * 200_000,
        events=(
            ContractSigned(
                event_id="a", currency="USD", term_start_micros=JANUARY, lines=(line,), **common
            ),
            RecordChanged(
                event_id="b",
                entity_name="Order",
                record_id="801",
                change_type="UPDATE",
                commit_number=2**60,
                sequence_number=1,
                values={"b": None, "a": "1", "\u0000": "\u0001"},
                **common,
            ),
        ),
    )
    store.commit([folded([rich])])
    assert store.history("acme", [CUSTOMER]).of([CUSTOMER]) == (rich,)


def test_history_is_sorted_by_time_and_covers_many_refs_at_once(store: LedgerStore) -> None:
    late, early = message("a", occurred_at_micros=JANUARY + 9), message("z")
    other = message("m", "stripe:cus_2", occurred_at_micros=JANUARY + 5)
    foreign = message("evt", tenant="globex")
    store.commit([folded([late, early]), folded([other]), folded([foreign], tenant="globex")])
    history = store.history("acme", [CUSTOMER, "stripe:cus_2", "stripe:cus_3"])
    assert history.messages == {CUSTOMER: (early, late), "stripe:cus_2": (other,)}
    assert history.revisions == {CUSTOMER: 2, "stripe:cus_2": 1, "stripe:cus_3": 0}
    assert history.of([CUSTOMER, "stripe:cus_2"]) == (early, other, late)


def test_an_empty_store_has_a_past_for_nobody(store: LedgerStore) -> None:
    keys = Keys(CUSTOMER, frozenset({CUSTOMER}), frozenset({"stripe:ch_1"}))
    assert store.past_of("acme", [keys]) == {CUSTOMER: ((CUSTOMER,), {CUSTOMER: 0}, (), 0, 0, ())}


def test_the_past_of_an_account_holds_what_its_customers_had(store: LedgerStore) -> None:
    account = "salesforce:001"
    first, second = message("evt_1"), message("evt_2", "stripe:cus_2")
    stranger = message("evt_3", "stripe:cus_3")
    store.commit([folded([first]), folded([stranger])])
    store.commit([folded([second], party_id=account)])
    keys = Keys(account, frozenset({account, CUSTOMER}))
    past = store.past_of("acme", [keys])[account]
    assert past.party_refs == (account, CUSTOMER, "stripe:cus_2")
    assert past.revisions == {account: 0, CUSTOMER: 1, "stripe:cus_2": 1}
    assert past.messages == (first, second)


def test_what_waited_under_its_own_id_is_found_once_a_link_is_taught(store: LedgerStore) -> None:
    orphan = message("evt_1", None, link_refs=("stripe:ch_1",))
    waits = {"stripe:evt_1": Outcome.PENDING}
    store.commit([folded([orphan], party_id="stripe:ch_1", outcomes=waits)])
    keys = Keys(CUSTOMER, frozenset({CUSTOMER}), frozenset({"stripe:ch_1", "stripe:ch_2"}))
    past = store.past_of("acme", [keys])[CUSTOMER]
    assert past.party_refs == ("stripe:ch_1", CUSTOMER)
    assert past.messages == (orphan,)
    teacher = message("evt_2", links=(("stripe:ch_1", CUSTOMER),))
    report = store.commit(
        [
            folded(
                [teacher],
                refs=past.party_refs,
                seen=past.revisions,
                outcomes={"stripe:evt_1": Outcome.RECORDED},
            )
        ]
    )
    assert report.outcome_changes == {"pending>recorded": 1}
    later = store.past_of("acme", [Keys(CUSTOMER, frozenset({CUSTOMER}))])[CUSTOMER]
    assert later.messages == (orphan, teacher)
    moved_on = Keys("salesforce:001", frozenset({"salesforce:001", CUSTOMER}))
    assert store.past_of("acme", [moved_on])["salesforce:001"].messages == (orphan, teacher)


def test_what_waited_is_found_though_its_link_was_committed_at_the_same_time(
    store: LedgerStore,
) -> None:
    orphan = message("evt_1", None, link_refs=("stripe:ch_1",))
    torn = message("evt_2", None, link_refs=("stripe:ch_2",))
    store.commit([folded([orphan], party_id="stripe:ch_1")])
    store.commit([folded([torn], party_id="stripe:ch_2")])
    teacher = message(
        "evt_3", links=(("stripe:ch_1", CUSTOMER), ("stripe:ch_2", CUSTOMER), ("stripe:ch_2", "x"))
    )
    store.commit([folded([teacher])])
    for party_id in (CUSTOMER, "salesforce:001"):
        keys = Keys(party_id, frozenset({party_id, CUSTOMER}))
        past = store.past_of("acme", [keys])[party_id]
        assert past.messages == (orphan, teacher)
        assert past.revisions["stripe:ch_1"] == 1


def test_a_message_that_names_no_party_is_filed_where_its_links_lead(store: LedgerStore) -> None:
    account = "salesforce:001"
    teacher = message("evt_1", links=(("stripe:pi_1", CUSTOMER),))
    store.commit([folded([teacher])])
    orphan = message(
        "evt_2", None, link_refs=("stripe:re_1",), links=(("stripe:re_1", "stripe:pi_1"),)
    )
    store.commit(
        [
            folded(
                [orphan],
                party_id=account,
                refs=[account, CUSTOMER],
                seen={CUSTOMER: 1},
                outcomes={"stripe:evt_1": Outcome.POSTED},
            )
        ]
    )
    assert store.history("acme", [account, CUSTOMER]).messages == {CUSTOMER: (teacher, orphan)}


def test_a_message_that_nothing_leads_to_is_filed_under_its_party(store: LedgerStore) -> None:
    orphan = message("evt_2", None, link_refs=("stripe:re_1",))
    refs = ["salesforce:001", CUSTOMER]
    store.commit([folded([orphan], party_id=CUSTOMER, refs=refs)])
    assert store.history("acme", refs).messages == {CUSTOMER: (orphan,)}


def test_links_are_followed_to_their_end_and_on_to_accounts(store: LedgerStore) -> None:
    store.commit(
        [
            folded(
                [
                    message("evt_1", links=(("stripe:re_1", "stripe:ch_1"),)),
                    message("evt_2", links=(("stripe:ch_1", CUSTOMER), ("stripe:ch_1", "x:2"))),
                    message("evt_3", account_links=((CUSTOMER, "salesforce:001"),)),
                    message("evt_4", account_links=((CUSTOMER, "salesforce:002"),)),
                    message("evt_5", links=(("salesforce:001", "stripe:re_1"),)),
                    message("evt_6", links=(("stripe:other", "stripe:cus_9"),)),
                ]
            )
        ]
    )
    known = store.links_from("acme", ["stripe:re_1"])
    assert known.links == [
        ("salesforce:001", "stripe:re_1"),
        ("stripe:ch_1", CUSTOMER),
        ("stripe:ch_1", "x:2"),
        ("stripe:re_1", "stripe:ch_1"),
    ]
    assert known.account_links == [(CUSTOMER, "salesforce:001"), (CUSTOMER, "salesforce:002")]
    assert known.parties == [CUSTOMER]
    assert store.links_from("globex", ["stripe:re_1"]) == ([], [], [])


def test_lookups_take_more_ids_than_a_statement_has_parameters(store: LedgerStore) -> None:
    store.commit([folded([message("evt_1")])])
    refs = [f"stripe:cus_{number}" for number in range(70_000)]
    assert sum(store.history("acme", refs).revisions.values()) == 1


def test_a_recipe_travels_to_another_process_and_opens_the_same_books(
    store: LedgerStore, store_url: str
) -> None:
    import pickle

    recipe = pickle.loads(pickle.dumps(StoreConfig(store_url)))
    store.commit([folded([message("evt_1")])])
    with recipe.open() as again:
        assert again.history("acme", [CUSTOMER]).revisions == {CUSTOMER: 1}
