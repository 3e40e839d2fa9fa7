"""Policy packs and the books' configuration: read exactly, or refused with what is wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.decoding_any import decode_event
from connectors.event_files import DecodeSettings
from connectors.policy_packs import (
    ConfigurationError,
    load_books_config,
    load_policy_pack,
    pack_names,
)
from ledger.events import RecordChanged
from ledger.messages import Message


def test_both_packs_come_with_the_product() -> None:
    assert pack_names() == ["receivable", "stripe-contra"]
    labels = {load_policy_pack(name).label for name in pack_names()}
    assert labels == {"receivable@1", "stripe-contra@1"}


def test_the_packs_differ_where_accountants_do() -> None:
    contra, receivable = load_policy_pack("stripe-contra"), load_policy_pack("receivable")
    assert (contra.dispute, receivable.dispute) == ("contra", "receivable")
    assert (contra.bad_debt, receivable.bad_debt) == ("recognised_only", "gross")
    assert (contra.refund_of_deferred, receivable.refund_of_deferred) == ("split", "contra_only")
    assert (contra.contra_revenue, receivable.contra_revenue) == ("separate", "against_revenue")


def own_pack(folder: Path, **changes: str) -> Path:
    """A pack of a company's own: the shipped one with lines changed (or added, or left out)."""
    settings = {
        "name": "ours",
        "version": "3",
        "description": "Ours.",
        "dispute": "contra",
        "bad_debt": "gross",
        "refund_of_deferred": "split",
        "contra_revenue": "separate",
        "fee_timing": "cash",
        "granularity": "second",
        "revenue_start": "service_period",
        "payment_tolerance_minor": "5",
        "tax_on_refund": "from_event",
    } | changes
    path = folder / "ours.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in settings.items() if value))
    return path


def test_a_company_can_have_its_own_pack(tmp_path: Path) -> None:
    policy = load_policy_pack(str(own_pack(tmp_path)))
    assert (policy.label, policy.payment_tolerance_minor) == ("ours@3", 5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dispute": "maybe"}, "dispute"),
        ({"granularity": ""}, "granularity"),
        ({"colour": "blue"}, "colour"),
        ({"payment_tolerance_minor": "-1"}, "payment_tolerance_minor"),
        ({"version": "one"}, "version"),
        ({"description": "[unclosed"}, "not YAML"),
    ],
)
def test_a_wrong_pack_says_what_is_wrong_and_where(
    tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    path = own_pack(tmp_path, **changes)
    with pytest.raises(ConfigurationError) as refused:
        load_policy_pack(str(path))
    assert says in str(refused.value)
    assert "ours.yaml" in str(refused.value)


def test_an_unknown_pack_names_the_ones_there_are() -> None:
    with pytest.raises(ConfigurationError, match="receivable, stripe-contra"):
        load_policy_pack("stripe")


def test_without_a_file_the_defaults_hold() -> None:
    config = load_books_config(None)
    assert (config.default_entity, config.links, config.rates) == ("MAIN", "strict", {})


def test_rates_are_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "books.yaml"
    path.write_text(
        "default_entity: US\n"
        "entities: {US: {functional_currency: USD}, DE: {}}\n"
        "rates:\n  EUR/USD/2026-01-01: 1.10\n  GBP/USD/2026-01-01: 1.30000000000000000001\n"
        "  JPY/USD/2026-01-01: 1\n"
        "pending_days: {missing_rate: 9}\n"
    )
    config = load_books_config(str(path))
    assert config.rates["EUR/USD/2026-01-01"] == Decimal("1.10")
    assert config.rates["GBP/USD/2026-01-01"] == Decimal("1.30000000000000000001")
    assert config.entities["US"].functional_currency == "USD"
    assert (config.pending_days.missing_rate, config.pending_days.unmatched_invoice) == (9, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("entities: {US: {functional_currency: USX}}", "USX"),
        ("rates: {EUR-USD: 1.1}", "EUR-USD"),
        ("rates: {EUR/XXQ/2026-01-01: 1.1}", "XXQ"),
        ("rates: {EUR/USD/2026-13-01: 1.1}", "2026-13-01"),
        ("rates: {EUR/USD/2026-01-01: 0}", "positive"),
        ("rates: {EUR/USD/2026-01-01: .nan}", "decimal"),
        ("rates: {EUR/USD/2026-01-01: NaN}", "positive"),
        ("links: loose", "links"),
        ("renewal: 3", "renewal"),
        ("salesforce: {field_aliases: {Sold_By__c: Seller}}", "Seller"),
        ("salesforce: {default_currency: EUX}", "EUX"),
        ("salesforce: {fields: {}}", "fields"),
        ("metadata_keys: {contract_id: []}", "metadata_keys.contract_id"),
        ("- a\n- b", "books.yaml"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "books.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_books_config(str(path))
    assert says in str(refused.value)


def test_all_that_is_wrong_is_said_together(tmp_path: Path) -> None:
    path = tmp_path / "books.yaml"
    path.write_text("entities: {US: {functional_currency: AAA}}\nrates: {EUR/BBB/2026-01-01: 1}")
    with pytest.raises(ConfigurationError, match=r"AAA.*BBB"):
        load_books_config(str(path))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml"):
        load_books_config("nowhere.yaml")


def test_the_company_s_own_names_reach_the_decoders(tmp_path: Path) -> None:
    path = tmp_path / "books.yaml"
    path.write_text(
        "metadata_keys: {contract_id: [deal]}\n"
        "salesforce: {field_aliases: {Sold_By__c: LegalEntity}, won_stages: [Gewonnen]}\n"
    )
    context = DecodeSettings(tenant="acme", books=load_books_config(str(path))).context()
    header = {
        "entityName": "Opportunity", "recordIds": ["0064H00001KqWERQA3"], "changeType": "CREATE",
        "sequenceNumber": 1, "commitTimestamp": 1_767_261_600_000, "commitNumber": 1,
    }  # fmt: skip
    fields = {"Sold_By__c": "DE01", "StageName": "Gewonnen"}
    change = {"id": "ce-1", "payload": {"ChangeEventHeader": header, **fields}}
    subscription = {
        "id": "sub_1", "status": "active", "customer": "cus_1",
        "metadata": {"deal": "8004H000000PzLm", "contract_id": "another"},
    }  # fmt: skip
    billed = {
        "id": "evt_1", "object": "event", "type": "customer.subscription.created",
        "created": 1_767_261_600, "api_version": "2020-08-27", "data": {"object": subscription},
    }  # fmt: skip
    told = []
    for event in (change, billed):
        (message,) = decode_event(json.dumps(event).encode(), "f:1", context)
        assert isinstance(message, Message)
        told += message.events
    opportunity, activated = told
    assert isinstance(opportunity, RecordChanged)
    assert (opportunity.entity, opportunity.values["is_won"]) == ("DE01", "true")
    assert activated.contract_id == "salesforce:8004H000000PzLmQAK"


def test_decided_identities_have_the_ids_that_events_get(tmp_path: Path) -> None:
    path = tmp_path / "books.yaml"
    path.write_text("identity: {stripe:cus_1: salesforce:0014H00002LbR7Q}")
    assert load_books_config(str(path)).identity == {
        "stripe:cus_1": "salesforce:0014H00002LbR7QQAV"
    }


def test_a_country_is_a_word_also_where_yaml_means_no(tmp_path: Path) -> None:
    path = tmp_path / "books.yaml"
    path.write_text("regions: {NO: EMEA, DE: EMEA, US: AMER}\n")
    assert load_books_config(str(path)).regions == {"NO": "EMEA", "DE": "EMEA", "US": "AMER"}
