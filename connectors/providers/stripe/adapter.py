"""`decode_stripe`: one webhook event's bytes -> a message, or a dead letter that says why.

Unknown versions and types are never guessed: a type without meaning is recorded whatever its
version, anything else that is not known for sure is refused with its bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.decoding import (
    DecodeContext,
    Rejected,
    dead_letter,
    finish_message,
    parse_with,
)
from connectors.providers.stripe.amounts import in_iso_units
from connectors.providers.stripe.delivery import Delivery, Mapped
from connectors.providers.stripe.event_types import MAPPINGS, has_no_meaning
from connectors.providers.stripe.refusals import check_depth, sharpened, with_money_at_risk
from connectors.providers.stripe.shapes import Named, StripeEvent
from connectors.providers.stripe.versions import ACCEPTED, is_accepted, payments_name_invoices
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason

SOURCE = "stripe"


class _Declared(StripeEvent, gc=False):
    """An event that has to say that it is one, and not one in the envelope of another format."""

    object: str = ""
    specversion: Any = None


_ENVELOPE = msgspec.json.Decoder(StripeEvent)
_DECLARED = msgspec.json.Decoder(_Declared)
_ID_ONLY = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAMED = msgspec.json.Decoder(Named)


def read_stripe(body: bytes, context: DecodeContext) -> StripeEvent | None:
    """The envelope of what says that it is a Stripe event; None for anything else.

    None too for a damaged event: what is wrong with it, the slower way finds out.
    """
    if b'"event"' not in body:
        return None
    try:
        event = parse_with(_DECLARED, body, context)
    except Rejected:
        return None
    return event if event.object == "event" and event.specversion is None else None


def decode_stripe(
    body: bytes, position: str, context: DecodeContext, event: StripeEvent | None = None
) -> Message | DeadLetter:
    """Decode one event as it was delivered to a webhook; `event` is its envelope if it is read.

    `position` says where it was read (`file@offset`); a dead letter keeps it. Of a JSON
    object that names a key twice the last value counts.
    """
    try:
        if event is None:
            event = parse_with(_ENVELOPE, body, context)
        return _decode(event, body, context)
    except Rejected as rejected:
        message_id = _stated_id(body) if event is None else event.id
        return dead_letter(
            with_money_at_risk(sharpened(rejected, event), event),
            body=body,
            position=position,
            context=context,
            source=SOURCE,
            message_id=f"{SOURCE}:{message_id}" if message_id else None,
        )


def _decode(event: StripeEvent, body: bytes, context: DecodeContext) -> Message:
    if not event.id:
        raise Rejected(Reason.INVALID_VALUE, "the event's id is empty")
    if event.object != "event":
        raise Rejected(Reason.UNKNOWN_FORMAT, "not an event: `object` says something else")
    check_depth(body, context.max_depth)
    mapping = MAPPINGS.get(event.type)
    if mapping is None:
        return _finish(event, _recorded(event), body, context)
    _check_version(event)
    obj = parse_with(mapping.decoder, event.data.object, context)
    return _finish(event, mapping.map(_delivery(event, context), obj), body, context)


def _check_version(event: StripeEvent) -> None:
    """Refuse a version whose shapes are not known: its fields may mean something else."""
    if not is_accepted(event.api_version):
        stated = "no API version" if event.api_version is None else "an API version not known here"
        detail = f"states {stated}; known are {ACCEPTED}"
        raise Rejected(Reason.UNKNOWN_API_VERSION, detail)


def _delivery(event: StripeEvent, context: DecodeContext) -> Delivery:
    return Delivery(
        message_id=f"{SOURCE}:{event.id}",
        type=event.type,
        tenant=context.tenant,
        occurred_at_micros=event.created * 1_000_000,
        keys=context.metadata_keys,
        entity=_entity_of(event, context),
        payments_name_invoices=payments_name_invoices(event.api_version or ""),
        previous_attributes=event.data.previous_attributes,
    )


def _entity_of(event: StripeEvent, context: DecodeContext) -> str | None:
    """The legal entity whose Stripe account the event came from, where the books name it."""
    return context.books.accounts.get(f"{SOURCE}:{event.account}") if event.account else None


def _recorded(event: StripeEvent) -> Mapped:
    """An event without meaning is kept with the object it is about, of which only the id is read.

    Raises Rejected(unknown_event_type) for a type that may mean something.
    """
    if not has_no_meaning(event.type):
        detail = "no mapping for this event type, and it may move money or change a customer"
        raise Rejected(Reason.UNKNOWN_EVENT_TYPE, detail)
    return Mapped(party_ref=f"{SOURCE}:{_object_id(event.data.object) or event.id}")


def _object_id(raw: msgspec.Raw) -> str | None:
    """The id of an object of any shape; None where it has none (`balance`)."""
    try:
        stated = _NAMED.decode(raw).id
    except msgspec.DecodeError:
        return None
    return stated if isinstance(stated, str) else None


def _finish(event: StripeEvent, mapped: Mapped, body: bytes, context: DecodeContext) -> Message:
    return finish_message(
        context=context,
        message_id=f"{SOURCE}:{event.id}",
        source=SOURCE,
        provider_type=event.type,
        occurred_at_micros=event.created * 1_000_000,
        party_ref=mapped.party_ref,
        body=body,
        events=[in_iso_units(each) for each in mapped.events],
        link_refs=mapped.link_refs,
        links=mapped.links,
        account_links=mapped.account_links,
    )


def _stated_id(body: bytes) -> str | None:
    """The id of an event whose envelope is wrong otherwise; None when it has none to read."""
    try:
        stated = _ID_ONLY.decode(body).get("id")
        return msgspec.json.decode(stated, type=str) if stated is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
