"""Salesforce Change Data Capture events as the Pub/Sub API delivers them, JSON.

Header fields as published for change events; dates are epoch milliseconds; an UPDATE carries
only what changed. Custom fields (`…__c`) are this company's own.
"""

from __future__ import annotations

from typing import Any

from generator.deal import Address, Deal
from generator.ids import event_uuid

Object = dict[str, Any]
SCHEMA_IDS = {
    "Account": "a01VpgrsZNJdn-7KStJcxQ",
    "Opportunity": "b17Qm0cTRvKZk-2LsWnYpA",
    "Contract": "c45Hd8eUTyMNp-9QxVbGtE",
    "Order": "d92Kf3gWSzLRr-4JcXmHuI",
    "OrderItem": "e38Pj6hYQxBVs-1TzDnKwO",
    "Case": "f64Rl2jAOvCXt-8WbFpMyU",
}


class ChangeStream:
    """Wraps changes of one contract's records into change events, in commit order."""

    def __init__(self, seed: int, deal: Deal) -> None:
        self._seed = seed
        self._deal = deal
        self._number = 0

    def change(
        self,
        entity_name: str,
        record_id: str,
        change_type: str,
        at_millis: int,
        fields: Object,
        sequence: int = 1,
        changed: list[str] | None = None,
    ) -> Object:
        """One change event; `changed` names the fields of an UPDATE (default: all given)."""
        self._number += 1
        is_update = change_type == "UPDATE"
        changed_fields = changed if changed is not None else list(fields)
        uuid = event_uuid(self._seed, self._deal.index, self._number)
        # The changes of one transaction follow each other, numbered from 1.
        transaction = event_uuid(self._seed, self._deal.index, self._number - sequence + 1)
        return {
            "id": uuid,
            "schemaId": SCHEMA_IDS[entity_name],
            "replayId": at_millis * 8 + sequence,
            "payload": {
                "ChangeEventHeader": {
                    "entityName": entity_name,
                    "recordIds": [record_id],
                    "changeType": change_type,
                    "changeOrigin": "com/salesforce/api/soap/58.0;client=SfdcInternalAPI/",
                    "transactionKey": transaction,
                    "sequenceNumber": sequence,
                    "commitTimestamp": at_millis,
                    "commitNumber": at_millis * 8 + sequence,
                    "commitUser": "00558000000yFyDAAU",
                    "nulledFields": [],
                    "diffFields": [],
                    "changedFields": changed_fields if is_update else [],
                },
                **fields,
                "LastModifiedDate": at_millis,
            },
        }


def account_fields(deal: Deal, country_name: str) -> Object:
    """A new account."""
    return {
        "Name": deal.name,
        "BillingAddress": billing_address(deal.address, country_name),
        "Type": "Customer",
        "Legal_Entity__c": deal.entity.code,
        "CurrencyIsoCode": deal.currency,
    }


def billing_address(address: Address, country_name: str) -> Object:
    """The compound address field."""
    return {
        "Street": address.street,
        "City": address.city,
        "State": address.state,
        "PostalCode": address.postal_code,
        "Country": country_name,
        "CountryCode": address.country,
    }
