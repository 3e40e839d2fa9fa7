"""What CRM sold, moment by moment: a contract's lines through amendments, renewals and its end.

- Signed: its lines run for the term, or for the service period that a line states.
- Amended: a line with the id of a running one replaces it from its date on; any other is added to
  what runs, a negative quantity takes away. A later end of the term moves the lines that end with
  it.
- Renewed, also early: every running line stops when the renewal begins; its lines follow, or the
  same ones where it states none.
- Cancelled: everything stops at that moment.

Pure and order-proof: terms count by when they take effect, whenever they were told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from ledger import events
from ledger.money import EXPONENT


class SoldLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line in force from `start_micros` until `end_micros` (exclusive; None: no end stated)."""

    line_id: str
    product: str
    quantity: Decimal
    """Negative where an amendment takes units away."""
    unit_minor: Decimal
    """Price of one unit in minor units, for whatever time CRM prices are for."""
    start_micros: int
    end_micros: int | None
    priced_until_micros: int | None
    """End of the service as it was sold, before anything cut it."""
    cause: events.ContractTerms


class Term(msgspec.Struct, frozen=True):
    """The term of a contract: from when, and until when (exclusive; None: open)."""

    start_micros: int
    end_micros: int | None


def lines_sold(
    terms: Iterable[events.ContractTerms], cancelled: events.ContractCancelled | None
) -> tuple[SoldLine, ...]:
    """Every line with the time in which it is in force, by (start, product, line id)."""
    deal = _Deal()
    for told in in_effect(terms):
        deal.apply(told)
    lines = deal.rolled_on()
    if cancelled is not None:
        lines = _cut(lines, cancelled.effective_at_micros)
    return tuple(sorted(lines, key=lambda line: (line.start_micros, line.product, line.line_id)))


def term_at(
    terms: Sequence[events.ContractTerms],
    cancelled: events.ContractCancelled | None,
    at_micros: int,
) -> Term | None:
    """The term that runs at a moment: the last that began by then, else the first to come.

    Amendments can move its end, a cancellation shortens it.
    """
    bases = [told for told in in_effect(terms) if not isinstance(told, events.ContractAmended)]
    if not bases:
        return None
    begun = [told for told in bases if told.term_start_micros <= at_micros]
    base = begun[-1] if begun else bases[0]
    end = base.term_end_micros
    for told in terms:
        moved = told.term_end_micros
        within = isinstance(told, events.ContractAmended) and (
            base.term_start_micros <= told.term_start_micros <= (end or told.term_start_micros)
        )
        if within and end is not None and moved is not None:
            end = max(end, moved)
    if cancelled is not None:
        end = min(cancelled.effective_at_micros, end or cancelled.effective_at_micros)
    return Term(base.term_start_micros, end)


def in_effect(terms: Iterable[events.ContractTerms]) -> list[events.ContractTerms]:
    """Terms by when they take effect; the first signing comes before everything."""
    ordered = sorted(terms, key=_effect)
    signed = [told for told in ordered if isinstance(told, events.ContractSigned)]
    if not signed:
        return ordered
    first = min(signed, key=lambda told: (told.occurred_at_micros, told.event_id))
    return [first, *(told for told in ordered if told is not first)]


def _effect(told: events.ContractTerms) -> tuple[int, int, str]:
    return told.term_start_micros, told.occurred_at_micros, told.event_id


class _Deal:
    """The lines while terms are applied to them in the order of their effect."""

    def __init__(self) -> None:
        self.lines: list[SoldLine] = []
        self.end: int | None = None
        self.rolls_on = False

    def apply(self, told: events.ContractTerms) -> None:
        if isinstance(told, events.ContractAmended):
            self._amend(told)
        else:
            self._begin(told)

    def rolled_on(self) -> list[SoldLine]:
        """A contract that renews by itself goes on until somebody ends it."""
        if not self.rolls_on or self.end is None:
            return self.lines
        return [
            msgspec.structs.replace(line, end_micros=None) if line.end_micros == self.end else line
            for line in self.lines
        ]

    def _begin(self, told: events.ContractTerms) -> None:
        """A term begins: signed, or renewed, early or in time."""
        start = told.term_start_micros
        before = self.lines
        goes_on = [line for line in before if _ends_with(line, self.end) or _runs(line, start)]
        self.lines = _cut(before, start)
        if told.lines:
            self.lines += [_line(line, told) for line in told.lines]
        else:
            self.lines += [_again(line, told) for line in goes_on]
        self.end, self.rolls_on = told.term_end_micros, told.auto_renew

    def _amend(self, told: events.ContractAmended) -> None:
        for stated in told.lines:
            line = _line(stated, told)
            replaced = [one for one in self.lines if one.line_id == line.line_id]
            others = [one for one in self.lines if one.line_id != line.line_id]
            self.lines = [*others, *_cut(replaced, line.start_micros), line]
        moved = told.term_end_micros
        if moved is not None and self.end is not None and moved > self.end:
            self.lines = [
                msgspec.structs.replace(line, end_micros=moved)
                if line.end_micros == self.end
                else line
                for line in self.lines
            ]
            self.end = moved


def _ends_with(line: SoldLine, end: int | None) -> bool:
    return end is not None and line.end_micros == end


def _runs(line: SoldLine, at: int) -> bool:
    return line.start_micros <= at and (line.end_micros is None or line.end_micros > at)


def _cut(lines: Iterable[SoldLine], at: int) -> list[SoldLine]:
    """The lines as far as they run before a moment."""
    return [
        line
        if line.end_micros is not None and line.end_micros <= at
        else msgspec.structs.replace(line, end_micros=at)
        for line in lines
        if line.start_micros < at
    ]


def _line(stated: events.ContractLine, told: events.ContractTerms) -> SoldLine:
    start, end = stated.service_start_micros, stated.service_end_micros
    start = told.term_start_micros if start is None else start
    end = told.term_end_micros if end is None else end
    return SoldLine(
        line_id=stated.line_id,
        product=stated.product,
        quantity=stated.quantity,
        unit_minor=stated.unit_amount.scaleb(EXPONENT[told.currency]),
        start_micros=start,
        end_micros=end,
        priced_until_micros=end,
        cause=told,
    )


def _again(line: SoldLine, told: events.ContractTerms) -> SoldLine:
    """The same line in the next term."""
    return msgspec.structs.replace(
        line,
        start_micros=told.term_start_micros,
        end_micros=told.term_end_micros,
        priced_until_micros=told.term_end_micros,
        cause=told,
    )
