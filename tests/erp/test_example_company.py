"""The example company in Tryton: the same trial balance as ours, whatever happened on the way."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from connectors.exports import EXTENSIONS
from connectors.store import open_store
from generator.plan import CompanyPlan
from tests.connectors.exports.plain_text_balances import of_beancount, of_hledger, of_the_store
from tests.erp import example_company as example
from tests.erp.conftest import NewTryton
from tests.erp.tryton_server import (
    PASSWORD,
    ROOT,
    TrytonServer,
    moves,
    posted_lines,
    trial_balance,
)

pytestmark = pytest.mark.erp

WAIT_SECONDS = 240


class Company:
    """The command line on one company, one store and one Tryton."""

    def __init__(
        self,
        folder: Path,
        tryton: TrytonServer,
        plan: CompanyPlan = example.PLAN,
        entities: dict[str, str] = example.ENTITIES,
        policy: str = "stripe-contra",
    ) -> None:
        self.folder = folder
        self.tryton = tryton
        self.path = folder / "books.db"
        self.url = f"sqlite:///{self.path}"
        self.policy = policy
        example.write_files(folder, tryton, plan, entities)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `crossfoot WORDS…`."""
        return subprocess.Popen(
            [sys.executable, "-m", "runners.crossfoot", *words, "--store", self.url],
            cwd=ROOT,
            env={**os.environ, "CROSSFOOT_TRYTON_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_run(self, *inputs: str, as_of: str = example.AS_OF) -> subprocess.Popen[str]:
        """Start the pipeline on some files."""
        files = [word for name in inputs for word in ("--input", name)]
        return self.start(
            *("run", "order-to-cash", *files, "--as-of", as_of, "--json", *self.books())
        )

    def books(self) -> tuple[str, ...]:
        """Options that name the company's policy, books and rates."""
        company = self.folder / "company"
        return (
            *("--policy", self.policy),
            *("--books", f"{company}/company.yaml", "--rates", f"{company}/rates.csv"),
        )

    def start_deliver(self, *words: str) -> subprocess.Popen[str]:
        """Start a delivery."""
        return self.start(*self.to_tryton("deliver"), "--json", *words)

    def to_tryton(self, *command: str) -> list[str]:
        """A command with the files that lead to Tryton."""
        erp, mapping = self.folder / "erp.yaml", self.folder / "gl.yaml"
        return [*command, "--erp", str(erp), "--mapping", str(mapping), "--to", "tryton"]

    def bytes_written(self) -> int:
        """Size of the store and its write-ahead log."""
        total = 0
        for path in self.folder.glob("books.db*"):
            with suppress(FileNotFoundError):  # the log may vanish while it is looked at
                total += path.stat().st_size
        return total

    def counts(self) -> tuple[int, int, int]:
        """Postings that are pending, accepted, refused."""
        with open_store(self.url) as store:
            counts = store.delivery_desk.counts("default")
        return counts.pending, counts.accepted, counts.refused


def finished(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for the end; the output."""
    output, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == code, output[-3000:] + errors[-3000:]
    return output


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture
def company(new_tryton: NewTryton, tmp_path: Path) -> Iterator[Company]:
    tryton = new_tryton(example.chart_spec())
    yield Company(tmp_path, tryton)
    tryton.stop()


def assert_same_books(company: Company) -> None:
    """Functional currency by company and account, second currencies by period, nothing twice."""
    rpc = company.tryton.rpc()
    with open_store(company.url) as store:
        assert trial_balance(rpc) == example.expected_balance(store)
        foreign = example.expected_foreign(store)
        assert example.foreign_of(posted_lines(rpc)) == foreign
        assert foreign, "there is something in another currency"
        ours = Counter(posted.posting_id for posted in store.postings("default"))
    theirs = Counter(move["description"] for move in moves(rpc) if move["state"] == "posted")
    assert theirs == ours, "every posting once"
    assert [move for move in moves(rpc) if move["state"] != "posted"] == []


def assert_same_exports(company: Company) -> None:
    """beancount and hledger agree too: with Tryton and the store, the same in four places."""
    with open_store(company.url) as store:
        expected = of_the_store(store, "default")
    for name, read in (("beancount", of_beancount), ("hledger", of_hledger)):
        if name == "hledger" and shutil.which("hledger") is None:
            continue
        path = company.folder / f"books.{EXTENSIONS[name]}"
        finished(company.start("export", name, "--out", str(path)))
        assert read(path) == expected


def test_a_quiet_delivery_gives_the_same_books(company: Company) -> None:
    finished(company.start_run(f"{company.folder}/company/*.jsonl*"))
    check = finished(company.start(*company.to_tryton("erp", "check"), "--json"))
    assert json.loads(check)["missing"] == []
    told = json.loads(finished(company.start_deliver("--strict")))
    assert (told["refused"], told["held"], told["away"]) == (0, 0, None)
    assert company.counts() == (0, told["accepted"], 0) and told["accepted"] > 150
    assert_same_books(company)
    assert_same_exports(company)
    again = json.loads(finished(company.start_deliver()))
    assert (again["accepted"], again["batches"]) == (0, 0)


def shuffled_halves(company: Company) -> tuple[str, str]:
    """All events twice, out of order, as two files."""
    lines: list[bytes] = []
    for path in sorted((company.folder / "company").glob("*.jsonl*")):
        content = path.read_bytes()
        lines += (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines()
    chance = random.Random(7)
    lines = [line for line in lines * 2 if line.strip()]
    chance.shuffle(lines)
    halves = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    paths = company.folder / "first.jsonl", company.folder / "second.jsonl"
    for path, half in zip(paths, halves, strict=True):
        path.write_bytes(b"\n".join(half) + b"\n")
    return str(paths[0]), str(paths[1])


def wait_until_accepted(company: Company, process: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while company.counts()[1] < count:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)


def test_crashes_an_outage_disorder_and_a_closed_period_give_the_same_books(
    company: Company,
) -> None:
    first, second = shuffled_halves(company)
    # The run is killed while it writes, and run again, while Tryton is down.
    company.tryton.stop()
    run = company.start_run(first)
    while run.poll() is None and company.bytes_written() < 300_000:
        time.sleep(0.002)
    assert run.poll() is None, "the run ended before it was killed"
    kill(run)
    deliverer = company.start_deliver("--follow", "--every", "1")
    finished(company.start_run(first))
    assert company.counts()[1] == 0, "nothing was delivered, and the run did not wait for that"
    # Tryton comes back; the deliverer is killed while it works.
    company.tryton.start()
    kill(deliverer)
    deliverer = company.start_deliver("--follow", "--every", "1")
    wait_until_accepted(company, deliverer, 30)
    kill(deliverer)
    # A period is closed in the middle, and the rest of the events arrives.
    close_period(company, "2026-02", "close")
    finished(company.start_run(second))
    done = json.loads(finished(company.start_deliver()))
    assert done["refused"] > 0
    with open_store(company.url) as store:
        refused = [row for row in store.exceptions(0, "default") if row.kind == "undelivered"]
    assert len(refused) == company.counts()[2]
    assert {row.reason for row in refused} == {"erp_period_closed"}
    assert {row.period for row in refused} == {"2026-02"}
    assert all("2026-02" in row.detail or "eriod" in row.detail for row in refused)
    # It is opened again, and what was refused goes out.
    close_period(company, "2026-02", "reopen")
    with open_store(company.url) as store:
        store.delivery_desk.retry_refused([row.exception_id for row in refused])
    finished(company.start_deliver("--strict"))
    assert company.counts()[::2] == (0, 0)
    assert_same_books(company)


def close_period(company: Company, month: str, verb: str) -> None:
    """Close or reopen a month of every company, as an accountant does in Tryton."""
    rpc = company.tryton.rpc()
    year, number = (int(part) for part in month.split("-"))
    first = {"__class__": "date", "year": year, "month": number, "day": 1}
    periods = rpc.call("model.account.period.search", [["start_date", "=", first]])
    assert len(periods) == len(example.ENTITIES)
    rpc.call(f"model.account.period.{verb}", periods)
    if verb == "reopen":
        of_periods = [["period", "in", periods]]
        journals = rpc.call("model.account.journal.period.search", of_periods)
        rpc.call("model.account.journal.period.reopen", journals)
