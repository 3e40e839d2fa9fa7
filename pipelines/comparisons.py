"""Comparisons of a close: figures that must be equal, from two places, and what each is made of.

`COMPARISONS` is the list; another room adds its own by adding a function to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from connectors.store.closing.snapshot import InvoiceRow, Snapshot
from ledger.accounts import AccountRole
from ledger.closing.facts import Break
from ledger.closing.figures import BookedLine, Contribution, PlannedLine, of_plan, of_posting
from ledger.events import PayoutFailed, PayoutPaid


class Evidence(NamedTuple):
    """What comparisons are made from."""

    snapshot: Snapshot
    planned: Sequence[PlannedLine]
    """The schedule of what is deferred at the end of the period."""
    default_entity: str


class Comparison(NamedTuple):
    """One figure from two places, in one currency."""

    kind: str
    currency: str
    ours: tuple[Contribution, ...]
    """What the journal's figure is made of."""
    theirs: tuple[Contribution, ...]
    detail: str

    def as_break(self) -> Break:
        """Return the two sums."""
        return Break(
            kind=self.kind,
            currency=self.currency,
            ours_minor=sum(one.amount_minor for one in self.ours),
            theirs_minor=sum(one.amount_minor for one in self.theirs),
            detail=self.detail,
        )


def receivables(evidence: Evidence) -> Iterator[Comparison]:
    """Receivables in the journal, and what the invoices say is still owed on them."""
    found = evidence.snapshot
    owner = _issuing_entities(found)
    theirs = [
        _named("invoice", row.invoice_id, row.owed_minor, row.currency)
        for row in found.invoices
        if row.owed_minor and owner(row) == found.which.entity
    ]
    ours = [_booked(line, line.amount_minor) for line in found.receivable_lines]
    yield from _by_currency(
        "receivables_by_invoice", ours, theirs, "the journal against what is owed on invoices"
    )


def _issuing_entities(found: Snapshot) -> Callable[[InvoiceRow], str]:
    """An invoice counts where it was issued; where the journal does not tell, in its contract's."""
    issued_here = {line.invoice_id for line in found.receivable_lines if line.invoice_id}

    def owner(row: InvoiceRow) -> str:
        return found.which.entity if row.invoice_id in issued_here else row.entity

    return owner


def payouts(evidence: Evidence) -> Iterator[Comparison]:
    """Money that reached the bank in the journal, and the payouts that the processor told of."""
    found = evidence.snapshot
    told: dict[tuple[str, str], PayoutPaid | PayoutFailed] = {}
    for event in found.payouts:
        if isinstance(event, PayoutPaid | PayoutFailed):
            told.setdefault((type(event).__name__, event.payout_id), event)
    theirs = [
        _named(
            "event",
            event.event_id,
            event.amount_minor if isinstance(event, PayoutPaid) else -event.amount_minor,
            event.currency,
            (event.source_event_id,),
        )
        for event in told.values()
        if (event.entity or evidence.default_entity) == found.which.entity
    ]
    ours = [
        _booked(line, line.amount_minor)
        for line in (*found.lines, *found.later_lines)
        if line.role == AccountRole.BANK and line.rule.startswith("payout_")
    ]
    yield from _by_currency(
        "bank_by_payout", ours, theirs, "the journal's bank against the processor's payouts"
    )


def clearing(evidence: Evidence) -> Iterator[Comparison]:
    """A processor cannot pay out more than it collected: clearing must not be in credit."""
    held: dict[str, list[Contribution]] = {}
    for line in evidence.snapshot.lines:
        if line.role == AccountRole.CASH_CLEARING:
            held.setdefault(line.currency, []).append(_booked(line, line.amount_minor))
    for currency, parts in sorted(held.items()):
        if sum(one.amount_minor for one in parts) < 0:
            yield Comparison(
                "clearing_overdrawn", currency, tuple(parts), (), "paid out more than was collected"
            )


def deferral(evidence: Evidence) -> Iterator[Comparison]:
    """Deferred revenue of the period's dates, and the schedule of its recognition."""
    found = evidence.snapshot
    ours = [
        _booked(line, -line.amount_minor)
        for line in (*found.lines, *found.later_lines)
        if line.role == AccountRole.DEFERRED_REVENUE
    ]
    theirs = [of_plan(line, "") for line in evidence.planned]
    yield from _by_currency(
        "deferred_by_schedule", ours, theirs, "deferred revenue against its schedule"
    )


COMPARISONS: tuple[Callable[[Evidence], Iterator[Comparison]], ...] = (
    receivables,
    payouts,
    clearing,
    deferral,
)
"""Every comparison of a close, in the order of the report."""


def compare(evidence: Evidence) -> list[Comparison]:
    """Return every comparison, by kind in the order of the list, by currency."""
    return [found for comparison in COMPARISONS for found in comparison(evidence)]


def _by_currency(
    kind: str, ours: Iterable[Contribution], theirs: Iterable[Contribution], detail: str
) -> Iterator[Comparison]:
    sides: dict[str, tuple[list[Contribution], list[Contribution]]] = {}
    for position, parts in enumerate((ours, theirs)):
        for one in parts:
            sides.setdefault(one.currency, ([], []))[position].append(one)
    for currency in sorted(sides):
        journal, elsewhere = sides[currency]
        yield Comparison(kind, currency, tuple(journal), tuple(elsewhere), detail)


def _booked(line: BookedLine, amount: int) -> Contribution:
    return of_posting(line, "", amount, line.currency)


def _named(
    what: str, name: str, amount: int, currency: str, events: tuple[str, ...] = ()
) -> Contribution:
    return Contribution(
        address="", amount_minor=amount, currency=currency, what=what, name=name, events=events
    )
