"""The gate of a close: nine conditions, each with words that say what stands in the way.

The list follows what close procedures of billing and revenue products ask for (Hyperline, Zuora,
Recurly, Stripe). All conditions are judged, so that everything that is missing is told at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from ledger.closing.facts import Break, CloseFacts, FeedFacts, OpenItem, SignOff
from ledger.closing.people import is_same_person
from ledger.instants import iso_instant
from ledger.money import EXPONENT, format_major
from ledger.policies import CloseTerms

SHOWN = 5
"""Items that words name one by one."""


class Gate(StrEnum):
    """The conditions of a close."""

    PREVIOUS = "previous_periods"
    """Every earlier period with postings is closed."""
    OPENING = "opening_balances"
    """The opening balances are the prior period's closing balances, as they were closed."""
    SOURCES = "sources_complete"
    """Every source has come past the end of the period."""
    SEQUENCES = "no_gaps"
    """No number or id that a source sent is missing."""
    EXCEPTIONS = "exceptions"
    """Money that waits or was refused is zero, or signed off by a second person."""
    RECOGNITION = "due_recognition"
    """Revenue is recognised up to the end of the period, for every customer."""
    DELIVERY = "erp_delivery"
    """The ERP has accepted every posting, where one is used."""
    BREAKS = "reconciliation"
    """Figures that must agree do, within tolerance, or are signed off."""
    BALANCED = "debits_equal_credits"
    """The period's debits equal its credits in every currency."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition as judged."""

    name: Gate
    passed: bool
    words: str
    """What was found; when it did not pass, what stands in the way and how to mend it."""


def judge(
    facts: CloseFacts, terms: CloseTerms, proposer: str | None = None
) -> tuple[Condition, ...]:
    """Judge every condition. What `proposer` signed off does not count: they are no second person.

    The result is in the order of `Gate`.
    """
    return (
        _previous(facts),
        _opening(facts),
        _sources(facts),
        _signed(
            Gate.SEQUENCES,
            facts.gaps,
            facts.sign_offs,
            proposer,
            (_what_has_numbers(facts.sources), "messages are missing"),
        ),
        _signed(
            Gate.EXCEPTIONS,
            facts.exceptions,
            facts.sign_offs,
            proposer,
            ("no money waits or was refused", "exceptions hold money"),
        ),
        _recognition(facts),
        _delivery(facts),
        _breaks(facts, terms, proposer),
        _balanced(facts),
    )


def is_open(conditions: Iterable[Condition]) -> bool:
    """Tell whether the gate lets the close through."""
    return all(condition.passed for condition in conditions)


def covers(sign_off: SignOff, item: OpenItem) -> bool:
    """Tell whether a sign-off still holds: for this item, and no smaller amount than it has now."""
    same = (sign_off.item_id, sign_off.reason_code) == (item.item_id, item.reason)
    if not same or item.amount_minor is None or sign_off.amount_minor is None:
        return same and item.amount_minor is sign_off.amount_minor
    if sign_off.currency != item.currency or item.amount_minor * sign_off.amount_minor < 0:
        return False
    return abs(item.amount_minor) <= abs(sign_off.amount_minor)


def break_item(found: Break, period: str) -> OpenItem:
    """Return a break as something that can be signed off."""
    return OpenItem(
        item_id=found.item_id,
        reason=found.kind,
        detail=found.detail,
        amount_minor=found.difference_minor,
        currency=found.currency,
        period=period,
    )


def breaks_beyond(breaks: Iterable[Break], terms: CloseTerms) -> list[Break]:
    """Return the breaks that are larger than what is tolerated."""
    allowed: Mapping[str, int] = terms.tolerance_minor
    return [one for one in breaks if abs(one.difference_minor) > allowed.get(one.kind, 0)]


def _previous(facts: CloseFacts) -> Condition:
    if not facts.unclosed_before:
        return _passed(Gate.PREVIOUS, "every earlier period with postings is closed")
    listed = ", ".join(facts.unclosed_before[:SHOWN])
    return _failed(Gate.PREVIOUS, f"not closed and with postings: {listed}; close the first")


def _opening(facts: CloseFacts) -> Condition:
    if not facts.opening_differences:
        return _passed(Gate.OPENING, "opening balances equal the prior closing balances")
    words = [
        f"{one.role} {one.currency} was closed at {_money(one.closed_minor, one.currency)} and is "
        f"{_money(one.now_minor, one.currency)}"
        for one in facts.opening_differences[:SHOWN]
    ]
    return _failed(Gate.OPENING, "; ".join(words) + ": somebody changed rows of a closed period")


