"""Which row wins, which rows tie, and that the index finds what reading every row finds."""

from __future__ import annotations

import pickle
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.accounts import AccountRole
from ledger.gl_mapping import GlKey, GlMapping, GlRow, MappedAccount, TiedRows, find_ties

REVENUE = AccountRole.REVENUE
TAX = AccountRole.TAX_PAYABLE


def row(number: int, role: AccountRole = REVENUE, **names: str) -> GlRow:
    """A row whose account is its number."""
    return GlRow(number=number, role=role, target=MappedAccount(str(number)), **names)


def account(mapping: GlMapping, on: str = "2026-01-15", **key: str) -> str | None:
    found = mapping.account_for(
        REVENUE,
        key.get("product_family"),
        key.get("region"),
        key.get("entity"),
        key.get("currency"),
        on,
    )
    return None if found is None else found.account


BASE = row(1)
FAMILY = row(2, product_family="subs")
ENTITY_CURRENCY = row(3, entity="DE01", currency="EUR")
FAMILY_ENTITY_CURRENCY = row(4, product_family="subs", entity="DE01", currency="EUR")
ALL = row(5, product_family="subs", region="EU", entity="DE01", currency="EUR")


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ({}, "1"),
        ({"product_family": "subs"}, "2"),
        ({"product_family": "usage"}, "1"),
        ({"entity": "DE01", "currency": "EUR"}, "3"),
        ({"entity": "DE01", "currency": "USD"}, "1"),
        ({"product_family": "subs", "entity": "DE01", "currency": "USD"}, "2"),
        ({"product_family": "subs", "entity": "DE01", "currency": "EUR"}, "4"),
        (
            {"product_family": "subs", "region": "US", "entity": "DE01", "currency": "EUR"},
            "4",
        ),
        ({"product_family": "subs", "region": "EU", "entity": "DE01", "currency": "EUR"}, "5"),
    ],
)
def test_the_row_that_names_most_wins(key: dict[str, str], wanted: str) -> None:
    mapping = GlMapping("m", 1, [ALL, BASE, FAMILY_ENTITY_CURRENCY, FAMILY, ENTITY_CURRENCY])
    assert account(mapping, **key) == wanted


def test_what_is_not_known_matches_no_row_that_names_it() -> None:
    mapping = GlMapping("m", 1, [row(1, region="EU")])
    assert account(mapping, region="EU") == "1"
    assert account(mapping) is None
    assert account(mapping, region="US") is None


def test_roles_never_mix() -> None:
    mapping = GlMapping("m", 1, [row(1, TAX), row(2, TAX, entity="DE01")])
    assert account(mapping, entity="DE01") is None


@pytest.mark.parametrize(
    ("on", "wanted"),
    [
        ("2025-12-31", None),
        ("2026-01-01", "1"),
        ("2026-06-30", "1"),
        ("2026-07-01", "2"),
        ("2999-01-01", "2"),
    ],
)
def test_both_ends_of_a_validity_belong_to_it(on: str, wanted: str | None) -> None:
    rows = [
        row(1, entity="A", valid_from="2026-01-01", valid_to="2026-06-30"),
        row(2, entity="A", valid_from="2026-07-01"),
    ]
    assert account(GlMapping("m", 1, rows), on, entity="A") == wanted


def test_a_specific_row_that_has_ended_leaves_the_day_to_a_general_one() -> None:
    mapping = GlMapping("m", 1, [row(1), row(2, entity="A", valid_to="2026-01-31")])
    assert account(mapping, "2026-01-31", entity="A") == "2"
    assert account(mapping, "2026-02-01", entity="A") == "1"


TIES = {
    "the same names": ([row(1, entity="A"), row(2, entity="A")], ["1+2@0001-01-01"]),
    "two of nothing": ([row(1), row(2)], ["1+2@0001-01-01"]),
    "names that do not exclude each other": (
        [row(1, entity="A"), row(2, currency="EUR")],
        ["1+2@0001-01-01"],
    ),
    "two names each, one shared": (
        [row(1, entity="A", region="EU"), row(2, entity="A", currency="EUR")],
        ["1+2@0001-01-01"],
    ),
    "one day in common": (
        [row(1, valid_to="2026-03-31"), row(2, valid_from="2026-03-31")],
        ["1+2@2026-03-31"],
    ),
    "a deciding row for a part of the time": (
        [
            row(1, entity="A"),
            row(2, currency="EUR"),
            row(3, entity="A", currency="EUR", valid_from="2026-01-01", valid_to="2026-12-31"),
            row(4, entity="A", currency="EUR", valid_to="2025-12-31"),
        ],
        ["1+2@2027-01-01"],
    ),
    "a row that names something else decides nothing": (
        [
            row(1, entity="A"),
            row(2, currency="EUR"),
            row(3, entity="A", currency="EUR", region="EU"),
            row(4, entity="A", region="EU"),
        ],
        ["1+2@0001-01-01"],
    ),
    "three rows": (
        [row(1), row(2), row(3)],
        ["1+2@0001-01-01", "1+3@0001-01-01", "2+3@0001-01-01"],
    ),
}

NO_TIES = {
    "another role": [row(1), row(2, TAX)],
    "another value": [row(1, entity="A"), row(2, entity="B")],
    "one value in common, one apart": [
        row(1, entity="A", region="EU"),
        row(2, entity="A", region="US"),
        row(3, entity="B", currency="EUR"),
    ],
    "one names more": [row(1), row(2, entity="A"), row(3, entity="A", currency="EUR")],
    "dates that meet and do not overlap": [
        row(1, valid_to="2026-03-31"),
        row(2, valid_from="2026-04-01"),
    ],
    "a row that names both decides": [
        row(1, entity="A"),
        row(2, currency="EUR"),
        row(3, entity="A", currency="EUR"),
    ],
    "two rows decide one after the other": [
        row(1, entity="A"),
        row(2, currency="EUR"),
        row(3, entity="A", currency="EUR", valid_to="2026-01-31"),
        row(4, entity="A", currency="EUR", valid_from="2026-02-01"),
    ],
}


