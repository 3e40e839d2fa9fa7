"""GL mappings from YAML: what is read, and every mistake told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.gl_mappings import InvalidMapping, load_gl_mapping, load_mapping_file
from ledger.accounts import AccountRole
from ledger.gl_mapping import MappedAccount

GOOD = """\
name: acme
version: 3
description: Accounts of the group.
product_families:
  stripe:prod_basic: subscriptions
entity_regions:
  NO01: NO
defaults:
  accounts_receivable: 1200
  cash_clearing: {account: 0400, department: "07"}
rows:
  - {role: revenue, family: subscriptions, account: 4000, department: 10, class: SaaS}
  - {role: revenue, region: NO, family: subscriptions, account: 4010, from: 2026-01-01}
  - role: revenue
    family: usage
    entity: "01"
    currency: EUR
    to: 2026-12-31
    account: 1e3
"""

CHART = "account,name,type\n1200,Receivables,asset\n0400,Clearing,asset\n4000,Revenue,income\n"


def written(folder: Path, text: str, name: str = "mapping.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def problems_of(path: str) -> list[str]:
    with pytest.raises(InvalidMapping) as refused:
        load_gl_mapping(path)
    return refused.value.problems


def test_codes_stay_what_was_written(tmp_path: Path) -> None:
    """An account 0400, a country NO and an entity 01 are words, not 256, false and 1."""
    mapping = load_gl_mapping(written(tmp_path, GOOD))
    assert mapping.label == "acme@3"

    def target(role: str, **key: str) -> MappedAccount | None:
        given = (key.get(name) for name in ("family", "region", "entity", "currency"))
        return mapping.account_for(AccountRole(role), *given, "2026-06-30")

    assert target("accounts_receivable", entity="US01") == MappedAccount("1200")
    assert target("cash_clearing") == MappedAccount("0400", "07")
    assert target("revenue", family="subscriptions") == MappedAccount("4000", "10", "SaaS")
    assert target("revenue", family="subscriptions", region="NO") == MappedAccount("4010")
    assert target("revenue", family="usage", entity="01", currency="EUR") == MappedAccount("1e3")
    assert target("revenue") is None
    assert mapping.entity_regions == {"NO01": "NO"}


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = """\
name: two words
version: 0
colour: red
chart: chart.csv
product_families: {p: ""}
defaults:
  revenue: 4000
  revenues: 4001
  voids: {account: 4000, region: EU}
rows:
  - {role: revenue, account: 4000}
  - {role: revenue, account: "", from: 2026-02-30, currency: eur}
  - {role: refunds, from: 2026-02-02, to: 2026-02-01, account: 4000}
  - {account: 4000, cost_centre: 7}
  - {role: credit_notes, entity: A, account: 4999}
  - just words
"""
    written(tmp_path, CHART, "chart.csv")
    problems = problems_of(written(tmp_path, text))
    assert problems == [
        "defaults.revenues.role: 'revenues' is no account role; revenue?",
        "defaults.voids: names more than a role; make it one of the rows",
        "row 2.account: is empty; leave it out to match anything",
        "row 2.currency: 'eur' is no ISO 4217 currency",
        "row 2.from: '2026-02-30' is no day; write 2026-01-31",
        "row 3: to 2026-02-01 is before from 2026-02-02",
        "row 4.role: is missing",
        "row 4.cost_centre: there is no such field",
        "row 6: Input should be a valid dictionary or instance of RowModel",
        "name: 'two words' is no name; use letters, digits, dots, dashes",
        "version: Input should be greater than or equal to 1",
        "product_families.p: is empty; leave it out to match anything",
        "colour: there is no such field",
        "default (revenue) and row 1 (revenue) can both match, and neither names more",
        "row 5 (credit_notes, entity A): account 4999 is not in the chart",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows: [", "not YAML"),
        ("- a list", "it begins with `name:`"),
        ("name: m\nversion: 1\n", "nothing would be mapped"),
        ("name: m\nversion: 1\nrows: {}\n", "rows: not a list"),
        ("name: m\nversion: 1\ndefaults: []\n", "defaults: not a table"),
        ("name: m\nversion: 1\ndefaults: {revenue: 1, revenue: 2}\n", "'revenue' is given twice"),
        ("name: m\nversion: 1\nchart: none.csv\ndefaults: {revenue: 1}\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in "; ".join(problems_of(written(tmp_path, text)))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert problems_of(str(tmp_path / "none.yaml")) == ["there is no such file"]


def test_a_mapping_knows_the_chart_it_names(tmp_path: Path) -> None:
    written(tmp_path, CHART, "chart.csv")
    text = "name: m\nversion: 1\nchart: chart.csv\ndefaults: {revenue: 4000}\n"
    found = load_mapping_file(written(tmp_path, text))
    assert found.chart is not None
    assert found.chart["4000"].name == "Revenue"
    assert load_mapping_file(written(tmp_path, GOOD)).chart is None


@pytest.mark.parametrize(
    ("chart", "said"),
    [
        ("", "no rows, or no column account, name, type"),
        ("account,name\n1,One\n", "no column type"),
        (CHART + "4000,Again,income\n", "row 5: account 4000 comes twice"),
        (CHART + "4001,Odd,revenue\n", "row 5: type 'revenue' is none of asset, liability"),
        (CHART + ",Odd,income\n", "row 5: account and name must be there"),
    ],
)
def test_a_chart_that_is_wrong_is_refused(tmp_path: Path, chart: str, said: str) -> None:
    written(tmp_path, chart, "chart.csv")
    text = "name: m\nversion: 1\nchart: chart.csv\ndefaults: {revenue: 4000}\n"
    assert said in "; ".join(problems_of(written(tmp_path, text)))
