"""Joins the events that tell the same invoice, refund or dispute into one fact each.

Events come sorted by (time, event id): the first is the cause, the others are evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Generic, TypeVar

import msgspec

from ledger.accounting.poster import Poster
from ledger.events import (
    CreditGranted,
    CreditMovement,
    CreditNoteIssued,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    InvoiceIssued,
    RefundIssued,
)
from ledger.reasons import Reason

_E = TypeVar("_E", bound=Event)


class InvoiceFact:
    """An invoice as all its evidence tells it."""

    __slots__ = ("cause", "content", "due_at", "evidence", "issued_at", "rate")

    def __init__(self, poster: Poster, events: list[InvoiceIssued]) -> None:
        first = events[0]
        self.cause = first
        self.content = first
        self.evidence: tuple[str, ...] = ()
        self.issued_at = first.issued_at_micros
        self.due_at = first.due_at_micros
        self.rate: Decimal | None = first.exchange_rate
        if len(events) > 1:
            self.content = next((event for event in events if adds_up(event)), first)
            self.evidence = poster.others(events, first)
            self.issued_at = min(event.issued_at_micros for event in events)
            self.due_at = _first(event.due_at_micros for event in events)
            self.rate = _first(event.exchange_rate for event in events)


def adds_up(event: InvoiceIssued) -> bool:
    """Tell whether lines and taxes add up to the invoice's total."""
    total = 0
    for tax in event.taxes:
        if not tax.inclusive:
            total += tax.amount_minor
        elif not event.lines:
            return False
    for line in event.lines:
        total += line.amount_minor
        for tax in line.taxes:
            if not tax.inclusive:
                total += tax.amount_minor
    return total == event.total_minor


_V = TypeVar("_V")


def _first(values: Iterable[_V | None]) -> _V | None:
    return next((value for value in values if value is not None), None)


def by_id(events: Iterable[_E], name: str) -> dict[str, list[_E]]:
    """Group events by the id that the attribute `name` holds, in their order."""
    groups: dict[str, list[_E]] = {}
    for event in events:
        groups.setdefault(getattr(event, name), []).append(event)
    return groups


class Told(Generic[_E]):
    """An event with the further messages that tell the same."""

    __slots__ = ("event", "evidence")

    def __init__(self, event: _E, evidence: tuple[str, ...]) -> None:
        self.event = event
        self.evidence = evidence


def first_of_each(poster: Poster, events: Iterable[_E], name: str) -> list[Told[_E]]:
    """Return the first event about each object; the others are its evidence."""
    groups = by_id(events, name).values()
    return [Told(told[0], poster.others(told, told[0])) for told in groups]


def _agreeing(
    poster: Poster, told: list[_E], first: _E, reason: Reason, amount: str = "amount_minor"
) -> list[_E]:
    """Keep what states the amount and currency that `first` does; refuse the others."""
    agreed: list[_E] = []
    stated = attrgetter(amount, "currency")
    for event in told:
        if stated(event) == stated(first):
            agreed.append(event)
        else:
            detail = "the same was told before with another amount or currency"
            poster.refuse(event, reason, detail, *stated(event))
    return agreed


def merge_notes(events: Sequence[CreditNoteIssued], poster: Poster) -> list[Told[CreditNoteIssued]]:
    """Join credit note evidence by note; what states another total is refused."""
    notes: list[Told[CreditNoteIssued]] = []
    for told in by_id(events, "credit_note_id").values():
        conflict = Reason.INVOICE_EVIDENCE_CONFLICT
        agreed = _agreeing(poster, told, told[0], conflict, "total_minor")
        notes.append(Told(told[0], poster.others(agreed, told[0])))
    return notes


def merge_grants(
    events: Sequence[CreditGranted], poster: Poster
) -> list[tuple[Told[CreditGranted], int | None]]:
    """Join the evidence of each grant of credit, with when it expires as the latest tells it.

    What states another amount is refused.
    """
    grants: list[tuple[Told[CreditGranted], int | None]] = []
    for told in by_id(events, "grant_id").values():
        first = told[0]
        agreed = _agreeing(poster, told, first, Reason.INVOICE_EVIDENCE_CONFLICT)
        names = ("invoice_id", "invoice_line_id", "payment_ref", "product")
        grant = Told(_completed(first, agreed, names), poster.others(agreed, first))
        grants.append((grant, agreed[-1].expires_at_micros))
    return grants


_M = TypeVar("_M", bound=CreditMovement)


def merge_movements(events: Sequence[_M], poster: Poster) -> list[Told[_M]]:
    """Join the evidence of each movement of credit; another grant or amount is refused."""
    movements: list[Told[_M]] = []
    for told in by_id(events, "transaction_id").values():
        agreed = []
        for event in _agreeing(poster, told, told[0], Reason.INVOICE_EVIDENCE_CONFLICT):
            if event.grant_id == told[0].grant_id:
                agreed.append(event)
            else:
                detail = "the same movement was told before of another grant"
                reason = Reason.INVOICE_EVIDENCE_CONFLICT
                poster.refuse(event, reason, detail, event.amount_minor, event.currency)
        movements.append(Told(told[0], poster.others(agreed, told[0])))
    return movements


