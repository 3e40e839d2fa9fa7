"""Stripe's billing credits: the grant, its transactions, and the books they give."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from stripe_books import fold_all, months
from stripe_builders import at, event, line, micros, new_invoice
from stripe_credit import credit, debit, grant, money

from connectors.decoding import DecodeContext
from ledger.events import (
    CreditDrawn,
    CreditExpired,
    CreditGranted,
    CreditReinstated,
    CreditVoided,
)
from ledger.messages import DeadLetter, Message

Json = dict[str, Any]
Decode = Callable[[Any], Message | DeadLetter]


_MOVED = "billing.credit_balance_transaction.created"


def told(decode: Decode, event_type: str, obj: Json, **fields: Any) -> Message:
    message = decode(event(event_type, obj, **fields))
    assert isinstance(message, Message), message
    return message


def test_a_grant_tells_its_sale_by_metadata(decode: Decode) -> None:
    message = told(
        decode,
        "billing.credit_grant.created",
        grant(
            expires_at=at("2027-01-01"),
            metadata={"invoice_id": "in_1", "invoice_line_id": "il_1", "contract_id": "C-1"},
        ),
    )
    [granted] = message.events
    assert isinstance(granted, CreditGranted)
    assert (granted.grant_id, granted.currency, granted.amount_minor, granted.category) == (
        "stripe:credgr_1",
        "USD",
        10_000,
        "paid",
    )
    assert (granted.invoice_id, granted.invoice_line_id) == ("stripe:in_1", "il_1")
    assert (granted.contract_id, granted.priority) == ("C-1", 50)
    assert granted.expires_at_micros == micros("2027-01-01")
    assert message.party_ref == "stripe:cus_1"
    assert ("stripe:credgr_1", "stripe:cus_1") in message.links


def test_a_grant_may_name_the_payment_that_bought_it(decode: Decode) -> None:
    message = told(
        decode, "billing.credit_grant.created", grant(metadata={"payment_intent_id": "pi_1"})
    )
    [granted] = message.events
    assert isinstance(granted, CreditGranted)
    assert (granted.invoice_id, granted.payment_ref) == (None, "stripe:pi_1")


def test_a_voided_grant_tells_when(decode: Decode) -> None:
    obj = grant(voided_at=at("2026-03-01"))
    message = told(decode, "billing.credit_grant.updated", obj, created="2026-03-02")
    granted, voided = message.events
    assert isinstance(granted, CreditGranted) and isinstance(voided, CreditVoided)
    assert (voided.amount_minor, voided.occurred_at_micros) == (None, micros("2026-03-01"))


@pytest.mark.parametrize(
    ("obj", "kind"),
    [
        (debit("credits_applied", 4_000, "2026-02-01"), CreditDrawn),
        (debit("credits_expired", 4_000, "2026-02-01"), CreditExpired),
        (debit("credits_voided", 4_000, "2026-02-01"), CreditVoided),
        (credit("credits_application_invoice_voided", 4_000, "2026-02-01"), CreditReinstated),
    ],
)
def test_a_transaction_is_what_its_type_says(decode: Decode, obj: Json, kind: type) -> None:
    message = told(decode, _MOVED, obj, created="2026-02-03")
    [moved] = message.events
    assert isinstance(moved, kind)
    assert moved.grant_id == "stripe:credgr_1"
    assert moved.transaction_id == "stripe:cbtxn_1"
    assert (moved.amount_minor, moved.occurred_at_micros) == (4_000, micros("2026-02-01"))
    if kind in (CreditDrawn, CreditReinstated):
        assert (moved.invoice_id, moved.invoice_line_id) == ("stripe:in_2", "il_7")
    assert message.party_ref is None and message.link_refs == ("stripe:credgr_1",)


def test_the_first_funding_adds_nothing_to_the_grant(decode: Decode) -> None:
    message = told(decode, _MOVED, credit("credits_granted", 10_000, "2026-01-01"))
    assert message.events == ()


def test_an_expanded_grant_tells_the_customer(decode: Decode) -> None:
    obj = debit("credits_applied", 4_000, "2026-02-01", credit_grant=grant())
    assert told(decode, _MOVED, obj).party_ref == "stripe:cus_1"


@pytest.mark.parametrize(
    ("event_type", "obj"),
    [
        ("billing.credit_grant.created", grant(amount={"monetary": None, "type": "custom"})),
        ("billing.credit_grant.created", grant(category="loyalty")),
        (_MOVED, debit("credits_borrowed", 1, "2026-02-01")),
        (_MOVED, debit("credits_applied", 1, "2026-02-01") | {"debit": None}),
    ],
    ids=["units that are no money", "unknown category", "unknown movement", "no movement"],
)
def test_what_is_not_known_is_refused(decode: Decode, event_type: str, obj: Json) -> None:
    letter = decode(event(event_type, obj))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "invalid_value"


def test_zero_decimal_exceptions_are_converted(decode: Decode) -> None:
    """Stripe counts ISK with two decimals that are always zero."""
    message = told(
        decode, "billing.credit_grant.created", grant(amount=money(500_000, "isk"), metadata={})
    )
    assert message.events[0].amount_minor == 5_000  # type: ignore[union-attr]


# --- the books ---------------------------------------------------------------------------


def story() -> list[Json]:
    """100.00 sold on January 1; 40.00 pay January's usage; 60.00 expire on July 1."""
    used = {
        **line("il_7", 4_000, "2026-01-01", "2026-02-01"),
        "pretax_credit_amounts": [
            {
                "amount": 4_000,
                "credit_balance_transaction": "cbtxn_1",
                "type": "credit_balance_transaction",
            }
        ],
    }
    sale = new_invoice(line("il_1", 10_000), total=10_000, parent=None)
    usage = new_invoice(
        used,
        total=0,
        id="in_2",
        status_transitions={"finalized_at": at("2026-02-01")},
    )
    return [
        event("invoice.finalized", sale, event_id="evt_1"),
        event("billing.credit_grant.created", grant(expires_at=at("2026-07-01")), event_id="evt_2"),
        event(_MOVED, credit("credits_granted", 10_000, "2026-01-01", 9), event_id="evt_3"),
        event("invoice.finalized", usage, event_id="evt_4", created="2026-02-01"),
        event(_MOVED, debit("credits_applied", 4_000, "2026-02-01", 1), event_id="evt_5"),
        event(
            _MOVED,
            debit("credits_expired", 6_000, "2026-07-01", 2),
            event_id="evt_6",
            created="2026-07-01",
        ),
    ]


