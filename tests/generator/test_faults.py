"""`faults.json` lists what was made to go wrong, and the files show exactly that."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import Any

import pytest

from generator.faults import CONTRACT_FAULTS, Fault, choose_faults
from generator.malformed import malformed_kinds
from generator.plan import FaultMix, no_faults


@pytest.fixture(scope="module")
def stripe_events(faulty_company: Any) -> list[dict[str, Any]]:
    """Events of billing that can be read."""
    return readable(faulty_company, "stripe")


@pytest.fixture(scope="module")
def crm_events(faulty_company: Any) -> list[dict[str, Any]]:
    """Changes of CRM that can be read."""
    return readable(faulty_company, "salesforce")


def readable(company: Any, source: str) -> list[dict[str, Any]]:
    malformed = {f.body_sha256 for f in company.manifest.faults if f.body_sha256}
    return [
        json.loads(line)
        for _, line in company.lines(source)
        if hashlib.sha256(line).hexdigest() not in malformed
    ]


def faults(company: Any, kind: str) -> list[Fault]:
    found = [fault for fault in company.manifest.faults if fault.kind == kind]
    assert found, f"no fault of kind {kind}"
    return found


def bare(identifier: str | None) -> str:
    assert identifier is not None
    return identifier.split(":", 1)[1]


def invoices_naming(events: list[dict[str, Any]], needle: str) -> list[dict[str, Any]]:
    return [
        event["data"]["object"]
        for event in events
        if event["type"].startswith("invoice.") and needle in json.dumps(event)
    ]


def test_a_contract_that_crm_never_sent_is_named_by_invoices(
    faulty_company: Any, stripe_events: list[dict[str, Any]], crm_events: list[dict[str, Any]]
) -> None:
    for fault in faults(faulty_company, "missing_contract"):
        assert bare(fault.account_id) in json.dumps(crm_events)
        records = {e["payload"]["ChangeEventHeader"]["recordIds"][0] for e in crm_events}
        assert bare(fault.contract_id) not in records
        assert invoices_naming(stripe_events, bare(fault.contract_id))


def test_a_lost_activation_leaves_paid_invoices_without_subscription_events(
    faulty_company: Any, stripe_events: list[dict[str, Any]]
) -> None:
    for fault in faults(faulty_company, "lost_activation"):
        subscription = bare(fault.subscription_id)
        about = [
            event for event in stripe_events
            if event["type"].startswith("customer.subscription.")
            and event["data"]["object"]["id"] == subscription
        ]  # fmt: skip
        assert about == []
        assert "paid" in {i["status"] for i in invoices_naming(stripe_events, subscription)}


def test_a_lost_invoice_leaves_its_payment_behind(
    faulty_company: Any, stripe_events: list[dict[str, Any]]
) -> None:
    for fault in faults(faulty_company, "lost_invoice"):
        told = {i["id"] for i in invoices_naming(stripe_events, bare(fault.customer_id))}
        charges = {
            e["data"]["object"]["payment_intent"] for e in stripe_events
            if e["type"] == "charge.succeeded"
            and e["data"]["object"]["customer"] == bare(fault.customer_id)
        }  # fmt: skip
        paid = {
            e["data"]["object"]["invoice"] for e in stripe_events
            if e["type"] == "invoice_payment.paid"
            and e["data"]["object"]["payment"]["payment_intent"] in charges
        }  # fmt: skip
        assert len(paid - told) == 1


def test_a_customer_linked_twice_names_two_accounts_that_exist(
    faulty_company: Any, stripe_events: list[dict[str, Any]], crm_events: list[dict[str, Any]]
) -> None:
    for fault in faults(faulty_company, "two_accounts"):
        named = {
            event["data"]["object"]["metadata"]["crm_account_id"]
            for event in stripe_events
            if event["data"]["object"].get("id") == bare(fault.customer_id)
        }
        records = {e["payload"]["ChangeEventHeader"]["recordIds"][0] for e in crm_events}
        assert len(named) == 2 and named <= records


def test_an_unknown_customer_has_an_invoice_and_nothing_else(
    faulty_company: Any, stripe_events: list[dict[str, Any]]
) -> None:
    for fault in faults(faulty_company, "unknown_customer"):
        naming = {e["id"] for e in stripe_events if bare(fault.customer_id) in json.dumps(e)}
        assert naming == {bare(message_id) for message_id in fault.message_ids}


def test_a_renewal_at_risk_ends_soon_with_an_unpaid_invoice(
    faulty_company: Any, stripe_events: list[dict[str, Any]]
) -> None:
    for fault in faults(faulty_company, "renewal_at_risk"):
        last: dict[str, str] = {}
        for event in sorted(stripe_events, key=lambda e: (e["created"], e["id"])):
            item = event["data"]["object"]
            is_theirs = item.get("customer") == bare(fault.customer_id)
            if is_theirs and event["type"].startswith("invoice.") and "id" in item:
                last[item["id"]] = item["status"]
        assert list(last.values())[-1] == "open"
        assert set(list(last.values())[:-1]) <= {"paid"}


def test_an_id_conflict_is_two_bodies_under_one_id(
    faulty_company: Any, stripe_events: list[dict[str, Any]]
) -> None:
    for fault in faults(faulty_company, "id_conflicts"):
        (message_id,) = fault.message_ids
        addresses = {
            event["data"]["object"]["address"]["line1"]
            for event in stripe_events if event["id"] == bare(message_id)
        }  # fmt: skip
        assert len(addresses) == 2


def test_duplicates_are_the_same_event_again(
    faulty_company: Any, stripe_events: list[dict[str, Any]], crm_events: list[dict[str, Any]]
) -> None:
    deliveries = defaultdict(list)
    for event in [*stripe_events, *crm_events]:
        deliveries[event["id"]].append(event)
    listed = {bare(f.message_ids[0]) for f in faults(faulty_company, "duplicates")}
    conflicts = {bare(f.message_ids[0]) for f in faults(faulty_company, "id_conflicts")}
    assert {i for i, seen in deliveries.items() if len(seen) > 1} - conflicts == listed - conflicts
    for identifier in listed - conflicts:
        first, second = deliveries[identifier]
        if "pending_webhooks" in first:
            assert {first.pop("pending_webhooks"), second.pop("pending_webhooks")} == {0, 1}
        assert first == second


def test_late_events_come_after_events_of_later_days(
    faulty_company: Any, stripe_events: list[dict[str, Any]]
) -> None:
    """One to three days late: in a busy month something of the days between comes before."""
    late = {bare(fault.message_ids[0]) for fault in faults(faulty_company, "late")}
    newest, behind = 0, dict[str, int]()
    for event in stripe_events:
        newest = max(newest, event["created"])
        behind.setdefault(event["id"], newest - event["created"])
    on_time = [seconds for identifier, seconds in behind.items() if identifier not in late]
    delays = [behind[identifier] for identifier in late if identifier in behind]
    assert 43_200 < sum(delays) / len(delays) < 4 * 86_400
    assert sorted(on_time)[len(on_time) // 2] < 600


def test_every_kind_of_malformed_line_is_in_the_file_it_is_listed_under(
    faulty_company: Any,
) -> None:
    lines = {(name, hashlib.sha256(line).hexdigest()) for name, line in faulty_company.lines()}
    listed = [f for f in faulty_company.manifest.faults if f.kind.startswith("malformed_")]
    assert len({fault.kind for fault in listed}) == malformed_kinds()
    assert {(fault.file, fault.body_sha256) for fault in listed} <= lines


def test_the_manifest_counts_every_line(faulty_company: Any) -> None:
    assert faulty_company.manifest.events == sum(1 for _ in faulty_company.lines())


def test_each_kind_hits_a_contract_and_no_contract_is_hit_twice() -> None:
    chosen = choose_faults(9, 30, FaultMix())
    assert set(chosen.values()) == set(CONTRACT_FAULTS)
    assert len(chosen) == 7
    assert choose_faults(9, 30, no_faults()) == {}
    assert len(choose_faults(9, 3, FaultMix())) == 3, "fewer contracts than faults"
