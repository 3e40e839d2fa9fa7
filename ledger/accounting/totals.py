"""Refunds that only the payment's total tells (so much of it has been refunded in all)."""

from __future__ import annotations

import msgspec

from ledger.accounting.evidence import RefundFact
from ledger.accounting.linking import Linker
from ledger.accounting.payment_evidence import unexplained
from ledger.accounting.poster import Poster
from ledger.events import RefundIssued
from ledger.reasons import Reason


def explain_refund_totals(
    poster: Poster, linker: Linker, totals: list[RefundIssued], facts: list[RefundFact]
) -> list[RefundFact]:
    """Return refunds for what totals state beyond the refunds known; others get evidence."""
    by_payment: dict[tuple[str, str], list[RefundIssued]] = {}
    for event in totals:
        payment = linker.payment_of(event.payment_refs)
        if payment is None:
            waits_for = min(event.payment_refs, default=event.refund_id)
            poster.wait(
                event, Reason.UNMATCHED_REFUND, waits_for, event.amount_minor, event.currency
            )
        else:
            by_payment.setdefault((payment.key, event.currency), []).append(event)
    extra: list[RefundFact] = []
    for (key, currency), told in by_payment.items():
        known = [fact for fact in facts if _is_of(linker, fact, key, currency)]
        amounts = unexplained(
            [(fact.event.occurred_at_micros, fact.event.amount_minor) for fact in known],
            [(event.occurred_at_micros, event.amount_minor) for event in told],
        )
        for event, amount in zip(told, amounts, strict=True):
            if amount:
                known.append(_refund(event, amount))
                extra.append(known[-1])
            elif known:
                _add_evidence(poster, known, event)
    return extra


def _is_of(linker: Linker, fact: RefundFact, key: str, currency: str) -> bool:
    payment = linker.payment_of(fact.event.payment_refs)
    return payment is not None and payment.key == key and fact.event.currency == currency


def _refund(event: RefundIssued, amount: int) -> RefundFact:
    """Make the refund that a total tells; its settlement is only known when it is all of it."""
    whole = amount == event.amount_minor
    refund = msgspec.structs.replace(
        event,
        refund_id=f"{event.refund_id}:refunded:{event.amount_minor}",
        amount_minor=amount,
        settlement_minor=event.settlement_minor if whole else None,
        tax_minor=event.tax_minor if whole else None,
    )
    return RefundFact(refund, (), None)


def _add_evidence(poster: Poster, known: list[RefundFact], event: RefundIssued) -> None:
    """Let a total that says nothing new support the last refund it counts."""
    at = event.occurred_at_micros
    counted = [fact for fact in known if fact.event.occurred_at_micros <= at] or known
    fact = counted[-1]
    fact.evidence = poster.tells(fact.event, event, fact.evidence)
