"""Which legal entity bills and collects, told by the Stripe account that an event comes from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stripe_builders import event, new_charge, new_invoice

from connectors.decoding import DecodeContext
from connectors.providers.stripe import decode_stripe
from ledger.policies import BooksConfig


@pytest.fixture
def decoded(context: DecodeContext) -> Any:
    """Decode an event of account acct_1, which is DE01's, and return its first canonical event."""
    books = BooksConfig(accounts={"stripe:acct_1": "DE01"})
    own = DecodeContext(tenant="acme", registry=context.registry, books=books)

    def run(told: dict[str, Any], account: str | None = "acct_1") -> Any:
        body = json.dumps(told | ({"account": account} if account else {})).encode()
        return decode_stripe(body, "x", own).events[0]

    return run


def test_money_is_collected_by_the_entity_whose_account_it_is_in(decoded: Any) -> None:
    told = event("charge.succeeded", new_charge(1))
    assert decoded(told).entity == "DE01"
    assert decoded(told, "acct_2").entity is None
    assert decoded(told, None).entity is None


def test_what_the_charge_states_counts_more_than_its_account(decoded: Any) -> None:
    told = event("charge.succeeded", new_charge(1, metadata={"legal_entity": "US01"}))
    assert decoded(told).entity == "US01"


def test_an_invoice_is_billed_by_its_account_and_sold_by_who_has_the_contract(decoded: Any) -> None:
    told = event("invoice.finalized", new_invoice(total=0, metadata={"legal_entity": "US01"}))
    assert (decoded(told).entity, decoded(told).billing_entity) == ("US01", "DE01")
    stated = {"legal_entity": "US01", "billing_entity": "FR01"}
    told = event("invoice.finalized", new_invoice(total=0, metadata=stated))
    assert decoded(told).billing_entity == "FR01"
