"""A claim is lowered or given up without money moving: credit notes, voids, uncollectible."""

from __future__ import annotations

from ledger.accounting.books import Book, TaxPool
from ledger.accounting.evidence import Told
from ledger.accounting.notes import nets_of, tax_of, taxes_of
from ledger.accounting.pools import Pool
from ledger.accounting.poster import Cause, Poster, Raw, raw
from ledger.accounting.takeback import Taken, Wish, give_back, take
from ledger.accounts import AccountRole
from ledger.events import (
    CreditNoteIssued,
    CreditNoteVoided,
    Event,
    InvoiceMarkedUncollectible,
    InvoiceVoided,
)
from ledger.money import apportion, divide
from ledger.policies import DAY_MICROS
from ledger.reasons import Reason


def _cause(book: Book, event: Event, evidence: tuple[str, ...]) -> Cause:
    own = book.cause
    return Cause(event, own.entity, own.currency, own.functional, own.invoice_id, evidence)


def contra_role(poster: Poster, role: AccountRole) -> AccountRole:
    """Return where recognised revenue is taken back: in its own role, or against revenue."""
    separate = poster.policy.contra_revenue == "separate"
    return role if separate else AccountRole.REVENUE


class Credited:
    """A credit note that was booked, so that its void can undo it."""

    __slots__ = ("credits", "taken", "total")

    def __init__(self, taken: Taken, credits: list[Raw], total: int) -> None:
        self.taken = taken
        self.credits = credits
        self.total = total


def credit(poster: Poster, book: Book, told: Told[CreditNoteIssued]) -> Credited | None:
    """Book a credit note; what it gives back by refunds is booked with those.

    None when it is refused. Source: https://docs.stripe.com/revenue-recognition/examples/credit-notes.
    """
    note = told.event
    ways = (
        note.to_receivable_minor,
        note.to_balance_minor,
        note.out_of_band_minor,
        note.refunded_minor,
    )
    at = max(note.occurred_at_micros, book.issued_at)
    book.advance(at, poster.policy.granularity)
    booked = sum(ways[:3])
    problem = None
    if note.currency != book.cause.currency:
        problem = (Reason.CURRENCY_MISMATCH, f"the invoice is in {book.cause.currency}")
    elif sum(ways) != note.total_minor:
        problem = (Reason.LINES_DO_NOT_ADD_UP, "where the credit goes does not add up to its total")
    elif min(ways) < 0:
        problem = (Reason.NEGATIVE_AMOUNT, "a credit cannot be negative")
    elif booked > book.remaining():
        problem = (Reason.OVER_CREDITED, "credits more than the invoice has left")
    if problem is not None:
        poster.refuse(note, *problem, note.total_minor, note.currency)
        return None
    wish = Wish(
        booked,
        tax=_tax_booked(note, ways),
        per_line=nets_of(note),
        taxes=taxes_of(note),
    )
    taken = take(book, at, note.source_event_id, wish)
    lines = taken.lines(contra_role(poster, AccountRole.CREDIT_NOTES))
    credits = _credits(book, note, sum(line[2] for line in lines))
    book.credited += note.total_minor
    _settle_status(book)
    day = note.occurred_at_micros // DAY_MICROS
    key = f"{note.credit_note_id}:credit_note_issued"
    poster.post(
        key, day, "credit_note_issued", _cause(book, note, told.evidence), [*lines, *credits]
    )
    return Credited(taken, credits, note.total_minor)


def _tax_booked(note: CreditNoteIssued, ways: tuple[int, ...]) -> int | None:
    """Return the tax in the part booked here, as the note or its lines state it."""
    tax = tax_of(note)
    if tax is None or not sum(ways):
        return tax
    return sum(apportion(tax, ways)[:3])


def _credits(book: Book, note: CreditNoteIssued, worth: int) -> list[Raw]:
    """Return the credits of a note, worth `worth` together: receivable, balance, out of band."""
    owed = min(note.to_receivable_minor, max(book.receivable.amount, 0))
    balance = note.to_balance_minor + note.to_receivable_minor - owed
    owed_worth = book.receivable.take(owed)
    rest = balance + note.out_of_band_minor
    balance_worth = divide((worth - owed_worth) * balance, rest) if rest else 0
    outside_worth = worth - owed_worth - balance_worth if note.out_of_band_minor else 0
    exchange = worth - owed_worth - balance_worth - outside_worth
    return [
        raw(AccountRole.ACCOUNTS_RECEIVABLE, -owed, -owed_worth),
        raw(AccountRole.CUSTOMER_BALANCE, -balance, -balance_worth),
        raw(AccountRole.EXTERNAL_CUSTOMER_BALANCE, -note.out_of_band_minor, -outside_worth),
        raw(AccountRole.FX_GAIN_LOSS, 0, -exchange),
    ]