def merge_invoices(events: Sequence[InvoiceIssued], poster: Poster) -> list[InvoiceFact]:
    """Join invoice evidence by invoice; what states another total or currency is refused."""
    facts: list[InvoiceFact] = []
    for told in by_id(events, "invoice_id").values():
        if len(told) > 1:
            conflict = Reason.INVOICE_EVIDENCE_CONFLICT
            told = _agreeing(poster, told, told[0], conflict, "total_minor")
        facts.append(InvoiceFact(poster, told))
    return facts


class RefundFact:
    """A refund: what it gave back, and when it was undone if it failed afterwards."""

    __slots__ = ("event", "evidence", "undone_by")

    def __init__(
        self, event: RefundIssued, evidence: tuple[str, ...], undone_by: RefundIssued | None
    ) -> None:
        self.event = event
        self.evidence = evidence
        self.undone_by = undone_by


_BOOKED = frozenset({"pending", "succeeded"})
_UNDONE = frozenset({"failed", "canceled"})


def merge_refunds(events: list[RefundIssued], poster: Poster) -> list[RefundFact]:
    """Join refund evidence by refund; one that was never under way books nothing."""
    facts: list[RefundFact] = []
    for told in by_id(events, "refund_id").values():
        booked = [event for event in told if event.status in _BOOKED]
        if not booked:
            continue
        first = booked[0]
        told = _agreeing(poster, told, first, Reason.PAYMENT_EVIDENCE_CONFLICT)
        undone = _undone(told)
        same = [event for event in told if event is not undone]
        facts.append(RefundFact(_filled(first, same), poster.others(same, first), undone))
    return facts


def _undone(told: list[RefundIssued]) -> RefundIssued | None:
    """Return the event that undid a refund for good, if its last status says so."""
    undone = None
    for event in told:
        if event.status in _BOOKED:
            undone = None
        elif event.status in _UNDONE and undone is None:
            undone = event
    return undone


_MONEY = ("settlement_currency", "settlement_minor", "exchange_rate")


def _filled(first: _E, told: Iterable[_E], names: tuple[str, ...] = ()) -> _E:
    """Return `first` with what it leaves open of its money taken from the others."""
    return _completed(first, told, (*_MONEY, *names))


def _completed(first: _E, told: Iterable[_E], names: tuple[str, ...]) -> _E:
    """Return `first` with what it leaves open taken from the others, in their order."""
    missing: dict[str, object] = {}
    for name in names:
        if getattr(first, name) is None:
            value = _first(getattr(event, name) for event in told)
            if value is not None:
                missing[name] = value
    return msgspec.structs.replace(first, **missing) if missing else first


class DisputeFact:
    """A dispute from the withdrawal of the money to its outcome."""

    __slots__ = ("dispute_id", "evidence", "lost", "opened", "won", "won_evidence")

    def __init__(self, dispute_id: str) -> None:
        self.dispute_id = dispute_id
        self.opened: DisputeOpened | None = None
        self.evidence: tuple[str, ...] = ()
        self.won: DisputeWon | None = None
        self.won_evidence: tuple[str, ...] = ()
        self.lost: DisputeLost | None = None


def merge_disputes(
    poster: Poster,
    opened: Sequence[DisputeOpened],
    won: Sequence[DisputeWon],
    lost: Sequence[DisputeLost],
) -> list[DisputeFact]:
    """Join dispute evidence by dispute; only what moved money opens or wins one."""
    facts: dict[str, DisputeFact] = {}
    for dispute_id, told in by_id(opened, "dispute_id").items():
        moved = [event for event in told if event.funds_withdrawn]
        if moved:
            told = _agreeing(poster, told, moved[0], Reason.PAYMENT_EVIDENCE_CONFLICT)
            fact = facts.setdefault(dispute_id, DisputeFact(dispute_id))
            fact.opened = _filled(moved[0], told, ("fee_minor",))
            fact.evidence = poster.others(told, moved[0])
    for dispute_id, back in by_id(won, "dispute_id").items():
        returned = [event for event in back if event.funds_reinstated]
        if returned:
            back = _agreeing(poster, back, returned[0], Reason.PAYMENT_EVIDENCE_CONFLICT)
            fact = facts.setdefault(dispute_id, DisputeFact(dispute_id))
            fact.won = _filled(returned[0], back, ("fee_minor",))
            fact.won_evidence = poster.others(back, returned[0])
    for dispute_id, gone in by_id(lost, "dispute_id").items():
        facts.setdefault(dispute_id, DisputeFact(dispute_id)).lost = gone[0]
    return list(facts.values())
