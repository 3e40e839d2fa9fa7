"""Sorts the events of a contract and lays each kind that has accounting effect apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from ledger.accounting.poster import Poster
from ledger.events import (
    CreditDrawn,
    CreditExpired,
    CreditGranted,
    CreditNoteIssued,
    CreditNoteVoided,
    CreditReinstated,
    CreditVoided,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    InvoiceIssued,
    InvoiceMarkedUncollectible,
    InvoiceVoided,
    ItemAccrued,
    ItemDeleted,
    PaymentFailed,
    PaymentSucceeded,
    PayoutFailed,
    PayoutPaid,
    RefundIssued,
    UsageReported,
)
from ledger.reasons import Reason
from ledger.recognition import FIRST_MICROS, LAST_MICROS


class Kinds:
    """The events of one contract by kind, each in the order in which they happened."""

    invoices: Sequence[InvoiceIssued] = ()
    voids: Sequence[InvoiceVoided] = ()
    given_up: Sequence[InvoiceMarkedUncollectible] = ()
    items: Sequence[ItemAccrued] = ()
    items_deleted: Sequence[ItemDeleted] = ()
    notes: Sequence[CreditNoteIssued] = ()
    notes_voided: Sequence[CreditNoteVoided] = ()
    usage: Sequence[UsageReported] = ()
    grants: Sequence[CreditGranted] = ()
    drawn: Sequence[CreditDrawn] = ()
    reinstated: Sequence[CreditReinstated] = ()
    expired: Sequence[CreditExpired] = ()
    credit_voids: Sequence[CreditVoided] = ()
    payments: Sequence[PaymentSucceeded] = ()
    failed: Sequence[PaymentFailed] = ()
    refunds: Sequence[RefundIssued] = ()
    disputes: Sequence[DisputeOpened] = ()
    disputes_won: Sequence[DisputeWon] = ()
    disputes_lost: Sequence[DisputeLost] = ()
    payouts: Sequence[PayoutPaid] = ()
    payouts_failed: Sequence[PayoutFailed] = ()


_NAMES: dict[type[Event], str] = {
    InvoiceIssued: "invoices",
    InvoiceVoided: "voids",
    InvoiceMarkedUncollectible: "given_up",
    ItemAccrued: "items",
    ItemDeleted: "items_deleted",
    CreditNoteIssued: "notes",
    CreditNoteVoided: "notes_voided",
    UsageReported: "usage",
    CreditGranted: "grants",
    CreditDrawn: "drawn",
    CreditReinstated: "reinstated",
    CreditExpired: "expired",
    CreditVoided: "credit_voids",
    PaymentSucceeded: "payments",
    PaymentFailed: "failed",
    RefundIssued: "refunds",
    DisputeOpened: "disputes",
    DisputeWon: "disputes_won",
    DisputeLost: "disputes_lost",
    PayoutPaid: "payouts",
    PayoutFailed: "payouts_failed",
}

_MONEY = frozenset(
    {
        "payments",
        "refunds",
        "disputes",
        "disputes_won",
        "disputes_lost",
        "payouts",
        "payouts_failed",
        "grants",
        "drawn",
        "reinstated",
        "expired",
        "credit_voids",
    }
)
"""Kinds whose amount says how much money moved; which way, the kind says."""

_ORDER = attrgetter("occurred_at_micros", "event_id")


def sort_out(poster: Poster, events: Iterable[Event]) -> Kinds:
    """Lay the events apart by kind, each event once; what nothing can be dated by is refused."""
    found: dict[str, list[Event]] = {}
    last = ""
    for event in sorted(events, key=_ORDER):
        name = _NAMES.get(type(event))
        if name is None or event.event_id == last:
            continue
        last = event.event_id
        if not FIRST_MICROS <= event.occurred_at_micros < LAST_MICROS:
            detail = "happened before 2000 or after 2100"
            poster.refuse(event, Reason.TIMESTAMP_OUT_OF_RANGE, detail)
        elif name in _MONEY and (getattr(event, "amount_minor", 0) or 0) < 0:
            poster.refuse(event, Reason.NEGATIVE_AMOUNT, "money that moved cannot be negative")
        else:
            kind = found.get(name)
            if kind is None:
                found[name] = [event]
            else:
                kind.append(event)
    kinds = Kinds()
    for name, told in found.items():
        setattr(kinds, name, told)
    return kinds
