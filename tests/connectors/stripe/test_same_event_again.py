"""A redelivery is a duplicate, an event id with another meaning is a conflict."""

from __future__ import annotations

import pytest
from stripe_builders import event, line, new_charge, new_invoice

INVOICE = new_invoice(line("il_1", 9000), total=9000)


@pytest.mark.parametrize(
    "changed",
    [
        {"pending_webhooks": 3},
        {"request": {"id": "req_9", "idempotency_key": "k"}},
        {"livemode": True},
    ],
)
def test_a_redelivery_means_the_same(decode, changed):
    told = event("invoice.finalized", INVOICE)
    assert decode({**told, **changed}).digest == decode(told).digest


def test_fields_without_meaning_do_not_make_another_event(decode):
    again = {**INVOICE, "webhooks_delivered_at": 5, "hosted_invoice_url": "https://x.example"}
    assert (
        decode(event("invoice.finalized", again)).digest
        == decode(event("invoice.finalized", INVOICE)).digest
    )


def test_key_order_does_not_make_another_event(decode):
    turned = dict(reversed(list(event("invoice.finalized", INVOICE).items())))
    assert decode(turned).digest == decode(event("invoice.finalized", INVOICE)).digest


@pytest.mark.parametrize(
    "other",
    [
        event("invoice.finalized", new_invoice(line("il_1", 9001), total=9001)),
        event("invoice.finalized", {**INVOICE, "customer": "cus_2"}),
        event("invoice.finalized", INVOICE, created="2026-01-02"),
        event("invoice.finalized", {**INVOICE, "metadata": {"contract_id": "K-1"}}),
        event("charge.succeeded", new_charge(9000)),
    ],
)
def test_another_meaning_under_the_same_id_is_another_digest(decode, other):
    assert decode(other).digest != decode(event("invoice.finalized", INVOICE)).digest
