"""The region of entries: whose statement counts, and from when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ledger import events
from ledger.journal import JournalEntry, content_digest
from ledger.messages import Message
from ledger.party import assemble_party
from ledger.policies import BooksConfig, PolicyPack

Told = Any
Fold = Callable[..., Sequence[JournalEntry]]

REGIONS = {"DE": "EMEA", "Germany": "EMEA", "US": "AMER", "EMEA": "EMEA"}


@pytest.fixture
def entries_of(tell: Told, load_pack: Callable[[str], PolicyPack]) -> Fold:
    """Folds messages of the account `salesforce:001A` and returns its entries."""

    def run(told: Sequence[Any], regions: dict[str, str] = REGIONS) -> Sequence[JournalEntry]:
        messages: list[Message] = [tell.message(e, party_ref=tell.customer) for e in told]
        return assemble_party(
            tenant="acme",
            party_id=tell.account,
            party_refs=(tell.customer, tell.account),
            based_on={},
            history=(),
            incoming=messages,
            policy=load_pack("stripe-contra"),
            config=BooksConfig(regions=regions, links="assumed"),
            as_of_micros=tell.day("2026-12-31"),
        ).result.entries

    return run


def lives_in(tell: Told, country: str | None, number: str, on: str, **fields: Any) -> Any:
    return tell.customer_seen(
        number, on, country=country, attributes_set=("country",) if country else (), **fields
    )


def regions_of(entries: Sequence[JournalEntry]) -> dict[str, str | None]:
    return {entry.entry_key: entry.region for entry in entries}


def test_without_a_table_of_regions_entries_have_none(tell: Told, entries_of: Fold) -> None:
    told = [lives_in(tell, "DE", "1", "2026-01-01"), tell.invoice("2", "2026-02-01")]
    assert set(regions_of(entries_of(told, {})).values()) == {None}


def test_an_entry_without_a_region_has_the_digest_it_always_had(
    tell: Told, entries_of: Fold
) -> None:
    told = [lives_in(tell, "DE", "1", "2026-01-01"), tell.invoice("2", "2026-02-01")]
    (bare,) = entries_of(told, {})
    (placed,) = entries_of(told)
    assert placed.region == "EMEA"
    # Written down before there were regions: books that stand must not be booked anew.
    assert content_digest(bare) == BARE_DIGEST
    assert content_digest(placed) != BARE_DIGEST


BARE_DIGEST = "33ab41fa7b92c12c387d40671dd1291e"


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [("DE", "EMEA"), (" germany ", "EMEA"), ("us", "AMER"), ("Atlantis", None), (None, None)],
)
def test_a_country_is_looked_up_without_regard_to_case(
    tell: Told, entries_of: Fold, stated: str | None, wanted: str | None
) -> None:
    told = [lives_in(tell, stated, "1", "2026-01-01"), tell.invoice("2", "2026-02-01")]
    assert set(regions_of(entries_of(told)).values()) == {wanted}


def test_an_invoice_keeps_the_region_of_its_issue_after_the_customer_has_moved(
    tell: Told, entries_of: Fold
) -> None:
    service = {
        "service_start_micros": tell.day("2026-02-01"),
        "service_end_micros": tell.day("2026-05-01"),
    }
    line = events.InvoiceLine(line_id="il_1", amount_minor=1200, **service)
    told = [
        lives_in(tell, "DE", "1", "2026-01-01"),
        tell.invoice("2", "2026-02-01", invoice="stripe:in_1", lines=(line,)),
        lives_in(tell, "US", "3", "2026-03-15"),
        tell.payment("4", "2026-03-20", ("ch_1",), invoice_id="stripe:in_1"),
        tell.invoice("5", "2026-03-15", invoice="stripe:in_2"),
    ]
    entries = entries_of(told)
    assert {e.region for e in entries if e.invoice_id == "stripe:in_1"} == {"EMEA"}
    assert len([e for e in entries if e.invoice_id == "stripe:in_1"]) == 5
    assert {e.region for e in entries if e.invoice_id == "stripe:in_2"} == {"AMER"}


def test_the_first_statement_holds_for_what_came_before_it(tell: Told, entries_of: Fold) -> None:
    told = [
        tell.invoice("1", "2026-01-01"),
        lives_in(tell, "US", "2", "2026-03-01"),
        lives_in(tell, "DE", "3", "2026-04-01"),
    ]
    assert set(regions_of(entries_of(told)).values()) == {"AMER"}


def test_crm_comes_before_billing(tell: Told, entries_of: Fold) -> None:
    told = [
        lives_in(tell, "US", "1", "2026-01-05", account_id=tell.account),
        tell.change("001A", 1, "2026-01-01", "CREATE", "Account", country="DE", currency="EUR"),
        tell.invoice("2", "2026-02-01"),
    ]
    assert set(regions_of(entries_of(told)).values()) == {"EMEA"}


def test_what_crm_leaves_open_billing_may_state(tell: Told, entries_of: Fold) -> None:
    told = [
        lives_in(tell, "US", "1", "2026-01-05", account_id=tell.account),
        tell.change("001A", 1, "2026-01-01", "CREATE", "Account", currency="EUR"),
        tell.invoice("2", "2026-02-01"),
    ]
    assert set(regions_of(entries_of(told)).values()) == {"AMER"}


def test_a_contract_comes_before_its_customer(tell: Told, entries_of: Fold) -> None:
    told = [
        lives_in(tell, "US", "1", "2026-01-01", account_id=tell.account),
        tell.signed("acme:C1", "2", "2026-01-02", region="EMEA"),
        tell.signed("acme:C2", "3", "2026-01-02"),
        tell.invoice("4", "2026-02-01", invoice="stripe:in_1", contract_id="acme:C1"),
        tell.invoice("5", "2026-02-01", invoice="stripe:in_2", contract_id="acme:C2"),
    ]
    found = {entry.contract_id: entry.region for entry in entries_of(told)}
    assert found == {"acme:C1": "EMEA", "acme:C2": "AMER"}


def test_a_contract_out_of_crm_records_does_not_move_the_past(tell: Told, entries_of: Fold) -> None:
    """Its region is its account's country of today; entries have that of their day."""
    told = [
        tell.change("001A", 1, "2026-01-01", "CREATE", "Account", country="DE", currency="EUR"),
        tell.change("800C", 2, "2026-01-01", "CREATE", "Contract", account_id="001A",
                    start_date="2026-01-01", term_months=12, status="Activated", currency="EUR"),
        tell.invoice("1", "2026-02-01", invoice="stripe:in_1", contract_id="salesforce:800C",
                     account_id=tell.account),
        tell.change("001A", 3, "2026-03-01", of="Account", country="US"),
        tell.invoice("2", "2026-03-01", invoice="stripe:in_2", contract_id="salesforce:800C",
                     account_id=tell.account),
    ]  # fmt: skip
    found = {entry.invoice_id: entry.region for entry in entries_of(told)}
    assert found == {"stripe:in_1": "EMEA", "stripe:in_2": "AMER"}
