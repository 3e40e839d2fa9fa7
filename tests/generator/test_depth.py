"""Customers told in canonical events: beside the others, the same on every run, all accepted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.canonical import decode_canonical_json
from connectors.decoding import DecodeContext
from connectors.files.rates import load_rates
from connectors.policy_packs import load_books_config
from generator.company import write_company
from generator.depth.stories import STORIES
from generator.plan import CompanyPlan, no_faults
from ledger.messages import Message
from schemas.registry import load_registry
from tests.generator.test_determinism import files_of

PLAN = CompanyPlan(seed=7, contracts=3, months=5, faults=no_faults(), depth_rounds=2)
WITHOUT = msgspec.structs.replace(PLAN, depth_rounds=msgspec.UNSET)

AS_GENERATED = {
    "company.yaml": "ec00f11480caa0f197bc422ed1be4e1ddbf56029679bc16726cf270f7f5fd730",
    "faults.json": "583d958242b374d7d2bbd77891795339bea1f76837140ef5bad35631c985643c",
    "rates.csv": "30ba94aaca382720baef8e3f6e7ba67a974dad2c8c20588d7d971447f408c96c",
    "salesforce-2026-01.jsonl": "c4ef9076d034c66b9d3d92a047dc7a1abb11944235e298c85814addb7cae5a43",
    "stripe-2026-01.jsonl": "7b69eb0ba175e04bde4b9e01ede4198ef88319d0bcc8fda9f2837fce52917712",
}
"""SHA-256 of files of a company without further customers: they are what they were before."""

ELSEWHERE = {
    "crm.opportunity_won", "crm.record_changed", "payments.payment_failed",
    "lifecycle.update", "ops.dead_letter", "erp.posting",
}  # fmt: skip
"""Subjects that the other files tell, and those that the product writes itself."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every canonical event, in order of delivery."""
    directory = tmp_path_factory.mktemp("depth")
    write_company(directory, PLAN)
    return [
        json.loads(line)
        for path in sorted(directory.glob("canonical-*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


def test_the_same_plan_gives_the_same_bytes_and_another_seed_other_ids(tmp_path: Path) -> None:
    one, again = files_of(PLAN, tmp_path / "a"), files_of(PLAN, tmp_path / "b")
    assert one == again
    other = files_of(msgspec.structs.replace(PLAN, seed=8), tmp_path / "a")
    ids = [
        {json.loads(line)["event_id"] for line in files["canonical-2026-02.jsonl"].splitlines()}
        for files in (one, other)
    ]
    assert len(ids[0]) > 50 and not ids[0] & ids[1]


def test_other_customers_do_not_change_by_a_byte(tmp_path: Path) -> None:
    small, more = files_of(WITHOUT, tmp_path / "a"), files_of(PLAN, tmp_path / "b")
    events = [name for name in small if name.startswith(("stripe", "salesforce"))]
    assert {name: more[name] for name in events} == {name: small[name] for name in events}
    assert set(small["rates.csv"].splitlines()) < set(more["rates.csv"].splitlines())


@pytest.mark.parametrize("name", AS_GENERATED)
def test_a_company_without_them_is_what_it_was_before(name: str, tmp_path: Path) -> None:
    content = files_of(WITHOUT, tmp_path)[name]
    assert hashlib.sha256(content).hexdigest() == AS_GENERATED[name]


def test_every_event_is_accepted(told: list[dict[str, Any]]) -> None:
    context = DecodeContext(tenant="acme", registry=load_registry())
    results = [decode_canonical_json(json.dumps(one).encode(), "x", context) for one in told]
    assert [one for one in results if not isinstance(one, Message)] == []
    ids = Counter(one["event_id"] for one in told)
    assert max(ids.values()) == 1


def test_every_subject_of_the_registry_is_told(told: list[dict[str, Any]]) -> None:
    subjects = {one["subject"] for one in told}
    assert subjects | ELSEWHERE == set(load_registry().subjects)


def test_every_round_tells_every_story_of_another_customer(told: list[dict[str, Any]]) -> None:
    customers = {one["customer_id"] for one in told if "customer_id" in one}
    assert len(customers) == 2 * len(STORIES)
    billed = [
        [one["total_minor"] for one in told if "total_minor" in one and name in one["invoice_id"]]
        for name in ("0000070000", "0000070100")
    ]
    assert billed[0] != billed[1], "amounts are of the round"


def test_some_of_it_is_known_months_after_it_happened(tmp_path: Path) -> None:
    files = files_of(PLAN, tmp_path)
    march = [json.loads(line) for line in files["canonical-2026-03.jsonl"].splitlines()]
    january = 1_769_904_000_000_000  # 2026-02-01T00:00Z
    assert any(one["occurred_at_micros"] < january for one in march)


def test_what_happens_after_the_last_month_is_not_told(tmp_path: Path) -> None:
    files = files_of(msgspec.structs.replace(PLAN, months=2), tmp_path)
    events = [
        json.loads(line)
        for name, content in files.items()
        if name.startswith("canonical")
        for line in content.splitlines()
    ]
    assert max(one["occurred_at_micros"] for one in events) < 1_772_323_200_000_000  # 1 March


def test_books_and_rates_know_every_entity_and_currency(
    tmp_path: Path, told: list[dict[str, Any]]
) -> None:
    for name, content in files_of(PLAN, tmp_path).items():
        if name in ("company.yaml", "rates.csv"):
            (tmp_path / name).write_bytes(content)
    books = load_books_config(str(tmp_path / "company.yaml"))
    assert {one["entity"] for one in told if "entity" in one} == set(books.entities)
    rates = load_rates(str(tmp_path / "rates.csv"))
    functional = {one.functional_currency for one in books.entities.values()}
    for currency in {one["currency"] for one in told if "currency" in one}:
        for into in functional - {currency}:
            for day in ("2026-01-01", "2026-01-31", "2026-05-31", "2026-06-30"):
                assert f"{currency}/{into}/{day}" in rates
