"""What the choices of a policy pack mean, in a controller's words.

One entry per choice and value of `ledger.policies.PolicyPack`; a test compares. docs/policies.md
says where each comes from.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ledger.policies import PolicyPack

QUESTIONS: Mapping[str, str] = {
    "dispute": "What happens to money that a customer disputes?",
    "bad_debt": "What is expensed when an invoice is given up?",
    "refund_of_deferred": "Does a refund shorten the deferral?",
    "contra_revenue": "Where do credit notes and voids take back recognised revenue?",
    "fee_timing": "When are processing fees expensed?",
    "granularity": "How is a service period spread over its months?",
    "revenue_start": "When does recognition begin?",
    "payment_tolerance_minor": "How much may a payment differ before a person must look?",
    "tax_on_refund": "How much tax does a refund give back?",
    "revaluation": "Is what is owed in a foreign currency revalued at period ends?",
    "breakage": "When is prepaid credit that is not used revenue?",
    "expected_breakage_percent": "How much of every paid grant is expected never to be used?",
}
"""The question that each choice answers."""

_ANSWERS: Mapping[str, Mapping[str, str]] = {
    "dispute": {
        "contra": "it is taken back like a refund at once (disputes, deferred_revenue); what is "
        "won back is new income (recoverables)",
        "receivable": "it is parked in disputes_receivable until the dispute is decided; what is "
        "lost, and the fee, goes to dispute_losses",
    },
    "bad_debt": {
        "recognised_only": "bad_debt for the part that was recognised; the rest comes off the "
        "deferral",
        "gross": "bad_debt for the whole claim; the deferral runs on as revenue",
    },
    "refund_of_deferred": {
        "split": "yes: the unrecognised part comes off deferred_revenue, only the rest is contra "
        "revenue",
        "contra_only": "no: all of it is contra revenue, and the deferral runs on",
    },
    "contra_revenue": {
        "separate": "in roles of their own (credit_notes, voids); gross revenue stays visible",
        "against_revenue": "in revenue itself",
    },
    "fee_timing": {
        "cash": "when the payment settles",
        "invoice": "over the service that the payment is for, like its revenue (deferred_fees "
        "until then)",
    },
    "granularity": {
        "second": "by seconds: a month weighs what of the service lies in it",
        "day": "by days: 31-day months get more than 30-day ones",
        "even_months": "evenly: every full month gets the same, a part of a month its share",
    },
    "revenue_start": {
        "service_period": "with the service period; what lies before the invoice is caught up at "
        "its date",
        "invoice_date": "with the invoice, whatever its service period says",
    },
    "tax_on_refund": {
        "proportional": "the refunded share of the invoice's tax",
        "from_event": "what the refund states; without that, the refunded share",
    },
    "revaluation": {
        "none": "no: exchange differences are booked when they are realised",
        "period_end": "yes: to fx_unrealised at the end of every period, and back on the day after",
    },
    "breakage": {
        "at_expiry": "when it ends",
        "proportional": "the part that is expected never to be used, in proportion to what is used",
    },
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of a pack, in words."""

    choice: str
    value: str
    question: str
    answer: str


def answers_of(pack: PolicyPack) -> list[Answer]:
    """Return what a pack decides, in the order of its choices."""
    return [
        Answer(
            choice=choice,
            value=str(getattr(pack, choice)),
            question=question,
            answer=_answer(choice, str(getattr(pack, choice))),
        )
        for choice, question in QUESTIONS.items()
    ]


def _answer(choice: str, value: str) -> str:
    if choice == "payment_tolerance_minor":
        if value == "0":
            return "not at all: every difference stays open on the invoice"
        return f"by up to {value} minor units (cents): such differences go to rounding"
    if choice == "expected_breakage_percent":
        return f"{value} percent; counts where breakage is proportional"
    return _ANSWERS[choice][value]
