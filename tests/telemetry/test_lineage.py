"""Which run read what and wrote what: run events of OpenLineage, as their receivers get them."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam
import pytest

from connectors.telemetry.lineage.facts import RunFacts
from connectors.telemetry.lineage.names import files_read, store_table, topics_read
from connectors.telemetry.lineage.runs import LineageRun, Stopped, kinds_of, telling
from connectors.telemetry.lineage.settings import LineageSettings
from runners.lineage import _now, counted, lineage_of, told_while_live
from runners.problems import Problem
from tests.telemetry.lineage_receiver import receiving
from tests.telemetry.way import CANARY, charge, crossfoot

PARENT = "01941d2b-7d3f-7c3e-8f3e-0d6f2a1b9c55"
TERMS = "messages_read posted recorded pending dead_lettered duplicates".split()


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Three charges, one of them twice, and a line that is none."""
    file = tmp_path / "events.jsonl"
    bodies = [charge("ch_a"), charge("ch_b"), charge("ch_c"), charge("ch_a"), b'{"id": 7}']
    file.write_bytes(b"".join(body + b"\n" for body in bodies))
    return file


def run(events: Path, store: str, *options: str, **more: str) -> Any:
    words = ("run", "order-to-cash", "--input", str(events), "--store", store)
    return crossfoot(*words, "--as-of", "2026-03-31", "--json", *options, **more)


def outputs(event: Mapping[str, Any]) -> dict[str, Any]:
    return {one["name"].rpartition(".")[2]: one for one in event["outputs"]}


def test_a_run_tells_what_it_read_and_wrote(events: Path, tmp_path: Path) -> None:
    told, database = tmp_path / "lineage.jsonl", tmp_path / "books.db"
    done = run(events, f"sqlite:///{database}", "--lineage", str(told))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    start, end = map(json.loads, told.read_text().splitlines())
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert uuid.UUID(end["run"]["runId"]).version == 7
    assert (end["job"]["namespace"], end["job"]["name"]) == ("crossfoot", "order_to_cash")
    assert end["job"]["facets"]["jobType"]["processingType"] == "BATCH"
    engine = end["run"]["facets"]["processing_engine"]
    assert (engine["name"], engine["version"]) == (
        "Apache Beam FnApiRunner",
        apache_beam.__version__,
    )

    tags = terms(end)
    assert tags == {term: report[term] for term in TERMS}
    assert tags["messages_read"] == sum(tags[term] for term in TERMS[1:]) == 5
    assert terms(start) == {}

    read = end["inputs"][0]
    assert (read["namespace"], read["name"]) == ("file", str(events))
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 5
    assert read["inputFacets"]["inputStatistics"]["size"] == events.stat().st_size
    assert "billing.invoice_issued" in {one["name"] for one in read["facets"]["schema"]["fields"]}
    assert end["inputs"][1]["facets"]["version"]["datasetVersion"]

    for table in ("journal_entries", "journal_lines", "dead_letters", "lifecycle_updates"):
        written = outputs(end)[table]
        assert (written["namespace"], written["name"]) == ("sqlite", f"{database}.main.{table}")
        rows, columns = in_the_store(database, table)
        assert written["outputFacets"]["outputStatistics"]["rowCount"] == rows
        assert [one["name"] for one in written["facets"]["schema"]["fields"]] == columns
    assert (
        in_the_store(database, "journal_entries")[0] > 0 < in_the_store(database, "dead_letters")[0]
    )
    assert CANARY not in told.read_text() + done.stderr


def terms(event: Mapping[str, Any]) -> dict[str, int]:
    """The conservation equation of an event; the client has tags of its own beside it."""
    tags = event["run"]["facets"].get("tags", {"tags": []})["tags"]
    return {tag["key"]: int(tag["value"]) for tag in tags if tag["source"] == "CROSSFOOT"}


def in_the_store(database: Path, table: str) -> tuple[int, list[str]]:
    """Number of rows, and names of columns."""
    with sqlite3.connect(database) as connection:
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    return rows, columns


def test_over_http_below_the_run_that_started_it(events: Path, tmp_path: Path) -> None:
    with receiving() as receiver:
        done = run(
            events,
            f"sqlite:///{tmp_path}/books.db",
            OPENLINEAGE_URL=receiver.url,
            OPENLINEAGE_NAMESPACE="finance",
            OPENLINEAGE_PARENT_ID=f"airflow/daily.close/{PARENT}",
        )
    assert done.returncode == 0, done.stderr
    assert [event["eventType"] for event in receiver.events] == ["START", "COMPLETE"]
    assert {event["job"]["namespace"] for event in receiver.events} == {"finance"}
    parent = receiver.events[0]["run"]["facets"]["parent"]
    assert (parent["job"]["name"], parent["run"]["runId"]) == ("daily.close", PARENT)
    assert CANARY.encode() not in receiver.raw


