"""The gate of a close: each condition alone shuts it, with words that say what is in the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ledger.closing.facts import (
    BalanceDifference,
    Break,
    CloseFacts,
    FeedFacts,
    OpenItem,
    SignOff,
)
from ledger.closing.gate import Gate, covers, is_open, judge
from ledger.policies import CloseTerms

JANUARY = 1_767_225_600_000_000
FEBRUARY = JANUARY + 31 * 86_400_000_000
STRICT = CloseTerms()
OPEN = CloseFacts(
    entity="MAIN",
    period="2026-01",
    starts_micros=JANUARY,
    ends_micros=FEBRUARY,
    sources=(FeedFacts(source="stripe", latest_micros=FEBRUARY),),
    parties=3,
    breaks=(Break(kind="bank", currency="USD", ours_minor=5, theirs_minor=5, detail=""),),
)
WAITING = OpenItem(
    item_id="stripe:evt_1/x",
    reason="unmatched_invoice",
    detail="waits for stripe:in_1",
    amount_minor=1000,
    currency="USD",
    period="2026-01",
)
GAP = msgspec.structs.replace(WAITING, item_id="gap:1", amount_minor=None, currency=None)
BROKEN = Break(kind="bank", currency="USD", ours_minor=700, theirs_minor=650, detail="d")


def signed(item: OpenItem, by: str = "ben", **changes: Any) -> SignOff:
    values: dict[str, Any] = {
        "item_id": item.item_id,
        "reason_code": item.reason,
        "period": "2026-01",
        "person": by,
        "why": "known",
        "amount_minor": item.amount_minor,
        "currency": item.currency,
        "at_micros": FEBRUARY,
    }
    return SignOff(**(values | changes))


def shut(facts: CloseFacts, proposer: str | None = None, **tolerance: int) -> dict[str, str]:
    conditions = judge(facts, CloseTerms(tolerance_minor=tolerance), proposer)
    assert [one.name for one in conditions] == list(Gate)
    assert is_open(conditions) == all(one.passed for one in conditions)
    return {one.name.value: one.words for one in conditions if not one.passed}


def changed(**changes: Any) -> CloseFacts:
    return msgspec.structs.replace(OPEN, **changes)


def test_a_period_with_nothing_in_its_way_is_open() -> None:
    assert shut(OPEN) == {}


CASES: list[tuple[dict[str, Any], Gate, str]] = [
    ({"unclosed_before": ("2025-11", "2025-12")}, Gate.PREVIOUS, "2025-11, 2025-12"),
    (
        {
            "opening_differences": (
                BalanceDifference(role="bank", currency="USD", closed_minor=100, now_minor=90),
            )
        },
        Gate.OPENING,
        "bank USD was closed at 1.00 USD and is 0.90 USD",
    ),
    ({"sources": ()}, Gate.SOURCES, "no source has delivered"),
    (
        {"sources": (FeedFacts(source="stripe", latest_micros=FEBRUARY - 1),)},
        Gate.SOURCES,
        "--source-complete stripe=2026-02-01T00:00:00+00:00",
    ),
    ({"gaps": (GAP,)}, Gate.SEQUENCES, "gap:1 (unmatched_invoice, amount unknown)"),
    ({"exceptions": (WAITING,)}, Gate.EXCEPTIONS, "stripe:evt_1/x (unmatched_invoice, 10.00 USD)"),
    ({"parties_behind": 2}, Gate.RECOGNITION, "2 of 3 customers"),
    ({"erp_used": True, "undelivered": 4}, Gate.DELIVERY, "4 postings"),
    ({"breaks": (BROKEN,)}, Gate.BREAKS, "break:bank:USD (bank, 0.50 USD)"),
    ({"unbalanced": ("USD",)}, Gate.BALANCED, "differ from credits in USD"),
]


@pytest.mark.parametrize(("changes", "name", "words"), CASES)
def test_each_condition_alone_shuts_the_gate_and_says_why(
    changes: dict[str, Any], name: Gate, words: str
) -> None:
    found = shut(changed(**changes))
    assert list(found) == [name.value]
    assert words in found[name.value]


def test_every_condition_has_a_case_that_shuts_it() -> None:
    assert {name for _, name, _ in CASES} == set(Gate)


def test_a_source_that_is_stated_complete_counts_as_past_the_end() -> None:
    quiet = FeedFacts(source="stripe", latest_micros=JANUARY, stated_micros=FEBRUARY)
    assert shut(changed(sources=(quiet,))) == {}
    early = msgspec.structs.replace(quiet, stated_micros=FEBRUARY - 1)
    assert list(shut(changed(sources=(quiet, early)))) == [Gate.SOURCES.value]


def test_what_waits_for_delivery_does_not_count_where_no_erp_is_used() -> None:
    assert shut(changed(undelivered=4)) == {}


@pytest.mark.parametrize(("tolerance", "passes"), [(49, False), (50, True)])
def test_a_break_within_its_tolerance_passes(tolerance: int, passes: bool) -> None:
    facts = changed(breaks=(BROKEN, msgspec.structs.replace(BROKEN, theirs_minor=750)))
    assert (shut(facts, bank=tolerance) == {}) is passes
    assert shut(facts, another=99)


def test_a_sign_off_by_somebody_else_lets_through() -> None:
    facts = changed(exceptions=(WAITING,), sign_offs=(signed(WAITING),))
    assert shut(facts, "anna") == {}
    assert "signed off by ben, who proposes" in shut(facts, " BEN ")[Gate.EXCEPTIONS.value]


def test_a_break_and_a_gap_can_be_signed_off_too() -> None:
    broken = msgspec.structs.replace(
        WAITING, item_id="break:bank:USD", reason="bank", amount_minor=50
    )
    facts = changed(gaps=(GAP,), breaks=(BROKEN,), sign_offs=(signed(GAP), signed(broken)))
    assert shut(facts, "anna") == {}


@pytest.mark.parametrize(
    ("now", "covered"), [(1000, True), (999, True), (1001, False), (-1000, False), (None, False)]
)
def test_a_sign_off_does_not_cover_what_grows_or_turns(now: int | None, covered: bool) -> None:
    grown = msgspec.structs.replace(WAITING, amount_minor=now)
    assert covers(signed(WAITING), grown) is covered
    found = shut(changed(exceptions=(grown,), sign_offs=(signed(WAITING),)), "anna")
    assert (found == {}) is covered
    if not covered:
        assert "was signed off at 10.00 USD" in found[Gate.EXCEPTIONS.value]


def test_a_sign_off_is_of_its_reason_and_currency_alone() -> None:
    assert not covers(signed(WAITING), msgspec.structs.replace(WAITING, reason="missing_rate"))
    assert not covers(signed(WAITING), msgspec.structs.replace(WAITING, currency="EUR"))
    assert not covers(signed(WAITING), msgspec.structs.replace(WAITING, item_id="other"))
