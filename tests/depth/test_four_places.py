"""One company with everything in it: the same trial balance in the store, in hledger and in
beancount, whatever happened on the way. The fourth place, Tryton, is in `tests/erp`.

Balances are net debits by entity, account role and currency, in transaction and in functional
currency.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from connectors.exports import EXTENSIONS
from connectors.exports.chart import FUNCTIONAL
from connectors.store import LedgerStore, open_store
from ledger.accounts import AccountRole
from runners.exit_codes import ExitCode
from tests.connectors.exports.plain_text_balances import (
    Balances,
    of_beancount,
    of_hledger,
    of_the_store,
)
from tests.depth.everything import AS_OF, Company, done, shuffled
from tests.pipelines.runs import dump_of, standing_of, write_lines
from tests.pipelines.test_crash import kill_while_writing

ROOT = Path(__file__).resolve().parents[2]
ENTITIES = ("US01", "DE01", "JP01", "KW01")
READERS = {"beancount": of_beancount, "hledger": of_hledger}

pytestmark = pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed")


def opened(store: Path) -> LedgerStore:
    return open_store(f"sqlite:///{store}", create=False)


def balances(store: Path) -> Balances:
    with opened(store) as books:
        return of_the_store(books, "default")


def by_accounting_date(store: Path) -> dict[tuple[str, ...], tuple[int, int]]:
    """Net debits by entity, currency, role and the month in which it happened."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    with opened(store) as books:
        for posted in books.postings("default"):
            entry = posted.entry
            for line in entry.lines:
                key = (entry.entity, entry.currency, line.role.value, entry.accounting_date[:7])
                found[key][0] += line.amount_minor
                found[key][1] += line.functional_minor
    return {key: (cell[0], cell[1]) for key, cell in found.items() if cell != [0, 0]}


def assert_equal_everywhere(store: Path, expected: Balances, folder: Path) -> None:
    """The store and both exports say what is expected."""
    assert balances(store) == expected
    for name, read in READERS.items():
        path = folder / f"books.{EXTENSIONS[name]}"
        done("export", name, "--store", f"sqlite:///{store}", "--out", path)
        assert read(path) == expected, name


def assert_equal_month_by_month(store: Path, folder: Path) -> None:
    """The exports that are in the folder say of the end of every month what the store says."""
    for month in range(1, 7):
        with opened(store) as books:
            ours = of_the_store(books, "default", through_period=f"2026-{month:02d}")
        for name, read in READERS.items():
            path = folder / f"books.{EXTENSIONS[name]}"
            assert read(path, date(2026, month + 1, 1)) == ours, (name, month)


@pytest.fixture(scope="module")
def expected(quiet: Path) -> Balances:
    return balances(quiet)


def test_the_company_has_everything_in_it(quiet: Path, expected: Balances) -> None:
    """Every role that the policy can book, five currencies, four entities; nothing is refused."""
    by_the_other_pack = {
        "disputes_receivable", "dispute_losses", "deferred_fees", "rounding", "exclusion",
    }  # fmt: skip
    with opened(quiet) as books:
        roles = {row.role for row in books.trial_balance("default")}
        drifts = books.contract_drifts(0, "default")
        reasons = {row.reason for row in books.exceptions(10**17, "default")}
    assert {role.value for role in AccountRole} - roles <= by_the_other_pack
    assert {currency for _, currency in expected} == {"USD", "EUR", "GBP", "JPY", "KWD"}
    assert {account.split(":")[1] for account, _ in expected} == set(ENTITIES)
    assert any(account.endswith(FUNCTIONAL) for account, _ in expected)
    assert drifts and {drift.attribute for drift in drifts} >= {"price", "quantity"}
    assert reasons <= {"contract_drift", "unbilled_usage"}, "nothing waits or is refused by mistake"


def test_the_trial_balance_is_the_same_in_every_place(
    quiet: Path, expected: Balances, tmp_path: Path
) -> None:
    assert len(expected) > 100
    assert_equal_everywhere(quiet, expected, tmp_path)
    assert_equal_month_by_month(quiet, tmp_path)


