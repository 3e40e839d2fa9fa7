"""Gaps with their money, rows without use, and what another mapping would move."""

from __future__ import annotations

from connectors.policy_packs import load_policy_pack
from ledger.accounts import AccountRole
from ledger.gl_mapping import GlMapping, GlRow, MappedAccount
from ledger.gl_review import (
    KeyUse,
    changed_rows,
    gaps_of,
    moves_between,
    products_without_family,
    roles_of,
    unused_rows,
)

CONTRA = load_policy_pack("stripe-contra")
REVENUE, BANK = AccountRole.REVENUE, AccountRole.BANK


def row(number: int, role: AccountRole = REVENUE, **names: str) -> GlRow:
    return GlRow(number=number, role=role, target=MappedAccount(str(number)), **names)


def mapping(*rows: GlRow, version: int = 1) -> GlMapping:
    return GlMapping("m", version, rows, product_families={"pro": "subs"})


ALL_ROLES = [row(100, role) for role in AccountRole if role is not REVENUE]


def use(
    product: str | None = "pro", on: str = "2026-01-15", amount: int = 500, **more: str
) -> KeyUse:
    given = {"role": "revenue", "region": None, "entity": "DE01", "currency": "EUR"}
    return KeyUse(
        tenant="acme", product=product, on=on, lines=1, debits_minor=0, credits_minor=amount,
        **{**given, **more},
    )  # fmt: skip


def test_a_gap_has_the_money_and_days_of_all_its_lines() -> None:
    uses = [use(on="2026-01-15"), use(on="2026-03-01", amount=70), use("pro", region="EU")]
    gaps = gaps_of(mapping(row(1, region="EU"), *ALL_ROLES), uses, CONTRA)
    (gap,) = gaps
    assert (gap.role, gap.product_family, gap.region, gap.entity) == (
        "revenue",
        "subs",
        None,
        "DE01",
    )
    assert (gap.first_day, gap.last_day, gap.lines) == ("2026-01-15", "2026-03-01", 2)
    assert (gap.debits_minor, gap.credits_minor) == (0, 570)
    assert gap.product is None


def test_a_gap_of_days_is_a_gap() -> None:
    uses = [use(on="2025-12-31"), use(on="2026-01-01")]
    (gap,) = gaps_of(mapping(row(1, valid_from="2026-01-01"), *ALL_ROLES), uses, CONTRA)
    assert (gap.first_day, gap.last_day) == ("2025-12-31", "2025-12-31")


def test_products_that_are_in_no_family_are_told_apart() -> None:
    subs_only = mapping(row(1, product_family="subs"), *ALL_ROLES)
    gaps = gaps_of(subs_only, [use(), use("new"), use("newer"), use(None)], CONTRA)
    assert [gap.product for gap in gaps] == [None, "new", "newer"]
    assert products_without_family(subs_only, [use(), use("new"), use(None)]) == ["new"]


def test_a_role_the_policy_may_book_and_no_row_names_is_a_gap_without_money() -> None:
    rows = [one for one in ALL_ROLES if one.role is not BANK]
    (gap,) = gaps_of(mapping(row(1), *rows), [], CONTRA)
    assert (gap.role, gap.lines, gap.entity) == ("bank", 0, None)
    # What another policy books is no gap of this one.
    never = [one for one in ALL_ROLES if one.role is not AccountRole.DISPUTES_RECEIVABLE]
    assert gaps_of(mapping(row(1), *never), [], CONTRA) == []
    assert [
        g.role for g in gaps_of(mapping(row(1), *never), [], load_policy_pack("receivable"))
    ] == ["disputes_receivable"]


def test_rows_without_use_say_why() -> None:
    rows = [
        row(1),
        row(2, product_family="subs"),
        row(3, product_family="gone"),
        row(4, AccountRole.DISPUTES_RECEIVABLE),
        row(5, entity="US01", product_family="subs"),
        row(6, BANK),
    ]
    found = {one.row: one.why for one in unused_rows(mapping(*rows), [use()], CONTRA)}
    assert found == {
        "row 1 (revenue)": "shadowed in these books: row 2 (revenue, family subs) always wins",
        "row 3 (revenue, family gone)": "no product is in the family gone",
        "row 4 (disputes_receivable)": "policy stripe-contra@1 never books disputes_receivable",
        "row 5 (revenue, family subs, entity US01)": "no line of the books matches it",
        "row 6 (bank)": "no line of the books matches it",
    }


def test_without_books_only_rows_that_can_match_nothing_are_told() -> None:
    rows = [row(1), row(3, product_family="gone"), row(4, AccountRole.DISPUTES_RECEIVABLE)]
    found = [one.row for one in unused_rows(mapping(*rows), None, CONTRA)]
    assert found == ["row 3 (revenue, family gone)", "row 4 (disputes_receivable)"]


def test_a_row_that_wins_once_is_used_whatever_else_beats_it() -> None:
    rows = [row(1), row(2, product_family="subs")]
    for uses in ([use(), use(None)], [use(None), use()]):
        assert unused_rows(mapping(*rows), uses, CONTRA) == []


def test_changed_rows_are_those_of_another_place_or_account() -> None:
    before = mapping(row(1), row(2, entity="A"), row(3, entity="B"))
    moved = GlRow(number=9, role=REVENUE, entity="A", target=MappedAccount("77"))
    after = mapping(row(1), moved, row(4, entity="B", valid_from="2026-01-01"))
    found = [(one.row, one.before, one.after) for one in changed_rows(before, after)]
    assert found == [
        ("row 9 (revenue, entity A)", MappedAccount("2"), MappedAccount("77")),
        ("row 3 (revenue, entity B)", MappedAccount("3"), None),
        ("row 4 (revenue, entity B, from 2026-01-01)", None, MappedAccount("4")),
    ]
    assert changed_rows(before, before) == []


def test_a_change_says_which_lines_it_moves() -> None:
    before, after = mapping(row(1)), mapping(row(2), row(3, region="EU"))
    uses = [use(), use(amount=7), use(region="EU", amount=30), use(currency="USD")]
    moves = [
        (m.before, m.after, m.currency, m.lines, m.credits_minor)
        for m in moves_between(before, after, uses)
    ]
    one, two, three = (MappedAccount(code) for code in "123")
    assert moves == [
        (one, two, "EUR", 2, 507),
        (one, three, "EUR", 1, 30),
        (one, two, "USD", 1, 500),
    ]
    assert moves_between(before, before, uses) == []


def test_the_roles_of_a_policy_are_in_the_order_of_roles() -> None:
    roles = roles_of(CONTRA)
    assert roles == [role for role in AccountRole if role in roles]
