"""`crossfoot mapping`: check, show and diff, as a controller runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MAPPING = EXAMPLES / "gl" / "mapping.yaml"


@pytest.fixture(scope="module")
def store(crossfoot: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The books of the quickstart."""
    url = f"sqlite:///{tmp_path_factory.mktemp('books')}/books.db"
    done = crossfoot(
        *("run", "order-to-cash", "--input", EXAMPLES / "quickstart" / "events" / "*"),
        *("--books", EXAMPLES / "quickstart" / "books.yaml", "--store", url),
        *("--as-of", "2026-06-30"),
    )
    assert done.exit_code == 0, done.output
    return url


def small(folder: Path, *more: str, name: str = "gl.yaml") -> Path:
    path = folder / name
    rows = "".join(f"  - {row}\n" for row in more)
    path.write_text(f"name: small\nversion: 2\nrows:\n  - {{role: revenue, account: 4000}}\n{rows}")
    return path


def test_the_example_covers_everything(crossfoot: Run, store: str) -> None:
    for policy in ("stripe-contra", "receivable"):
        checked = crossfoot("mapping", "check", MAPPING, "--store", store, "--strict",
                            "--policy", policy, "--json")  # fmt: skip
        found = json.loads(checked.stdout)
        assert (found["mapping"], found["problems"], found["gaps"]) == ("example@1", [], [])
        assert checked.exit_code == 0


def test_gaps_in_the_books_are_told_with_their_money(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    path = small(tmp_path)
    result = crossfoot("mapping", "check", path, "--store", store)
    assert result.exit_code == 3
    rows = [[cell.strip() for cell in line.split("│")] for line in result.stdout.splitlines()]
    assert ["tax_payable", "none", "none", "DE01", "EUR", "2026-01-01 – 2026-02-16", "3", "19.00",
            "180.50"] in rows  # fmt: skip
    assert ["refunds", "none (prod_seat)", "none", "DE01", "EUR", "2026-02-16", "1", "51.11",
            "0.00"] in rows  # fmt: skip
    assert ["bad_debt", "", "", "", "", "not booked yet", "0", "", ""] in rows


def test_roles_without_a_row_fail_only_when_asked(crossfoot: Run, tmp_path: Path) -> None:
    assert crossfoot("mapping", "check", small(tmp_path)).exit_code == 0
    assert crossfoot("mapping", "check", small(tmp_path), "--strict").exit_code == 3


def test_ties_and_mistakes_are_listed_one_per_line(crossfoot: Run, tmp_path: Path) -> None:
    path = small(tmp_path, "{role: revenue, account: 1}", "{role: revenu, account: 2}")
    result = crossfoot("mapping", "check", path)
    assert result.exit_code == 3
    assert result.stdout.splitlines()[1:] == [
        "- row 3.role: 'revenu' is no account role; revenue?",
        "- row 1 (revenue) and row 2 (revenue) can both match, and neither names more",
    ]
    found = json.loads(crossfoot("mapping", "check", path, "--json").stdout)
    assert found["mapping"] is None and len(found["problems"]) == 2


def test_show_prints_the_rows_that_win_first_with_the_names_of_accounts(crossfoot: Run) -> None:
    shown: list[Any] = json.loads(
        crossfoot("mapping", "show", MAPPING, "--role", "revenue", "--json").stdout
    )
    assert [row["account"] for row in shown] == ["4110", "4100", "4200", "4000"]
    assert shown[0]["account_name"] == "Subscription revenue EMEA"
    assert shown[0]["gl_class"] == "SaaS"
    assert "4110" in crossfoot("mapping", "show", MAPPING).stdout


def test_diff_says_which_rows_differ_and_what_moves(
    crossfoot: Run, store: str, tmp_path: Path
) -> None:
    old = small(tmp_path)
    new = small(tmp_path, "{role: revenue, entity: DE01, account: 4010}", name="new.yaml")
    result = crossfoot("mapping", "diff", old, new, "--store", store, "--json")
    found = json.loads(result.stdout)
    assert [change["row"] for change in found["rows"]] == ["row 2 (revenue, entity DE01)"]
    (move,) = found["moves"]
    assert (move["before"], move["after"]) == ({"account": "4000"}, {"account": "4010"})
    assert (move["role"], move["credits_minor"]) == ("revenue", 90111)
    shown = crossfoot("mapping", "diff", old, new).stdout
    assert "both say they are small@2: raise the version" in shown
    assert "rows, small@2 to small@2: the same" in crossfoot("mapping", "diff", old, old).stdout


def test_a_file_that_is_not_there_is_no_mapping(crossfoot: Run, tmp_path: Path) -> None:
    gone = tmp_path / "gone.yaml"
    for command in (("check", gone), ("show", gone), ("diff", MAPPING, gone)):
        refused = crossfoot("mapping", *command)
        assert refused.exit_code == 2 and "there is no such file" in refused.stderr
