"""A bounded job on another engine: names that mean the same everywhere, refusals, failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import runners.bounded
from pipelines.options import OrderToCashOptions, check_options
from runners.bounded import wherever_it_runs
from runners.engine_pipelines import JobFailed
from tests.pipelines.runs import AS_OF

EVENT = '{"id":"evt_1","object":"event","type":"ping","created":1767225600}\n'


def options(**changes: object) -> OrderToCashOptions:
    return check_options(**({"input": ("events/*.jsonl",), "as_of": AS_OF} | changes))


def test_relative_names_are_those_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = wherever_it_runs(options(store="sqlite:///books.db", output="out"))
    assert found.input == (f"{tmp_path}/events/*.jsonl",)
    assert found.store == f"sqlite:///{tmp_path}/books.db"
    assert found.output == tmp_path / "out"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/books.db",
        "postgresql://books:secret@db.example/books?host=/run/pg",
        "nothing",
    ],
)
def test_other_stores_stay_as_they_are(url: str) -> None:
    assert wherever_it_runs(options(store=url)).store == url


def test_the_service_is_refused_with_the_reason(crossfoot: Callable, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(EVENT)
    told = crossfoot(
        *f"run order-to-cash --input {tmp_path}/events.jsonl --runner dataflow".split(),
        *f"--store sqlite:///{tmp_path}/books.db --beam=--streaming".split(),
    )
    assert told.exit_code == 2
    assert "cannot run over files" in told.stderr
    assert "--streaming is refused" in told.stderr
    assert not (tmp_path / "books.db").exists()


def test_a_job_that_the_engine_gives_up_is_a_problem_to_mend(
    crossfoot: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object) -> None:
        raise JobFailed("no slots")

    monkeypatch.setattr(runners.bounded, "run_order_to_cash", give_up)
    (tmp_path / "events.jsonl").write_text(EVENT)
    told = crossfoot(
        *f"run order-to-cash --input {tmp_path}/events.jsonl --runner flink".split(),
        *f"--store sqlite:///{tmp_path}/books.db".split(),
    )
    assert told.exit_code == 4
    assert "the engine gave the job up: no slots" in told.stderr
