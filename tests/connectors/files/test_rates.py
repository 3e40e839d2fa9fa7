"""Exchange rates on file: taken exactly as they stand, or refused with the line that is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.files.rates import load_rates, parse_rates
from connectors.policy_packs import ConfigurationError
from ledger.policies import BooksConfig
from ledger.rates import translate

_HEAD = "date,base,quote,rate,source\n"
_20_468 = 20_468  # days from 1970-01-01 to 2026-01-15


def test_rates_are_what_is_written_and_the_ledger_finds_them(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(_HEAD + "2026-01-15,EUR,USD,1.164100000001,ECB\n2026-01-15,USD,JPY,155,BoJ\n")
    rates = load_rates(str(path))
    assert rates == {
        "EUR/USD/2026-01-15": Decimal("1.164100000001"),
        "USD/JPY/2026-01-15": Decimal(155),
    }
    books = BooksConfig(rates=rates)
    assert translate(books, 10_000, "EUR", "USD", _20_468) == 11_641
    assert translate(books, 10_000, "USD", "EUR", _20_468) is None
    assert translate(books, 10_000, "EUR", "USD", _20_468 + 1) is None


def test_marks_line_ends_column_order_and_further_columns_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_bytes(
        b"\xef\xbb\xbfsource,rate,quote,base,date,note\r\n"
        b'"Bank, of ""X""",1.1,USD,EUR,2026-01-15,"two\r\nlines"\r\n'
    )
    assert load_rates(str(path)) == {"EUR/USD/2026-01-15": Decimal("1.1")}


def test_the_same_rate_twice_is_one_rate() -> None:
    row = "2026-01-15,EUR,USD,1.10,ECB\n"
    assert parse_rates(_HEAD + row + row.replace("1.10", "1.1"), "r.csv") == {
        "EUR/USD/2026-01-15": Decimal("1.1")
    }


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("15.01.2026,EUR,USD,1.1,ECB", "line 2: '15.01.2026' is not a date"),
        ("2026-02-30,EUR,USD,1.1,ECB", "line 2: '2026-02-30' is not a date"),
        ("20260115,EUR,USD,1.1,ECB", "'20260115' is not a date"),
        ("2026-01-15,eur,USD,1.1,ECB", "base 'eur' is not an ISO 4217 currency"),
        ("2026-01-15,EUR,XXX,1.1,ECB", "quote 'XXX' is not an ISO 4217 currency"),
        ("2026-01-15,EUR,EUR,1,ECB", "base and quote are the same currency"),
        ("2026-01-15,EUR,USD,0.000,ECB", "'0.000' is not a positive rate"),
        ("2026-01-15,EUR,USD,-1.1,ECB", "'-1.1' is not a positive rate"),
        ("2026-01-15,EUR,USD,1e3,ECB", "'1e3' is not a positive rate"),
        ("2026-01-15,EUR,USD,NaN,ECB", "'NaN' is not a positive rate"),
        ('2026-01-15,EUR,USD,"1,1",ECB', "'1,1' is not a positive rate"),
        ("2026-01-15,EUR,USD,1.1234567890123,ECB", "at most 12 decimals"),
        ("2026-01-15,EUR,USD,,ECB", "'' is not a positive rate"),
        ("2026-01-15,EUR,USD,1.1, ", "no source"),
        ("2026-01-15,EUR,USD,1.1", "another number of cells than columns"),
        ("2026-01-15,EUR,USD,1.1,ECB,more", "another number of cells than columns"),
        (
            "2026-01-15,EUR,USD,1.1,ECB\n2026-01-15,EUR,USD,1.2,Fed",
            "line 3: a second rate for EUR/USD/2026-01-15",
        ),
    ],
)
def test_a_row_that_is_no_rate_is_told_with_its_line(row: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_rates(_HEAD + row + "\n", "rates.csv")
    assert str(refused.value).startswith("rates.csv: line ")
    assert problem in str(refused.value)


def test_all_problems_are_told_together() -> None:
    with pytest.raises(ConfigurationError, match=r"line 2: 'x'.*line 2: 'y'.*; and 3 more$"):
        parse_rates(_HEAD + "x,EUR,USD,y,ECB\n" + "z,EUR,USD,1,ECB\n" * 11, "r.csv")


def test_a_cell_without_end_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^rates\.csv: line 2: not CSV"):
        parse_rates(_HEAD + "2026-01-15,EUR,USD,1.1," + "x" * 200_000, "rates.csv")


@pytest.mark.parametrize("text", ["", "date,base,quote,rate\n", "2026-01-15,EUR,USD,1.1,ECB\n"])
def test_a_file_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no column .*; expected date,base,quote,rate,s"):
        parse_rates(text, "rates.csv")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.csv: cannot be read"):
        load_rates(str(tmp_path / "none.csv"))
    (tmp_path / "latin.csv").write_bytes(_HEAD.encode() + b"2026-01-15,EUR,USD,1.1,Z\xfcrich\n")
    with pytest.raises(ConfigurationError, match=r"latin\.csv: cannot be read"):
        load_rates(str(tmp_path / "latin.csv"))
