"""A generated company is closed month by month: reports cross-foot, every figure is explained, and
what comes after a close is booked after it, without changing what the books say."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from connectors.files.rates import load_rates
from connectors.policy_packs import load_books_config, load_policy_pack
from connectors.store import LedgerStore, open_store
from connectors.store.closing.decisions import Which, Who
from ledger.closing.gate import break_item
from pipelines.close_markdown import markdown
from pipelines.close_period import CloseSettings
from pipelines.close_report import read_report, report_bytes
from pipelines.closing import CloseQuestion, GateShut, Look, approve, look, propose
from pipelines.report import RunReport
from runners.fn_api import run_close_period
from tests.pipelines.runs import Run, write_lines

ENTITY = "US01"
MONTHS = ("2026-01", "2026-02", "2026-03")
LATE_EVERY = 9

Books = dict[tuple[str, ...], tuple[int, int]]


def question(company: Path, period: str, entity: str = ENTITY) -> CloseQuestion:
    books = load_books_config(str(company / "company.yaml"))
    rates = load_rates(str(company / "rates.csv"))
    if not isinstance(rates, dict):
        rates = rates.rates
    return CloseQuestion(
        which=Which(tenant="default", entity=entity, period=period),
        policy=load_policy_pack("stripe-contra"),
        books=msgspec.structs.replace(books, rates={**books.rates, **rates}),
    )


def by_accounting_date(store: LedgerStore) -> Books:
    """Net (transaction, functional) per entity, currency, accounting date and role."""
    net: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for posted in store.postings():
        entry = posted.entry
        for line in entry.lines:
            cell = net[(entry.entity, entry.currency, entry.accounting_date, line.role)]
            cell[0] += line.amount_minor
            cell[1] += line.functional_minor
    return {key: (cell[0], cell[1]) for key, cell in net.items() if cell != [0, 0]}


def sign_everything(store: LedgerStore, found: Look, at: int) -> None:
    items = [*found.facts.exceptions, *found.facts.gaps]
    items += [
        break_item(one, found.facts.period) for one in found.facts.breaks if one.difference_minor
    ]
    who = Who(person="ben", reason="looked at", at_micros=at)
    store.close_desk.sign_off(found.question.which, who, items)


def close(store: LedgerStore, company: Path, url: str, period: str, at: int) -> bytes:
    """Run the close job, sign off what stands in the way, propose and approve."""
    asked = question(company, period)
    index = store.calendar("default", ENTITY).index_named(period)
    ends = store.calendar("default", ENTITY).end_micros(index)
    run_close_period(CloseSettings(store=url, question=asked, ends_micros=ends))
    sign_everything(store, look(store, asked), at)
    taken = propose(store, asked, Who(person="anna", reason="complete", at_micros=at + 1))
    who = Who(person="cara", reason="agreed", at_micros=at + 2)
    return approve(store, asked, taken.decision_id, who)[1]


@pytest.fixture(scope="module")
def closed(
    company: Path, lines: list[bytes], run_job: Run, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, bytes]]:
    """A store in which three months were closed before the late lines came; the reports."""
    folder = tmp_path_factory.mktemp("closing")
    path = folder / "books.db"
    on_time = [line for number, line in enumerate(lines) if number % LATE_EVERY]
    late = [line for number, line in enumerate(lines) if not number % LATE_EVERY]
    run_job(path, write_lines(folder / "on_time.jsonl", on_time))
    url = f"sqlite:///{path}"
    with open_store(url) as store:
        reports = {
            period: close(store, company, url, period, 10 * number)
            for number, period in enumerate(MONTHS, 1)
        }
    run_job(path, write_lines(folder / "late.jsonl", late))
    return path, reports


def test_late_events_leave_closed_months_and_the_books_of_their_dates_as_they_must_be(
    closed: tuple[Path, dict[str, bytes]], undisturbed: tuple[Path, RunReport]
) -> None:
    path, _ = closed
    with (
        open_store(f"sqlite:///{path}") as store,
        open_store(f"sqlite:///{undisturbed[0]}") as calm,
    ):
        assert by_accounting_date(store) == by_accounting_date(calm)
        moved = [p for p in store.postings() if p.original_period is not None]
        assert moved
        assert {p.entry.entity for p in moved} == {ENTITY}
        assert {p.original_period for p in moved} <= set(MONTHS)
        assert min(p.period for p in moved) > MONTHS[-1]


def test_what_was_reported_stays_what_the_books_give(
    closed: tuple[Path, dict[str, bytes]], company: Path
) -> None:
    path, reports = closed
    with open_store(f"sqlite:///{path}") as store:
        for period, body in reports.items():
            kept = read_report(body)
            assert store.close_desk.report(question(company, period).which) == body
            now = look(store, question(company, period))
            for table, again in zip(kept.tables, now.tables, strict=True):
                if table.name.startswith(("deferred", "trial_balance", "late")):
                    assert table == again


def test_late_activity_is_told_in_the_period_that_took_it(
    closed: tuple[Path, dict[str, bytes]], company: Path
) -> None:
    with open_store(f"sqlite:///{closed[0]}") as store:
        april = look(store, question(company, "2026-04"))
    (late,) = (table for table in april.tables if table.name == "late")
    assert {row.about[1] for row in late.rows} <= set(MONTHS)
    assert late.rows


@pytest.mark.parametrize("period", ["2026-01", "2026-03", "2026-04", "2026-06"])
@pytest.mark.parametrize("entity", ["US01", "DE01"])
def test_every_figure_is_the_sum_of_what_explains_it(
    closed: tuple[Path, dict[str, bytes]], company: Path, period: str, entity: str
) -> None:
    with open_store(f"sqlite:///{closed[0]}") as store:
        found = look(store, question(company, period, entity))
        known = {p.posting_id for p in store.postings()}
    sums: Counter[str] = Counter()
    for one in found.contributions:
        sums[one.address] += one.amount_minor
        assert one.what != "posting" or one.name in known
        assert one.what == "invoice" or one.events
    cells = [c for table in found.tables for row in table.rows for c in row.cells]
    assert cells
    for cell in cells:
        assert sums[cell.address] == cell.amount_minor, cell.address
    assert set(sums) <= {cell.address for cell in cells}


def rows_of(found: Look, name: str) -> dict[tuple[str, ...], dict[str, int]]:
    (table,) = (one for one in found.tables if one.name == name)
    return {
        row.about: dict(zip(table.columns, (cell.amount_minor for cell in row.cells), strict=True))
        for row in table.rows
    }


@pytest.mark.parametrize("period", ["2026-01", "2026-02", "2026-04", "2026-06"])
def test_the_report_crossfoots(
    closed: tuple[Path, dict[str, bytes]], company: Path, period: str
) -> None:
    with open_store(f"sqlite:///{closed[0]}") as store:
        found = look(store, question(company, period))
    balances = rows_of(found, "trial_balance")
    for (currency,), row in rows_of(found, "deferred").items():
        *movements, closing = row.values()
        assert sum(movements) == closing
        assert closing == -balances[currency, "deferred_revenue"]["closing"]
    waterfall = rows_of(found, "waterfall")
    for currency in {about[0] for about in waterfall}:
        parts = {
            about[1]: row["amount"] for about, row in waterfall.items() if about[0] == currency
        }
        assert parts.pop("total") == sum(parts.values())
        assert all(name > period for name in parts)
    for row in rows_of(found, "receivables").values():
        assert row.pop("total") == sum(row.values())
    for row in balances.values():
        assert row["opening"] + row["debits"] - row["credits"] == row["closing"]
    assert not [
        one
        for one in found.facts.breaks
        if one.kind == "deferred_by_schedule" and one.difference_minor
    ]


def test_deferred_revenue_rolls_forward_to_zero_when_every_service_is_over(
    company: Path, run_job: Run, tmp_path: Path
) -> None:
    path = tmp_path / "books.db"
    run_job(path, as_of=datetime(2029, 1, 1, tzinfo=UTC))
    with open_store(f"sqlite:///{path}") as store:
        found = look(store, question(company, "2028-12"))
    rows = rows_of(found, "deferred")
    assert rows
    assert all(row["closing"] == 0 for row in rows.values())
    assert all(row["amount"] == 0 for row in rows_of(found, "waterfall").values())


def test_looking_twice_gives_the_same_bytes(
    closed: tuple[Path, dict[str, bytes]], company: Path
) -> None:
    with open_store(f"sqlite:///{closed[0]}") as store:
        one, other = (look(store, question(company, "2026-02")).report() for _ in range(2))
    assert report_bytes(one) == report_bytes(other)
    assert markdown(one) == markdown(other)
    assert read_report(report_bytes(one)) == one


def test_a_close_run_again_posts_nothing_and_tells_the_standing_proposal(
    company: Path, run_job: Run, tmp_path: Path
) -> None:
    path = tmp_path / "books.db"
    url = f"sqlite:///{path}"
    run_job(path, as_of=datetime(2026, 1, 15, tzinfo=UTC))
    asked = question(company, "2026-01")
    with open_store(url) as store:
        calendar = store.calendar("default", ENTITY)
        ends = calendar.end_micros(calendar.index_named("2026-01"))
        with pytest.raises(GateShut, match="due_recognition"):
            propose(store, asked, Who(person="anna", reason="early", at_micros=1))
        settings = CloseSettings(
            store=url,
            question=asked,
            ends_micros=ends,
            output=str(tmp_path / "reports"),
            who=Who(person="anna", reason="complete", at_micros=2),
        )
        first = run_close_period(settings)
        assert first.new_entries
        assert not first.is_open
        assert first.proposal is None
        sign_everything(store, look(store, asked), 3)
        second = run_close_period(settings)
        assert (second.new_entries, second.reversals) == (0, 0)
        assert second.is_open
        assert second.proposal is not None
        written = {p.name: p.read_bytes() for p in (tmp_path / "reports").iterdir()}
        assert set(written) == {"close-US01-2026-01.json", "close-US01-2026-01.md"}
        third = run_close_period(settings)
        assert third.proposal == second.proposal
        assert (third.new_entries, third.reversals) == (0, 0)


def test_an_entity_of_weeks_is_closed_at_the_end_of_its_own_periods(
    company: Path, run_job: Run, tmp_path: Path
) -> None:
    text = (company / "company.yaml").read_text()
    weekly = text.replace("  US01:\n", "  US01:\n    calendar: {pattern: 4-4-5}\n")
    assert weekly != text
    (tmp_path / "company.yaml").write_text(weekly)
    (tmp_path / "rates.csv").write_bytes((company / "rates.csv").read_bytes())
    path = tmp_path / "books.db"
    url = f"sqlite:///{path}"
    run_job(path, books=tmp_path / "company.yaml")
    with open_store(url) as store:
        for at, period in enumerate(("2026-P01", "2026-P02"), 1):
            body = close(store, tmp_path, url, period, at * 10)
        report = read_report(body)
        # Fiscal 2026 began on 28 December 2025; four weeks, then four.
        assert (report.starts, report.ends) == ("2026-01-25", "2026-02-21")
        found = look(store, question(tmp_path, "2026-P03"))
        booked = {p.period for p in store.postings(entity=ENTITY)}
        elsewhere = {p.period for p in store.postings(entity="DE01")}
    assert all("-P" in period for period in booked)
    assert not any("-P" in period for period in elsewhere)
    for row in rows_of(found, "deferred").values():
        *movements, closing = row.values()
        assert sum(movements) == closing
    schedule = [one for one in found.facts.breaks if one.kind == "deferred_by_schedule"]
    assert schedule
    assert not any(one.difference_minor for one in schedule)


def test_a_changed_row_of_a_closed_period_is_noticed_by_the_next_close(
    closed: tuple[Path, dict[str, bytes]], company: Path, tmp_path: Path
) -> None:
    path = tmp_path / "books.db"
    with sqlite3.connect(closed[0]) as source, sqlite3.connect(path) as copy:
        source.backup(copy)
        copy.execute("DROP TRIGGER journal_lines_no_update")
        copy.execute(
            "UPDATE journal_lines SET amount_minor = amount_minor + 1 WHERE posting_no IN "
            "(SELECT posting_no FROM journal_entries WHERE entity = 'US01' "
            "AND period = '2026-02' LIMIT 1)"
        )
    with open_store(f"sqlite:///{path}") as store:
        gate = look(store, question(company, "2026-04")).gate()
    failed = {one.name.value: one.words for one in gate if not one.passed}
    assert "somebody changed rows of a closed period" in failed["opening_balances"]
