"""Customers -> attributes as billing sees them. CRM owns them; the fold decides who wins."""

from __future__ import annotations

from typing import Any

from connectors.providers.stripe.amounts import currency_code
from connectors.providers.stripe.delivery import Delivery, Mapped
from connectors.providers.stripe.linking import stated_links
from connectors.providers.stripe.shapes import Customer
from ledger.events import CustomerAccountChanged

_ADDRESS_FIELDS = ("country", "city", "state", "postal_code", "street")
_TAX_ID_KEYS = frozenset({"business_vat_id", "tax_info", "tax_ids"})
_PLAIN_KEYS = ("name", "email", "currency")


def map_customer(delivery: Delivery, customer: Customer) -> Mapped:
    """`customer.created`, `customer.updated`, `customer.deleted`."""
    customer_id = "stripe:" + customer.id
    links = stated_links(delivery.keys, customer.metadata)
    values = {name: value for name, value in _attributes(customer).items() if value is not None}
    deleted = customer.deleted or delivery.type == "customer.deleted"
    names: tuple[str, ...] = () if deleted else _names_set(delivery, values)
    event = CustomerAccountChanged(
        **delivery.about("crm.customer_account_changed", customer_id, links),
        attributes_set=names,
        **{name: values[name] for name in names if name in values},
        deleted=deleted,
    )
    return Mapped(events=[event], party_ref=customer_id)


def _attributes(customer: Customer) -> dict[str, Any]:
    address = customer.address
    street = [line for line in (address.line1, address.line2) if line] if address else []
    return {
        "name": customer.name,
        "email": customer.email,
        "currency": currency_code(customer.currency) if customer.currency else None,
        "country": address.country if address else None,
        "city": address.city if address else None,
        "state": address.state if address else None,
        "postal_code": address.postal_code if address else None,
        "street": "\n".join(street) or None,
        "tax_id": _tax_id(customer),
    }


def _tax_id(customer: Customer) -> str | None:
    """The tax number: a field of its own in old versions, a list of them in later ones."""
    if customer.business_vat_id:
        return customer.business_vat_id
    if customer.tax_info is not None:
        return customer.tax_info.tax_id
    numbers = customer.tax_ids.data if customer.tax_ids else []
    return numbers[0].value if numbers else None


def _names_set(delivery: Delivery, values: dict[str, Any]) -> tuple[str, ...]:
    """Attributes that the event set: what an update changed, else all that have a value."""
    changed = delivery.previous() if delivery.type == "customer.updated" else {}
    if not changed:
        return tuple(sorted(values))
    names = {name for name in _PLAIN_KEYS if name in changed}
    if "address" in changed:
        names.update(_ADDRESS_FIELDS)
    if _TAX_ID_KEYS & changed.keys():
        names.add("tax_id")
    return tuple(sorted(names))
