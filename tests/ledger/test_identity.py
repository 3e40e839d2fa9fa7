"""Identities: who an event belongs to, whatever order the links came in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.identity import NOBODY, Identity, Resolution

Links = list[tuple[str, str]]


def identity_of(links: Links, account_links: Links = (), **decided: str) -> Identity:  # type: ignore[assignment]
    """An identity told these links."""
    identity = Identity(decided)
    identity.add_links(links)
    identity.add_account_links(account_links)
    return identity


def test_an_order_item_finds_its_account_through_its_order() -> None:
    identity = identity_of([("item", "order"), ("order", "account")])
    assert identity.party_of(None, ("item",)) == Resolution("account", "account")


def test_a_refund_finds_the_account_of_the_customer_who_paid() -> None:
    identity = identity_of([("refund", "charge"), ("charge", "cus")], [("cus", "account")])
    found = identity.party_of(None, ("refund", "charge"))
    assert found == Resolution("account", "cus"), "history stays under the source's own customer"


def test_an_id_that_nothing_leads_from_waits_under_itself() -> None:
    identity = identity_of([("charge", "cus")])
    assert identity.party_of(None, ("elsewhere",)) == Resolution("elsewhere", "elsewhere")
    assert identity.party_of(None, ()) == Resolution(NOBODY, NOBODY)


def test_several_customers_may_be_one_account() -> None:
    identity = identity_of([], [("cus_1", "account"), ("cus_2", "account")])
    assert {identity.party_of(cus).party_id for cus in ("cus_1", "cus_2", "account")} == {"account"}


def test_a_customer_with_two_accounts_stays_its_own_party_and_says_so() -> None:
    identity = identity_of([("charge", "cus")], [("cus", "account_b"), ("cus", "account_a")])
    expected = Resolution("cus", "cus", ("account_a", "account_b"))
    assert identity.party_of("cus") == expected
    assert identity.party_of(None, ("charge",)) == expected
    assert identity.ambiguous() == {"cus": ("account_a", "account_b")}


def test_a_decided_identity_wins_over_what_events_state() -> None:
    identity = identity_of([], [("cus", "account_a"), ("cus", "account_b")], cus="account_b")
    assert identity.party_of("cus") == Resolution("account_b", "cus")
    assert identity.ambiguous() == {}


def test_a_customer_may_be_decided_to_be_no_account_at_all() -> None:
    identity = identity_of([], [("cus", "account_a"), ("cus", "account_b")], cus="cus")
    assert identity.party_of("cus") == Resolution("cus", "cus")


def test_a_merged_account_takes_its_customers_along() -> None:
    identity = identity_of([], [("cus", "old_account")], old_account="account")
    assert identity.party_of("cus").party_id == "account"


def test_an_object_of_two_customers_belongs_to_neither() -> None:
    identity = identity_of(
        [("charge", "cus_1"), ("charge", "cus_2")], [("cus_1", "a"), ("cus_2", "b")]
    )
    assert identity.party_of(None, ("charge",)) == Resolution("charge", "charge", ("a", "b"))


def test_two_customers_of_one_account_may_share_an_object() -> None:
    identity = identity_of(
        [("charge", "cus_2"), ("charge", "cus_1")], [("cus_1", "a"), ("cus_2", "a")]
    )
    assert identity.party_of(None, ("charge",)) == Resolution("a", "cus_1")


def test_a_known_party_counts_before_an_id_whose_links_end_nowhere() -> None:
    links = [("charge", "cus"), ("charge", "intent"), ("intent", "invoice")]
    unsure = identity_of(links)
    assert unsure.party_of(None, ("charge",)).ambiguous == ("cus", "invoice")
    unsure.add_parties(["cus"])
    assert unsure.party_of(None, ("charge",)) == Resolution("cus", "cus")
    assert unsure.party_of(None, ("intent", "charge")) == Resolution("cus", "cus")


def test_links_in_a_circle_end() -> None:
    identity = identity_of([("a", "b"), ("b", "a"), ("c", "a"), ("d", "d")])
    assert identity.party_of(None, ("c",)) == Resolution("c", "c")
    assert identity.party_of(None, ("d",)) == Resolution("d", "d")
    assert identity.party_of("a") == Resolution("a", "a")


def test_accounts_merged_in_a_circle_are_one_party() -> None:
    identity = identity_of([], [("cus", "b")], a="b", b="a")
    assert {identity.party_of(name).party_id for name in ("a", "b", "cus")} == {"a"}


def test_what_is_learnt_later_changes_the_answer() -> None:
    identity = identity_of([])
    assert identity.party_of("cus").party_id == "cus"
    assert identity.party_of(None, ("charge",)).party_id == "charge"
    identity.add_links([("charge", "cus")])
    identity.add_account_links([("cus", "account")])
    assert identity.party_of("cus").party_id == "account"
    assert identity.party_of(None, ("charge",)).party_id == "account"


def test_members_name_every_id_under_which_history_may_be() -> None:
    identity = identity_of(
        [("charge", "cus_1"), ("item", "order"), ("order", "account")],
        [("cus_1", "account"), ("cus_2", "account")],
    )
    members = identity.members()["account"]
    assert members == ("account", "charge", "cus_1", "cus_2", "item", "order")


IDS = st.sampled_from("abcdefgh")
PAIRS = st.lists(st.tuples(IDS, IDS), max_size=14)


@given(links=PAIRS, accounts=PAIRS, decided=st.dictionaries(IDS, IDS, max_size=2), data=st.data())
def test_the_order_and_repetition_of_links_change_nothing(
    links: Links, accounts: Links, decided: dict[str, str], data: st.DataObject
) -> None:
    told = identity_of(links, accounts, **decided)
    shuffled = Identity(decided)
    shuffled.add_account_links(data.draw(st.permutations(accounts + accounts[:3])))
    for pair in data.draw(st.permutations(links + links[:3])):
        shuffled.add_links([pair])
    for name in "abcdefgh":
        assert told.party_of(name) == shuffled.party_of(name)
        assert told.party_of(None, (name, "h")) == shuffled.party_of(None, (name, "h"))
    assert told.members() == shuffled.members()
