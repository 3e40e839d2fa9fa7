"""The published shape of change events, record by record, against the values they must give.

The events below are those of the reference sample of Pub/Sub API deliveries, field for field.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.decoding import DecodeContext
from connectors.providers.salesforce import decode_salesforce
from ledger.events import RecordChanged
from ledger.messages import Message

ACCOUNT = "0014H00002LbR7QQAV"
CONTRACT = "8004H000000PzLmQAK"
ORDER = "8014H000003XyZaQAK"
AMENDMENT = "8014H000003XyZbQAK"
OPPORTUNITY = "0064H00001KqWERQA3"


def _event(
    number: int, entity: str, record: str, change: str, at: int, changed: list[str], **fields: Any
) -> dict[str, Any]:
    return {
        "id": f"5f1c0de0-0000-4000-8000-{number:012}",
        "schemaId": "a01VpgrsZNJdn-7KStJcxQ",
        "replayId": 18098160 + number,
        "payload": {
            "ChangeEventHeader": {
                "entityName": entity,
                "recordIds": [record],
                "changeType": change,
                "changeOrigin": "com/salesforce/api/soap/58.0;client=SfdcInternalAPI/",
                "transactionKey": f"000046c7-a642-11e2-c29b-{number:012}",
                "sequenceNumber": 1,
                "commitTimestamp": at,
                "commitNumber": 11657372702432 + number,
                "commitUser": "00558000000yFyDAAU",
                "nulledFields": [],
                "diffFields": [],
                "changedFields": changed,
            },
            **fields,
        },
    }


_HAMBURG = {
    "Street": "Hafenstrasse 7",
    "City": "Hamburg",
    "State": None,
    "PostalCode": "20457",
    "Country": "Germany",
    "CountryCode": "DE",
}

SAMPLE: list[tuple[dict[str, Any], dict[str, str | None]]] = [
    (
        _event(1, "Account", ACCOUNT, "CREATE", 1767261600000, [], Name="Nordwind Logistik GmbH",
               BillingAddress=_HAMBURG, Type="Customer", Legal_Entity__c="DE01",
               Tax_Id__c="DE811128135", CurrencyIsoCode="EUR", CreatedDate=1767261600000,
               LastModifiedDate=1767261600000),
        {"name": "Nordwind Logistik GmbH", "street": "Hafenstrasse 7", "city": "Hamburg",
         "postal_code": "20457", "country": "DE", "entity": "DE01", "tax_id": "DE811128135",
         "currency": "EUR"},
    ),
    (
        _event(2, "Opportunity", OPPORTUNITY, "CREATE", 1767265200000, [], AccountId=ACCOUNT,
               Name="Nordwind - Pro 40 seats", StageName="Negotiation", Amount=11520.0,
               CurrencyIsoCode="EUR", CloseDate=1769817600000, Type="New Business",
               LastModifiedDate=1767265200000),
        {"account_id": ACCOUNT, "name": "Nordwind - Pro 40 seats", "stage": "Negotiation",
         "amount": "11520", "currency": "EUR", "type": "New Business", "is_won": "false"},
    ),
    (
        _event(3, "Opportunity", OPPORTUNITY, "UPDATE", 1767348000000,
               ["StageName", "IsWon", "IsClosed", "LastModifiedDate"], StageName="Closed Won",
               IsWon=True, IsClosed=True, LastModifiedDate=1767348000000),
        {"stage": "Closed Won", "is_won": "true", "is_closed": "true"},
    ),
    (
        _event(4, "Contract", CONTRACT, "CREATE", 1767348060000, [], AccountId=ACCOUNT,
               ContractNumber="00000417", Status="Draft", StartDate=1767398400000,
               ContractTerm=12, Opportunity__c=OPPORTUNITY, Legal_Entity__c="DE01",
               CurrencyIsoCode="EUR"),
        {"account_id": ACCOUNT, "contract_number": "00000417", "status": "Draft",
         "start_date": "1767398400000000", "term_months": "12", "opportunity_id": OPPORTUNITY,
         "entity": "DE01", "currency": "EUR"},
    ),
    (
        _event(5, "Contract", CONTRACT, "UPDATE", 1767351600000, ["Status", "ActivatedDate"],
               Status="Activated", ActivatedDate=1767351600000),
        {"status": "Activated"},
    ),
    (
        _event(6, "Order", ORDER, "CREATE", 1767351660000, [], AccountId=ACCOUNT,
               ContractId=CONTRACT, EffectiveDate=1767398400000, Status="Activated", Type="New"),
        {"account_id": ACCOUNT, "contract_id": CONTRACT, "effective_date": "1767398400000000",
         "status": "Activated", "type": "New"},
    ),
    (
        _event(7, "OrderItem", "8024H00000AbCdEQAV", "CREATE", 1767351660000, [], OrderId=ORDER,
               Product2Id="01t4H000004PrOdQAK", ProductCode="PRO-SEAT", Quantity=40.0,
               UnitPrice=24.0, ServiceDate=1767398400000, EndDate=1798848000000),
        {"order_id": ORDER, "product": "PRO-SEAT", "quantity": "40", "unit_price": "24",
         "service_date": "1767398400000000", "end_date": "1798848000000000"},
    ),
    (
        _event(8, "Account", ACCOUNT, "UPDATE", 1767461600000,
               ["LastModifiedDate", "BillingAddress.City", "BillingAddress.State"],
               BillingAddress={"City": "Bremen", "State": "HB"}, LastModifiedDate=1767461600000),
        {"city": "Bremen", "state": "HB"},
    ),
    (
        _event(9, "Order", AMENDMENT, "CREATE", 1775901600000, [], AccountId=ACCOUNT,
               ContractId=CONTRACT, EffectiveDate=1775901600000, Status="Activated",
               Type="Amendment"),
        {"account_id": ACCOUNT, "contract_id": CONTRACT, "effective_date": "1775901600000000",
         "status": "Activated", "type": "Amendment"},
    ),
    (
        _event(10, "OrderItem", "8024H00000AbCdFQAV", "CREATE", 1775901600000, [],
               OrderId=AMENDMENT, Product2Id="01t4H000004PrOdQAK", ProductCode="PRO-SEAT",
               Quantity=15.0, UnitPrice=24.0, ServiceDate=1775901600000, EndDate=1798848000000),
        {"order_id": AMENDMENT, "product": "PRO-SEAT", "quantity": "15", "unit_price": "24",
         "service_date": "1775901600000000", "end_date": "1798848000000000"},
    ),
]  # fmt: skip

_NAMES = [
    f"{event['payload']['ChangeEventHeader']['entityName']} {number}"
    for number, (event, _) in enumerate(SAMPLE, start=1)
]


def _decoded(event: dict[str, Any], context: DecodeContext) -> Message:
    body = json.dumps(event).encode()
    (message,) = decode_salesforce(body, "events.jsonl@0", context)
    assert isinstance(message, Message)
    assert message.body == body
    return message


@pytest.mark.parametrize(("event", "values"), SAMPLE, ids=_NAMES)
def test_each_sample_event_gives_its_values(
    event: dict[str, Any], values: dict[str, str | None], context: DecodeContext
) -> None:
    message = _decoded(event, context)
    header = event["payload"]["ChangeEventHeader"]
    entity, record_id = header["entityName"], header["recordIds"][0]
    contract = record_id if entity == "Contract" else values.get("contract_id")
    customer = record_id if entity == "Account" else values.get("account_id")
    assert message.message_id == f"salesforce:{event['id']}"
    assert message.provider_type == f"{entity}.{header['changeType']}"
    assert message.schema_version == "crm.record_changed@1"
    assert message.events == (
        RecordChanged(
            event_id=f"salesforce:{event['id']}/crm.record_changed",
            source_event_id=f"salesforce:{event['id']}",
            source="salesforce",
            tenant="acme",
            occurred_at_micros=header["commitTimestamp"] * 1000,
            customer_id=f"salesforce:{customer}" if customer else None,
            contract_id=f"salesforce:{contract}" if contract else None,
            entity=values.get("entity"),
            entity_name=entity,
            record_id=record_id,
            change_type=header["changeType"],
            commit_number=header["commitNumber"],
            sequence_number=1,
            values=values,
        ),
    )


@pytest.mark.parametrize(
    ("number", "party_ref", "link_refs", "links"),
    [
        (1, ACCOUNT, [], []),
        (2, ACCOUNT, [], [(OPPORTUNITY, ACCOUNT)]),
        (3, None, [OPPORTUNITY], []),
        (4, ACCOUNT, [], [(CONTRACT, ACCOUNT)]),
        (5, None, [CONTRACT], []),
        (6, ACCOUNT, [], [(ORDER, ACCOUNT)]),
        (7, None, ["8024H00000AbCdEQAV", ORDER], [("8024H00000AbCdEQAV", ORDER)]),
        (8, ACCOUNT, [], []),
        (9, ACCOUNT, [], [(AMENDMENT, ACCOUNT)]),
        (10, None, ["8024H00000AbCdFQAV", AMENDMENT], [("8024H00000AbCdFQAV", AMENDMENT)]),
    ],
)
def test_each_sample_event_says_whose_it_is_or_who_may_know(
    number: int,
    party_ref: str | None,
    link_refs: list[str],
    links: list[tuple[str, str]],
    context: DecodeContext,
) -> None:
    message = _decoded(SAMPLE[number - 1][0], context)
    assert message.party_ref == (f"salesforce:{party_ref}" if party_ref else None)
    assert message.link_refs == tuple(f"salesforce:{ref}" for ref in link_refs)
    assert message.links == tuple((f"salesforce:{a}", f"salesforce:{b}") for a, b in links)
    assert message.account_links == ()
