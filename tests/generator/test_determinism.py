"""The same plan gives the same bytes, on every run and in every directory."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import msgspec

from generator.company import generate_company
from generator.plan import CompanyPlan, no_faults, plain_habits

SMALL = CompanyPlan(seed=5, contracts=25, months=4)


def files_of(plan: CompanyPlan, spool: Path) -> dict[str, bytes]:
    spool.mkdir(exist_ok=True)
    return {file.name: file.content for file in generate_company(plan, spool)}


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    assert files_of(SMALL, tmp_path / "a") == files_of(SMALL, tmp_path / "b")


def test_compressed_files_carry_no_time(tmp_path: Path) -> None:
    """Bytes 4 to 7 of a gzip member are its time (RFC 1952)."""
    compressed = files_of(SMALL, tmp_path / "a")["stripe-2026-03.jsonl.gz"]
    assert compressed[:4] == b"\x1f\x8b\x08\x00" and compressed[4:8] == bytes(4)


def test_nothing_is_left_in_the_spool(tmp_path: Path) -> None:
    files_of(SMALL, tmp_path / "a")
    assert list((tmp_path / "a").iterdir()) == []


def test_another_seed_shares_no_event_with_it(tmp_path: Path) -> None:
    one = files_of(SMALL, tmp_path / "a")
    other = files_of(msgspec.structs.replace(SMALL, seed=6), tmp_path / "a")
    assert not event_ids(one) & event_ids(other)
    assert len(event_ids(one)) > 300


def test_faults_of_delivery_leave_the_story_as_it_is(tmp_path: Path) -> None:
    """Only duplicates, disorder and late: the same events, some of them twice."""
    faults = msgspec.structs.replace(no_faults(), duplicates=0.3, disorder=0.5, late=0.2)
    quiet = msgspec.structs.replace(SMALL, faults=no_faults())
    stormy = msgspec.structs.replace(SMALL, faults=faults)
    before, after = files_of(quiet, tmp_path / "a"), files_of(stormy, tmp_path / "a")
    assert event_ids(before) == event_ids(after)
    assert before["stripe-2026-02.jsonl"] != after["stripe-2026-02.jsonl"]


def test_files_are_named_by_month_and_every_third_of_billing_is_compressed(tmp_path: Path) -> None:
    assert sorted(files_of(SMALL, tmp_path / "a")) == [
        "company.yaml", "faults.json", "rates.csv",
        "salesforce-2026-01.jsonl", "salesforce-2026-02.jsonl", "salesforce-2026-03.jsonl",
        "salesforce-2026-04.jsonl", "stripe-2026-01.jsonl", "stripe-2026-02.jsonl",
        "stripe-2026-03.jsonl.gz", "stripe-2026-04.jsonl",
    ]  # fmt: skip


def test_the_bulk_company_has_about_twenty_events_for_each_contract(tmp_path: Path) -> None:
    plan = CompanyPlan(seed=1, contracts=400, months=6, faults=no_faults(), habits=plain_habits())
    files = generate_company(plan, tmp_path)
    events = sum(file.lines for file in files)
    assert 18 * 400 < events < 22 * 400


def event_ids(files: dict[str, bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for name, content in files.items():
        plain = gzip.decompress(content) if name.endswith(".gz") else content
        found.update(re.findall(rb'^\{"id":"([^"]+)"', plain, re.MULTILINE))
    return found
