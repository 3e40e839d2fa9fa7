"""Links to CRM are data in metadata; ids are the same as the CRM adapter's."""

from __future__ import annotations

import json

import pytest
from stripe_builders import (
    OLD,
    event,
    line,
    new_charge,
    new_invoice,
    old_invoice,
    resource,
    subscription,
)

from connectors.decoding import DecodeContext, MetadataKeys
from connectors.providers.stripe import decode_stripe

ACCOUNT = "0014H00002LbR7QQAV"
CONTRACT = "8004H000000PzLmQAK"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (ACCOUNT, f"salesforce:{ACCOUNT}"),
        (ACCOUNT[:15], f"salesforce:{ACCOUNT}"),
        ("001000000000001", "salesforce:001000000000001AAA"),
        ("hubspot:17", "hubspot:17"),
        ("A-17", "A-17"),
        (" A-17 ", "A-17"),
        ("001-17", "001-17"),
    ],
)
def test_a_customer_states_its_account(decode, stated, expected):
    obj = resource("customer", id="cus_1", metadata={"crm_account_id": stated})
    message = decode(event("customer.created", obj))
    assert message.events[0].account_id == expected
    assert message.account_links == (("stripe:cus_1", expected),)


PARENT = {
    "type": "subscription_details",
    "subscription_details": {"subscription": "sub_1", "metadata": {"contract_id": "K-1"}},
}


@pytest.mark.parametrize(
    ("obj", "version"),
    [
        (new_invoice(line("il_1", 1), total=1, metadata={"contract_id": "K-1"}), None),
        (new_invoice(line("il_1", 1), total=1, parent=PARENT), None),
        (
            old_invoice(
                line("il_1", 1), total=1, subscription_details={"metadata": {"contract_id": "K-1"}}
            ),
            "2023-10-16",
        ),
        (
            old_invoice(
                line("il_1", 1),
                total=1,
                subscription={"id": "sub_1", "metadata": {"contract_id": "K-1"}},
            ),
            OLD,
        ),
        (
            old_invoice(
                line("il_1", 1, metadata={"contract_id": "K-1"}),
                line("il_2", 1, metadata={"contract_id": "K-1", "other": "x"}),
                line("il_3", 1),
                total=3,
            ),
            OLD,
        ),
    ],
)
def test_an_invoice_finds_its_contract_wherever_stripe_carries_it(decode, obj, version):
    told = event("invoice.finalized", obj, **({"version": version} if version else {}))
    assert decode(told).events[0].contract_id == "K-1"


def test_lines_that_name_two_contracts_name_none(decode):
    obj = old_invoice(
        line("il_1", 1, metadata={"contract_id": "K-1"}),
        line("il_2", 1, metadata={"contract_id": "K-2"}),
        total=2,
    )
    assert decode(event("invoice.finalized", obj, version=OLD)).events[0].contract_id is None


def test_the_invoice_itself_wins_over_its_subscription(decode):
    obj = new_invoice(line("il_1", 1), total=1, parent=PARENT, metadata={"contract_id": "K-9"})
    assert decode(event("invoice.finalized", obj)).events[0].contract_id == "K-9"


def test_a_salesforce_contract_id_is_the_record(decode):
    obj = new_invoice(line("il_1", 1), total=1, metadata={"contract_id": CONTRACT[:15]})
    assert decode(event("invoice.finalized", obj)).events[0].contract_id == f"salesforce:{CONTRACT}"


def test_a_subscription_states_contract_account_and_entity(decode):
    obj = subscription(
        metadata={"contract_id": "K-1", "crm_account_id": "A-1", "legal_entity": "DE01"},
    )
    message = decode(event("customer.subscription.created", obj))
    (state,) = message.events
    assert (state.contract_id, state.account_id, state.entity) == ("K-1", "A-1", "DE01")
    assert message.account_links == (("stripe:cus_1", "A-1"),)


def test_the_company_names_its_own_keys(context):
    keys = MetadataKeys(contract_id=("vertrag",))
    own = DecodeContext(tenant="acme", registry=context.registry, metadata_keys=keys)
    told = event(
        "charge.succeeded", new_charge(1, metadata={"vertrag": "V-1", "contract_id": "K-1"})
    )
    message = decode_stripe(json.dumps(told).encode(), "x", own)
    assert message.events[0].contract_id == "V-1"


def test_empty_metadata_links_nothing(decode):
    obj = new_invoice(line("il_1", 1), total=1, metadata={"contract_id": "", "account_id": " "})
    (issued,) = decode(event("invoice.finalized", obj)).events
    assert (issued.contract_id, issued.account_id) == (None, None)