def _settle_status(book: Book) -> None:
    if book.status == "open" and book.receivable.amount <= 0:
        book.status = "paid"


def void_credit(
    poster: Poster, book: Book, told: Told[CreditNoteVoided], credited: Credited
) -> None:
    """Undo a credit note; the deferral runs on as if it had not been."""
    event = told.event
    at = max(event.occurred_at_micros, book.issued_at, credited.taken.micros)
    book.advance(at, poster.policy.granularity)
    lines = give_back(book, credited.taken, at, event.source_event_id)
    contra = contra_role(poster, AccountRole.CREDIT_NOTES)
    for line, amount, worth in credited.taken.recognised:
        lines.append((contra, -amount, -worth, line.product, None, line.line_id))
    for role, amount, worth, *_ in credited.credits:
        if role is AccountRole.ACCOUNTS_RECEIVABLE:
            book.receivable.add(-amount, -worth)
        lines.append(raw(role, -amount, -worth))
    book.credited -= credited.total
    if book.status == "paid" and book.receivable.amount > 0:
        book.status = "open"
    day = event.occurred_at_micros // DAY_MICROS
    key = f"{event.credit_note_id}:credit_note_voided"
    poster.post(key, day, "credit_note_voided", _cause(book, event, told.evidence), lines)


def void(poster: Poster, book: Book, told: Told[InvoiceVoided]) -> None:
    """Void an invoice: what is owed and the customer's balance spent on it go back.

    After a write-off the bad debt becomes a void
    (https://docs.stripe.com/revenue-recognition/examples/contra#void and #uncollectible).
    """
    event = told.event
    at = max(event.occurred_at_micros, book.issued_at)
    book.advance(at, poster.policy.granularity)
    contra = contra_role(poster, AccountRole.VOIDS)
    if book.written_off.amount:
        lines = _void_written_off(poster, book, event, at, contra)
    else:
        lines = _void_open(book, event, at, contra)
    book.status = "voided"
    day = event.occurred_at_micros // DAY_MICROS
    key = f"{book.key}:invoice_voided"
    poster.post(key, day, "invoice_voided", _cause(book, event, told.evidence), lines)


def _void_open(book: Book, event: InvoiceVoided, at: int, contra: AccountRole) -> list[Raw]:
    owed, applied = book.receivable, book.applied
    lines = _take_back(book, event, at, owed.amount + applied.amount, contra)
    for role, pool in (
        (AccountRole.ACCOUNTS_RECEIVABLE, owed),
        (AccountRole.CUSTOMER_BALANCE, applied),
    ):
        part = pool.amount
        lines.append(raw(role, -part, -pool.take(part)))
    lines.append(raw(AccountRole.FX_GAIN_LOSS, 0, -sum(line[2] for line in lines)))
    return lines


def _take_back(
    book: Book, event: InvoiceVoided, at: int, amount: int, contra: AccountRole
) -> list[Raw]:
    """Take an amount off the claim; what it no longer has was given away before, and is lost."""
    remaining = book.remaining()
    most = min(amount, remaining) if amount >= 0 else max(amount, remaining)
    wish = Wish(most, everything=most == remaining)
    lines = take(book, at, event.source_event_id, wish).lines(contra)
    lines.append(raw(AccountRole.OTHER_LOSS, amount - most, amount - most))
    return lines


def _void_written_off(
    poster: Poster, book: Book, event: InvoiceVoided, at: int, contra: AccountRole
) -> list[Raw]:
    """Turn bad debt into a void; under `gross` the claim still has to be taken back."""
    bad = book.bad_debt
    amount = bad.amount
    book.written_off = Pool()
    if poster.policy.bad_debt == "recognised_only":
        worth = bad.take(amount)
        lines: list[Raw] = [
            (contra, lost.amount, lost.functional, line.product, None, line.line_id)
            for line, lost in book.lost
        ]
        book.lost = []
        lines.append(raw(AccountRole.BAD_DEBT, -amount, -worth))
    else:
        lines = _take_back(book, event, at, amount, contra)
        lines.append(raw(AccountRole.BAD_DEBT, -amount, -bad.take(amount)))
    lines.append(raw(AccountRole.FX_GAIN_LOSS, 0, -sum(line[2] for line in lines)))
    return lines


