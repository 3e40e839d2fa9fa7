"""`crossfoot policy`: choices in words, every mistake at once, two packs compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from connectors.policy_packs import load_policy_pack

Run = Callable[..., Result]


def test_what_show_prints_is_a_pack_with_its_choices_in_words(
    crossfoot: Run, tmp_path: Path
) -> None:
    shown = crossfoot("policy", "show", "receivable").stdout
    ours = tmp_path / "ours.yaml"
    ours.write_text(shown)
    assert load_policy_pack(str(ours)) == load_policy_pack("receivable")
    assert "# What happens to money that a customer disputes? It is parked in" in shown


def test_check_says_a_good_pack_in_words(crossfoot: Run) -> None:
    checked = crossfoot("policy", "check", "stripe-contra")
    assert checked.exit_code == 0
    assert "policy stripe-contra@1: no mistakes" in checked.stdout
    assert "every difference stays open" in checked.stdout


def test_check_finds_every_mistake_at_once(crossfoot: Run, tmp_path: Path) -> None:
    text = crossfoot("policy", "show", "stripe-contra").stdout
    text = text.replace("dispute: contra", "dispute: maybe")
    text = text.replace("version: 1", "version: one").replace("fee_timing: cash\n", "")
    text = text.replace("payment_tolerance_minor: 0", "payment_tolerance_minor: -1")
    path = tmp_path / "ours.yaml"
    path.write_text(text + "colour: red\n")
    checked = crossfoot("policy", "check", path)
    assert checked.exit_code == 3
    assert checked.stdout.splitlines()[1:] == [
        "- colour: there is no such choice",
        "- version: Expected `int`, got `str`",
        "- dispute: 'maybe' is none of contra, receivable",
        "- fee_timing: is missing",
        "- payment_tolerance_minor: Expected `int` >= 0",
    ]
    assert json.loads(crossfoot("policy", "check", path, "--json").stdout)["policy"] is None


def test_check_of_a_pack_that_is_not_there_is_a_usage_error(crossfoot: Run) -> None:
    assert crossfoot("policy", "check", "nobodys").exit_code == 2


def test_diff_says_what_differs_and_what_it_means(crossfoot: Run) -> None:
    changes = json.loads(
        crossfoot("policy", "diff", "stripe-contra", "receivable", "--json").stdout
    )
    assert [change["choice"] for change in changes] == [
        "dispute",
        "bad_debt",
        "refund_of_deferred",
        "contra_revenue",
        "granularity",
    ]
    assert (
        changes[1]["after_means"] == "bad_debt for the whole claim; the deferral runs on as revenue"
    )
    shown = crossfoot("policy", "diff", "stripe-contra", "receivable").stdout
    assert "  gross: bad_debt for the whole claim" in shown
    same = crossfoot("policy", "diff", "receivable", "receivable").stdout
    assert same == "receivable@1 to receivable@1: every choice is the same\n"
