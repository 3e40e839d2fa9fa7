"""Every contender of the benchmark does the same job; nothing here is timed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.outputs import differences, read_output
from benchmarks.run import CONTENDERS, main


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a quick run."""
    return tmp_path_factory.mktemp("benchmark")


def test_a_quick_run_finds_all_outputs_equal(work: Path) -> None:
    assert main(["--quick", "--work", str(work)]) == 0
    results = [json.loads(line) for line in (work / "results.jsonl").read_text().splitlines()]
    assert [result["contender"] for result in results] == list(CONTENDERS)
    assert all(result["differences"] == [] for result in results)
    assert all(result["cost"]["cpu_seconds"] > 0 for result in results)
    assert all(result["events"] > 1_500 for result in results)


def test_an_unknown_contender_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quick", "--only", "pipeline,spark", "--work", str(tmp_path)]) == 2
    assert "spark" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def posting(**changed: Any) -> dict[str, Any]:
    line = {"account_role": "revenue", "accounted_debit_minor": 0, "accounted_credit_minor": 5,
            "transaction_amount_minor": -5}  # fmt: skip
    return {
        "posting_id": "pst_1", "entity": "US01", "currency": "USD", "rule": "invoice_issued",
        "accounting_date": "2026-01-02", "accounting_period": "2026-01", "customer_id": "c",
        "contract_id": "k", "source_event_id": "e", "evidence": [], "lines": [line],
    } | changed  # fmt: skip


def written(directory: Path, postings: list[dict[str, Any]], updates: list[str]) -> Path:
    directory.mkdir()
    text = "".join(json.dumps(each) + "\n" for each in postings)
    (directory / "erp-postings-1.jsonl").write_text(text)
    text = "".join(json.dumps({"update_id": each}) + "\n" for each in updates)
    (directory / "lifecycle-updates-1.jsonl").write_text(text)
    return directory


def test_order_is_no_difference(tmp_path: Path) -> None:
    both = [posting(), posting(posting_id="pst_2")]
    first = read_output(written(tmp_path / "a", both, ["lcu_1", "lcu_2"]))
    second = read_output(written(tmp_path / "b", both[::-1], ["lcu_2", "lcu_1"]))
    assert differences(first, second) == []


@pytest.mark.parametrize(
    ("changed", "updates", "expected"),
    [
        ({"accounting_period": "2026-02"}, ["lcu_1"], 3),
        ({"rule": "payment_succeeded"}, ["lcu_1"], 2),
        ({"customer_id": "another"}, ["lcu_1"], 1),
        ({"evidence": ["e2"]}, ["lcu_1"], 1),
        ({}, ["lcu_2"], 1),
    ],
)
def test_each_kind_of_difference_is_found(
    tmp_path: Path, changed: dict[str, Any], updates: list[str], expected: int
) -> None:
    right = read_output(written(tmp_path / "a", [posting()], ["lcu_1"]))
    wrong = read_output(written(tmp_path / "b", [posting(**changed)], updates))
    assert len(differences(right, wrong)) == expected


def test_totals_alone_are_compared_with_totals(tmp_path: Path) -> None:
    right = read_output(written(tmp_path / "a", [posting()], ["lcu_1"]))
    totals = tmp_path / "totals"
    totals.mkdir()
    rows = [["US01", "USD", "2026-01", "revenue", -5], ["US01", "USD", "2026-02", "revenue", 0]]
    (totals / "totals.json").write_text(json.dumps(rows))
    assert differences(right, read_output(totals)) == []
    (totals / "totals.json").write_text(json.dumps([[*rows[0][:4], -4]]))
    assert len(differences(right, read_output(totals))) == 1
