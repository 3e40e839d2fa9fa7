"""What happens to one invoice: paid, failed and recovered, given up, credited, refunded, disputed.

Each function returns whether the subscription goes on. An episode that would pass the end of
the story stops before the first event that it could not complete.
"""

from __future__ import annotations

import msgspec

from generator.billing import (
    CreditNote,
    Dispute,
    Failure,
    Invoice,
    Payment,
    Refund,
    Settlement,
    Standing,
    credited_part,
    rounded,
    settle,
)
from generator.invoicing import spend_balance
from generator.life import Life
from generator.months import DAY, HOUR

PAYMENT_TAKES = 60
"""Seconds within which all events of one payment are told."""


def tell_invoice(life: Life, bill: Invoice, *, stays_unpaid: bool = False) -> bool:
    """Issue an invoice and tell what becomes of it; False ends the subscription."""
    life.troubled = False
    tell_issued(life, bill)
    spend_balance(life, bill)
    if stays_unpaid:
        _tell_attempt_failed(life, bill, bill.finalized_at + 30)
        return True
    if bill.due_minor == 0:
        paid = Standing(status="paid", paid_at=bill.finalized_at)
        life.invoice(bill.finalized_at + 1, _paid_word(life), bill, paid)
        return True
    if life.deal.by_transfer:
        return _tell_transfer(life, bill)
    if life.chance(life.habits.failed_payment):
        return _tell_failure(life, bill)
    payment = pay(life, bill, bill.finalized_at + 30, Standing(attempts=1))
    if payment is not None:
        _tell_aftermath(life, bill, payment)
    return True


def pay(life: Life, bill: Invoice, at: int, before: Standing) -> Payment | None:
    """Collect what is due; None when the story ends before."""
    if at + PAYMENT_TAKES >= life.end:
        return None
    payment = _collected(life, bill.due_minor - before.credited_minor, at, bill)
    shapes, deal = life.shapes, life.deal
    life.stripe(at, "charge.succeeded", shapes.charge(deal, payment))
    if life.habits.all_payment_events:
        life.stripe(at, "payment_intent.succeeded", shapes.payment_intent(deal, payment))
    if deal.present:
        link = shapes.invoice_payment(deal, payment, life.mint.stripe("inpay"))
        life.stripe(at + 1, "invoice_payment.paid", link)
    paid = msgspec.structs.replace(
        before, status="paid", paid_minor=payment.amount_minor, paid_at=at, next_attempt_at=None,
        payment_intent=payment.payment_intent, charge=payment.charge,
    )  # fmt: skip
    life.invoice(at + 2, _paid_word(life), bill, paid)
    if life.habits.all_payment_events and not life.issues_on_created:
        life.invoice(at + 2, "payment_succeeded", bill, paid)
    return payment


def _tell_failure(life: Life, bill: Invoice) -> bool:
    """The first attempt fails; later the customer pays, or the invoice is voided or given up."""
    at = bill.finalized_at + 30
    _tell_attempt_failed(life, bill, at)
    draw, habits = life.rng.random(), life.habits
    if draw < habits.recovers:
        _recover(life, bill, at + life.rng.randrange(2, 7) * DAY)
        return True
    if draw < habits.recovers + habits.voided_after_failure:
        _void(life, bill, at + 8 * DAY)
        return True
    _write_off(life, bill, at + 14 * DAY)
    return False


def standalone_charge(life: Life, at: int) -> None:
    """A setup fee charged without an invoice; only old APIs say so on the charge."""
    if at + PAYMENT_TAKES < life.end:
        unit = int(life.items[0].price.unit_amount_decimal)
        payment = _collected(life, 10 * unit, at, None)
        life.stripe(at, "charge.succeeded", life.shapes.charge(life.deal, payment))


def tell_issued(life: Life, bill: Invoice) -> None:
    """The events that show the invoice for the first time."""
    if life.issues_on_created or life.chance(life.habits.noise):
        if life.deal.present:
            upcoming = {"object": "invoice", "customer": life.deal.customer_id}
            life.stripe(bill.created, "invoice.upcoming", upcoming)
        else:
            life.invoice(bill.created, "created", bill, Standing(status="draft"))
    if not life.issues_on_created:
        life.invoice(bill.finalized_at, "finalized", bill, Standing())


def _paid_word(life: Life) -> str:
    return "payment_succeeded" if life.issues_on_created else "paid"


