"""The ledger explains a generated company to the last minor unit, and finds exactly the faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from connectors.decoding import DecodeContext
from connectors.decoding_any import decode_event
from connectors.files.rates import load_rates
from connectors.policy_packs import load_books_config, load_policy_pack
from generator.faults import Fault
from generator.months import add_months, seconds
from ledger.identity import Identity
from ledger.messages import Message, Outcome
from ledger.party import assemble_party
from ledger.results import FoldedParty
from schemas.registry import load_registry

Net = Counter[tuple[str, str, str]]
"""(entity, currency, role) -> debit minor."""


def fold_company(company: Any) -> list[FoldedParty]:
    """Every party of a company, as of the end of its last month."""
    plan = company.manifest.plan
    as_of = add_months(seconds(plan.start), plan.months) * 1_000_000
    books = load_books_config(str(company.directory / "company.yaml"))
    rates = load_rates(str(company.directory / "rates.csv"))
    books = msgspec.structs.replace(books, rates=rates)
    context = DecodeContext(tenant="acme", registry=load_registry(), books=books)
    decoded = [each for name, line in company.lines() for each in decode_event(line, name, context)]
    parties = by_party([message for message in decoded if isinstance(message, Message)])
    policy = load_policy_pack("stripe-contra")
    return [
        assemble_party(
            "acme", party_id, sorted({m.party_ref or party_id for m in messages}), {}, [],
            messages, policy, books, as_of,
        )
        for party_id, messages in sorted(parties.items())
    ]  # fmt: skip


def by_party(messages: Iterable[Message]) -> dict[str, list[Message]]:
    messages = list(messages)
    identity = Identity()
    for message in messages:
        identity.add_links(message.links)
        identity.add_account_links(message.account_links)
        identity.add_parties([message.party_ref] if message.party_ref else [])
    parties: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        found = identity.party_of(message.party_ref, message.link_refs)
        parties[found.party_id].append(message)
    return parties


def net_of(parties: list[FoldedParty]) -> Net:
    net: Net = Counter()
    for party in parties:
        for entry in party.result.entries:
            for line in entry.lines:
                net[entry.entity, entry.currency, line.role.value] += line.amount_minor
    return net


def of_role(net: Net, role: str) -> dict[tuple[str, str], int]:
    return {key[:2]: amount for key, amount in net.items() if key[2] == role and amount}


@pytest.fixture(scope="module")
def busy_parties(busy_company: Any) -> list[FoldedParty]:
    """The company in which everything happens and nothing goes wrong."""
    return fold_company(busy_company)


@pytest.fixture(scope="module")
def faulty_parties(faulty_company: Any) -> list[FoldedParty]:
    """The company with the usual faults."""
    return fold_company(faulty_company)


def test_without_faults_nothing_waits_and_nothing_is_refused(
    busy_parties: list[FoldedParty],
) -> None:
    for party in busy_parties:
        assert party.result.pending == ()
        assert party.result.refusals == ()
        assert party.result.conflicts == ()
        assert party.dead_letters == ()
    assert sum(len(party.result.entries) for party in busy_parties) > 5_000


def test_the_receivable_is_what_the_invoices_say_is_open(
    busy_company: Any, busy_parties: list[FoldedParty]
) -> None:
    """Billing's own last word on every invoice, credits on open ones taken off."""
    entities, remaining, status = {}, {}, {}
    for event in sorted(busy_company.events("stripe"), key=lambda e: (e["created"], e["id"])):
        item = event["data"]["object"]
        if event["type"] == "customer.created":
            entities[item["id"]] = item["metadata"]["legal_entity"]
        elif event["type"].startswith("invoice.") and item.get("status", "draft") != "draft":
            key = entities[item["customer"]], item["currency"].upper()
            status[item["id"]] = item["status"]
            remaining[item["id"]] = key, item["amount_remaining"]
        elif item.get("type") == "pre_payment" and status[item["invoice"]] == "open":
            key, left = remaining[item["invoice"]]
            sign = 1 if event["type"] == "credit_note.created" else -1
            remaining[item["invoice"]] = key, left - sign * item["total"]
    expected: Counter[tuple[str, str]] = Counter()
    for invoice_id, (key, left) in remaining.items():
        if status[invoice_id] == "open":
            expected[key] += left
    receivable = of_role(net_of(busy_parties), "accounts_receivable")
    assert receivable == {key: amount for key, amount in expected.items() if amount}
    assert len(receivable) >= 3


def test_the_bank_has_what_was_paid_out(busy_company: Any, busy_parties: list[FoldedParty]) -> None:
    expected: Counter[tuple[str, str]] = Counter()
    for event in busy_company.events("stripe"):
        if event["type"] == "payout.paid":
            payout = event["data"]["object"]
            key = payout["metadata"]["legal_entity"], payout["currency"].upper()
            expected[key] += payout["amount"]
    assert of_role(net_of(busy_parties), "bank") == dict(expected)


