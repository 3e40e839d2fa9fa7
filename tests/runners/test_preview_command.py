"""`crossfoot preview` on files as providers write them, through the real command line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Write = Callable[..., Path]
Timeline = Callable[..., list[dict[str, Any]]]

MONTHLY = (3100, "2019-01-15", ("2019-01-15", "2019-02-15"))
"""31 USD for 31 days, 17 of them in January. Source of the figures: Stripe Revenue
Recognition, monthly subscription example."""

JANUARY = {"cash_clearing": "31.00", "revenue": "17.00", "deferred_revenue": "14.00"}
FEBRUARY = {"revenue": "14.00", "deferred_revenue": "-14.00"}


def _changes(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    months: dict[str, dict[str, str]] = {}
    for row in report["changes"]:
        months.setdefault(row["month"], {})[row["role"]] = row["change"]
    return months


def _preview(crossfoot: Run, path: Path, *args: str) -> dict[str, Any]:
    result = crossfoot("preview", "--input", path, "--as-of", "2019-02-28", "--json", *args)
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


@pytest.mark.parametrize("shape", ["new_stripe", "old_stripe", "canonical"])
def test_the_same_story_gives_the_same_books_in_every_format(
    shape: str, request: pytest.FixtureRequest, crossfoot: Run, lines: Write
) -> None:
    timeline: Timeline = request.getfixturevalue(shape)
    report = _preview(crossfoot, lines(*timeline(*MONTHLY)), "--policy", "stripe-contra")
    assert _changes(report) == {"2019-01": JANUARY, "2019-02": FEBRUARY}
    assert report["adds_up"] is True
    for entry in report["entries"]:
        signed = [
            line["amount_minor"] * (1 if line["side"] == "debit" else -1) for line in entry["lines"]
        ]
        assert sum(signed) == 0


def test_only_what_is_over_by_the_as_of_day_is_recognised(
    crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    report = _preview(crossfoot, lines(*new_stripe(*MONTHLY)), "--as-of", "2019-01-31")
    assert _changes(report) == {"2019-01": JANUARY}
    assert report["as_of"] == "2019-02-01T00:00:00+00:00"


def test_the_output_keeps_its_shape(crossfoot: Run, lines: Write, new_stripe: Timeline) -> None:
    report = _preview(crossfoot, lines(*new_stripe(*MONTHLY)))
    assert set(report) == {
        "as_of",
        "policy",
        "conservation",
        "adds_up",
        "entries",
        "changes",
        "transaction_changes",
        "lifecycle",
        "pending",
        "dead_letters",
    }
    assert set(report["conservation"]) == {
        "messages_read",
        "posted",
        "recorded",
        "pending",
        "dead_lettered",
        "duplicates",
    }
    entry = report["entries"][0]
    assert {
        "posting_id",
        "entry_key",
        "date",
        "entity",
        "currency",
        "functional_currency",
        "rule",
        "policy",
        "source_event_id",
        "lines",
    } <= set(entry)
    assert {"role", "side", "amount", "amount_minor", "functional_amount"} <= set(entry["lines"][0])
    assert set(report["changes"][0]) == {
        "entity",
        "currency",
        "role",
        "normal_side",
        "month",
        "change",
        "change_minor",
    }


def test_changes_split_by_what_is_asked(crossfoot: Run, lines: Write, new_stripe: Timeline) -> None:
    report = _preview(crossfoot, lines(*new_stripe(*MONTHLY)), "--by", "role,customer,currency")
    revenue = next(row for row in report["changes"] if row["role"] == "revenue")
    assert revenue["customer"] == "stripe:cus_1"
    assert revenue["transaction_currency"] == "USD"
    assert revenue["change_minor"] == 3100
    assert "month" not in revenue


def test_a_variant_of_a_pack_is_tried_without_a_file_and_named(
    crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    noon = (12000, "2026-06-15T12:00:00", ("2026-06-15T12:00:00", "2026-10-13T12:00:00"))
    path = lines(*new_stripe(*noon))
    revenue = {}
    for granularity in ("second", "day", "even_months"):
        june = _preview(
            crossfoot, path, "--as-of", "2026-06-30", "--set", f"granularity={granularity}"
        )
        revenue[granularity] = _changes(june)["2026-06"]["revenue"]
    assert june["policy"] == "stripe-contra@1+granularity=even_months"
    assert june["entries"][0]["policy"] == june["policy"]
    assert revenue == {"second": "15.50", "day": "16.00", "even_months": "30.00"}


def test_a_dead_letter_is_listed_and_leaves_the_rest_alone(
    crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    path = lines(*new_stripe(*MONTHLY), b'{"half": ')
    report = _preview(crossfoot, path)
    assert [letter["reason"] for letter in report["dead_letters"]] == ["not_json"]
    assert report["dead_letters"][0]["mend"]
    assert report["conservation"]["dead_lettered"] == 1
    assert _changes(report)["2019-01"] == JANUARY
    strict = crossfoot("preview", "--input", path, "--as-of", "2019-02-28", "--strict")
    assert strict.exit_code == 3


def test_an_event_told_twice_is_a_duplicate_and_counts_once(
    crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    events = new_stripe(*MONTHLY)
    report = _preview(crossfoot, lines(*events, *reversed(events)))
    assert report["conservation"]["duplicates"] == len(events)
    assert report["adds_up"] is True
    assert _changes(report)["2019-01"] == JANUARY


def test_one_id_with_two_meanings_is_a_dead_letter_and_the_equation_still_adds_up(
    crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    other = new_stripe(6200, *MONTHLY[1:], paid=False)
    report = _preview(crossfoot, lines(*new_stripe(*MONTHLY, paid=False), *other))
    assert [letter["reason"] for letter in report["dead_letters"]] == ["event_id_conflict"]
    assert report["conservation"]["messages_read"] == 2
    assert report["adds_up"] is True


def test_the_order_of_lines_and_files_changes_nothing(
    crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    events = new_stripe(*MONTHLY)
    forwards = _preview(crossfoot, lines(*events, name="a.jsonl"))
    path = lines(*reversed(events), name="b.jsonl")
    assert _preview(crossfoot, path) == forwards


def test_gzip_files_and_patterns_are_read(
    crossfoot: Run, lines: Write, new_stripe: Timeline, tmp_path: Path
) -> None:
    first, second = new_stripe(*MONTHLY)
    lines(first, name="a.jsonl")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps(second).encode()))
    report = _preview(crossfoot, tmp_path / "*.jsonl*")
    assert _changes(report)["2019-01"] == JANUARY
    expanded = crossfoot(
        *("preview", "--input", tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"),
        *("--as-of", "2019-02-28", "--json"),
    )
    assert json.loads(expanded.stdout)["changes"] == report["changes"]


def test_the_table_shows_months_side_by_side(
    crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    path = lines(*new_stripe(*MONTHLY))
    shown = crossfoot("preview", "--input", path, "--as-of", "2019-02-28", "--entries").stdout
    assert "2 read = 2 posted" in shown
    header = next(line for line in shown.splitlines() if "2019-01" in line and "role" in line)
    assert "2019-02" in header and "total" in header
    rows = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines()]
    assert ["MAIN", "USD", "revenue", "17.00", "14.00", "31.00"] in rows
    assert ["", "", "", "", "", "revenue", "", "17.00"] in rows


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--policy", "no-such-pack"], "stripe-contra"),
        (["--by", "role,moon"], "month"),
        (["--as-of", "yesterday"], "2026-03-31"),
        (["--set", "granularity=weekly"], "even_months"),
        (["--books", "no-such-file.yaml"], "no-such-file.yaml"),
        (["--rates", "no-such-file.csv"], "no-such-file.csv"),
    ],
)
def test_a_mistake_is_told_with_how_to_mend_it(
    args: list[str], told: str, crossfoot: Run, lines: Write, new_stripe: Timeline
) -> None:
    result = crossfoot("preview", "--input", lines(*new_stripe(*MONTHLY)), *args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert told in result.stderr
    assert "to mend:" in result.stderr


def test_a_pattern_that_matches_nothing_is_named(crossfoot: Run, tmp_path: Path) -> None:
    result = crossfoot("preview", "--input", tmp_path / "*.jsonl")
    assert result.exit_code == 2
    assert "*.jsonl" in result.stderr
