"""Every id that an event names belongs to something that another event has introduced."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from generator.ids import check_characters, salesforce_id

Objects = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def stripe_objects(busy_company: Any) -> Objects:
    """Object type -> id -> the object as last told."""
    found: Objects = defaultdict(dict)
    for event in busy_company.events("stripe"):
        item = event["data"]["object"]
        if "id" in item:
            found[item["object"]][item["id"]] = item
    return found


@pytest.fixture(scope="module")
def crm_records(busy_company: Any) -> Objects:
    """Entity -> record id -> its creation."""
    found: Objects = defaultdict(dict)
    for event in busy_company.events("salesforce"):
        header = event["payload"]["ChangeEventHeader"]
        if header["changeType"] == "CREATE":
            found[header["entityName"]][header["recordIds"][0]] = event["payload"]
    return found


def test_every_kind_of_object_occurs(stripe_objects: Objects, crm_records: Objects) -> None:
    assert set(stripe_objects) == {
        "customer", "subscription", "invoice", "invoiceitem", "charge", "payment_intent",
        "invoice_payment", "credit_note", "refund", "dispute", "payout", "payment_method",
    }  # fmt: skip
    assert set(crm_records) == {"Account", "Opportunity", "Contract", "Order", "OrderItem", "Case"}


def test_billing_objects_name_known_customers(stripe_objects: Objects) -> None:
    named = [
        item["customer"]
        for kind in (
            "subscription",
            "invoice",
            "invoiceitem",
            "charge",
            "payment_intent",
            "credit_note",
        )
        for item in stripe_objects[kind].values()
    ]
    assert named and set(named) <= set(stripe_objects["customer"])


def test_invoices_name_known_subscriptions_and_items(stripe_objects: Objects) -> None:
    subscriptions, items, item_lines = set(), set(), 0
    for invoice in stripe_objects["invoice"].values():
        parent = invoice.get("parent") or {"subscription_details": invoice}
        subscriptions.add(parent["subscription_details"]["subscription"])
        for line in invoice["lines"]["data"]:
            details = (line.get("parent") or {}).get("invoice_item_details") or line
            if details.get("invoice_item"):
                items.add(details["invoice_item"])
                item_lines += 1
    assert subscriptions <= set(stripe_objects["subscription"])
    assert items and items <= set(stripe_objects["invoiceitem"])
    assert item_lines == len(items), "an item is billed once"


def test_payments_lead_to_known_invoices(stripe_objects: Objects) -> None:
    links = stripe_objects["invoice_payment"].values()
    assert links and {link["invoice"] for link in links} <= set(stripe_objects["invoice"])
    intents = {link["payment"]["payment_intent"] for link in links}
    assert intents <= set(stripe_objects["payment_intent"])
    old = [charge for charge in stripe_objects["charge"].values() if "invoice" in charge]
    named = {charge["invoice"] for charge in old} - {None}
    assert named and named <= set(stripe_objects["invoice"])
    linked = intents | {charge["payment_intent"] for charge in old}
    assert {charge["payment_intent"] for charge in stripe_objects["charge"].values()} <= linked


def test_credits_refunds_and_disputes_name_what_they_take_back(stripe_objects: Objects) -> None:
    charges, invoices = stripe_objects["charge"], stripe_objects["invoice"]
    assert {refund["charge"] for refund in stripe_objects["refund"].values()} <= set(charges)
    assert {dispute["charge"] for dispute in stripe_objects["dispute"].values()} <= set(charges)
    for note in stripe_objects["credit_note"].values():
        lines = {line["id"] for line in invoices[note["invoice"]]["lines"]["data"]}
        assert {line["invoice_line_item"] for line in note["lines"]["data"]} <= lines


def test_a_credit_note_paid_back_names_a_refund_that_was_made(
    stripe_objects: Objects, busy_company: Any
) -> None:
    refunds = set(stripe_objects["refund"])
    for charge in stripe_objects["charge"].values():
        refunds |= {refund["id"] for refund in charge.get("refunds", {}).get("data", [])}
    named = [note.get("refund") for note in stripe_objects["credit_note"].values()]
    for note in stripe_objects["credit_note"].values():
        named += [row["refund"] for row in note.get("refunds", [])]
    assert set(named) - {None}
    assert set(named) - {None} <= refunds


def test_billing_names_known_accounts_and_contracts(
    stripe_objects: Objects, crm_records: Objects
) -> None:
    accounts = {
        customer["metadata"].get("crm_account_id")
        for customer in stripe_objects["customer"].values()
    }
    assert accounts - {None} == set(crm_records["Account"])
    contracts = {
        subscription["metadata"].get("contract_id")
        for subscription in stripe_objects["subscription"].values()
    }
    assert None in contracts, "self-serve customers have no contract"
    assert contracts - {None} == set(crm_records["Contract"])


def test_crm_records_name_known_parents(crm_records: Objects) -> None:
    assert {o["ContractId"] for o in crm_records["Order"].values()} <= set(crm_records["Contract"])
    assert {i["OrderId"] for i in crm_records["OrderItem"].values()} == set(crm_records["Order"])
    for entity in ("Opportunity", "Contract", "Order", "Case"):
        accounts = {record["AccountId"] for record in crm_records[entity].values()}
        assert accounts <= set(crm_records["Account"])


def test_event_ids_are_unique(busy_company: Any) -> None:
    for source in ("stripe", "salesforce"):
        ids = [event["id"] for event in busy_company.events(source)]
        assert len(ids) == len(set(ids))


def test_changes_of_a_record_have_rising_commit_numbers(busy_company: Any) -> None:
    last: dict[str, tuple[int, int]] = {}
    for event in busy_company.events("salesforce"):
        header = event["payload"]["ChangeEventHeader"]
        number = header["commitNumber"], header["sequenceNumber"]
        assert number > last.get(header["recordIds"][0], (0, 0))
        last[header["recordIds"][0]] = number


def test_salesforce_ids_end_with_the_check_characters_of_the_original() -> None:
    """A published example: 0014H00002LbR7Q becomes 0014H00002LbR7QQAV."""
    assert check_characters("0014H00002LbR7Q") == "QAV"
    assert len(salesforce_id("800", 41_000)) == 18
