"""Payouts -> money sent to the bank, or come back from it. They belong to no customer.

A negative payout is one that Stripe debits from the bank, to cover a negative balance.
Source: https://docs.stripe.com/payouts (negative balances).
"""

from __future__ import annotations

from connectors.providers.stripe.amounts import currency_code
from connectors.providers.stripe.delivery import Delivery, Mapped
from connectors.providers.stripe.linking import stated_links
from connectors.providers.stripe.shapes import Payout
from ledger.events import PayoutFailed, PayoutPaid


def map_payout_paid(delivery: Delivery, payout: Payout) -> Mapped:
    """`payout.paid`."""
    links = stated_links(delivery.keys, payout.metadata)
    payout_id = "stripe:" + payout.id
    event = PayoutPaid(
        **delivery.about("payments.payout_paid", None, links),
        payout_id=payout_id,
        currency=currency_code(payout.currency),
        amount_minor=payout.amount,
    )
    return Mapped(events=[event], party_ref=payout_id)


def map_payout_failed(delivery: Delivery, payout: Payout) -> Mapped:
    """`payout.failed`: may follow `payout.paid` when the bank sends the money back."""
    links = stated_links(delivery.keys, payout.metadata)
    payout_id = "stripe:" + payout.id
    event = PayoutFailed(
        **delivery.about("payments.payout_failed", None, links),
        payout_id=payout_id,
        currency=currency_code(payout.currency),
        amount_minor=payout.amount,
    )
    return Mapped(events=[event], party_ref=payout_id)
