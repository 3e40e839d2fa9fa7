"""How results look: nothing cut short, nothing that steers a terminal, exact amounts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runners.display import money, print_json, print_lines, print_table, printable

Capture = pytest.CaptureFixture[str]


def test_control_characters_are_shown_and_not_obeyed(capsys: Capture) -> None:
    hostile = "Acme\x1b[2J\x07\u202eGmbH"
    assert printable(hostile) == "Acme\\x1b[2J\\x07\\u202eGmbH"
    print_lines(hostile)
    print_table("customers", ["name"], [[hostile]])
    shown = capsys.readouterr().out
    assert "\x1b[2J" not in shown and "\x07" not in shown
    assert shown.count("Acme\\x1b[2J") == 2


def test_markup_in_a_name_is_only_text(capsys: Capture) -> None:
    print_table("customers", ["name"], [["[red]Acme[/red] <b>Ltd</b>"]])
    assert "[red]Acme[/red] <b>Ltd</b>" in capsys.readouterr().out


def test_a_table_in_a_file_is_as_wide_as_its_longest_row(capsys: Capture) -> None:
    print_table("ids", ["id", "amount"], [["x" * 300, "1.00"]], right=["amount"])
    assert any(
        "x" * 300 in line and "1.00" in line for line in capsys.readouterr().out.splitlines()
    )


def test_a_long_table_says_how_many_rows_it_leaves_out(capsys: Capture) -> None:
    print_table("ids", ["id"], [[str(number)] for number in range(25)], at_most=20)
    shown = capsys.readouterr().out
    assert "19" in shown and "24" not in shown
    assert "… and 5 more; --json lists all" in shown


def test_an_empty_table_is_one_line(capsys: Capture) -> None:
    print_table("renewals at risk", ["id"], [])
    assert capsys.readouterr().out == "renewals at risk: none\n"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "shown"),
    [
        (123456, "USD", "1,234.56"),
        (-5, "USD", "-0.05"),
        (1234567, "JPY", "1,234,567"),
        (1234567, "BHD", "1,234.567"),
        (None, "USD", ""),
        (5, None, ""),
        (5, "???", ""),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(
    amount_minor: int | None, currency: str | None, shown: str
) -> None:
    assert money(amount_minor, currency) == shown


def test_json_is_readable_and_ends_with_a_newline(capsys: Capture) -> None:
    print_json({"file": Path("a/b"), "n": 2**63})
    shown = capsys.readouterr().out
    assert msgspec.json.decode(shown) == {"file": "a/b", "n": 2**63}
    assert shown.endswith("}\n")
