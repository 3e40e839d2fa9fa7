"""What is known is mapped, what has no meaning is recorded, nothing is guessed."""

from __future__ import annotations

import pytest
from stripe_builders import event, line, new_invoice, resource

from connectors.providers.stripe.event_types import (
    FAMILIES_WITHOUT_MEANING,
    MAPPINGS,
    WITHOUT_MEANING,
    has_no_meaning,
)
from ledger.messages import DeadLetter, Message

INVOICE = new_invoice(line("il_1", 9000), total=9000)


@pytest.mark.parametrize(
    "version",
    [
        "2015-01-01",
        "2017-08-15",
        "2019-12-03",
        "2020-08-27",
        "2022-11-15",
        "2024-06-20",
        "2024-12-18.acacia",
        "2025-03-31.basil",
        "2025-09-30.clover",
        "2026-03-25.dahlia",
        "2026-10-28.endive",
        "2026-11-24.preview",
        "2026-12-31",
    ],
)
def test_every_dated_version_of_twelve_years_is_read(decode, version):
    assert len(decode(event("invoice.finalized", INVOICE, version=version)).events) == 1


@pytest.mark.parametrize(
    "version",
    [
        None,
        "",
        "2014-12-31",
        "2011-01-01",
        "2027-01-01",
        "2026-13-01",
        "2026-02-30",
        "v1",
        "2026-01-01.",
        "2026-01-01.Basil!",
        "2026-01-01 ",
        "٢٠٢٦-01-01",
    ],
)
def test_an_unknown_version_is_never_guessed(decode, version):
    refused = decode(event("invoice.finalized", INVOICE, version=version))
    assert isinstance(refused, DeadLetter)
    assert refused.reason == "unknown_api_version"
    assert "2015-01-01 to 2026-12-31" in refused.detail
    assert (refused.amount_minor, refused.currency) == (9000, "USD")
    assert refused.message_id == "stripe:evt_1"


@pytest.mark.parametrize("version", [None, "2027-01-01", "2026-03-25.dahlia"])
def test_an_uninteresting_type_is_recorded_whatever_its_version(decode, version):
    message = decode(event("product.created", {"id": "prod_1", "name": "Pro"}, version=version))
    assert isinstance(message, Message)
    assert (message.events, message.schema_version) == ((), "-")
    assert message.party_ref == "stripe:prod_1"


@pytest.mark.parametrize("obj", [{"object": "balance"}, {"id": 7}, {"id": ""}, "a text", None])
def test_an_uninteresting_object_without_an_id_is_kept_under_its_event(decode, obj):
    assert decode(event("balance.available", obj)).party_ref == "stripe:evt_1"


@pytest.mark.parametrize(
    "event_type",
    [
        "plan.created",
        "price.updated",
        "coupon.deleted",
        "payment_method.attached",
        "setup_intent.succeeded",
        "checkout.session.completed",
        "radar.early_fraud_warning.created",
        "invoice.upcoming",
        "invoice.sent",
        "tax_rate.created",
        "test_helpers.test_clock.ready",
        "source.chargeable",
        "person.created",
        "customer.source.created",
        "charge.pending",
        "payment_intent.created",
        "balance.available",
        "payout.created",
        "charge.dispute.updated",
        "subscription_schedule.updated",
        "billing.meter.created",
    ],
)
def test_a_type_without_meaning_is_recorded_unread(decode, event_type):
    assert decode(event(event_type, {"anything": ["at", 1.5]}, version=None)).events == ()


@pytest.mark.parametrize(
    "event_type",
    [
        "transfer.created",
        "application_fee.created",
        "topup.succeeded",
        "issuing_transaction.created",
        "treasury.received_credit.succeeded",
        "customer_cash_balance_transaction.created",
        "invoice.vanished",
        "charge.teleported",
        "pricey.thing",
        "customer.subscription.eaten",
        "refund",
        "",
        "Invoice.Finalized",
    ],
)
def test_a_type_that_may_mean_something_is_refused(decode, event_type):
    refused = decode(event(event_type, {"id": "x_1", "amount": 500, "currency": "usd"}))
    assert refused.reason == "unknown_event_type"
    assert (refused.amount_minor, refused.currency) == (500, "USD")


def test_no_type_is_both_mapped_and_without_meaning():
    assert [name for name in MAPPINGS if has_no_meaning(name)] == []
    assert not WITHOUT_MEANING & MAPPINGS.keys()
    assert all(family.endswith(".") for family in FAMILIES_WITHOUT_MEANING)


def test_expanded_objects_stand_for_their_ids_everywhere(decode):
    """Stripe expands on request, so any id may come as the object."""
    expanded = new_invoice(
        line("il_1", 9000, subscription={"id": "sub_1"}, invoice_item={"id": "ii_1"}),
        total=9000,
        customer=resource("customer", id="cus_1"),
        charge={"id": "ch_1"},
        payment_intent={"id": "pi_1"},
        subscription={"id": "sub_1", "metadata": {"contract_id": "K-1"}},
        status="paid",
        amount_paid=9000,
    )
    plain = new_invoice(
        line("il_1", 9000, subscription="sub_1", invoice_item="ii_1"),
        total=9000,
        customer="cus_1",
        charge="ch_1",
        payment_intent="pi_1",
        subscription="sub_1",
        metadata={"contract_id": "K-1"},
        status="paid",
        amount_paid=9000,
    )
    told = [decode(event("invoice.paid", obj)) for obj in (expanded, plain)]
    assert told[0].events == told[1].events
    assert told[0].digest == told[1].digest
