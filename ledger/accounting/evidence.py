"""Joins the events that tell the same invoice, refund or dispute into one fact each.

Events come sorted by (time, event id): the first is the cause, the others are evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from ledger.accounting.poster import Poster, others
from ledger.events import (
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

    def __init__(self, events: list[InvoiceIssued]) -> None:
        self.cause = events[0]
        self.content = next((event for event in events if adds_up(event)), events[0])
        self.evidence = others(events, events[0]) if len(events) > 1 else ()
        self.issued_at = min(event.issued_at_micros for event in events)
        self.due_at = _first(event.due_at_micros for event in events)
        self.rate: Decimal | None = _first(event.exchange_rate for event in events)


def adds_up(event: InvoiceIssued) -> bool:
    """Tell whether lines and taxes add up to the invoice's total."""
    total = sum(tax.amount_minor for tax in event.taxes if not tax.inclusive)
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


def first_of_each(events: Iterable[_E], name: str) -> list[Told[_E]]:
    """Return the first event about each object; the others are its evidence."""
    return [Told(told[0], others(told, told[0])) for told in by_id(events, name).values()]


def merge_notes(events: list[CreditNoteIssued], poster: Poster) -> list[Told[CreditNoteIssued]]:
    """Join credit note evidence by note; what states another total is refused."""
    notes: list[Told[CreditNoteIssued]] = []
    for told in by_id(events, "credit_note_id").values():
        first = told[0]
        agreed = []
        for event in told:
            if event.total_minor == first.total_minor and event.currency == first.currency:
                agreed.append(event)
            else:
                poster.refuse(
                    event,
                    Reason.INVOICE_EVIDENCE_CONFLICT,
                    f"credit note {event.credit_note_id} was told before with another total",
                    event.total_minor,
                    event.currency,
                )
        notes.append(Told(first, others(agreed, first)))
    return notes


def merge_invoices(events: list[InvoiceIssued], poster: Poster) -> list[InvoiceFact]:
    """Join invoice evidence by invoice; what states another total or currency is refused."""
    facts: list[InvoiceFact] = []
    for told in by_id(events, "invoice_id").values():
        first = told[0]
        agreed = [
            event
            for event in told
            if event.total_minor == first.total_minor and event.currency == first.currency
        ]
        for event in told:
            if event.total_minor != first.total_minor or event.currency != first.currency:
                poster.refuse(
                    event,
                    Reason.INVOICE_EVIDENCE_CONFLICT,
                    f"invoice {event.invoice_id} was told before with another total or currency",
                    event.total_minor,
                    event.currency,
                )
        facts.append(InvoiceFact(agreed))
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
        told = _agreeing(told, first, poster)
        last = told[-1]
        undone = None
        if last.status in _UNDONE:
            undone = next(event for event in told if event.status in _UNDONE)
        same = [event for event in told if event is not undone]
        facts.append(RefundFact(_filled(first, same), others(same, first), undone))
    return facts


def _agreeing(told: list[RefundIssued], first: RefundIssued, poster: Poster) -> list[RefundIssued]:
    agreed = []
    for event in told:
        if event.amount_minor == first.amount_minor and event.currency == first.currency:
            agreed.append(event)
        else:
            poster.refuse(
                event,
                Reason.PAYMENT_EVIDENCE_CONFLICT,
                f"refund {event.refund_id} was told before with another amount or currency",
                event.amount_minor,
                event.currency,
            )
    return agreed


_MONEY = ("settlement_currency", "settlement_minor", "exchange_rate")


def _filled(first: _E, told: Iterable[_E], names: tuple[str, ...] = ()) -> _E:
    """Return `first` with what it leaves open taken from the others, in their order."""
    missing: dict[str, object] = {}
    for name in (*_MONEY, *names):
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
    opened: list[DisputeOpened], won: list[DisputeWon], lost: list[DisputeLost]
) -> list[DisputeFact]:
    """Join dispute evidence by dispute; only what moved money opens or wins one."""
    facts: dict[str, DisputeFact] = {}
    for dispute_id, told in by_id(opened, "dispute_id").items():
        moved = [event for event in told if event.funds_withdrawn]
        if moved:
            fact = facts.setdefault(dispute_id, DisputeFact(dispute_id))
            fact.opened = _filled(moved[0], told, ("fee_minor",))
            fact.evidence = others(told, moved[0])
    for dispute_id, back in by_id(won, "dispute_id").items():
        returned = [event for event in back if event.funds_reinstated]
        if returned:
            fact = facts.setdefault(dispute_id, DisputeFact(dispute_id))
            fact.won = _filled(returned[0], back, ("fee_minor",))
            fact.won_evidence = others(back, returned[0])
    for dispute_id, gone in by_id(lost, "dispute_id").items():
        facts.setdefault(dispute_id, DisputeFact(dispute_id)).lost = gone[0]
    return list(facts.values())