def test_a_run_that_fails_says_so_without_words(events: Path, tmp_path: Path) -> None:
    told = tmp_path / "lineage.jsonl"
    done = run(events, f"sqlite:///{tmp_path}/{CANARY}/books.db", "--lineage", str(told))
    assert done.returncode != 0
    start, end = map(json.loads, told.read_text().splitlines())
    assert (start["eventType"], end["eventType"]) == ("START", "FAIL")
    message = end["run"]["facets"]["errorMessage"]["message"]
    assert message.startswith("Problem") and CANARY not in message


def test_a_receiver_that_is_away_stops_nothing(events: Path, tmp_path: Path) -> None:
    done = run(events, f"sqlite:///{tmp_path}/books.db", "--lineage", "http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["adds_up"]
    assert done.stderr.count("lineage_not_sent") == 1


def test_nobody_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    assert lineage_of(None) is None


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*filter(lambda one: one.split(".")[0] == "openlineage", sys.modules)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openlineage", None)
    monkeypatch.setenv("OPENLINEAGE_URL", "http://lineage.example")
    assert lineage_of(None) is None
    with pytest.raises(Problem, match="not installed"):
        lineage_of("lineage.jsonl")


@pytest.mark.parametrize("to", ["ftp://host/x", "http://", "nowhere/lineage.jsonl"])
def test_what_cannot_be_is_a_problem(to: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Problem, match="--lineage"):
        lineage_of(to)


@pytest.mark.parametrize(
    ("url", "namespace", "name"),
    [
        ("postgresql://me:secret@db.example/books", "postgres://db.example:5432", "books.public.t"),
        ("postgresql+psycopg://db.example:6432/b", "postgres://db.example:6432", "b.public.t"),
        ("postgresql://me@/books?host=/var/run", "postgres://localhost:5432", "books.public.t"),
        ("postgresql://h/b?options=-csearch_path=ledger", "postgres://h:5432", "b.ledger.t"),
        ("sqlite:////srv/books.db", "sqlite", "/srv/books.db.main.t"),
    ],
)
def test_tables_have_the_names_that_others_give_them(url: str, namespace: str, name: str) -> None:
    found = store_table(url, "t")
    assert (found.namespace, found.name) == (namespace, name)


def test_topics_and_folders_have_the_names_that_others_give_them(tmp_path: Path) -> None:
    (one, two) = topics_read("a.example:9093,b.example:9093", ("billing", "crm"))
    assert (one.namespace, one.name, two.name) == ("kafka://a.example:9093", "billing", "crm")
    assert topics_read("a.example", ("t",))[0].namespace == "kafka://a.example:9092"
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_bytes(b"12")
    (folder,) = files_read([f"{tmp_path}/*.jsonl"])
    assert (folder.name, folder.files, folder.size_bytes) == (str(tmp_path), 3, 6)


class Kept:
    """Keeps what a run tells."""

    is_behind = False

    def __init__(self) -> None:
        self.states: list[str] = []
        self.terms: list[int | None] = []
        self.twice = threading.Event()

    def send(self, event: Any) -> None:
        self.states.append(event.eventType.value)
        tags = event.run.facets.get("tags")
        self.terms.append(int(tags.tags[0].value) if tags else None)
        if self.states.count("RUNNING") == 2:
            self.twice.set()


def live_run(kept: Kept) -> LineageRun:
    facts = RunFacts(
        job="order_to_cash_live",
        streaming=True,
        engine="PrismRunner",
        engine_version="2",
        inputs=(),
        outputs=(),
    )
    return LineageRun(PARENT, LineageSettings(), facts, kept, _now)


@pytest.mark.parametrize(("ends_with_us", "last"), [(True, "ABORT"), (False, "RUNNING")])
def test_a_live_job_goes_on_until_it_is_stopped(ends_with_us: bool, last: str) -> None:
    kept = Kept()
    run = live_run(kept)
    with (
        pytest.raises(Stopped),
        telling(run),
        told_while_live(run, lambda: {"posted": 7}, ends_with_us=ends_with_us, every_seconds=0.01),
    ):
        assert kept.twice.wait(60)
        raise Stopped
    assert kept.states[:3] == ["START", "RUNNING", "RUNNING"] and kept.states[-1] == last
    assert kept.terms[-1] == 7


def test_counters_that_are_missing_are_not_told() -> None:
    assert counted({}).written == {} and counted({}).read is None
    assert counted({"new_entries": 2, "reversals": 1}).written == {"journal_entries": 3}


def test_an_error_is_told_by_its_kinds() -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(CANARY) from error
    except ValueError as error:
        assert kinds_of(error) == "ValueError < KeyError"