def write_off(poster: Poster, book: Book, told: Told[InvoiceMarkedUncollectible]) -> None:
    """Give up what is still owed on an invoice."""
    if book.status != "open" or book.receivable.amount <= 0:
        return
    event = told.event
    at = max(event.occurred_at_micros, book.issued_at)
    book.advance(at, poster.policy.granularity)
    owed = book.receivable.amount
    worth = book.receivable.take(owed)
    book.written_off = Pool(owed, worth)
    book.status = "uncollectible"
    if poster.policy.bad_debt == "gross":
        book.bad_debt = Pool(owed, worth)
        lines = [raw(AccountRole.BAD_DEBT, owed, worth)]
    else:
        lines = _give_up(book, event, at)
    lines.append(raw(AccountRole.ACCOUNTS_RECEIVABLE, -owed, -worth))
    day = event.occurred_at_micros // DAY_MICROS
    key = f"{book.key}:invoice_marked_uncollectible"
    lines.append(raw(AccountRole.FX_GAIN_LOSS, 0, -sum(line[2] for line in lines)))
    poster.post(key, day, "invoice_marked_uncollectible", _cause(book, event, told.evidence), lines)


def _give_up(book: Book, event: InvoiceMarkedUncollectible, at: int) -> list[Raw]:
    """Turn recognised revenue into bad debt and clear the deferral.

    What was paid keeps its share of recognised revenue and tax; its share of the deferral is a
    gain, and what the customer's balance had added to the claim is a loss, both in recoverables
    (https://docs.stripe.com/revenue-recognition/examples/contra, uncollectible invoice with
    applied customer credit balance).
    """
    won_back, book.recovered = book.recovered, Pool()
    remaining = book.remaining()
    owed = book.written_off.amount
    paid = max(remaining - owed, 0)
    taken = take(book, at, event.source_event_id, Wish(remaining, everything=True))
    kept = _kept(taken, paid, remaining)
    lines: list[Raw] = []
    for (line, amount, worth), part in zip(taken.recognised, kept, strict=False):
        part_worth = divide(worth * part, amount)
        line.recognised.add(part, part_worth)
        lost = Pool(amount - part, worth - part_worth)
        book.lost.append((line, lost))
        book.bad_debt.add(lost.amount, lost.functional)
        name = (line.product, None, line.line_id)
        lines.append((AccountRole.BAD_DEBT, lost.amount, lost.functional, *name))
    for (tax, amount, worth), part in zip(taken.taxes, kept[len(taken.recognised) :], strict=False):
        _give_up_tax(book, tax, (amount, worth), part, lines)
    for line, parts in taken.deferred:
        amount, worth = sum(one[1] for one in parts), sum(one[2] for one in parts)
        name = (line.product, None, line.line_id)
        lines.append((AccountRole.DEFERRED_REVENUE, amount, worth, *name))
    gain = sum(line[1] for line in lines) - owed
    gain_worth = sum(line[2] for line in lines) - book.written_off.functional
    book.recovered.add(gain + won_back.amount, gain_worth + won_back.functional)
    lines.append(raw(AccountRole.RECOVERABLES, -gain, -gain_worth))
    return lines


def _kept(taken: Taken, paid: int, remaining: int) -> list[int]:
    """Return the paid share of each recognised part and each tax, in their order."""
    weights = [amount for _, amount, _ in taken.recognised]
    weights += [amount for _, amount, _ in taken.taxes]
    if not weights:
        return []
    rest = remaining - sum(weights)
    return apportion(paid, [*weights, rest])[:-1] if remaining else [0] * len(weights)


def _give_up_tax(
    book: Book, tax: TaxPool, total: tuple[int, int], kept: int, lines: list[Raw]
) -> None:
    amount, worth = total
    kept_worth = divide(worth * kept, amount) if amount else 0
    tax.add(kept, kept_worth)
    given_up = Pool(amount - kept, worth - kept_worth)
    book.unpaid_tax.append((tax, given_up))
    role = AccountRole.TAX_PAYABLE
    lines.append((role, given_up.amount, given_up.functional, None, tax.jurisdiction, None))
