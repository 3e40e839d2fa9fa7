"""What a change says of a record: only what changed, exactly, under canonical names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connectors.decoding import DecodeContext, SalesforceNames
from connectors.providers.salesforce import decode_salesforce
from connectors.providers.salesforce.field_names import FIELDS, Kind
from ledger.crm_records import FLAG_FIELDS, NUMBER_FIELDS, RECORD_FIELDS, TIME_FIELDS
from ledger.events import RecordChanged
from ledger.messages import DeadLetter, Message

BuildChange = Callable[..., dict[str, Any]]


def _result(event: dict[str, Any] | bytes, context: DecodeContext) -> Message | DeadLetter:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    (result,) = decode_salesforce(body, "f@0", context)
    return result


def _values(event: dict[str, Any] | bytes, context: DecodeContext) -> dict[str, str | None]:
    message = _result(event, context)
    assert isinstance(message, Message), message
    (changed,) = message.events
    assert isinstance(changed, RecordChanged)
    assert list(changed.values) == sorted(changed.values)
    return changed.values


def _with(context: DecodeContext, **names: Any) -> DecodeContext:
    return msgspec.structs.replace(context, salesforce=SalesforceNames(**names))


def test_every_canonical_name_is_one_the_ledger_knows() -> None:
    for fields in FIELDS.values():
        for field in fields:
            assert field.key in RECORD_FIELDS
            assert (field.key in TIME_FIELDS) == (field.kind is Kind.TIME)
            assert (field.key in NUMBER_FIELDS) == (field.kind in (Kind.NUMBER, Kind.MONTHS))
            assert (field.key in FLAG_FIELDS) == (field.kind is Kind.FLAG)


# --- which fields changed ----------------------------------------------------------------


def test_unchanged_fields_delivered_as_null_are_left_alone(
    change: BuildChange, context: DecodeContext
) -> None:
    """The Pub/Sub API delivers every field of an update; `changedFields` says which count."""
    update = change(
        "Contract", "UPDATE", {"changedFields": ["Status", "LastModifiedDate"]},
        Status="Activated", StartDate=None, ContractTerm=None, AccountId=None,
    )  # fmt: skip
    assert _values(update, context) == {"status": "Activated"}


def test_a_value_taken_away_is_none_and_not_absent(
    change: BuildChange, context: DecodeContext
) -> None:
    update = change(
        "Contract", "UPDATE",
        {"changedFields": ["EndDate", "ContractTerm", "Status"], "nulledFields": ["EndDate"]},
        EndDate=None, ContractTerm=None, Status="Draft",
    )  # fmt: skip
    assert _values(update, context) == {"end_date": None, "term_months": None, "status": "Draft"}


def test_nulled_fields_count_even_where_they_are_not_listed_as_changed(
    change: BuildChange, context: DecodeContext
) -> None:
    update = change("Contract", "UPDATE", {"nulledFields": ["EndDate"]}, Status="Draft")
    assert _values(update, context) == {"end_date": None, "status": "Draft"}


def test_without_a_list_of_changes_what_is_delivered_changed(
    change: BuildChange, context: DecodeContext
) -> None:
    update = change("Contract", "UPDATE", Status="Draft", EndDate=None)
    assert _values(update, context) == {"end_date": None, "status": "Draft"}


def test_a_creation_states_only_what_is_there(change: BuildChange, context: DecodeContext) -> None:
    created = change("Contract", "CREATE", Status="Draft", EndDate=None, ContractTerm="")
    assert _values(created, context) == {"status": "Draft"}


def test_an_undeletion_states_the_whole_record(change: BuildChange, context: DecodeContext) -> None:
    undeleted = change("Contract", "UNDELETE", Status="Draft", EndDate=None)
    assert _values(undeleted, context) == {"status": "Draft", "end_date": None}


def test_a_deletion_carries_no_fields(change: BuildChange, context: DecodeContext) -> None:
    assert _values(change("OrderItem", "DELETE", Quantity=None, OrderId=None), context) == {}
    message = _result(change("OrderItem", "DELETE"), context)
    assert isinstance(message, Message)
    assert message.link_refs == ("salesforce:8024H00000AbCdEQAV",)


def test_changes_without_a_meaning_leave_an_empty_change(
    change: BuildChange, context: DecodeContext
) -> None:
    update = change("Account", "UPDATE", {"changedFields": ["OwnerId"]}, OwnerId="x", Name=None)
    assert _values(update, context) == {}


def test_a_field_named_as_changed_and_not_there_is_told(
    change: BuildChange, context: DecodeContext
) -> None:
    letter = _result(change("Contract", "UPDATE", {"changedFields": ["EndDate"]}), context)
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "missing_field"
    assert "changedFields names EndDate" in letter.detail


def test_a_value_delivered_as_a_difference_is_told(
    change: BuildChange, context: DecodeContext
) -> None:
    header = {"changedFields": ["Name"], "diffFields": ["Name"]}
    letter = _result(change("Account", "UPDATE", header, Name="--- a\n+++ b"), context)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.detail) == (
        "invalid_value",
        "Name is delivered as a difference, not as a value",
    )


# --- compound fields ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "fields", "values"),
    [
        (
            {"changedFields": ["BillingAddress.City"]},
            {"BillingAddress": {"City": "Bremen", "Street": None, "Country": None}},
            {"city": "Bremen"},
        ),
        (
            {"changedFields": ["BillingAddress.City"], "nulledFields": ["BillingAddress.State"]},
            {"BillingAddress": {"City": "Bremen", "State": None}},
            {"city": "Bremen", "state": None},
        ),
        (
            {"changedFields": ["BillingAddress.Country", "BillingAddress.CountryCode"]},
            {"BillingAddress": {"Country": "France", "CountryCode": "FR"}},
            {"country": "FR"},
        ),
        (
            {"changedFields": ["BillingAddress.Country"]},
            {"BillingAddress": {"Country": "France"}},
            {"country": "France"},
        ),
        (
            {"nulledFields": ["BillingAddress"]},
            {"BillingAddress": None},
            dict.fromkeys(["city", "country", "postal_code", "state", "street"]),
        ),
        (
            {"changedFields": ["BillingAddress"]},
            {"BillingAddress": {"City": "Bremen"}},
            {**dict.fromkeys(["country", "postal_code", "state", "street"]), "city": "Bremen"},
        ),
        (
            {"changedFields": ["BillingCity"]},
            {"BillingCity": "Bremen", "ShippingCity": "Kiel"},
            {"city": "Bremen"},
        ),
        ({}, {"ShippingAddress": {"City": "Kiel"}}, {}),
    ],
)
def test_addresses_change_part_by_part(
    change: BuildChange,
    context: DecodeContext,
    header: dict[str, Any],
    fields: dict[str, Any],
    values: dict[str, str | None],
) -> None:
    assert _values(change("Account", "UPDATE", header, **fields), context) == values


@pytest.mark.parametrize(
    ("change_type", "header", "name", "values"),
    [
        ("CREATE", {}, {"FirstName": "Ada", "LastName": "King"}, {"name": "Ada King"}),
        (
            "UPDATE",
            {"changedFields": ["Name.FirstName", "Name.LastName"]},
            {"FirstName": "Ada", "LastName": "King"},
            {"name": "Ada King"},
        ),
        (
            "UPDATE",
            {"changedFields": ["Name.LastName"]},
            {"FirstName": None, "LastName": "King"},
            {},
        ),
        ("UPDATE", {"changedFields": ["OwnerId"]}, {"FirstName": None, "LastName": None}, {}),
    ],
)
def test_a_person_s_name_is_taken_whole_or_not_at_all(
    change: BuildChange,
    context: DecodeContext,
    change_type: str,
    header: dict[str, Any],
    name: dict[str, Any],
    values: dict[str, str],
) -> None:
    assert _values(change("Account", change_type, header, Name=name), context) == values


# --- names that differ between organisations ----------------------------------------------


def test_an_organisation_s_own_field_takes_the_place_of_the_usual_one(
    change: BuildChange, context: DecodeContext
) -> None:
    own = _with(context, field_aliases={"Books__c": "LegalEntity", "Phase__c": "Status"})
    update = change(
        "Contract", "UPDATE", {"changedFields": ["Books__c", "Phase__c", "Status"]},
        Books__c="FR01", Legal_Entity__c="DE01", Phase__c="Activated", Status="In Approval",
    )  # fmt: skip
    assert _values(update, own) == {"entity": "FR01", "status": "Activated"}
    assert _values(update, context) == {"status": "In Approval"}


def test_the_usual_custom_names_need_no_configuration(
    change: BuildChange, context: DecodeContext
) -> None:
    created = change("Account", "CREATE", Email__c="ap@example.com", Tax_Id__c="T1")
    assert _values(created, context) == {"email": "ap@example.com", "tax_id": "T1"}


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ({"StageName": "Closed Won"}, {"is_won": "true", "is_closed": "true"}),
        ({"StageName": "Signed"}, {"is_won": "true", "is_closed": "true"}),
        ({"StageName": "Closed Lost"}, {"is_won": "false"}),
        (
            {"StageName": "Signed", "IsWon": False, "IsClosed": False},
            {"is_won": "false", "is_closed": "false"},
        ),
        ({"Amount": 5}, {"amount": "5"}),
    ],
)
def test_a_stage_says_whether_a_deal_is_won_unless_the_event_does(
    change: BuildChange, context: DecodeContext, fields: dict[str, Any], values: dict[str, str]
) -> None:
    stages = _with(context, won_stages=("Closed Won", "Signed"))
    found = _values(change("Opportunity", "UPDATE", **fields), stages)
    found.pop("stage", None)
    assert found == values


def test_an_organisation_with_one_currency_states_it_once(
    change: BuildChange, context: DecodeContext
) -> None:
    euro = _with(context, default_currency="EUR")
    assert _values(change("Contract", "CREATE", Status="Draft"), euro)["currency"] == "EUR"
    stated = change("Contract", "CREATE", CurrencyIsoCode="USD")
    assert _values(stated, euro)["currency"] == "USD"
    assert "currency" not in _values(change("Contract", "UPDATE", Status="Draft"), euro)
    assert "currency" not in _values(change("Contract", "CREATE", Status="Draft"), context)


def test_a_change_of_a_replaced_field_alone_changes_nothing(
    change: BuildChange, context: DecodeContext
) -> None:
    own = _with(context, field_aliases={"Phase__c": "Status"})
    header = {"changedFields": ["Status"]}
    update = change("Contract", "UPDATE", header, Status="Draft", EndDate=None)
    assert _values(update, own) == {}
