"""Pending invoice items -> what is earned before it is invoiced.

Accrued are prorations and items with a service period. A one-off item without one is earned
when it is invoiced.
"""

from __future__ import annotations

from connectors.decoding import Rejected
from connectors.providers.stripe.amounts import currency_code, micros
from connectors.providers.stripe.delivery import Delivery, Mapped, belongs, optional_customer_of
from connectors.providers.stripe.invoice_lines import product_of
from connectors.providers.stripe.invoice_shapes import InvoiceItem, SubscriptionRef
from connectors.providers.stripe.linking import StatedLinks, source_id, stated_links
from ledger.events import ItemAccrued, ItemDeleted
from ledger.reasons import Reason


def map_item(delivery: Delivery, item: InvoiceItem) -> Mapped:
    """`invoiceitem.created`, `invoiceitem.updated`."""
    amount, currency = _net_minor(item), item.currency
    if amount is None or currency is None:
        name = "amount" if amount is None else "currency"
        raise Rejected(Reason.MISSING_FIELD, f"{name} is absent at $.data.object")
    mapped = _belonging(item)
    if not _is_accrued(item):
        return mapped
    period = item.period
    mapped.events = [
        ItemAccrued(
            **delivery.about(
                "billing.item_accrued",
                mapped.party_ref,
                _links(delivery, item),
                subscription_id=_subscription(item),
            ),
            accrual_id="stripe:" + item.id,
            currency=currency_code(currency),
            amount_minor=amount,
            service_start_micros=micros(period.start) if period else None,
            service_end_micros=micros(period.end) if period else None,
            product=product_of(item),
            proration=bool(item.proration),
        )
    ]
    return mapped


def map_item_deleted(delivery: Delivery, item: InvoiceItem) -> Mapped:
    """`invoiceitem.deleted`; the object may be reduced to its id."""
    mapped = _belonging(item)
    if item.amount is None or _is_accrued(item):
        mapped.events = [
            ItemDeleted(
                **delivery.about(
                    "billing.item_deleted",
                    mapped.party_ref,
                    _links(delivery, item),
                    subscription_id=_subscription(item),
                ),
                accrual_id="stripe:" + item.id,
            )
        ]
    return mapped


def _is_accrued(item: InvoiceItem) -> bool:
    period = item.period
    lasts = period is not None and period.start is not None and period.start != period.end
    return bool(item.proration) or lasts


def _net_minor(item: InvoiceItem) -> int | None:
    """The amount; after discounts for an item that later discounts cannot touch."""
    if item.discountable is False and item.net_amount is not None:
        return item.net_amount
    return item.amount


def _subscription(item: InvoiceItem) -> str | None:
    details = item.parent.subscription_details if item.parent else None
    return source_id(item.subscription or (details.subscription if details else None))


def _links(delivery: Delivery, item: InvoiceItem) -> StatedLinks:
    details = item.parent.subscription_details if item.parent else None
    expanded = item.subscription
    return stated_links(
        delivery.keys,
        item.metadata,
        details.metadata if details else None,
        expanded.metadata if type(expanded) is SubscriptionRef else None,
    )


def _belonging(item: InvoiceItem) -> Mapped:
    customer = optional_customer_of(item)
    own = "stripe:" + item.id
    if customer is None:
        return Mapped(link_refs=(own,))
    return Mapped(party_ref=customer, links=belongs((own,), customer))