def test_clearing_holds_what_moved_since_the_last_payouts(
    busy_company: Any, busy_parties: list[FoldedParty]
) -> None:
    """Charges less fees, refunds and disputes, less payouts: from billing's own events."""
    expected: Counter[tuple[str, str]] = Counter()
    entities, charges = {}, {}
    for event in sorted(busy_company.events("stripe"), key=lambda e: (e["created"], e["id"])):
        item, kind = event["data"]["object"], event["type"]
        if kind == "customer.created":
            entities[item["id"]] = item["metadata"]["legal_entity"]
        elif kind == "charge.succeeded":
            charges[item["id"]] = key = entities[item["customer"]], item["currency"].upper()
            expected[key] += item["balance_transaction"]["net"]
        elif kind == "charge.refunded":
            expected[charges[item["id"]]] -= item["amount_refunded"]
        elif kind in ("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"):
            expected[charges[item["charge"]]] += item["balance_transactions"][-1]["net"]
        elif kind == "payout.paid":
            key = item["metadata"]["legal_entity"], item["currency"].upper()
            expected[key] -= item["amount"]
    clearing = of_role(net_of(busy_parties), "cash_clearing")
    assert clearing == {key: amount for key, amount in expected.items() if amount}


def faults_of(company: Any, kind: str) -> list[Fault]:
    return [fault for fault in company.manifest.faults if fault.kind == kind]


def test_what_waits_waits_for_the_reasons_listed_and_no_other(
    faulty_company: Any, faulty_parties: list[FoldedParty]
) -> None:
    expected = {
        fault.expected_reason
        for fault in faulty_company.manifest.faults
        if fault.expected_outcome == "pending"
    }
    found = {waits.reason for party in faulty_parties for waits in party.result.pending}
    assert found == expected
    assert all(party.result.refusals == () for party in faulty_parties)


def test_only_the_contracts_with_a_fault_wait(
    faulty_company: Any, faulty_parties: list[FoldedParty]
) -> None:
    """Pendings per party: the party of the fault's customer or account, and its reason."""
    owners = {
        (owner, fault.expected_reason)
        for fault in faulty_company.manifest.faults
        if fault.expected_outcome == "pending"
        for owner in (fault.customer_id, fault.account_id)
    }
    waiting = {
        (party.party_id, waits.reason) for party in faulty_parties for waits in party.result.pending
    }
    assert waiting <= owners
    kinds = "missing_contract lost_invoice two_accounts unknown_customer".split()
    assert len(waiting) == sum(len(faults_of(faulty_company, kind)) for kind in kinds)


def test_an_id_conflict_is_dead_lettered_and_the_first_body_stands(
    faulty_company: Any, faulty_parties: list[FoldedParty]
) -> None:
    letters = [letter for party in faulty_parties for letter in party.dead_letters]
    listed = [fault.message_ids[0] for fault in faults_of(faulty_company, "id_conflicts")]
    assert [letter.message_id for letter in letters] == listed
    assert {letter.reason for letter in letters} == {"event_id_conflict"}


def test_redeliveries_count_as_duplicates_and_nothing_else_does(
    faulty_company: Any, faulty_parties: list[FoldedParty]
) -> None:
    duplicates = sorted(m.message_id for party in faulty_parties for m in party.duplicates)
    listed = sorted(f.message_ids[0] for f in faults_of(faulty_company, "duplicates"))
    assert duplicates == listed


def test_a_paid_customer_without_subscription_events_is_not_provisioned(
    faulty_company: Any, faulty_parties: list[FoldedParty]
) -> None:
    lost = {fault.contract_id for fault in faults_of(faulty_company, "lost_activation")}
    found = {
        contract.contract_id
        for party in faulty_parties
        for contract in party.result.contracts
        if contract.paid and not contract.provisioned and not contract.cancelled
    }
    assert lost and lost <= found
    assert found == lost


def test_renewals_at_risk_are_found(faulty_company: Any, faulty_parties: list[FoldedParty]) -> None:
    listed = {fault.contract_id for fault in faults_of(faulty_company, "renewal_at_risk")}
    risks = {
        contract.contract_id: contract.renewal_risk_reasons
        for party in faulty_parties
        for contract in party.result.contracts
        if contract.renewal_at_risk
    }
    assert listed and listed <= set(risks)
    assert all("past_due" in risks[contract_id] for contract_id in listed)


def test_every_message_has_one_outcome(
    faulty_company: Any, faulty_parties: list[FoldedParty]
) -> None:
    counted = Counter(o for party in faulty_parties for o in party.outcomes.values())
    duplicates = sum(len(party.duplicates) for party in faulty_parties)
    malformed = sum(f.kind.startswith("malformed_") for f in faulty_company.manifest.faults)
    conflicts = sum(len(party.dead_letters) for party in faulty_parties)
    assert counted[Outcome.POSTED] > counted[Outcome.PENDING] > 0
    accounted = sum(counted.values()) + duplicates + malformed + conflicts
    assert accounted == faulty_company.manifest.events
