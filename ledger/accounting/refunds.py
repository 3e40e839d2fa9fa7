"""Money given back: refunds, and disputes where the policy books them as contra revenue."""

from __future__ import annotations

from ledger.accounting.books import Book
from ledger.accounting.evidence import RefundFact
from ledger.accounting.money_moves import money_of, post_money, settled_like
from ledger.accounting.notes import StatedTax, nets_of, tax_of, taxes_of
from ledger.accounting.payment_evidence import Payment
from ledger.accounting.poster import Cause, Poster, Raw, raw
from ledger.accounting.takeback import Taken, Wish, give_back, take
from ledger.accounts import AccountRole
from ledger.events import CreditNoteIssued, RefundIssued
from ledger.money import divide
from ledger.policies import DAY_MICROS


class Givenback:
    """What giving money back took, by where it came from."""

    __slots__ = ("loss", "overpaid", "rounding", "taken")

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        self.overpaid = 0
        """Came from the customer's balance: it had been paid for nothing."""
        self.rounding = 0
        """A small difference at payment, undone with it."""
        self.loss = 0
        """Beyond what was ever paid for."""

    def elsewhere(self) -> tuple[tuple[AccountRole, int], ...]:
        """Return what came from nowhere in the claim, by role."""
        return (
            (AccountRole.CUSTOMER_BALANCE, self.overpaid),
            (AccountRole.ROUNDING, self.rounding),
            (AccountRole.OTHER_LOSS, self.loss),
        )


def take_paid(
    poster: Poster,
    book: Book,
    payment: Payment | None,
    amount: int,
    at: int,
    message_id: str,
    wish: Wish,
) -> Givenback:
    """Take money that was paid out of a book; what was never paid for is a loss."""
    book.advance(at, poster.policy.granularity)
    overpaid = min(amount, payment.overpaid) if payment is not None else 0
    wanted = amount - overpaid
    covered = max(min(wanted, book.paid_left, book.remaining()), 0)
    short = 0
    if book.rounded > 0 and covered == book.paid_left and book.receivable.amount <= 0:
        short = book.rounded if covered + book.rounded == book.remaining() else 0
    over = max(min(wanted - covered, -book.rounded), 0)
    wish.amount = covered + short
    given = Givenback(take(book, at, message_id, wish))
    given.overpaid = overpaid
    given.rounding = over - short
    given.loss = wanted - covered - over
    book.rounded += given.rounding
    book.paid_left -= covered + over
    if payment is not None:
        payment.overpaid -= overpaid
    return given


def rest_lines(given: Givenback, contra: AccountRole, amount: int, worth: int) -> list[Raw]:
    """Return the debits of money given back, worth `worth` at its own rate.

    What was booked at the claim's rate stays there; the exchange difference shows by itself.
    """
    lines = given.taken.lines(contra)
    for role, part in given.elsewhere():
        if part:
            lines.append(raw(role, part, divide(worth * part, amount)))
    lines.append(raw(AccountRole.FX_GAIN_LOSS, 0, worth - sum(line[2] for line in lines)))
    return lines


def refund(
    poster: Poster,
    book: Book,
    payment: Payment | None,
    fact: RefundFact,
    note: CreditNoteIssued | None,
) -> Givenback | None:
    """Book a refund; None when it waits for a rate.

    Source: https://docs.stripe.com/revenue-recognition/examples/contra#refund and #partial-refund;
    a refund of a credit note takes from the lines and the tax that the note names.
    """
    event = fact.event
    day = event.occurred_at_micros // DAY_MICROS
    claim = _claim(book, event, fact.evidence)
    money = money_of(
        poster,
        event,
        settled_like(event, payment),
        event.amount_minor,
        None,
        day,
        claim,
        _roles(payment),
        event.entity or (payment.entity if payment is not None else None),
        -1,
    )
    if money is None:
        return None
    given = take_paid(
        poster,
        book,
        payment,
        event.amount_minor,
        max(event.occurred_at_micros, book.issued_at),
        event.source_event_id,
        _wish(poster, event, note),
    )
    debits = rest_lines(given, AccountRole.REFUNDS, event.amount_minor, money.worth)
    post_money(poster, f"{event.refund_id}:refund", day, "refund_issued", money, debits)
    return given


def _roles(payment: Payment | None) -> tuple[AccountRole, AccountRole]:
    """Return the roles of the money and of a fee: money goes back out of where it came in."""
    outside = payment is not None and payment.out_of_band
    cash = AccountRole.EXTERNAL_CASH if outside else AccountRole.CASH_CLEARING
    return (cash, AccountRole.PROCESSING_FEES)


def _claim(book: Book, event: RefundIssued, evidence: tuple[str, ...]) -> Cause:
    return Cause(
        event,
        book.cause.entity,
        book.cause.currency,
        book.cause.functional,
        book.invoice_id,
        evidence,
    )


def _wish(poster: Poster, event: RefundIssued, note: CreditNoteIssued | None) -> Wish:
    """Return what a refund asks for: as the event or its credit note state it, if they may."""
    contra_only = poster.policy.refund_of_deferred == "contra_only"
    tax = event.tax_minor if poster.policy.tax_on_refund == "from_event" else None
    per_line: list[tuple[str | None, int]] = []
    taxes: list[StatedTax] = []
    if note is not None and note.total_minor:
        stated = tax_of(note)
        if tax is None and stated is not None:
            tax = divide(stated * event.amount_minor, note.total_minor)
        per_line = [
            (line_id, divide(amount * event.amount_minor, note.total_minor))
            for line_id, amount in nets_of(note)
        ]
        taxes = taxes_of(note)
    return Wish(
        event.amount_minor, tax=tax, per_line=per_line, taxes=taxes, contra_only=contra_only
    )


def undo_refund(
    poster: Poster, book: Book, payment: Payment | None, fact: RefundFact, given: Givenback
) -> None:
    """Book that a refund failed after all: the money stays, the deferral runs on."""
    event = fact.undone_by
    if event is None:
        return
    at = max(event.occurred_at_micros, book.issued_at, given.taken.micros)
    day = event.occurred_at_micros // DAY_MICROS
    claim = _claim(book, event, ())
    entity = event.entity or (payment.entity if payment is not None else None)
    roles = _roles(payment)
    source = fact.event
    moved = settled_like(source, payment)
    money = money_of(poster, event, moved, source.amount_minor, None, day, claim, roles, entity)
    if money is None:
        return
    book.advance(at, poster.policy.granularity)
    lines = give_back(book, given.taken, at, event.source_event_id)
    for line, amount, worth in (*given.taken.recognised, *given.taken.ahead):
        name = (line.product, None, line.line_id)
        lines.append((AccountRole.REFUNDS, -amount, -worth, *name))
    total = source.amount_minor
    for role, part in given.elsewhere():
        if part:
            lines.append(raw(role, -part, -divide(money.worth * part, total)))
    book.rounded -= given.rounding
    book.paid_left += total - given.overpaid - given.loss
    if payment is not None:
        payment.overpaid += given.overpaid
    lines.append(raw(AccountRole.FX_GAIN_LOSS, 0, -money.worth - sum(line[2] for line in lines)))
    key = f"{event.refund_id}:refund_failed"
    post_money(poster, key, day, "refund_failed", money, lines)
