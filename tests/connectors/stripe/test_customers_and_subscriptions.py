"""Customers, subscriptions and pending items of both shapes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stripe_builders import OLD, at, event, listed, micros, resource, subscription

from ledger.events import subject_of

# --- customers ---------------------------------------------------------------------------

ADDRESS = {
    "city": "Lyon",
    "country": "FR",
    "line1": "1 rue A",
    "line2": "2e",
    "state": None,
    "postal_code": "69001",
}


def customer(**fields):
    return resource("customer", id="cus_1", **fields)


def test_a_new_customer_sets_what_it_has_a_value_for(decode):
    obj = customer(name="Acme & Sons <b>", email="a@b.example", address=ADDRESS, currency="eur")
    message = decode(event("customer.created", obj))
    (told,) = message.events
    assert told.attributes_set == (
        "city",
        "country",
        "currency",
        "email",
        "name",
        "postal_code",
        "street",
    )
    assert (told.name, told.country, told.currency) == ("Acme & Sons <b>", "FR", "EUR")
    assert told.street == "1 rue A\n2e"
    assert message.party_ref == told.customer_id == "stripe:cus_1"


@pytest.mark.parametrize(
    ("previous", "names"),
    [
        ({"email": "old@b.example"}, ("email",)),
        ({"address": {"city": "Paris"}}, ("city", "country", "postal_code", "state", "street")),
        ({"tax_ids": {"data": []}}, ("tax_id",)),
        ({"metadata": {"a": "b"}}, ()),
        (None, ("city", "country", "currency", "email", "postal_code", "street")),
    ],
)
def test_an_update_sets_only_what_changed(decode, previous, names):
    obj = customer(email="a@b.example", address=ADDRESS, name=None)
    (told,) = decode(event("customer.updated", obj, previous=previous)).events
    assert told.attributes_set == names


def test_an_update_that_removes_a_value_sets_it_to_nothing(decode):
    (told,) = decode(
        event("customer.updated", customer(name=None), previous={"name": "Acme"})
    ).events
    assert (told.attributes_set, told.name) == (("name",), None)


@pytest.mark.parametrize(
    "obj",
    [
        customer(name="Acme"),
        resource("customer", id="cus_1"),
        {"id": "cus_1", "object": "customer", "deleted": True},
    ],
)
def test_a_deleted_customer_is_told_as_deleted(decode, obj):
    (told,) = decode(event("customer.deleted", obj)).events
    assert told.deleted
    assert told.attributes_set == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"business_vat_id": "FR123"},
        {"tax_info": {"tax_id": "FR123", "type": "vat"}},
        {"tax_ids": listed({"id": "txi_1", "value": "FR123"})},
    ],
)
def test_the_tax_number_is_found_in_every_shape(decode, fields):
    (told,) = decode(event("customer.created", customer(**fields), version=OLD)).events
    assert told.tax_id == "FR123"


# --- subscriptions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_type", "status", "previous", "subject"),
    [
        ("created", "active", None, "billing.subscription_activated"),
        ("created", "trialing", None, "billing.subscription_activated"),
        ("created", "incomplete", None, "billing.subscription_changed"),
        ("updated", "active", {"status": "incomplete"}, "billing.subscription_activated"),
        ("updated", "active", {"status": "trialing"}, "billing.subscription_changed"),
        ("updated", "active", {"status": "past_due"}, "billing.subscription_changed"),
        ("updated", "past_due", {"status": "active"}, "billing.subscription_changed"),
        ("updated", "active", {"quantity": 1}, "billing.subscription_changed"),
        ("updated", "active", {"status": ["incomplete"]}, "billing.subscription_changed"),
        ("updated", "active", None, "billing.subscription_changed"),
        ("updated", "canceled", {"status": "active"}, "billing.subscription_cancelled"),
        ("updated", "incomplete_expired", None, "billing.subscription_cancelled"),
        ("deleted", "canceled", None, "billing.subscription_cancelled"),
        ("deleted", "active", None, "billing.subscription_cancelled"),
        ("paused", "paused", None, "billing.subscription_changed"),
        ("resumed", "active", {"status": "paused"}, "billing.subscription_changed"),
        ("pending_update_applied", "active", None, "billing.subscription_changed"),
    ],
)
def test_a_subscription_event_means(decode, event_type, status, previous, subject):
    told = event(
        f"customer.subscription.{event_type}", subscription(status=status), previous=previous
    )
    (state,) = decode(told).events
    assert (subject_of(state), state.status) == (subject, status)


@pytest.mark.parametrize("event_type", ["trial_will_end", "pending_update_expired"])
def test_notices_are_only_recorded(decode, event_type):
    assert decode(event(f"customer.subscription.{event_type}", subscription())).events == ()


def test_the_present_shape_keeps_periods_on_items_and_the_first_to_renew_counts(decode):
    item = resource("subscription")["items"]["data"][0]
    yearly = {
        **item,
        "id": "si_1",
        "current_period_start": at("2026-01-01"),
        "current_period_end": at("2027-01-01"),
        "quantity": 3,
        "price": {
            "id": "price_1",
            "product": "prod_1",
            "currency": "usd",
            "unit_amount": 2000,
            "unit_amount_decimal": "2000.5",
            "recurring": {"interval": "year"},
        },
    }
    monthly = {**yearly, "id": "si_2", "current_period_end": at("2026-02-01")}
    message = decode(
        event("customer.subscription.created", subscription(items=listed(yearly, monthly)))
    )
    (state,) = message.events
    assert (state.period_start_micros, state.period_end_micros) == (
        micros("2026-01-01"),
        micros("2026-02-01"),
    )
    first = state.items[0]
    assert (first.item_id, first.product, first.price_id) == ("si_1", "prod_1", "price_1")
    assert (first.unit_amount, first.quantity) == (Decimal("2000.5"), 3)
    assert (first.interval, state.currency) == ("year", "USD")
    assert message.links == (("stripe:sub_1", "stripe:cus_1"),)


def test_the_old_shape_keeps_the_period_on_the_subscription_and_prices_as_plans(decode):
    plan = {
        "id": "gold",
        "amount": 1999,
        "currency": "eur",
        "interval": "month",
        "product": "prod_1",
    }
    obj = {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "current_period_start": at("2026-01-01"),
        "current_period_end": at("2026-02-01"),
        "items": listed({"id": "si_1", "plan": plan, "quantity": 2}),
    }
    (state,) = decode(event("customer.subscription.created", obj, version=OLD)).events
    assert state.period_end_micros == micros("2026-02-01")
    assert (state.currency, state.items[0].unit_amount) == ("EUR", 1999)
    assert (state.items[0].price_id, state.items[0].interval) == ("gold", "month")


# --- pending items -----------------------------------------------------------------------


def item(amount, start="2026-04-21", end="2026-05-01", **fields):
    period = {"start": at(start), "end": at(end)}
    given = {"id": "ii_1", "amount": amount, "customer": "cus_1", "period": period, **fields}
    return resource("invoiceitem", **given)


@pytest.mark.parametrize("event_type", ["invoiceitem.created", "invoiceitem.updated"])
def test_a_proration_is_earned_before_it_is_invoiced(decode, event_type):
    message = decode(event(event_type, item(-3000, proration=True), created="2026-04-21"))
    (accrued,) = message.events
    assert (accrued.accrual_id, accrued.amount_minor) == ("stripe:ii_1", -3000)
    assert (accrued.service_start_micros, accrued.service_end_micros) == (
        micros("2026-04-21"),
        micros("2026-05-01"),
    )
    assert (accrued.proration, accrued.subscription_id) == (True, "stripe:subscription")
    assert message.links == (("stripe:ii_1", "stripe:cus_1"),)


def test_an_old_proration_names_its_subscription_and_plan(decode):
    obj = {
        "id": "ii_1",
        "customer": "cus_1",
        "currency": "usd",
        "amount": 4000,
        "proration": True,
        "subscription": "sub_1",
        "date": at("2026-04-21"),
        "period": {"start": at("2026-04-21"), "end": at("2026-05-01")},
        "plan": {"id": "gold", "product": "prod_1"},
    }
    (accrued,) = decode(event("invoiceitem.created", obj, version=OLD)).events
    assert (accrued.subscription_id, accrued.product) == ("stripe:sub_1", "prod_1")


@pytest.mark.parametrize(
    ("fields", "accrued"),
    [
        ({"proration": False}, True),
        ({"proration": False, "start": "2026-04-21", "end": "2026-04-21"}, False),
        ({"proration": True, "start": "2026-04-21", "end": "2026-04-21"}, True),
    ],
)
def test_a_one_off_item_without_a_service_period_waits_for_its_invoice(decode, fields, accrued):
    created = decode(event("invoiceitem.created", item(4000, **fields)))
    deleted = decode(event("invoiceitem.deleted", item(4000, **fields)))
    assert [len(created.events), len(deleted.events)] == ([1, 1] if accrued else [0, 0])


def test_a_deleted_item_may_be_reduced_to_its_id(decode):
    message = decode(event("invoiceitem.deleted", {"id": "ii_1", "deleted": True}))
    assert message.events[0].accrual_id == "stripe:ii_1"
    assert (message.party_ref, message.link_refs) == (None, ("stripe:ii_1",))


def test_an_item_that_discounts_cannot_touch_is_worth_its_net_amount(decode):
    obj = item(4000, proration=True, discountable=False, net_amount=3600)
    assert decode(event("invoiceitem.created", obj)).events[0].amount_minor == 3600


@pytest.mark.parametrize("missing", ["amount", "currency"])
def test_an_item_needs_amount_and_currency(decode, missing):
    obj = item(4000, proration=True)
    obj.pop(missing)
    assert decode(event("invoiceitem.created", obj)).reason == "missing_field"
