"""A party folded: conservation, duplicates, conflicts, ambiguity, ownership, dead letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from ledger import events, party
from ledger.accounting.result import AccountingResult
from ledger.messages import Message, Outcome, dead_letter_id
from ledger.party import assemble_party
from ledger.policies import BooksConfig, PolicyPack
from ledger.results import FoldedParty, Refusal

Told = Any
Fold = Callable[..., FoldedParty]


@pytest.fixture
def fold(tell: Told, load_pack: Callable[[str], PolicyPack]) -> Fold:
    """Folds messages of the account `salesforce:001A`, as seen on 1 June 2026."""
    policy = load_pack("stripe-contra")

    def run(
        incoming: Sequence[Message],
        history: Sequence[Message] = (),
        party_id: str = tell.account,
        config: BooksConfig | None = None,
        **more: Any,
    ) -> FoldedParty:
        return assemble_party(
            tenant="acme",
            party_id=party_id,
            party_refs=(tell.customer, tell.account),
            based_on={tell.customer: 3, tell.account: 1},
            history=history,
            incoming=incoming,
            policy=policy,
            config=config or BooksConfig(),
            as_of_micros=tell.day("2026-06-01"),
            **more,
        )

    return run


def paid_invoice(tell: Told) -> list[Message]:
    """A customer, an invoice and its payment."""
    return tell.messages(
        [
            tell.customer_seen("1", "2026-01-01"),
            tell.subscription("2", "2026-01-02"),
            tell.invoice("3", "2026-01-03", subscription_id="stripe:sub_1"),
            tell.payment("4", "2026-01-04", ("ch_1",), invoice_id="stripe:in_1"),
        ]
    )


def account_changes(tell: Told, **values: Any) -> list[Message]:
    """The CRM account of the customer."""
    change = tell.change("001A", 1, "2026-01-01", "CREATE", "Account", **values)
    return [tell.message(change, party_ref=tell.account)]


# --- outcomes -----------------------------------------------------------------------------


def test_every_message_ends_in_exactly_one_place(tell: Told, fold: Fold) -> None:
    orphan = tell.message(
        tell.event(events.InvoiceVoided, "5", "2026-01-05", invoice_id="stripe:in_9")
    )
    folded = fold([*paid_invoice(tell), orphan])
    assert folded.outcomes == {
        "stripe:evt_1": Outcome.RECORDED,
        "stripe:evt_2": Outcome.RECORDED,
        "stripe:evt_3": Outcome.POSTED,
        "stripe:evt_4": Outcome.POSTED,
        "stripe:evt_5": Outcome.PENDING,
    }
    assert [message.message_id for message in folded.new_messages] == sorted(folded.outcomes)
    assert folded.party_refs == (tell.account, tell.customer)
    assert folded.based_on == {tell.account: 1, tell.customer: 3}
    assert {entry.customer_id for entry in folded.result.entries} == {tell.account}
    assert {entry.contract_id for entry in folded.result.entries} == {"stripe:sub_1"}


def test_every_message_that_tells_a_posted_payment_is_posted(tell: Told, fold: Fold) -> None:
    told_twice = tell.message(
        tell.payment("5", "2026-01-05", ("ch_1", "pi_1"), invoice_id="stripe:in_1")
    )
    folded = fold([*paid_invoice(tell), told_twice])
    assert folded.outcomes["stripe:evt_4"] is folded.outcomes["stripe:evt_5"] is Outcome.POSTED
    assert len(folded.result.entries) == len(fold(paid_invoice(tell)).result.entries)


def test_a_message_without_events_is_recorded(tell: Told, fold: Fold) -> None:
    silent = msgspec.structs.replace(paid_invoice(tell)[0], events=())
    assert fold([silent]).outcomes == {"stripe:evt_1": Outcome.RECORDED}


def test_a_message_read_again_is_a_duplicate_and_changes_nothing(tell: Told, fold: Fold) -> None:
    messages = paid_invoice(tell)
    once = fold(messages)
    redelivered = msgspec.structs.replace(messages[2], body=b'{"pending_webhooks":1}')
    for again in (fold([*messages, redelivered, messages[0]]), fold([redelivered], messages)):
        assert again.result == once.result and again.outcomes == once.outcomes
        assert redelivered in (*again.duplicates, *again.new_messages)
    assert len(fold([*messages, redelivered, messages[0]]).duplicates) == 2
    replayed = fold(messages, messages)
    assert replayed.new_messages == () and len(replayed.duplicates) == len(messages)
    assert replayed.result == once.result


def test_the_same_bytes_read_by_another_adapter_release_are_a_duplicate(
    tell: Told, fold: Fold
) -> None:
    messages = paid_invoice(tell)
    reread = msgspec.structs.replace(messages[0], digest="of another release")
    folded = fold([reread], messages)
    assert folded.duplicates == (reread,) and folded.dead_letters == ()


def test_an_id_that_means_two_things_keeps_the_first_and_dead_letters_the_other(
    tell: Told, fold: Fold
) -> None:
    messages = paid_invoice(tell)
    other = tell.message(
        tell.invoice("3", "2026-01-03", subscription_id="stripe:sub_1", total=9_999, entity="DE01")
    )
    folded = fold([other], messages)
    assert folded.result == fold(messages).result, "what stands in the history wins"
    (letter,) = folded.dead_letters
    assert letter.reason == "event_id_conflict" and letter.body == other.body
    assert letter.dead_letter_id == dead_letter_id("acme", "stripe", other.body)
    assert (letter.amount_minor, letter.currency, letter.entity) == (9_999, "EUR", "DE01")
    assert folded.outcomes["stripe:evt_3"] is Outcome.POSTED
    assert folded.new_messages == ()


def test_of_two_meanings_that_come_together_the_smallest_digest_is_first(
    tell: Told, fold: Fold
) -> None:
    invoice = tell.invoice("3", "2026-01-03")
    small = tell.message(invoice, digest="0" * 32)
    large = msgspec.structs.replace(small, digest="f" * 32, body=b"other")
    for arrived in ([small, large, large], [large, large, small]):
        folded = fold([paid_invoice(tell)[0], *arrived])
        assert small in folded.new_messages
        assert [letter.body for letter in folded.dead_letters] == [b"other"]
        assert folded.duplicates == (large,), "a conflict read twice is one dead letter"


def test_a_refused_event_dead_letters_its_message_with_its_bytes(
    tell: Told, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = paid_invoice(tell)
    accounted = party.fold_contract

    def refusing(*args: Any) -> AccountingResult:
        result = accounted(*args)
        refusal = Refusal(
            source_event_id="stripe:evt_4", event_id="stripe:evt_4/x", reason="currency_mismatch",
            detail="USD against EUR", amount_minor=1200, currency="USD", entity="MAIN",
        )  # fmt: skip
        return msgspec.structs.replace(result, refusals=(refusal, refusal))

    monkeypatch.setattr(party, "fold_contract", refusing)
    folded = fold([messages[3]], messages[:3])
    assert folded.outcomes["stripe:evt_4"] is Outcome.DEAD_LETTERED
    (letter,) = folded.dead_letters
    assert (letter.reason, letter.step) == ("currency_mismatch", "FoldContracts")
    assert (letter.body, letter.message_id) == (messages[3].body, "stripe:evt_4")
    assert letter.detail == "USD against EUR" and letter.amount_minor == 1200
    assert fold((), messages).dead_letters == folded.dead_letters, "refused later: same id"


def test_a_crm_change_with_an_impossible_value_is_dead_lettered(tell: Told, fold: Fold) -> None:
    bad = tell.message(tell.change("001A", 2, "2026-01-02", of="Account", currency="XXX"))
    folded = fold([*account_changes(tell, currency="EUR"), bad])
    assert folded.outcomes[bad.message_id] is Outcome.DEAD_LETTERED
    assert [letter.reason for letter in folded.dead_letters] == ["unknown_currency"]


# --- whose it is --------------------------------------------------------------------------


def two_accounts(tell: Told) -> list[Message]:
    """A paid invoice of a customer whose events state two accounts."""
    messages = paid_invoice(tell)
    for at, account in ((1, "salesforce:001A"), (3, "salesforce:001B")):
        links = ((tell.customer, account),)
        messages[at] = msgspec.structs.replace(messages[at], account_links=links)
    return messages


def test_an_ambiguous_customer_waits_whole_until_somebody_decides(tell: Told, fold: Fold) -> None:
    messages = two_accounts(tell)
    folded = fold(messages, party_id=tell.customer)
    assert set(folded.outcomes.values()) == {Outcome.PENDING}
    assert folded.result.entries == () and folded.result.lifecycle == ()
    assert {p.reason for p in folded.result.pending} == {"ambiguous_customer"}
    assert all(p.expired for p in folded.result.pending), "the deadline is now"
    decided = BooksConfig(identity={tell.customer: tell.account})
    assert len(fold(messages, config=decided).result.entries) >= 2
    apart = BooksConfig(identity={tell.customer: tell.customer})
    assert len(fold(messages, party_id=tell.customer, config=apart).result.entries) >= 2


def test_a_customer_that_only_others_link_twice_waits_too(tell: Told, fold: Fold) -> None:
    ambiguous = {tell.customer: ("salesforce:001A", "salesforce:001B")}
    folded = fold(paid_invoice(tell), party_id=tell.customer, ambiguous=ambiguous)
    assert set(folded.outcomes.values()) == {Outcome.PENDING}
    assert fold(paid_invoice(tell), party_id=tell.customer).result.entries != ()


def test_what_leads_to_nobody_waits_under_its_own_id(tell: Told, fold: Fold) -> None:
    refund = tell.message(
        tell.event(events.RefundIssued, "9", "2026-01-09", refund_id="re_1", customer_id=None,
                   payment_refs=("stripe:ch_1",), currency="EUR", amount_minor=5),
        party_ref=None, link_refs=("stripe:ch_1",),
    )  # fmt: skip
    renamed = msgspec.structs.replace(refund, party_ref="stripe:ch_1")
    for waiting in (refund, renamed):
        folded = fold([waiting], party_id="stripe:ch_1")
        (pending,) = folded.result.pending
        assert (pending.reason, pending.waits_for) == ("unmatched_party", "stripe:ch_1")
        assert pending.amount_minor == 5
    guest = tell.message(
        tell.payment("8", "2026-01-08", ("stripe:ch_1",), amount=9, customer_id=None),
        party_ref="stripe:ch_1",
    )
    folded = fold([guest, refund], party_id="stripe:ch_1")
    assert "unmatched_party" not in {p.reason for p in folded.result.pending}
    assert folded.outcomes["stripe:evt_8"] is Outcome.POSTED


# --- CRM ----------------------------------------------------------------------------------


def test_billing_joins_the_contract_that_crm_changes_tell(tell: Told, fold: Fold) -> None:
    contract = tell.change("800C", 2, "2026-01-01", "CREATE", account_id="001A", term_months=12,
                           start_date="2026-01-01", status="Activated", entity="DE01",
                           contract_number="00000417")  # fmt: skip
    messages = [
        *account_changes(tell, currency="EUR"),
        tell.message(contract, party_ref=tell.account),
        tell.message(tell.subscription("2", "2026-01-02", contract_id="00000417", entity="US01")),
        *paid_invoice(tell)[2:],
    ]
    folded = fold(messages)
    (state,) = folded.result.contracts
    assert (state.contract_id, state.customer_id) == ("salesforce:800C", tell.account)
    assert state.signed and state.paid and state.provisioned and state.entity == "DE01"
    assert state.subscription_ids == ("stripe:sub_1",)
    assert {entry.entity for entry in folded.result.entries} == {"DE01"}
    assert [c.attribute for c in folded.result.conflicts] == ["entity"]
    assert folded.outcomes[contract.source_event_id] is Outcome.RECORDED


def test_money_that_waits_is_shown_in_the_entity_of_its_contract(tell: Told, fold: Fold) -> None:
    lost = tell.payment("4", "2026-01-04", ("ch_1",), invoice_id="stripe:in_9")
    abroad = tell.payment("5", "2026-01-05", ("ch_2",), invoice_id="stripe:in_9", entity="US01")
    folded = fold([*account_changes(tell, entity="DE01"), *tell.messages([lost, abroad])])
    assert {(p.source_event_id, p.reason, p.entity) for p in folded.result.pending} == {
        ("stripe:evt_4", "unmatched_invoice", "DE01"),
        ("stripe:evt_5", "unmatched_invoice", "US01"),
    }


def test_an_attribute_that_crm_owns_is_not_won_by_billing(tell: Told, fold: Fold) -> None:
    agreed, other = "Nordwind", "Nordwind Logistics"
    moved = tell.message(
        tell.change("001A", 2, "2026-03-01", of="Account", name=other), party_ref=tell.account
    )
    claims = [
        tell.customer_seen("1", "2026-02-01", attributes_set=("name", "email"), name=agreed,
                           email="a@example.com"),
        tell.customer_seen("2", "2026-02-02", attributes_set=("name",), name=other),
        tell.customer_seen("3", "2026-03-02", attributes_set=("name",), name=other),
        tell.customer_seen("4", "2025-12-01", attributes_set=("name",), name=other),
    ]  # fmt: skip
    crm = account_changes(tell, name=agreed, email=None)
    folded = fold([*crm, moved, *tell.messages(claims)])
    assert [(c.source_event_id, c.attribute, c.owner, c.claimed_by)
            for c in folded.result.conflicts] == [
        ("stripe:evt_2", "name", "salesforce", "stripe"),
        ("stripe:evt_4", "name", "salesforce", "stripe"),
    ]  # fmt: skip
    assert set(folded.outcomes.values()) == {Outcome.RECORDED}
