"""`crossfoot close` and `crossfoot periods` on the quickstart books, as a controller uses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from runners.crossfoot import app

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "examples/quickstart"
GOLDEN = Path(__file__).with_name("golden")


LOOKING = {
    ("run", "order-to-cash"),
    ("run", "close-period"),
    *(("close", name) for name in ("check", "propose", "approve", "report", "why", "sign-off")),
}
"""Commands that fold, and so need the company's facts."""


class Shell:
    """Runs commands on one store."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, *words: str, code: int = 0) -> Result:
        books = ["--books", str(QUICKSTART / "books.yaml")] if words[:2] in LOOKING else []
        result = CliRunner().invoke(app, [*words, *books, "--store", self.url])
        assert result.exit_code == code, result.output
        return result

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code).stdout)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    made = Shell(f"sqlite:///{tmp_path_factory.mktemp('close')}/books.db")
    events = [str(path) for path in sorted((QUICKSTART / "events").glob("*.jsonl"))]
    inputs = [word for path in events for word in ("--input", path)]
    made.run("run", "order-to-cash", *inputs, "--as-of", "2026-12-31")
    return made


@pytest.fixture(scope="module")
def period(shell: Shell) -> list[str]:
    first = shell.json("periods", "list")[0]
    return ["--entity", first["entity"], "--period", first["period"]]


# 900.00 net of 19 % tax for 1 January to 31 March (90 days) was invoiced on 1 January and paid the
# same month: 31 days are recognised, 28 and 31 are to come, at 10.00 a day.
@pytest.mark.parametrize("form", ["md", "json"])
def test_the_report_of_the_quickstart_has_these_bytes(tmp_path: Path, form: str) -> None:
    own = Shell(f"sqlite:///{tmp_path}/books.db")
    events = [str(path) for path in sorted((QUICKSTART / "events").glob("*.jsonl"))]
    inputs = [word for path in reversed(events) for word in ("--input", path)]
    own.run("run", "order-to-cash", *inputs, "--as-of", "2026-12-31")
    as_json = ["--json"] if form == "json" else []
    words = ["close", "report", "--entity", "DE01", "--period", "2026-01", *as_json]
    expected = (GOLDEN / f"close-DE01-2026-01.{form}").read_text(encoding="utf-8")
    assert own.run(*words).stdout == expected


def test_every_figure_of_the_report_can_be_asked_why(shell: Shell, period: list[str]) -> None:
    report = shell.json("close", "report", *period)
    cells = [c for table in report["tables"] for row in table["rows"] for c in row["cells"]]
    assert cells
    for cell in cells[:40]:
        why = shell.json("close", "why", cell["address"])
        assert why["amount_minor"] == cell["amount_minor"]
        assert sum(one["amount_minor"] for one in why["contributions"]) == cell["amount_minor"]


def test_the_events_that_a_figure_names_can_be_traced(shell: Shell, period: list[str]) -> None:
    report = shell.json("close", "report", *period)
    (balances,) = (table for table in report["tables"] if table["name"] == "trial_balance")
    why = shell.json("close", "why", balances["rows"][0]["cells"][-1]["address"])
    contribution = why["contributions"][0]
    assert shell.json("trace", contribution["name"])["postings"]
    assert shell.json("trace", contribution["events"][0])["events"]


def test_a_short_address_takes_period_and_entity_from_the_options(
    shell: Shell, period: list[str]
) -> None:
    report = shell.json("close", "report", *period)
    (balances,) = (table for table in report["tables"] if table["name"] == "trial_balance")
    full = balances["rows"][0]["cells"][-1]["address"]
    table, _, _, *rest = full.split("/")
    assert shell.json("close", "why", "/".join([table, *rest]), *period)["address"] == full
    shell.run("close", "why", "nonsense", code=2)
    shell.run("close", "why", f"{full}x", code=3)


def test_a_month_is_closed_by_two_people_and_reopened_by_two(
    shell: Shell, period: list[str]
) -> None:
    stated = ["--source-complete", "salesforce=2026-02-01T00:00Z"]
    checked = shell.json("close", "check", *period, *stated)
    assert all(condition["passed"] for condition in checked)
    (proposal,) = shell.json(
        "close", "propose", *period, *stated, "--by", "Anna", "--reason", "complete"
    )
    refused = shell.run(
        "close", "approve", proposal["decision_id"], *stated, "--by", " anna", code=3
    )
    assert "second person" in refused.stderr
    shell.run("close", "approve", proposal["decision_id"], *stated, "--by", " ", code=2)
    shell.run("close", "approve", proposal["decision_id"], *stated, "--by", "Ben")
    shown = shell.json("periods", "show", *period)
    assert shown["period"]["state"] == "closed"
    assert [one["person"] for one in shown["decisions"]] == ["Anna", "Ben"]
    assert "Closed by Ben" in shell.run("close", "report", *period).stdout
    shell.run("run", "close-period", *period, code=3)
    (wish,) = shell.json("close", "reopen", *period, "--by", "Anna", "--reason", "audit")
    shell.run("close", "approve", wish["decision_id"], "--by", "ANNA", code=3)
    shell.run("close", "approve", wish["decision_id"], "--by", "Ben")
    assert shell.json("periods", "show", *period)["period"]["state"] == "open"


def test_an_unknown_source_or_period_is_told(shell: Shell, period: list[str]) -> None:
    unknown = shell.run(
        "close", "check", *period, "--source-complete", "strip=2027-01-01T00:00Z", code=2
    )
    assert "strip" in unknown.stderr
    shell.run("close", "check", *period, "--source-complete", "stripe=2027-01-01", code=2)
    entity = period[:2]
    shell.run("close", "check", *entity, "--period", "2026-13", code=2)


def test_a_manifest_with_an_id_that_never_came_shuts_the_gate(
    shell: Shell, period: list[str], tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("source,message_id\nstripe,evt_never\n")
    found = shell.json("close", "check", *period, "--manifest", str(manifest), code=3)
    (gaps,) = (one for one in found if one["name"] == "no_gaps")
    assert "gap:stripe:evt_never" in gaps["words"]
    manifest.write_text("message_id\nevt_never\n")
    shell.run("close", "check", *period, "--manifest", str(manifest), code=2)


def test_a_soft_close_is_taken_back(shell: Shell, period: list[str]) -> None:
    last = shell.json("periods", "list")[-1]
    other = ["--entity", last["entity"], "--period", last["period"]]
    shell.run("close", "soft", *other, "--by", "Anna", "--reason", "cut-off")
    assert shell.json("periods", "show", *other)["period"]["state"] == "soft_closed"
    (wish,) = shell.json("close", "adjust", *other, "--by", "Anna", "--reason", "note")
    shell.run("close", "withdraw", wish["decision_id"], "--by", "Anna", "--reason", "no")
    shell.run("close", "soft", *other, "--take-back", "--by", "Anna", "--reason", "no")
    assert shell.json("periods", "show", *other)["period"]["state"] == "open"
