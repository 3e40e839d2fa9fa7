"""From a canonical event to its message: whose it is and what it teaches about who is whose.

An event that travels by itself is its own message: `message_id` is its `event_id`, and so is
its `source_event_id`, whatever message it may have come from before.
"""

from __future__ import annotations

import msgspec

from connectors.decoding import DecodeContext, Rejected, finish_message
from connectors.providers.salesforce.envelope import SOURCE as SALESFORCE
from connectors.providers.salesforce.record_ids import long_id, prefixed_long_id
from ledger.crm_records import ID_FIELDS
from ledger.events import CanonicalEvent, RecordChanged
from ledger.messages import Message
from ledger.reasons import Reason

_CRM_IDS = ("customer_id", "account_id", "contract_id", "opportunity_id", "record_id")
"""Fields that may hold the prefixed id of a Salesforce record."""
_OWN_IDS = ("payout_id",)
"""Objects that belong to no customer and are their own party."""
_LEADING_IDS = (
    "invoice_id",
    "credit_note_id",
    "dispute_id",
    "refund_id",
    "grant_id",
    "subscription_id",
    "accrual_id",
    "contract_id",
)
"""Fields whose object belongs to the event's customer, the surest first."""


def message_of(
    event: CanonicalEvent, body: bytes, context: DecodeContext, written_as: str
) -> Message:
    """Check a canonical event and wrap it as a message of its own. Raises Rejected.

    `written_as`: `<subject>@<version>` of its writer.
    """
    event = with_long_ids(event)
    party_ref = party_of(event)
    leading = leading_ids(event)
    if party_ref is None and not leading:
        raise Rejected(Reason.MISSING_FIELD, "names neither a customer nor anything that has one")
    return finish_message(
        context=context,
        message_id=event.event_id,
        source=event.source,
        provider_type=str(event.__struct_config__.tag),
        occurred_at_micros=event.occurred_at_micros,
        party_ref=party_ref,
        link_refs=() if party_ref is not None else leading,
        links=_links(party_ref, leading),
        body=body,
        events=(event,),
        written_as=written_as,
    )


def with_long_ids(event: CanonicalEvent) -> CanonicalEvent:
    """The event with every Salesforce record id in its longer form, as change events have it."""
    found: dict[str, object] = {}
    for name in _CRM_IDS:
        value = getattr(event, name, None)
        if value is not None and (longer := prefixed_long_id(value)) != value:
            found[name] = longer
    if isinstance(event, RecordChanged) and event.source == SALESFORCE:
        found |= _long_record_ids(event)
    return msgspec.structs.replace(event, **found) if found else event


def _long_record_ids(event: RecordChanged) -> dict[str, object]:
    values = {
        name: (long_id(value) or value) if name in ID_FIELDS and value else value
        for name, value in event.values.items()
    }
    return {"record_id": long_id(event.record_id) or event.record_id, "values": values}


def party_of(event: CanonicalEvent) -> str | None:
    """The customer, else the CRM account, else the object that belongs to nobody; or None."""
    party = event.customer_id or event.account_id
    if party is None:
        party = next((getattr(event, key) for key in _OWN_IDS if hasattr(event, key)), None)
    return party


def leading_ids(event: CanonicalEvent) -> tuple[str, ...]:
    """Ids in the event of things that have a customer, each once, the surest first."""
    found = [getattr(event, key, None) for key in _LEADING_IDS]
    found += getattr(event, "payment_refs", ())
    if isinstance(event, RecordChanged):
        found.append(event.record_id)
    return tuple(dict.fromkeys([ref for ref in found if ref is not None]))


def _links(party_ref: str | None, leading: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """What the event teaches: its ids belong to its party, or to the surest of them."""
    owner = party_ref if party_ref is not None else leading[0]
    return tuple([(ref, owner) for ref in leading if ref != owner])
