"""Both sides of a contract in the same words: products by one name, prices per month.

CRM does not say for what time its prices are: an annual contract is sold at 12,000 and billed at
1,000 a month, another one at 24 a seat for every month of its year. `DriftConfig.price_per` says it
for a company; without it, each line is read in the way that comes nearest to what is billed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from ledger import events
from ledger.billed import Billed, BilledView
from ledger.policies import DriftConfig
from ledger.sold import SoldLine
from ledger.spans import months_between

ALL = ""
"""Product of everything, where the two sides have no name in common."""

_LENGTHS = {"month": Fraction(1), "quarter": Fraction(3), "year": Fraction(12)}


class Priced(NamedTuple):
    """A line of either side in force from `start` until `end` (exclusive; None: open)."""

    is_sold: bool
    product: str
    """By which the sides are compared."""
    name: str
    """CRM's name of it, else billing's."""
    start: int
    end: int | None
    quantity: Fraction | None
    """None where units of several products are added up."""
    per_month: Fraction
    months: Fraction
    """What the price is for; for a billed line its interval."""
    cause: events.Event
    silent: bool = False


def as_priced(sold: Sequence[SoldLine], billed: BilledView, config: DriftConfig) -> list[Priced]:
    """The lines of both sides, ready to be compared product by product."""
    charges = [
        one._replace(product=config.products.get(one.product, one.product))
        for one in billed.charges
    ]
    sold_names, billed_names = {one.product for one in sold}, {one.product for one in charges}
    translated = billed_names & set(config.products.values())
    alike = not (charges and sold) or bool(sold_names & billed_names) or bool(translated)
    counts = alike or len(sold_names) == len(billed_names) == 1
    if not alike and not counts:
        months = _reading_of_all(sold, charges, config)
        read = [(line, months or _term_of(line)) for line in sold]
    else:
        read = [(line, _reading(line, charges, config, alike=alike)) for line in sold]
    found = [
        Priced(
            True, line.product if alike else ALL, line.product, line.start_micros, line.end_micros,
            Fraction(line.quantity) if counts else None,
            Fraction(_price(line), months), months, line.cause,
        )
        for line, months in read
    ]  # fmt: skip
    found += [
        Priced(
            False, one.product if alike else ALL, one.product, one.start, one.end,
            one.quantity if counts else None, one.per_month, one.months, one.cause, one.silent,
        )
        for one in charges
    ]  # fmt: skip
    return found


def _reading(
    line: SoldLine, charges: Sequence[Billed], config: DriftConfig, *, alike: bool
) -> Fraction:
    """Months that the price of a line is for."""
    own = [one for one in charges if one.quantity and (one.product == line.product or not alike)]
    meeting = [one for one in own if _meet(line, one)] or own
    others = meeting or charges
    usual = others[0].months if others else Fraction(1)
    if config.price_per != "nearest":
        return _stated(config.price_per, usual, line)
    if not meeting:
        return usual
    asked = [Fraction(one.per_month, one.quantity) for one in meeting if one.per_month > 0]
    if not asked or line.unit_minor <= 0:
        return usual
    return _nearest(Fraction(line.unit_minor), asked[0], _candidates(usual, _term_of(line)))


def _reading_of_all(
    sold: Sequence[SoldLine], charges: Sequence[Billed], config: DriftConfig
) -> Fraction | None:
    """Months that all prices are for, where only totals can be compared; None: each its term."""
    usual = charges[0].months
    if config.price_per == "term":
        return None
    if config.price_per != "nearest":
        return _stated(config.price_per, usual, sold[0])
    at = max(min(line.start_micros for line in sold), min(one.start for one in charges))
    asked = sum((one.per_month for one in charges if _covers(one.start, one.end, at)), Fraction(0))
    total = sum(
        (_price(line) for line in sold if _covers(line.start_micros, line.end_micros, at)),
        Fraction(0),
    )
    if asked <= 0 or total <= 0:
        return usual
    return _nearest(total, asked, _candidates(usual, _term_of(sold[0])))


def _price(line: SoldLine) -> Fraction:
    """Of all of its units, for whatever time it is for."""
    return Fraction(line.quantity) * Fraction(line.unit_minor)


def _candidates(usual: Fraction, term: Fraction) -> list[Fraction]:
    return [usual, Fraction(1), Fraction(12), Fraction(3), term]


def _nearest(price: Fraction, asked: Fraction, candidates: Sequence[Fraction]) -> Fraction:
    """The first of the candidates by which a price comes nearest to what is asked per month."""

    def distance(months: Fraction) -> Fraction:
        read = Fraction(price, months)
        return max(Fraction(read, asked), Fraction(asked, read))

    return min(candidates, key=distance)


def _stated(price_per: str, usual: Fraction, line: SoldLine) -> Fraction:
    if price_per == "term":
        return _term_of(line)
    return _LENGTHS.get(price_per, usual)


def _term_of(line: SoldLine) -> Fraction:
    """Months of the service of a line as it was sold; a year where it has no end."""
    if line.priced_until_micros is None:
        return Fraction(12)
    return months_between(line.start_micros, line.priced_until_micros) or Fraction(12)


def _meet(line: SoldLine, charge: Billed) -> bool:
    begins_before = line.end_micros is None or charge.start < line.end_micros
    return begins_before and (charge.end is None or charge.end > line.start_micros)


def _covers(start: int, end: int | None, at: int) -> bool:
    return start <= at and (end is None or end > at)
