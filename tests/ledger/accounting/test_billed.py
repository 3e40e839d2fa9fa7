"""An invoice that another entity bills, and a third collects: three books that balance."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from story import Story, months_of, pack

from ledger.accounting.result import AccountingResult
from ledger.policies import BooksConfig, EntityConfig

QUARTER = ("2026-01-01", "2026-04-01")
THREE = BooksConfig(
    entities={
        "SELLS": EntityConfig(functional_currency="USD"),
        "BILLS": EntityConfig(functional_currency="EUR"),
        "COLLECTS": EntityConfig(functional_currency="GBP"),
    },
    rates={
        "EUR/USD/2026-01-01": Decimal("1.20"),
        "EUR/GBP/2026-01-05": Decimal("0.85"),
        "EUR/GBP/2026-02-01": Decimal("0.80"),
    },
)


def sold() -> Story:
    """90 EUR for three months and 17.10 tax; SELLS has the contract, BILLS issues the invoice."""
    story = Story("EUR")
    line = story.line("90", service=QUARTER, tax="17.10")
    return story.invoice(
        "2026-01-01", "107.10", lines=[line], entity="SELLS", billing_entity="BILLS"
    )


def of(books: AccountingResult, entity: str) -> dict[str, dict[str, str]]:
    return months_of(tuple(one for one in books.entries if one.entity == entity))


def test_each_entity_has_its_part_of_a_sale() -> None:
    """SELLS: 90 EUR at 1.20 = 108 USD, earned by days; BILLS: the claim and the tax in euros.

    COLLECTS takes 107.10 EUR in, 91.035 = 91.04 GBP (half to even), for BILLS.
    """
    books = sold().pay("2026-01-05", "107.10", entity="COLLECTS").fold(config=THREE)
    assert not books.pending
    assert of(books, "SELLS") == {
        "2026-01": {"deferred_revenue": "70.8", "due_from": "108", "revenue": "37.2"},
        "2026-02": {"deferred_revenue": "-33.6", "revenue": "33.6"},
        "2026-03": {"deferred_revenue": "-37.2", "revenue": "37.2"},
    }
    assert of(books, "BILLS") == {
        "2026-01": {"due_from": "107.1", "due_to": "90", "tax_payable": "17.1"}
    }
    assert of(books, "COLLECTS") == {"2026-01": {"cash_clearing": "91.04", "due_to": "91.04"}}


def test_what_they_owe_each_other_cancels_and_names_the_other() -> None:
    story = sold().pay("2026-01-05", "107.10", entity="COLLECTS").refund("2026-02-01", "50")
    between: dict[tuple[str, str], int] = {}
    for entry in story.fold(config=THREE).entries:
        assert sum(line.functional_minor for line in entry.lines) == 0
        for line in entry.lines:
            if line.counterparty is not None:
                key = (entry.entity, line.counterparty)
                between[key] = between.get(key, 0) + line.amount_minor
    assert {
        key: amount + between[key[1], key[0]] for key, amount in between.items()
    } == dict.fromkeys(between, 0)
    assert set(between) == {
        ("SELLS", "BILLS"), ("BILLS", "SELLS"), ("BILLS", "COLLECTS"), ("COLLECTS", "BILLS"),
    }  # fmt: skip


def test_all_of_it_given_back_leaves_nothing_of_the_sale() -> None:
    story = sold().pay("2026-01-05", "107.10").refund("2026-02-01", "107.10")
    left: dict[tuple[str, str], list[int]] = {}
    for entry in story.fold(config=THREE).entries:
        for line in entry.lines:
            cell = left.setdefault((entry.entity, line.role), [0, 0])
            cell[0] += line.amount_minor
            cell[1] += line.functional_minor
    assert left["SELLS", "deferred_revenue"] == [0, 0]
    assert left["SELLS", "revenue"][0] == -left["SELLS", "refunds"][0]
    assert [sum(left["SELLS", role][n] for role in ("due_from", "due_to")) for n in (0, 1)] == [
        0,
        0,
    ]
    assert left["BILLS", "cash_clearing"] == [0, 0]


def test_the_sellers_rate_is_missing_and_the_invoice_waits() -> None:
    config = BooksConfig(entities=THREE.entities)
    [pending] = sold().fold(config=config).pending
    assert (pending.reason, pending.waits_for) == ("missing_rate", "EUR/USD/2026-01-01")
    assert sold().fold(config=config).entries == ()


@pytest.mark.parametrize("first", [0, 1])
def test_one_of_several_events_states_who_bills(first: int) -> None:
    """The invoice told twice: whichever of the two states it, the books are the same."""
    story = sold()
    silent = sold().events[0]
    silent = msgspec.structs.replace(
        silent, event_id="test:x/y", source_event_id="test:x", billing_entity=None
    )
    story.events.insert(first, silent)
    assert of(story.fold(config=THREE), "BILLS")["2026-01"]["accounts_receivable"] == "107.1"


def test_without_a_billing_entity_nothing_is_apart() -> None:
    story = Story("EUR").invoice("2026-01-01", "90", entity="BILLS", billing_entity="BILLS")
    assert [one.entry_key for one in story.fold(pack(), THREE).entries] == ["in_1:invoice_issued"]
