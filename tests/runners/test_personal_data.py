"""No name, no address: not in logs, not in tables, not in lists of what was refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]

CANARY = "Canarywood"


def test_the_canary_is_in_the_events(crossfoot: Run, books: Any) -> None:
    assert CANARY in books.events.read_text()
    assert CANARY in crossfoot("trace", "evt_1_new", "--store", books.url).stdout


@pytest.mark.parametrize("verbose", [(), ("--verbose",)])
@pytest.mark.parametrize(
    "command",
    [
        ("exceptions", "list", "--as-of", "2019-02-28"),
        ("exceptions", "list", "--as-of", "2019-02-28", "--json"),
        ("standing", "--as-of", "2019-02-28", "--json"),
        ("trial-balance",),
        ("trace", "in_1"),
        ("export", "hledger"),
        ("export", "csv"),
    ],
    ids=" ".join,
)
def test_no_report_names_a_customer(
    command: tuple[str, ...], verbose: tuple[str, ...], crossfoot: Run, books: Any
) -> None:
    result = crossfoot(*verbose, *command, "--store", books.url)
    assert result.exit_code == 0, result.output
    assert CANARY.casefold() not in result.output.casefold()


def test_no_run_and_no_preview_names_a_customer(crossfoot: Run, books: Any) -> None:
    command = ("preview", "--input", books.events, "--as-of", "2019-02-28", "--entries")
    previews = [crossfoot("--verbose", *command), crossfoot(*command, "--json")]
    for result in previews:
        assert "not_json" in result.stdout
    for result in (books.first, books.again, *previews):
        assert CANARY.casefold() not in result.output.casefold()
