"""`crossfoot generate`: the same seed, the same bytes; a folder never holds two companies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
SMALL = ("--contracts", 3, "--months", 2)


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    crossfoot: Run, tmp_path: Path
) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert (
            crossfoot("generate", "--seed", seed, *SMALL, "--out", tmp_path / name).exit_code == 0
        )
    assert _bytes_of(tmp_path / "a") == _bytes_of(tmp_path / "b")
    assert _bytes_of(tmp_path / "a") != _bytes_of(tmp_path / "c")


def test_json_names_every_file_written(crossfoot: Run, tmp_path: Path) -> None:
    result = crossfoot("generate", *SMALL, "--out", tmp_path / "a", "--json")
    written = json.loads(result.stdout)
    assert sorted(written["files"]) == sorted(map(str, (tmp_path / "a").iterdir()))
    assert written["events"] > 0


def test_everything_adds_customers_told_in_canonical_events(crossfoot: Run, tmp_path: Path) -> None:
    crossfoot("generate", *SMALL, "--out", tmp_path / "a")
    crossfoot("generate", *SMALL, "--habits", "everything", "--out", tmp_path / "b")
    varied, everything = _bytes_of(tmp_path / "a"), _bytes_of(tmp_path / "b")
    assert {name for name in everything if name not in varied} == {
        "canonical-2026-01.jsonl",
        "canonical-2026-02.jsonl",
    }
    assert json.loads(everything["faults.json"])["plan"]["depth_rounds"] == 1


def test_without_faults_nothing_goes_wrong_in_the_manifest(crossfoot: Run, tmp_path: Path) -> None:
    crossfoot("generate", *SMALL, "--faults", "none", "--out", tmp_path / "a")
    assert json.loads((tmp_path / "a" / "faults.json").read_bytes())["faults"] == []


def test_two_companies_never_run_together_in_one_folder(crossfoot: Run, tmp_path: Path) -> None:
    crossfoot("generate", "--seed", 1, *SMALL, "--out", tmp_path)
    before = _bytes_of(tmp_path)
    again = crossfoot("generate", "--seed", 2, *SMALL, "--out", tmp_path)
    assert again.exit_code == 2
    assert "to mend: name an empty or new folder" in again.stderr
    assert _bytes_of(tmp_path) == before
    assert crossfoot("generate", "--seed", 1, *SMALL, "--out", tmp_path).exit_code == 0


@pytest.mark.parametrize(
    "args", [("--contracts", 0), ("--months", 9999), ("--seed", -1), ("--start", "January")]
)
def test_a_number_out_of_range_is_named(
    args: tuple[str, object], crossfoot: Run, tmp_path: Path
) -> None:
    result = crossfoot("generate", *args, "--out", tmp_path / "a")
    assert result.exit_code == 2
    assert args[0] in result.stderr
    assert not (tmp_path / "a").exists()
