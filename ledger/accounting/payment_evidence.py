"""Joins the events that tell the same payment, and finds what only totals tell.

A payment is told by a charge, a payment intent, an invoice payment, and by its invoice as a total.
Each is booked once: events that share a reference are one payment, and a total (so much of the
invoice is paid, so much of the payment is refunded) is booked only for what the movements known
do not explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ledger.accounting.pools import Pool
from ledger.accounting.poster import Poster
from ledger.events import PaymentSucceeded
from ledger.reasons import Reason


class Payment:
    """Money that came in, once, however many events told it."""

    __slots__ = (
        "amount",
        "at",
        "booked",
        "cause",
        "currency",
        "entity",
        "evidence",
        "exchange_rate",
        "fee",
        "invoice_id",
        "key",
        "linkage",
        "out_of_band",
        "overpaid",
        "refs",
        "settlement_currency",
        "settlement_minor",
    )

    def __init__(
        self, poster: Poster, events: Sequence[PaymentSucceeded], amount: int, key: str
    ) -> None:
        first = events[0]
        self.cause = first
        self.at = first.occurred_at_micros
        self.evidence = poster.others(events, first) if len(events) > 1 else ()
        self.key = key
        self.amount = amount
        self.currency = first.currency
        self.refs: tuple[str, ...] = first.payment_refs
        self.booked = Pool()
        """The payment at its own rate, once it is booked."""
        self.overpaid = 0
        """What of it went to the customer's balance, because nothing was owed for it."""
        self.invoice_id = first.invoice_id
        self.entity = first.entity
        self.linkage = first.linkage
        self.out_of_band = first.out_of_band
        whole = amount == first.amount_minor
        self.fee = first.fee_minor if whole else None
        self.settlement_currency = first.settlement_currency
        self.settlement_minor = first.settlement_minor if whole else None
        self.exchange_rate: Decimal | None = first.exchange_rate
        for event in events[1:]:
            self._learn(event)

    def _learn(self, event: PaymentSucceeded) -> None:
        self.refs += event.payment_refs
        if self.invoice_id is None:
            self.invoice_id = event.invoice_id
        if self.entity is None:
            self.entity = event.entity
        if event.linkage == "standalone" and self.linkage == "unknown":
            self.linkage = "standalone"
        self.out_of_band = self.out_of_band or event.out_of_band
        if self.fee is None:
            self.fee = event.fee_minor
        if self.settlement_minor is None and event.settlement_minor is not None:
            self.settlement_minor = event.settlement_minor
        if self.settlement_currency is None:
            self.settlement_currency = event.settlement_currency
        if self.exchange_rate is None:
            self.exchange_rate = event.exchange_rate

    def support(self, poster: Poster, event: PaymentSucceeded) -> None:
        """Take in a total that counts this payment and tells nothing new."""
        if event is not self.cause:
            self.evidence = poster.tells(self.cause, event, self.evidence)


def merge_payments(events: Sequence[PaymentSucceeded], poster: Poster) -> list[Payment]:
    """Return every payment once; events that contradict an earlier one are refused."""
    movements: list[Payment] = []
    totals: list[PaymentSucceeded] = []
    for told in _same_payment(events) if len(events) > 1 else [list(events)]:
        moved = [event for event in told if event.evidence != "invoice_total"]
        if not moved:
            totals += told
            continue
        agreed = _agreeing(told, moved[0], poster) if len(told) > 1 else told
        movements.append(Payment(poster, agreed, moved[0].amount_minor, _key(agreed)))
        if len(moved) < len(told):
            totals += [event for event in agreed if event.evidence == "invoice_total"]
    if not totals:
        return movements
    return movements + _known_by_invoice_only(poster, movements, totals)


def _key(told: list[PaymentSucceeded]) -> str:
    """Return what a payment is called in entry keys: its first reference in alphabet."""
    refs = [ref for event in told for ref in event.payment_refs]
    return min(refs) if refs else f"{told[0].event_id}:payment"


def _same_payment(events: Sequence[PaymentSucceeded]) -> list[list[PaymentSucceeded]]:
    """Group events that share a reference, directly or through another; in order of the first."""
    parent: dict[str, str] = {}

    def root(ref: str) -> str:
        while (up := parent.setdefault(ref, ref)) != ref:
            parent[ref] = ref = parent[up]
        return ref

    for event in events:
        for ref in event.payment_refs[1:]:
            parent[root(ref)] = root(event.payment_refs[0])
    groups: dict[str, list[PaymentSucceeded]] = {}
    for event in events:
        name = root(event.payment_refs[0]) if event.payment_refs else f"\n{event.event_id}"
        groups.setdefault(name, []).append(event)
    return list(groups.values())


def _agreeing(
    told: list[PaymentSucceeded], first: PaymentSucceeded, poster: Poster
) -> list[PaymentSucceeded]:
    """Keep what agrees with the first movement; refuse what states something else."""
    same_money = [event for event in told if event.currency == first.currency]
    invoice_id = next(
        (event.invoice_id for event in (first, *same_money) if event.invoice_id is not None), None
    )
    agreed = []
    for event in told:
        same_invoice = event.invoice_id is None or event.invoice_id == invoice_id
        same_amount = event.amount_minor == first.amount_minor or event.evidence == "invoice_total"
        if same_invoice and same_amount and event.currency == first.currency:
            agreed.append(event)
        else:
            poster.refuse(
                event,
                Reason.PAYMENT_EVIDENCE_CONFLICT,
                "the payment was told before with another amount, currency or invoice",
                event.amount_minor,
                event.currency,
            )
    return agreed


def _known_by_invoice_only(
    poster: Poster, movements: list[Payment], totals: list[PaymentSucceeded]
) -> list[Payment]:
    """Return what invoices say was paid beyond the movements known; the rest is their evidence."""
    by_invoice: dict[tuple[str, str], list[PaymentSucceeded]] = {}
    for event in sorted(totals, key=lambda event: (event.occurred_at_micros, event.event_id)):
        if event.invoice_id is not None:
            by_invoice.setdefault((event.invoice_id, event.currency), []).append(event)
    extra: list[Payment] = []
    taken = {payment.key for payment in movements}
    for (invoice_id, currency), claims in by_invoice.items():
        known = [
            payment
            for payment in movements
            if payment.invoice_id == invoice_id and payment.currency == currency
        ]
        amounts = unexplained(
            [(payment.at, payment.amount) for payment in known],
            [(event.occurred_at_micros, event.amount_minor) for event in claims],
        )
        for event, amount in zip(claims, amounts, strict=True):
            if amount > 0:
                key = min(event.payment_refs, default="")
                if not key or key in taken:
                    key = f"{invoice_id}:paid:{event.amount_minor}"
                taken.add(key)
                known.append(Payment(poster, [event], amount, key))
                extra.append(known[-1])
            elif known:
                counted = [one for one in known if one.at <= event.occurred_at_micros] or known
                counted[-1].support(poster, event)
    return extra


def unexplained(known: list[tuple[int, int]], stated: list[tuple[int, int]]) -> list[int]:
    """Return for each total stated, in order, how much of it no known movement explains.

    Both lists are (time, amount); a total counts everything up to its time, but movements told
    later may be the very ones it counted. So the sum booked is the largest total or the sum of the
    movements, whichever is more, and each difference is dated with the total that told it.
    """
    missing = max((amount for _, amount in stated), default=0) - sum(part for _, part in known)
    found = 0
    result = []
    for at, total in stated:
        explained = found + sum(part for time, part in known if time <= at)
        amount = min(max(total - explained, 0), max(missing - found, 0))
        found += amount
        result.append(amount)
    return result