def _tell_transfer(life: Life, bill: Invoice) -> bool:
    at = bill.finalized_at + life.rng.randrange(8, 38) * DAY
    standing = Standing()
    if life.chance(life.habits.credit_note) and not bill.balance_applied_minor:
        note = _credit(life, bill, bill.finalized_at + 3 * DAY, "receivable")
        standing = Standing(credited_minor=0 if note.voided_at else note.total_minor)
    if life.deal.present:
        pay(life, bill, at, standing)
    elif at + PAYMENT_TAKES < life.end:
        paid = Standing(
            status="paid", paid_minor=bill.due_minor - standing.credited_minor, paid_at=at,
            credited_minor=standing.credited_minor, outside_processor=True,
        )  # fmt: skip
        life.invoice(at, _paid_word(life), bill, paid)
    return True


def _collected(life: Life, amount_minor: int, at: int, bill: Invoice | None) -> Payment:
    deal = life.deal
    rate = life.rate_to_settlement(at)
    gross = settle("", amount_minor, deal.currency, deal.settlement_currency, rate).gross_minor
    fixed = deal.entity.fee_fixed_minor if deal.settlement_currency == deal.entity.currency else 0
    fee = min(gross, rounded(gross * deal.entity.fee_hundredths_percent, 10_000) + fixed)
    payment = Payment(
        charge=life.mint.stripe("ch"),
        payment_intent=bill.payment_intent if bill else life.mint.stripe("pi"),
        amount_minor=amount_minor,
        currency=deal.currency,
        at=at,
        settlement=settle(
            life.mint.stripe("txn"),
            amount_minor,
            deal.currency,
            deal.settlement_currency,
            rate,
            fee,
        ),
        fee_stated=life.rng.random() >= life.habits.fee_by_reference,
        invoice_id=bill.invoice_id if bill else None,
    )
    life.moves_balance(at, deal.settlement_currency, payment.settlement.net_minor)
    return payment


def _tell_attempt_failed(life: Life, bill: Invoice, at: int) -> None:
    deal = life.deal
    failure = Failure(
        charge=life.mint.stripe("ch"), payment_intent=bill.payment_intent,
        amount_minor=bill.due_minor, currency=deal.currency, at=at, invoice_id=bill.invoice_id,
    )  # fmt: skip
    life.troubled = True
    if life.habits.all_payment_events:
        body = life.shapes.failed_payment_intent(deal, failure)
        life.stripe(at, "payment_intent.payment_failed", body)
    failed = Standing(attempts=1, next_attempt_at=at + 3 * DAY)
    life.invoice(at + 1, "payment_failed", bill, failed)
    past_due = life.standing("past_due", bill.period_start, _service_end(bill))
    life.subscription(at + 1, "updated", past_due, status="active")


def _recover(life: Life, bill: Invoice, at: int) -> None:
    if pay(life, bill, at, Standing(attempts=2)) is None:
        return
    active = life.standing("active", bill.period_start, _service_end(bill))
    life.subscription(at + 3, "updated", active, status="past_due")


def _void(life: Life, bill: Invoice, at: int) -> None:
    life.invoice(at, "voided", bill, Standing(status="void", attempts=3, voided_at=at))
    active = life.standing("active", bill.period_start, _service_end(bill))
    life.subscription(at + 3, "updated", active, status="past_due")


def _write_off(life: Life, bill: Invoice, at: int) -> None:
    given_up = Standing(status="uncollectible", attempts=4, uncollectible_at=at)
    life.invoice(at, "marked_uncollectible", bill, given_up)
    ended = life.standing(
        "canceled", bill.period_start, _service_end(bill), canceled_at=at + 5, ended_at=at + 5
    )
    life.subscription(at + 5, "deleted", ended)
    if life.chance(life.habits.paid_after_write_off):
        pay(life, bill, at + 20 * DAY, given_up)


def _tell_aftermath(life: Life, bill: Invoice, payment: Payment) -> None:
    """At most one of dispute, refund and credit note follows a payment."""
    draw, habits = life.rng.random(), life.habits
    spent_balance = bill.balance_applied_minor > 0
    if life.fate.calm:
        return
    if draw < habits.dispute:
        _dispute(life, payment)
    elif draw < habits.dispute + habits.refund:
        percent = life.rng.choice((25, 50, 100))
        _refund(
            life, payment, payment.amount_minor * percent // 100, payment.at + _days(life, 2, 20)
        )
    elif draw < habits.dispute + habits.refund + habits.credit_note and not spent_balance:
        destination = "balance" if life.rng.random() < 0.4 else "refund"
        note = _credit(life, bill, payment.at + _days(life, 2, 25), destination)
        if destination == "refund" and note.at + PAYMENT_TAKES < life.end:
            _refund(life, payment, note.total_minor, note.at, note.refund_id)


