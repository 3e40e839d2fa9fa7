"""What every mapping is handed beside the object, and what it hands back."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.decoding import MetadataKeys, Rejected
from connectors.providers.stripe.linking import Identified, StatedLinks, source_id
from ledger.events import CanonicalEvent
from ledger.reasons import Reason

_CHANGES = msgspec.json.Decoder(dict[str, Any] | None)


class Delivery(msgspec.Struct, gc=False):
    """The event an object came in: who, when, and how to read what is absent."""

    message_id: str
    type: str
    tenant: str
    occurred_at_micros: int
    keys: MetadataKeys
    entity: str | None
    """Of the Stripe account that it came from, where the books name one."""
    payments_name_invoices: bool
    """True: `invoice: null` on a payment means that it has none."""
    previous_attributes: msgspec.Raw
    """What an update changed, as it was before; unread, because few mappings ask."""

    def about(
        self,
        subject: str,
        customer_id: str | None,
        links: StatedLinks,
        *,
        subscription_id: str | None = None,
        number: int = 1,
        occurred_at_micros: int | None = None,
    ) -> dict[str, Any]:
        """Envelope of a canonical event; `number` tells several of one subject apart."""
        event_id = f"{self.message_id}/{subject}"
        return {
            "event_id": event_id if number == 1 else f"{event_id}/{number}",
            "source_event_id": self.message_id,
            "source": "stripe",
            "tenant": self.tenant,
            "occurred_at_micros": occurred_at_micros or self.occurred_at_micros,
            "customer_id": customer_id,
            "account_id": links.account_id,
            "contract_id": links.contract_id,
            "subscription_id": subscription_id,
            "entity": links.entity or (self.entity if _is_money(subject) else None),
        }

    def previous(self) -> dict[str, Any]:
        """Attributes that an update changed, as they were before; empty when not told.

        Raises Rejected(wrong_type).
        """
        try:
            return _CHANGES.decode(self.previous_attributes) or {}
        except msgspec.ValidationError:
            detail = "previous_attributes is no object at $.data"
            raise Rejected(Reason.WRONG_TYPE, detail) from None


def _is_money(subject: str) -> bool:
    """Whose account money is in says who collected it, and nothing about who sold."""
    return subject.startswith("payments.")


class Mapped(msgspec.Struct, gc=False):
    """What an object says: its canonical events and whose it is."""

    events: list[CanonicalEvent] = []
    party_ref: str | None = None
    link_refs: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    account_links: tuple[tuple[str, str], ...] = ()


def customer_of(obj: Any) -> str:
    """`stripe:cus_…` of an object that always has a customer (or, since 2025, an account).

    Raises Rejected(missing_field).
    """
    customer = optional_customer_of(obj)
    if customer is None:
        raise Rejected(Reason.MISSING_FIELD, "customer is absent at $.data.object")
    return customer


def optional_customer_of(obj: Any) -> str | None:
    """`stripe:cus_…` of an object that may have no customer."""
    customer: str | Identified | None = obj.customer or getattr(obj, "customer_account", None)
    return source_id(customer)


def belongs(ids: tuple[str, ...], party: str) -> tuple[tuple[str, str], ...]:
    """Links that teach that each of `ids` belongs to `party`."""
    return tuple([(each, party) for each in ids])
