"""The bounded job: files in, books out; conserved, balanced, the same again adds nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from connectors.store import open_store
from pipelines.report import RunReport
from tests.pipelines.runs import AS_OF, Run, dump_of, net_of, write_lines


def test_every_line_read_ends_in_exactly_one_place(
    undisturbed: tuple[Path, RunReport], lines: list[bytes]
) -> None:
    _, report = undisturbed
    assert report.messages_read == len(lines)
    assert report.conserved
    assert min(report.posted, report.recorded, report.pending, report.dead_lettered) > 0
    assert report.duplicates > 0


def test_the_store_knows_every_distinct_event(undisturbed: tuple[Path, RunReport]) -> None:
    store, report = undisturbed
    with open_store(f"sqlite:///{store}", create=False) as books:
        kept = books.conservation(int(AS_OF.timestamp()) * 1_000_000)
    assert kept.total == report.messages_read - report.duplicates


def test_debits_equal_credits_per_entity_and_currency(
    undisturbed: tuple[Path, RunReport],
) -> None:
    store, report = undisturbed
    with open_store(f"sqlite:///{store}", create=False) as books:
        rows = books.trial_balance()
    assert report.journal_lines > 100
    for cell in {(row.entity, row.currency) for row in rows}:
        of_cell = [row for row in rows if (row.entity, row.currency) == cell]
        assert sum(row.balance_minor for row in of_cell) == 0
        assert sum(row.functional_balance_minor for row in of_cell) == 0


def test_running_it_again_posts_nothing_new(
    undisturbed: tuple[Path, RunReport], run_job: Run
) -> None:
    store, first = undisturbed
    before = dump_of(store)
    again = run_job(store)
    assert again.messages_read == first.messages_read == again.duplicates
    assert (again.new_entries, again.reversals, again.lifecycle_updates) == (0, 0, 0)
    assert dump_of(store) == before


@pytest.mark.parametrize("options", [{"shards": 1}, {"shards": 64, "block_bytes": 65536}])
def test_shards_and_blocks_change_no_byte_of_the_books(
    undisturbed: tuple[Path, RunReport], run_job: Run, tmp_path: Path, options: dict[str, int]
) -> None:
    run_job(tmp_path / "books.db", **options)
    assert dump_of(tmp_path / "books.db") == dump_of(undisturbed[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_and_split_into_runs_gives_the_same_net(
    undisturbed: tuple[Path, RunReport],
    run_job: Run,
    lines: list[bytes],
    tmp_path: Path,
    seed: int,
) -> None:
    shuffled = random.Random(seed).sample(lines, len(lines))
    third = len(shuffled) // 3
    parts = [shuffled[:third], shuffled[third : 2 * third], shuffled[2 * third :]]
    for number, part in enumerate(parts):
        pattern = write_lines(tmp_path / f"part-{number}.jsonl", part)
        assert run_job(tmp_path / "books.db", pattern).conserved
    assert net_of(tmp_path / "books.db") == net_of(undisturbed[0])


def test_files_hold_the_same_postings_as_the_store(
    undisturbed: tuple[Path, RunReport], run_job: Run, tmp_path: Path
) -> None:
    report = run_job(None, output=tmp_path / "out")
    assert report.conserved
    written = [
        line
        for path in sorted((tmp_path / "out").glob("erp-postings-*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    with open_store(f"sqlite:///{undisturbed[0]}", create=False) as books:
        posted = sum(1 for _ in books.postings())
    assert len(written) == report.new_entries == posted