BOOKS = {
    "2026-01": {"accounts_receivable": "100", "deferred_revenue": "100"},
    "2026-02": {"deferred_revenue": "-40", "revenue": "40"},
    "2026-07": {"deferred_revenue": "-60", "revenue": "60"},
}


def test_a_sale_its_use_and_its_expiry(context: DecodeContext) -> None:
    assert months(story(), context) == BOOKS


def test_in_any_order(context: DecodeContext) -> None:
    events = story()
    for seed in range(8):
        random.Random(seed).shuffle(events)
        assert months(events, context) == BOOKS


def test_without_the_expiry_told_the_grant_s_own_date_counts(context: DecodeContext) -> None:
    assert months(story()[:-1], context) == BOOKS


def test_a_sale_that_metadata_does_not_name_is_found_by_its_amount(context: DecodeContext) -> None:
    events = story()
    events[1] = event(
        "billing.credit_grant.created",
        grant(expires_at=at("2026-07-01"), metadata={}),
        event_id="evt_2",
    )
    assert months(events, context) == BOOKS


def test_a_voided_invoice_gives_the_credit_back(context: DecodeContext) -> None:
    """The 40.00 are deferred again on March 1; then all 100.00 expire on July 1."""
    events = [
        *story()[:5],
        event(
            _MOVED,
            credit("credits_application_invoice_voided", 4_000, "2026-03-01", 3),
            event_id="evt_7",
        ),
    ]
    books = months(events, context)
    assert books["2026-03"] == {"deferred_revenue": "40", "revenue": "-40"}
    assert books["2026-07"] == {"deferred_revenue": "-100", "revenue": "100"}


def test_a_promotional_grant_only_lowers_the_invoice(context: DecodeContext) -> None:
    events = story()[3:5]
    given = grant(category="promotional", metadata={})
    events.append(event("billing.credit_grant.created", given, event_id="evt_2"))
    assert months(events, context) == {}


def test_metered_tiers_settle_what_was_reported(context: DecodeContext) -> None:
    """150 units at 0.10 are unbilled; billing rates 100 x 0.10 + 50 x 0.06: 13.00, 2.00 less."""

    def tier(name: str, amount: int) -> Json:
        origin = {"subscription_item": "si_1", "invoice_item": None, "proration": False}
        parent = {"type": "subscription_item_details", "subscription_item_details": origin}
        return line(name, amount, "2026-01-01", "2026-02-01", parent=parent)

    usage = {
        "subject": "billing.usage_reported",
        "event_id": "meter:1",
        "source": "meter",
        "occurred_at_micros": "2026-01-20T00:00:00Z",
        "customer_id": "stripe:cus_1",
        "subscription_id": "stripe:sub_1",
        "usage_id": "meter:1",
        "accrual_id": "stripe:si_1",
        "currency": "USD",
        "quantity": "150",
        "unit_amount": "10",
        "used_at_micros": "2026-01-20T00:00:00Z",
    }
    invoice = new_invoice(
        tier("il_1", 1_000),
        tier("il_2", 300),
        total=1_300,
        status_transitions={"finalized_at": at("2026-02-01")},
    )
    events = [usage, event("invoice.finalized", invoice, created="2026-02-01")]
    assert months(events, context) == {
        "2026-01": {"revenue": "15", "unbilled_receivable": "15"},
        "2026-02": {"accounts_receivable": "13", "revenue": "-2", "unbilled_receivable": "-15"},
    }


def test_credit_of_a_grant_nobody_saw_waits(context: DecodeContext) -> None:
    [result] = fold_all([story()[4]], context)
    assert [(one.reason, one.amount_minor) for one in result.pending] == [
        ("unmatched_party", 4_000)
    ]