def _days(life: Life, least: int, most: int) -> int:
    return life.rng.randrange(least, most) * DAY + life.rng.randrange(HOUR)


def _refund(
    life: Life, payment: Payment, amount_minor: int, at: int, refund_id: str | None = None
) -> None:
    if at + PAYMENT_TAKES >= life.end or amount_minor == 0:
        return
    back = Refund(
        refund_id=refund_id or life.mint.stripe("re"),
        amount_minor=amount_minor,
        at=at,
        settlement=_moved(life, -amount_minor, at),
    )
    if life.deal.present:
        life.stripe(at, "refund.created", life.shapes.refund(life.deal, payment, back))
    life.stripe(at, "charge.refunded", life.shapes.charge(life.deal, payment, (back,)))


def _credit(life: Life, bill: Invoice, at: int, destination: str) -> CreditNote:
    """Credit a part of the invoice; one on an open invoice may be withdrawn again."""
    percent = life.rng.choice((10, 20, 50))
    lines = tuple(
        credited_part(line, life.mint.stripe("cnli"), percent)
        for line in bill.lines
        if line.amount_minor > 0
    )
    note = CreditNote(
        note_id=life.mint.stripe("cn"),
        number=f"{bill.number}-CN-01",
        at=at,
        invoice=bill,
        lines=lines,
        destination=destination,
        refund_id=life.mint.stripe("re") if destination == "refund" else None,
        balance_transaction=life.mint.stripe("cbtxn") if destination == "balance" else None,
    )
    if at + PAYMENT_TAKES >= life.end:
        return note
    life.stripe(at, "credit_note.created", life.shapes.credit_note(life.deal, note))
    if destination == "balance":
        life.credits.append((at, note.total_minor))
    if destination == "receivable" and life.rng.random() < 0.2:
        note = msgspec.structs.replace(note, voided_at=at + DAY)
        life.stripe(at + DAY, "credit_note.voided", life.shapes.credit_note(life.deal, note))
    return note


def _dispute(life: Life, payment: Payment) -> None:
    """Opened and withdrawn at once, decided weeks later."""
    opened_at = payment.at + _days(life, 5, 25)
    if opened_at + PAYMENT_TAKES >= life.end:
        return
    fee = life.deal.entity.dispute_fee_minor
    withdrawn = _moved(life, -payment.amount_minor, opened_at, fee)
    now = Dispute(
        dispute_id=life.mint.stripe("dp"), amount_minor=payment.amount_minor,
        opened_at=opened_at, status="needs_response", movements=(withdrawn,),
    )  # fmt: skip
    _tell_dispute(life, opened_at, "created", payment, now)
    _tell_dispute(life, opened_at + 1, "funds_withdrawn", payment, now)
    closed_at = opened_at + _days(life, 20, 40)
    if closed_at + PAYMENT_TAKES >= life.end:
        return
    if life.rng.random() < 0.4:
        reinstated = _moved(life, payment.amount_minor, closed_at)
        won = msgspec.structs.replace(now, status="won", movements=(withdrawn, reinstated))
        _tell_dispute(life, closed_at, "closed", payment, won)
        _tell_dispute(life, closed_at + 1, "funds_reinstated", payment, won)
    else:
        lost = msgspec.structs.replace(now, status="lost")
        _tell_dispute(life, closed_at, "closed", payment, lost)


def _tell_dispute(life: Life, at: int, word: str, payment: Payment, now: Dispute) -> None:
    body = life.shapes.dispute(life.deal, payment, now)
    life.stripe(at, f"charge.dispute.{word}", body)


def _moved(life: Life, amount_minor: int, at: int, fee_minor: int = 0) -> Settlement:
    deal = life.deal
    settlement = settle(
        life.mint.stripe("txn"), amount_minor, deal.currency, deal.settlement_currency,
        life.rate_to_settlement(at), fee_minor,
    )  # fmt: skip
    life.moves_balance(at, deal.settlement_currency, settlement.net_minor)
    return settlement


def _service_end(bill: Invoice) -> int:
    return max(line.end for line in bill.lines)