@pytest.mark.parametrize("case", TIES)
def test_rows_that_could_both_win_are_a_tie(case: str) -> None:
    rows, wanted = TIES[case]
    found = [f"{tie.first.number}+{tie.second.number}@{tie.from_day}" for tie in find_ties(rows)]
    assert found == wanted
    with pytest.raises(TiedRows):
        GlMapping("m", 1, rows)


@pytest.mark.parametrize("case", NO_TIES)
def test_rows_of_which_one_wins_are_no_tie(case: str) -> None:
    assert find_ties(NO_TIES[case]) == []


def test_a_tie_names_both_rows_and_since_when() -> None:
    with pytest.raises(TiedRows) as refused:
        GlMapping("m", 1, [row(1, entity="A"), row(2, currency="EUR", valid_from="2026-01-01")])
    assert str(refused.value) == (
        "row 1 (revenue, entity A) and row 2 (revenue, currency EUR, from 2026-01-01) can both "
        "match from 2026-01-01 on, and neither names more"
    )


def test_family_and_region_of_a_line_come_from_the_tables_of_the_mapping() -> None:
    mapping = GlMapping(
        "m", 1, [row(1)], product_families={"p": "subs"}, entity_regions={"DE01": "EU"}
    )
    known = {"entity": "DE01", "currency": "EUR"}
    assert mapping.key_of(REVENUE, product="p", region=None, **known) == GlKey(
        REVENUE, "subs", "EU", "DE01", "EUR"
    )
    assert mapping.key_of(REVENUE, product="q", region="US", **known) == GlKey(
        REVENUE, None, "US", "DE01", "EUR"
    )
    elsewhere = mapping.key_of(REVENUE, product=None, region=None, entity="FR01", currency="EUR")
    assert elsewhere == GlKey(REVENUE, None, None, "FR01", "EUR")


# --- whatever the rows ------------------------------------------------------------------------

DAYS = ("2025-12-31", "2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05")
VALUES = ("a", "b")
ELSE = "c"
"""A value that no row names."""

maybe_value = st.none() | st.sampled_from(VALUES)
maybe_day = st.none() | st.sampled_from(DAYS[1:-1])


@st.composite
def some_rows(draw: st.DrawFn) -> list[GlRow]:
    rows = []
    for number in range(1, draw(st.integers(1, 7)) + 1):
        first, last = draw(maybe_day), draw(maybe_day)
        if first is not None and last is not None and first > last:
            first, last = last, first
        names = [draw(maybe_value) for _ in range(4)]
        rows.append(
            GlRow(
                number=number,
                role=draw(st.sampled_from((REVENUE, TAX))),
                product_family=names[0],
                region=names[1],
                entity=names[2],
                currency=names[3],
                valid_from=first,
                valid_to=last,
                target=MappedAccount(str(number)),
            )
        )
    return rows


def every_key() -> list[GlKey]:
    values = (None, *VALUES, ELSE)
    return [GlKey(role, *rest) for role in (REVENUE, TAX) for rest in product(values, repeat=4)]


def winners(rows: list[GlRow], key: GlKey, on: str) -> list[GlRow]:
    """By reading every row: those that match and name most."""
    matching = [row for row in rows if row.matches(key, on)]
    most = max((row.specificity for row in matching), default=0)
    return [row for row in matching if row.specificity == most]


@settings(deadline=None)
@given(some_rows())
def test_ties_are_exactly_the_pairs_that_win_together_somewhere(rows: list[GlRow]) -> None:
    since: dict[tuple[int, int], str] = {}
    for on in DAYS:
        for key in every_key():
            won = [row.number for row in winners(rows, key, on)]
            for pair in product(won, won):
                if pair[0] < pair[1]:
                    since.setdefault(pair, on)
    found = {(tie.first.number, tie.second.number): tie.from_day for tie in find_ties(rows)}
    # A row without a first day ties since ever, of which DAYS only has the last day.
    assert {pair: max(day, DAYS[0]) for pair, day in found.items()} == since


def untied(rows: list[GlRow]) -> list[GlRow]:
    """Leave out the later row of every tie until there is none."""
    while ties := find_ties(rows):
        out = max(tie.second.number for tie in ties)
        rows = [row for row in rows if row.number != out]
    return rows


@settings(deadline=None)
@given(some_rows())
def test_a_lookup_finds_what_reading_every_row_finds(rows: list[GlRow]) -> None:
    kept = untied(rows)
    mapping = pickle.loads(pickle.dumps(GlMapping("m", 1, reversed(kept))))
    for on in DAYS:
        for key in every_key():
            (*_, wanted) = winners(kept, key, on) or [None]
            assert mapping.row_for(key, on) == wanted


@settings(deadline=None)
@given(some_rows(), some_rows())
def test_a_row_changes_only_what_it_matches(rows: list[GlRow], more: list[GlRow]) -> None:
    kept = untied(rows)
    added = more[0]
    if find_ties([*kept, added]):
        return
    before, after = GlMapping("m", 1, kept), GlMapping("m", 2, [*kept, added])
    for on in DAYS:
        for key in every_key():
            if not added.matches(key, on):
                assert after.row_for(key, on) == before.row_for(key, on)
