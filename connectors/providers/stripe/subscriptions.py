"""Subscriptions -> activated, changed, cancelled."""

from __future__ import annotations

from decimal import Decimal

from connectors.providers.stripe.amounts import currency_code, micros
from connectors.providers.stripe.delivery import Delivery, Mapped, belongs, customer_of
from connectors.providers.stripe.linking import own_id, stated_links
from connectors.providers.stripe.shapes import Price, Subscription
from connectors.providers.stripe.shapes import SubscriptionItem as StripeItem
from ledger.events import (
    SubscriptionActivated,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionItem,
    SubscriptionState,
)

_RUNNING = frozenset({"active", "trialing"})
_ENDED = frozenset({"canceled", "incomplete_expired"})
_WAITING = "incomplete"
"""Created, but the first payment has not come: nothing is provided yet."""

PAUSED = "paused"
"""Pause of a subscription that does not say what becomes of its invoices."""

_SUBJECTS: dict[type[SubscriptionState], str] = {
    SubscriptionActivated: "billing.subscription_activated",
    SubscriptionChanged: "billing.subscription_changed",
    SubscriptionCancelled: "billing.subscription_cancelled",
}


def map_subscription(delivery: Delivery, subscription: Subscription) -> Mapped:
    """`customer.subscription.*` with a meaning."""
    customer = customer_of(subscription)
    subscription_id = "stripe:" + subscription.id
    kind = _kind(delivery, subscription)
    start, end = _period(subscription)
    pause = subscription.pause_collection
    event = kind(
        **delivery.about(
            _SUBJECTS[kind],
            customer,
            stated_links(delivery.keys, subscription.metadata),
            subscription_id=subscription_id,
        ),
        status=subscription.status,
        currency=_currency(subscription),
        period_start_micros=micros(start),
        period_end_micros=micros(end),
        cancel_at_period_end=bool(subscription.cancel_at_period_end),
        ended_at_micros=micros(subscription.ended_at),
        items=tuple([_item(item) for item in _items(subscription)]),
        pause_behavior=pause.behavior or PAUSED if pause else None,
        resumes_at_micros=micros(pause.resumes_at) if pause else None,
        cancel_at_micros=micros(subscription.cancel_at),
    )
    return Mapped(
        events=[event],  # type: ignore[list-item]
        party_ref=customer,
        links=belongs((subscription_id,), customer),
    )


def _kind(delivery: Delivery, subscription: Subscription) -> type[SubscriptionState]:
    """What the event means: by its type, else by the status it came to."""
    if delivery.type.endswith(".deleted") or subscription.status in _ENDED:
        return SubscriptionCancelled
    if subscription.status in _RUNNING:
        created = delivery.type.endswith(".created")
        if created or delivery.previous().get("status") == _WAITING:
            return SubscriptionActivated
    return SubscriptionChanged


def _period(subscription: Subscription) -> tuple[int | None, int | None]:
    """(start, end) of the running period; of the item that renews first in the present shape."""
    if subscription.current_period_end is not None:
        return subscription.current_period_start, subscription.current_period_end
    periods = [
        (item.current_period_end, item.current_period_start)
        for item in _items(subscription)
        if item.current_period_end is not None
    ]
    if not periods:
        return None, None
    end, start = min(periods, key=lambda period: period[0])
    return start, end


def _items(subscription: Subscription) -> list[StripeItem]:
    """Its prices; the oldest shape has one plan and no items."""
    if subscription.items and subscription.items.data:
        return subscription.items.data
    if subscription.plan is None:
        return []
    plan, quantity = subscription.plan, subscription.quantity
    return [StripeItem(id=subscription.id, plan=plan, quantity=quantity)]


def _price(item: StripeItem) -> Price | None:
    """The price of an item; `plan` is the older word and, where both are, a copy."""
    price = item.price if item.price is not None else item.plan
    return Price(id=price) if type(price) is str else price  # type: ignore[return-value]


def _currency(subscription: Subscription) -> str | None:
    """The subscription's currency, or the one of its prices where it does not say."""
    prices = [_price(item) for item in _items(subscription)]
    stated = [subscription.currency, *[price.currency for price in prices if price]]
    found = next((code for code in stated if code), None)
    return currency_code(found) if found else None


def _item(item: StripeItem) -> SubscriptionItem:
    price = _price(item)
    if price is None:
        return SubscriptionItem(item_id=item.id, quantity=item.quantity)
    return SubscriptionItem(
        item_id=item.id,
        product=own_id(price.product),
        price_id=price.id,
        quantity=None if _is_metered(price) else item.quantity,
        unit_amount=_unit_amount(price),
        interval=_interval(price),
    )


def _is_metered(price: Price) -> bool:
    """Charged by use: what was used is told by invoices, never by the subscription."""
    return (price.recurring or price).usage_type == "metered"


def _interval(price: Price) -> str | None:
    """`month`, or `3 months` for every third; None for what is charged once."""
    rhythm = price.recurring or price
    count = rhythm.interval_count or 1
    return rhythm.interval if count == 1 or not rhythm.interval else f"{count} {rhythm.interval}s"


def _unit_amount(price: Price) -> Decimal | None:
    """Price of one unit in minor units, which may have decimals; None for tiers."""
    for exact in (price.unit_amount_decimal, price.amount_decimal):
        if exact is not None:
            return exact
    for whole in (price.unit_amount, price.amount):
        if whole is not None:
            return Decimal(whole)
    return None