def test_every_entity_balances_in_every_currency(expected: Balances) -> None:
    sums: dict[tuple[str, str, bool], int] = defaultdict(int)
    for (account, currency), minor in expected.items():
        sums[account.split(":")[1], currency, account.endswith(FUNCTIONAL)] += minor
    assert set(sums.values()) == {0}


def test_after_duplicates_and_disorder_in_three_runs(
    company: Company, quiet: Path, expected: Balances, tmp_path: Path
) -> None:
    store = tmp_path / "books.db"
    lines = shuffled(company.lines(), seed=3)
    for number in range(3):
        part = write_lines(tmp_path / f"part{number}.jsonl", lines[number::3])
        company.run(store, part)
    assert_equal_everywhere(store, expected, tmp_path)
    assert standing_of(store) == standing_of(quiet)


def start(company: Company, store: Path) -> subprocess.Popen[bytes]:
    """The same run in a process of its own, which can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "runners.crossfoot", *company.run_words(store)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_after_two_crashes(
    company: Company, quiet: Path, expected: Balances, tmp_path: Path
) -> None:
    store = tmp_path / "books.db"
    for grown_bytes in (200_000, 250_000):
        process = start(company, store)
        assert kill_while_writing(process, store, grown_bytes), "it ended before it was killed"
        assert process.returncode == -signal.SIGKILL
    company.run(store)
    assert_equal_everywhere(store, expected, tmp_path)
    assert dump_of(store) == dump_of(quiet)


def close(company: Company, store: Path, entity: str, period: str) -> None:
    """Close a period as two people do; the gate must be open."""
    which = ["--entity", entity, "--period", period, *company.words(store)]
    ran = done("run", "close-period", *which, "--by", "anna", "--reason", "complete", "--json")
    proposal = json.loads(ran.stdout)["proposal"]["decision_id"]
    done("close", "approve", proposal, *company.words(store), "--by", "ben")


@pytest.fixture(scope="module")
def closed(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """January is closed for every entity when all that came by February is in; then the rest comes,
    twice and out of order, and with it what happened in January and is known in March."""
    folder = tmp_path_factory.mktemp("closed")
    store, early = folder / "books.db", company.lines(through="2026-02")
    company.run(store, write_lines(folder / "early.jsonl", early), as_of="2026-02-28")
    for entity in ENTITIES:
        close(company, store, entity, "2026-01")
    (folder / "reported.json").write_text(json.dumps(reported(store)))
    rest = company.lines()[len(early) :]
    company.run(store, write_lines(folder / "rest.jsonl", shuffled(rest, seed=5)))
    # Customers of whom nothing new came stand at February: a close folds everybody.
    june = ["--entity", "US01", "--period", "2026-06", *company.words(store)]
    done("run", "close-period", *june, code=ExitCode.DATA)
    yield store


def reported(store: Path) -> list[str]:
    """January as it was reported, whatever came later."""
    with opened(store) as books:
        return [repr(row) for row in books.trial_balance("default", through_period="2026-01")]


def test_after_one_period_was_closed_in_the_middle(
    closed: Path, quiet: Path, expected: Balances, tmp_path: Path
) -> None:
    assert_equal_everywhere(closed, expected, tmp_path)
    assert_equal_month_by_month(closed, tmp_path)
    assert by_accounting_date(closed) == by_accounting_date(quiet)


def test_what_came_after_the_close_is_in_the_next_period(closed: Path) -> None:
    with opened(closed) as books:
        late = [one for one in books.postings("default") if one.original_period is not None]
    assert {one.original_period for one in late} == {"2026-01"}
    assert {one.period for one in late} == {"2026-02"}
    assert all(one.entry.accounting_date.startswith("2026-01") for one in late)
    assert len(late) > 5


def test_the_closed_period_is_as_it_was_reported(closed: Path) -> None:
    assert reported(closed) == json.loads((closed.parent / "reported.json").read_text())


def test_a_run_over_everything_again_posts_nothing(company: Company, closed: Path) -> None:
    again = json.loads(company.run(closed, as_of=AS_OF).stdout)
    assert again["nothing_new"] and again["adds_up"]
