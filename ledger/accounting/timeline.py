"""Works through what happened to one claim, in the order in which it can have happened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter

from ledger.accounting.adjustments import Credited, credit, void, void_credit, write_off
from ledger.accounting.books import Book
from ledger.accounting.disputes import lose_dispute, open_dispute, win_dispute
from ledger.accounting.evidence import DisputeFact, RefundFact, Told
from ledger.accounting.linking import Claim
from ledger.accounting.payment_evidence import Payment
from ledger.accounting.payments import pay
from ledger.accounting.pools import Pool
from ledger.accounting.poster import Poster
from ledger.accounting.refunds import Givenback, refund, undo_refund
from ledger.accounting.wallets import RANKS, move_credit, release, wait_for_movements
from ledger.events import (
    CreditNoteIssued,
    CreditNoteVoided,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    RefundIssued,
)
from ledger.reasons import Reason

Step = tuple[int, int, int, str, Callable[[], None], str]
"""(time from which it can be booked, rank, time, event id, what to do, message)."""

PAY, NOTE, REFUND, DISPUTE, BACK, LOST, UNDO, GIVE_UP, VOID = range(1, 10)
"""Ranks of what happens at the same time: what needs another comes after it."""


_ORDER = itemgetter(0, 1, 2, 3)


class Timeline:
    """The steps of one claim. A step never comes before what it undoes or takes from."""

    def __init__(self, poster: Poster, book: Book, claim: Claim) -> None:
        self.poster = poster
        self.book = book
        self.claim = claim
        self.paid: list[Payment] = []
        self.credited: dict[str, Credited] = {}
        self.given: dict[str, Givenback] = {}
        self.parked: dict[str, Pool] = {}
        self.steps: list[Step] = []

    def work(self) -> list[Payment]:
        """Take every step; return the payments that were booked."""
        if self.book.invoice_id is not None:
            for payment in self.claim.payments:
                self._add(PAY, payment.cause, partial(self._pay, payment), payment.at)
        self._add_notes()
        self._add_refunds()
        self._add_disputes()
        self._add_ends()
        self._add_credit()
        self.steps.sort(key=_ORDER)
        for step in self.steps:
            step[4]()
            for wallet in self.claim.wallets:
                release(self.poster, self.book, wallet, (step[0], step[3], step[5]))
        for wallet in self.claim.wallets:
            wait_for_movements(self.poster, wallet)
        return self.paid

    def _add(
        self,
        rank: int,
        event: Event,
        act: Callable[[], None],
        at: int | None = None,
        after: int = 0,
    ) -> None:
        """Add a step of an event, not before the claim or the time `after`."""
        time = event.occurred_at_micros if at is None else at
        start = max(self.book.issued_at, time, after)
        self.steps.append((start, rank, time, event.event_id, act, event.source_event_id))

    def _pay(self, payment: Payment) -> None:
        if pay(self.poster, self.book, payment):
            self.paid.append(payment)

    def _add_notes(self) -> None:
        issued: dict[str, int] = {}
        for note in self.claim.notes:
            issued[note.event.credit_note_id] = note.event.occurred_at_micros
            self._add(NOTE, note.event, partial(self._credit, note))
        for voided in self.claim.notes_voided:
            after = issued.get(voided.event.credit_note_id, 0)
            self._add(UNDO, voided.event, partial(self._void_credit, voided), after=after)

    def _credit(self, note: Told[CreditNoteIssued]) -> None:
        booked = credit(self.poster, self.book, note)
        if booked is not None:
            self.credited[note.event.credit_note_id] = booked

    def _void_credit(self, voided: Told[CreditNoteVoided]) -> None:
        event = voided.event
        booked = self.credited.get(event.credit_note_id)
        if booked is not None:
            void_credit(self.poster, self.book, voided, booked)
        elif all(note.event.credit_note_id != event.credit_note_id for note in self.claim.notes):
            self.poster.wait(event, Reason.UNMATCHED_INVOICE, event.credit_note_id)

    def _add_refunds(self) -> None:
        for fact, payment in self.claim.refunds:
            paid = payment.at if payment is not None else 0
            self._add(REFUND, fact.event, partial(self._refund, fact, payment), after=paid)
            if fact.undone_by is not None:
                after = max(paid, fact.event.occurred_at_micros)
                self._add(UNDO, fact.undone_by, partial(self._undo, fact, payment), after=after)

    def _waits_with(self, payment: Payment | None, event: RefundIssued | DisputeOpened) -> bool:
        """Let an event wait when the payment it takes from is itself not booked."""
        if payment is None or payment.booked.amount or not payment.amount:
            return False
        self.poster.wait(
            event, Reason.MISSING_RATE, payment.key, event.amount_minor, event.currency
        )
        return True

    def _refund(self, fact: RefundFact, payment: Payment | None) -> None:
        event = fact.event
        if self._waits_with(payment, event):
            return
        note = next(
            (
                told.event
                for told in self.claim.notes
                if told.event.credit_note_id == event.credit_note_id
                or event.refund_id in told.event.refund_ids
            ),
            None,
        )
        given = refund(self.poster, self.book, payment, fact, note)
        if given is not None:
            self.given[event.refund_id] = given

    def _undo(self, fact: RefundFact, payment: Payment | None) -> None:
        given = self.given.get(fact.event.refund_id)
        if given is not None:
            undo_refund(self.poster, self.book, payment, fact, given)
        elif (event := fact.undone_by) is not None:
            self.poster.wait(
                event, Reason.MISSING_RATE, event.refund_id, event.amount_minor, event.currency
            )

    def _add_disputes(self) -> None:
        for fact, payment in self.claim.disputes:
            if fact.opened is None:
                continue
            self._add(DISPUTE, fact.opened, partial(self._open, fact, payment), after=payment.at)
            after = max(payment.at, fact.opened.occurred_at_micros)
            if fact.won is not None:
                self._add(BACK, fact.won, partial(self._win, fact, payment), after=after)
            if fact.lost is not None:
                self._add(LOST, fact.lost, partial(self._lose, fact, fact.lost), after=after)

    def _open(self, fact: DisputeFact, payment: Payment) -> None:
        if fact.opened is None or self._waits_with(payment, fact.opened):
            return
        parked = open_dispute(self.poster, self.book, payment, fact, fact.opened)
        if parked is not None:
            self.parked[fact.dispute_id] = parked

    def _win(self, fact: DisputeFact, payment: Payment) -> None:
        parked = self.parked.get(fact.dispute_id)
        if fact.won is not None and parked is not None:
            win_dispute(self.poster, self.book, payment, fact, fact.won, parked)
        elif fact.won is not None:
            self._wait_for_opening(fact.won)

    def _lose(self, fact: DisputeFact, lost: DisputeLost) -> None:
        parked = self.parked.get(fact.dispute_id)
        if parked is not None:
            lose_dispute(self.poster, self.book, lost, parked)
        else:
            self._wait_for_opening(lost)

    def _wait_for_opening(self, event: DisputeWon | DisputeLost) -> None:
        """Let an outcome wait while its dispute waits for a rate."""
        self.poster.wait(
            event, Reason.MISSING_RATE, event.dispute_id, event.amount_minor, event.currency
        )

    def _add_ends(self) -> None:
        for given_up in self.claim.given_up:
            self._add(GIVE_UP, given_up.event, partial(write_off, self.poster, self.book, given_up))
        for voided in self.claim.voids:
            self._add(VOID, voided.event, partial(void, self.poster, self.book, voided))

    def _add_credit(self) -> None:
        for wallet in self.claim.wallets:
            for move in wallet.moves:
                act = partial(move_credit, self.poster, self.book, wallet, move)
                self._add(VOID + RANKS[move.kind], move.told.event, act, move.at)


def work_through(poster: Poster, book: Book, claim: Claim) -> list[Payment]:
    """Work through one claim; return its payments that were booked."""
    if claim.is_only_paid() and len(claim.payments) <= 1:
        if book.invoice_id is None:
            return []
        return [payment for payment in claim.payments if pay(poster, book, payment)]
    return Timeline(poster, book, claim).work()


def wait_with(poster: Poster, claim: Claim, payment: Payment) -> None:
    """Let everything wait that takes from a standalone payment which waits for its rate."""
    waiting: list[RefundIssued | DisputeOpened | DisputeWon | DisputeLost] = []
    for refund_fact, _ in claim.refunds:
        waiting.append(refund_fact.event)
        if refund_fact.undone_by is not None:
            waiting.append(refund_fact.undone_by)
    for fact, _ in claim.disputes:
        waiting += [event for event in (fact.opened, fact.won, fact.lost) if event is not None]
    for event in waiting:
        poster.wait(event, Reason.MISSING_RATE, payment.key, event.amount_minor, event.currency)
