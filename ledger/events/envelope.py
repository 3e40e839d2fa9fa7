"""The envelope that every canonical event carries."""

from __future__ import annotations

import msgspec


class Event(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="subject"
):
    """Envelope that every canonical event carries."""

    event_id: str
    """Unique: `<source_event_id>/<subject>[/<n>]`."""
    source_event_id: str
    """The message it came in: `<source>:<provider's event id>`."""
    source: str
    """Publishing system: `stripe`, `salesforce`, or a name of the company's own."""
    tenant: str
    occurred_at_micros: int
    """When it happened in the source system; decides the accounting date."""
    customer_id: str | None = None
    """The source's own customer: `stripe:cus_1`, `salesforce:001…`."""
    account_id: str | None = None
    """CRM account that the event says the customer is: `salesforce:001…`. A link, not a guess."""
    contract_id: str | None = None
    """CRM contract that the event names: `salesforce:800…` or the company's own contract number."""
    subscription_id: str | None = None
    """Billing subscription: `stripe:sub_1`."""
    entity: str | None = None
    """Legal entity code, where the source knows it."""
