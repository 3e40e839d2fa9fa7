"""What the tests of change events share: a context and change events built field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.decoding import DecodeContext
from schemas.registry import load_registry

ACCOUNT = "0014H00002LbR7QQAV"
CONTRACT = "8004H000000PzLmQAK"
ORDER = "8014H000003XyZaQAK"
ITEM = "8024H00000AbCdEQAV"
OPPORTUNITY = "0064H00001KqWERQA3"

RECORD_OF = {
    "Account": ACCOUNT,
    "Contract": CONTRACT,
    "Order": ORDER,
    "OrderItem": ITEM,
    "Opportunity": OPPORTUNITY,
}

BuildChange = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def context() -> DecodeContext:
    """The shipped registry and an organisation without settings of its own."""
    return DecodeContext(tenant="acme", registry=load_registry())


@pytest.fixture
def change() -> BuildChange:
    """Builds a change event as the Pub/Sub API delivers it; `header` overrides header fields."""

    def build(
        entity: str, change_type: str, header: dict[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        return {
            "id": "5f1c0de0-0000-4000-8000-000000000099",
            "schemaId": "a01VpgrsZNJdn-7KStJcxQ",
            "replayId": 18098161,
            "payload": {
                "ChangeEventHeader": {
                    "entityName": entity,
                    "recordIds": [RECORD_OF.get(entity, "01t4H000004PrOdQAK")],
                    "changeType": change_type,
                    "changeOrigin": "",
                    "transactionKey": "000046c7-a642-11e2-c29b-000000000001",
                    "sequenceNumber": 2,
                    "commitTimestamp": 1767261600000,
                    "commitNumber": 11657372702433,
                    "commitUser": "00558000000yFyDAAU",
                    "nulledFields": [],
                    "diffFields": [],
                    "changedFields": [],
                    **(header or {}),
                },
                **fields,
            },
        }

    return build