def _sources(facts: CloseFacts) -> Condition:
    if not facts.sources:
        return _failed(Gate.SOURCES, "no source has delivered anything: nothing can be closed")
    behind = [one for one in facts.sources if _reached(one) < facts.ends_micros]
    words = "; ".join(_watermark(one) for one in facts.sources)
    if not behind:
        return _passed(Gate.SOURCES, words)
    names = ", ".join(one.source for one in behind)
    end = iso_instant(facts.ends_micros)
    return _failed(
        Gate.SOURCES,
        f"not past {end}: {names} ({words}); load what is missing, or state that it is complete: "
        f"--source-complete {behind[0].source}={end}",
    )


def _reached(source: FeedFacts) -> int:
    return max(source.latest_micros or 0, source.stated_micros or 0)


def _watermark(source: FeedFacts) -> str:
    parts = []
    if source.latest_micros is not None:
        parts.append(f"latest message of {iso_instant(source.latest_micros)}")
    if source.stated_micros is not None:
        parts.append(f"stated complete up to {iso_instant(source.stated_micros)}")
    return f"{source.source}: {' and '.join(parts) or 'nothing archived'}"


def _what_has_numbers(sources: Sequence[FeedFacts]) -> str:
    numbered = [one.source for one in sources if one.numbered]
    others = [one.source for one in sources if not one.numbered]
    parts = [f"no gap in the numbers of {', '.join(numbered)}"] if numbered else []
    if others:
        parts.append(f"{', '.join(others)} gives no numbers and no manifest was given")
    return "; ".join(parts) or "no source"


def _signed(
    name: Gate,
    items: Sequence[OpenItem],
    sign_offs: Sequence[SignOff],
    proposer: str | None,
    words: tuple[str, str],
) -> Condition:
    """Judge items of which each must be signed off; `words` are those of none and of some."""
    if not items:
        return _passed(name, words[0])
    problems = [why for item in items if (why := _not_signed(item, sign_offs, proposer))]
    if not problems:
        return _passed(name, f"{len(items)} signed off by a second person")
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return _failed(
        name,
        f"{len(problems)} of {len(items)} {words[1]}: {'; '.join(problems[:SHOWN])}{more}. Mend "
        "them, or let somebody who does not propose the close sign them off (`crossfoot close "
        "sign-off`)",
    )


def _not_signed(item: OpenItem, sign_offs: Sequence[SignOff], proposer: str | None) -> str | None:
    """Say why an item is not signed off; None when it is."""
    of_item = [one for one in sign_offs if one.item_id == item.item_id]
    holding = [one for one in of_item if covers(one, item)]
    if any(proposer is None or not is_same_person(one.person, proposer) for one in holding):
        return None
    name = f"{item.item_id} ({item.reason}, {_money(item.amount_minor, item.currency)})"
    if holding:
        return f"{name} is signed off by {holding[-1].person}, who proposes the close"
    if of_item:
        signed = _money(of_item[-1].amount_minor, of_item[-1].currency)
        return f"{name} was signed off at {signed} and is another amount now"
    return name


def _recognition(facts: CloseFacts) -> Condition:
    end = iso_instant(facts.ends_micros)
    if not facts.parties_behind:
        return _passed(
            Gate.RECOGNITION, f"{facts.parties} customers recognised as of {end} or later"
        )
    return _failed(
        Gate.RECOGNITION,
        f"{facts.parties_behind} of {facts.parties} customers were last folded as of a time before "
        f"{end}: run `crossfoot run close-period`",
    )


def _delivery(facts: CloseFacts) -> Condition:
    if not facts.erp_used:
        return _passed(Gate.DELIVERY, "no ERP is used: nothing was ever delivered")
    if not facts.undelivered:
        return _passed(Gate.DELIVERY, "the ERP has accepted every posting")
    return _failed(
        Gate.DELIVERY,
        f"{facts.undelivered} postings are not accepted by the ERP: deliver them, and mend what "
        "it refused",
    )


def _breaks(facts: CloseFacts, terms: CloseTerms, proposer: str | None) -> Condition:
    beyond = breaks_beyond(facts.breaks, terms)
    if not beyond:
        return _passed(
            Gate.BREAKS, f"{len(facts.breaks)} comparisons agree or differ within tolerance"
        )
    items = [break_item(one, facts.period) for one in beyond]
    return _signed(
        Gate.BREAKS, items, facts.sign_offs, proposer, ("", "differences exceed their tolerance")
    )


def _balanced(facts: CloseFacts) -> Condition:
    if not facts.unbalanced:
        return _passed(Gate.BALANCED, "debits equal credits in every currency")
    listed = ", ".join(facts.unbalanced)
    return _failed(Gate.BALANCED, f"debits differ from credits in {listed}: rows were changed")


def _passed(name: Gate, words: str) -> Condition:
    return Condition(name=name, passed=True, words=words)


def _failed(name: Gate, words: str) -> Condition:
    return Condition(name=name, passed=False, words=words)


def _money(amount_minor: int | None, currency: str | None) -> str:
    if amount_minor is None:
        return "amount unknown"
    if currency not in EXPONENT:
        return f"{amount_minor} {currency or ''}".strip()
    return f"{format_major(amount_minor, currency or '')} {currency}"
