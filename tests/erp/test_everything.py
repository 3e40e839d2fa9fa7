"""The company with everything in it, in four places: our store, hledger, beancount and Tryton.

All at once: every event twice and out of order, the run killed twice, Tryton down for the first
half and again for the rest, January closed in the middle.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.store import open_store
from generator.plan import CompanyPlan, Habits, no_faults
from runners.exit_codes import ExitCode
from tests.connectors.exports.plain_text_balances import Balances, of_the_store
from tests.depth.everything import lines_of, shuffled, write_revaluing_pack
from tests.erp import example_company as example
from tests.erp.conftest import NewTryton
from tests.erp.test_example_company import (
    Company,
    assert_same_books,
    assert_same_exports,
    finished,
    kill,
    wait_until_accepted,
)
from tests.pipelines.runs import write_lines

pytestmark = pytest.mark.erp

ENTITIES = {**example.ENTITIES, "KW01": "KWD"}
PLAN = CompanyPlan(
    seed=31,
    contracts=10,
    months=5,
    faults=no_faults(),
    habits=Habits(foreign=0.4, refund=0.1, dispute=0.1, credit_note=0.1),
    depth_rounds=1,
)


@pytest.fixture
def company(new_tryton: NewTryton, tmp_path: Path) -> Iterator[Company]:
    pack = tmp_path / "pack.yaml"
    write_revaluing_pack(pack)
    tryton = new_tryton(example.chart_spec(ENTITIES))
    yield Company(tmp_path, tryton, PLAN, ENTITIES, str(pack))
    tryton.stop()


def balances(company: Company) -> Balances:
    with open_store(company.url) as store:
        return of_the_store(store, "default")


def undisturbed(company: Company) -> Balances:
    """The books of one run over everything in order, in a store of their own."""
    url, company.url = company.url, f"sqlite:///{company.folder}/quiet.db"
    finished(company.start_run(f"{company.folder}/company/*.jsonl*"))
    quiet = balances(company)
    company.url = url
    return quiet


def prepare_close(company: Company, entity: str, period: str, *by: str, code: int = 0) -> str:
    """Fold everybody up to the end of a period; with `by`, propose its close."""
    which = ("--entity", entity, "--period", period, *company.books(), "--json")
    return finished(company.start("run", "close-period", *which, *by), code)


def close_january(company: Company) -> None:
    """Two people close every entity's January, once Tryton has all of it."""
    prepare_close(company, "US01", "2026-01")
    finished(company.start_deliver("--strict"))
    for entity in ENTITIES:
        by = ("--by", "anna", "--reason", "complete")
        told = prepare_close(company, entity, "2026-01", *by)
        proposal = json.loads(told)["proposal"]["decision_id"]
        finished(company.start("close", "approve", proposal, "--by", "ben", *company.books()))


def kill_a_run(company: Company, inputs: str, grown_bytes: int) -> None:
    """SIGKILL once the store has grown so far."""
    start = company.bytes_written()
    run = company.start_run(inputs, as_of="2026-02-28")
    while run.poll() is None and company.bytes_written() < start + grown_bytes:
        time.sleep(0.002)
    assert run.poll() is None, "the run ended before it was killed"
    kill(run)


def test_a_quiet_delivery_gives_the_same_books(company: Company) -> None:
    finished(company.start_run(f"{company.folder}/company/*.jsonl*"))
    told = json.loads(finished(company.start_deliver("--strict")))
    assert (told["refused"], told["held"], told["away"]) == (0, 0, None)
    assert_same_books(company)
    assert_same_exports(company)


def test_everything_that_goes_wrong_gives_the_same_books(company: Company) -> None:
    expected = undisturbed(company)
    directory = company.folder / "company"
    early = lines_of(directory, through="2026-02")
    rest = lines_of(directory)[len(early) :]
    first = write_lines(company.folder / "first.jsonl", shuffled(early, seed=1))
    second = write_lines(company.folder / "second.jsonl", shuffled(rest, seed=2))
    # Tryton is down; the run is killed twice while it writes, and run again.
    company.tryton.stop()
    for grown_bytes in (150_000, 200_000):
        kill_a_run(company, first, grown_bytes)
    deliverer = company.start_deliver("--follow", "--every", "1")
    finished(company.start_run(first, as_of="2026-02-28"))
    assert company.counts()[1] == 0, "nothing was delivered, and the run did not wait for that"
    company.tryton.start()
    wait_until_accepted(company, deliverer, 30)
    kill(deliverer)
    finished(company.start_deliver("--strict"))
    # January is closed; what happened in it and comes now is booked in February.
    close_january(company)
    company.tryton.stop()
    finished(company.start_run(second))
    prepare_close(company, "US01", "2026-05", code=ExitCode.DATA)
    assert company.counts()[0] > 100, "they wait for Tryton"
    company.tryton.start()
    finished(company.start_deliver("--strict"))
    assert company.counts()[::2] == (0, 0)
    with open_store(company.url) as store:
        late = [one for one in store.postings("default") if one.original_period is not None]
    assert {(one.original_period, one.period) for one in late} == {("2026-01", "2026-02")}
    assert balances(company) == expected
    assert_same_books(company)
    assert_same_exports(company)
