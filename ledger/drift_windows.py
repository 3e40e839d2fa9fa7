"""The times in which two sides disagree about a product, and in what: units, price, or dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from ledger import events
from ledger.money import EXPONENT, divide
from ledger.policies import DAY_MICROS, DriftConfig
from ledger.readings import Priced
from ledger.spans import months_counted_from

_DECIMALS = 4
"""Of a minor unit in words: prices per month need not come out even."""


class Side(NamedTuple):
    """What one side says at a moment, all its lines of a product together."""

    quantity: Fraction | None
    per_month: Fraction
    cause: events.Event | None
    """The last event that made it so; None where it never said anything."""

    @property
    def is_there(self) -> bool:
        """Whether anything is sold or billed at all."""
        return bool(self.per_month) or bool(self.quantity)

    @property
    def unit(self) -> Fraction:
        """Price of one unit for a month."""
        return Fraction(self.per_month, self.quantity) if self.quantity else self.per_month

    def says(self, other: Side) -> bool:
        """Whether both say the same, whatever made it so."""
        return (self.quantity, self.per_month) == (other.quantity, other.per_month)

    def words(self, currency: str) -> str:
        """`10 x 24.00 EUR a month`, or `nothing`."""
        if not self.is_there:
            return "nothing"
        if self.quantity is None:
            return f"{_major(self.per_month, currency)} {currency} a month"
        return f"{_number(self.quantity)} x {_major(self.unit, currency)} {currency} a month"


class Span(NamedTuple):
    """A time in which neither side changes."""

    start: int
    end: int
    sold: Side
    billed: Side
    agree: bool


class Window(NamedTuple):
    """A time in which the sides disagree in one attribute; `difference` in minor units."""

    start: int
    end: int
    attribute: str
    sold: Side
    billed: Side
    difference: Fraction
    """What was sold less what is billed."""


def windows_of(
    lines: Sequence[Priced], horizon: int, as_of: int, config: DriftConfig
) -> list[Window]:
    """Every disagreement about one product that began before `as_of`, up to `horizon`, by time."""
    spans = _spans(lines, horizon, as_of, config)
    heard = {is_sold: any(one.is_sold is is_sold for one in lines) for is_sold in (True, False)}
    anchor = min([one.start for one in lines if not one.is_sold] or [one.start for one in lines])
    found: list[Window] = []
    for position, span in enumerate(spans):
        if span.agree or span.end - span.start <= config.tolerance_days * DAY_MICROS:
            continue
        before = spans[position - 1] if position else None
        after = spans[position + 1] if position + 1 < len(spans) else None
        months = months_counted_from(anchor, span.start, span.end)
        found += _judge(span, months, before, after, heard)
    return found


# --- spans --------------------------------------------------------------------------------


def _spans(lines: Sequence[Priced], horizon: int, as_of: int, config: DriftConfig) -> list[Span]:
    """The times between changes of either side; what is silent leaves a hole."""
    edges = {one.start for one in lines} | {one.end for one in lines if one.end is not None}
    moments = sorted({min(edge, horizon) for edge in edges} | {horizon})
    found: list[Span] = []
    for start, end in pairwise(moments):
        if start >= as_of:
            break
        there = [one for one in lines if one.start <= start and (one.end or end) >= end]
        if any(one.silent for one in there):
            continue
        sold, billed = _side(lines, there, start, True), _side(lines, there, start, False)
        agree = _agree(sold, billed, there, config)
        last = found[-1] if found else None
        if last and last.end == start and last.sold.says(sold) and last.billed.says(billed):
            found[-1] = last._replace(end=end)
        else:
            found.append(Span(start, end, sold, billed, agree))
    return found


def _side(lines: Iterable[Priced], there: Iterable[Priced], at: int, is_sold: bool) -> Side:
    own = [one for one in there if one.is_sold is is_sold]
    counted = [one.quantity for one in own]
    told = [one for one in lines if one.is_sold is is_sold and one.start <= at]
    latest = max(
        told, key=lambda one: (one.start, one.cause.occurred_at_micros, one.cause.event_id),
        default=None,
    )  # fmt: skip
    return Side(
        None if None in counted else sum((one for one in counted if one is not None), Fraction(0)),
        sum((one.per_month for one in own), Fraction(0)),
        latest.cause if latest else None,
    )


def _agree(sold: Side, billed: Side, there: Iterable[Priced], config: DriftConfig) -> bool:
    """Same money over a billing interval, but for rounding, and the same units.

    Where it is open for what time CRM's price is, the same money is enough: ten seats may be sold
    as one bundle.
    """
    if not sold.is_there and not billed.is_there:
        return True
    interval = max((one.months for one in there if not one.is_sold), default=Fraction(1))
    if abs(sold.per_month - billed.per_month) * interval > config.tolerance_minor:
        return False
    if sold.is_there is not billed.is_there:
        return True
    return config.price_per == "nearest" or sold.quantity == billed.quantity


# --- judging ------------------------------------------------------------------------------


def _judge(
    span: Span,
    months: Fraction,
    before: Span | None,
    after: Span | None,
    heard: dict[bool, bool],
) -> list[Window]:
    sold, billed = span.sold, span.billed
    money = (sold.per_month - billed.per_month) * months
    if not billed.is_there:
        attribute = "dates" if heard[False] else "sold_not_billed"
    elif not sold.is_there:
        attribute = "dates" if heard[True] else "billed_not_sold"
    elif _one_is_late(span, before, after):
        attribute = "dates"
    else:
        return _units_and_price(span, months, money)
    return [Window(span.start, span.end, attribute, sold, billed, money)]


def _one_is_late(span: Span, before: Span | None, after: Span | None) -> bool:
    """Both make the same change, one of them later."""
    if before is None or after is None or not (before.agree and after.agree):
        return False
    return (span.billed.says(before.billed) and span.sold.says(after.sold)) or (
        span.sold.says(before.sold) and span.billed.says(after.billed)
    )


def _units_and_price(span: Span, months: Fraction, money: Fraction) -> list[Window]:
    """Units at the sold price, and the price on the units billed; together all of the money."""
    sold, billed = span.sold, span.billed
    if sold.quantity is None or billed.quantity is None or sold.quantity == billed.quantity:
        return [Window(span.start, span.end, "price", sold, billed, money)]
    of_units = (sold.quantity - billed.quantity) * sold.unit * months
    found = [Window(span.start, span.end, "quantity", sold, billed, of_units)]
    rest = money - of_units
    if abs(rest) > max(abs(billed.quantity), Fraction(1)) * months:
        found.append(Window(span.start, span.end, "price", sold, billed, rest))
        return found
    return [found[0]._replace(difference=money)]


# --- words --------------------------------------------------------------------------------


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return str(_decimal(value, 6).normalize())


def _major(minor: Fraction, currency: str) -> str:
    """Major units with the currency's decimals, more only where there is more."""
    exact = _decimal(minor, _DECIMALS).scaleb(-EXPONENT[currency])
    shortest = exact.quantize(Decimal(1).scaleb(-EXPONENT[currency]))
    return str(shortest) if shortest == exact else f"{exact.normalize():f}"


def _decimal(value: Fraction, places: int) -> Decimal:
    scaled = divide(value.numerator * 10**places, value.denominator)
    return Decimal(scaled).scaleb(-places)
