"""Tells whose event some bytes are, and hands them to the decoder that knows.

Looks at few keys only and skips the rest, so that telling costs a fraction of decoding; the
envelope of a Stripe event tells by itself and is read once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.canonical import decode_canonical_json, decode_single_object
from connectors.decoding import DecodeContext, Rejected, dead_letter, parse_json, parse_with
from connectors.providers.salesforce import decode_salesforce
from connectors.providers.stripe import decode_stripe, read_stripe
from connectors.wire.attributes import Attributes, with_attributes
from connectors.wire.cloud_events import Decode, decode_cloud_event, traced
from connectors.wire.confluent import decode_confluent
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason
from ledger.trace_context import context_beside
from schemas.single_objects import MARKER
from schemas.wire_format import is_confluent

UNKNOWN_SOURCE = "unknown"
"""Source of a dead letter whose bytes do not tell whose they are."""


class _Marks(msgspec.Struct):
    """The keys that tell formats apart; everything else is skipped."""

    object: Any = None
    type: Any = None
    specversion: Any = None
    subject: Any = None
    payload: msgspec.Raw = msgspec.Raw(b"")
    ChangeEventHeader: msgspec.Raw = msgspec.Raw(b"")


class _Payload(msgspec.Struct):
    ChangeEventHeader: msgspec.Raw = msgspec.Raw(b"")


_MARKS = msgspec.json.Decoder(_Marks)
_PAYLOAD = msgspec.json.Decoder(_Payload)


def decode_event(
    body: bytes, position: str, context: DecodeContext
) -> tuple[Message | DeadLetter, ...]:
    """Decode one event of any known format; one message, or one for every customer it concerns.

    Stripe: `object` is `event`. Salesforce: a `ChangeEventHeader`, at the top or in `payload`.
    Canonical: a `subject`, Avro single-object encoding, Confluent's wire format. Any of them in
    a CloudEvent: a `specversion`. Raises nothing about the data.
    """
    if body.startswith(MARKER):
        return (decode_single_object(body, position, context),)
    if is_confluent(body):
        return (decode_confluent(body, position, context),)
    event = read_stripe(body, context)
    if event is not None:
        return (decode_stripe(body, position, context, event),)
    try:
        marks = _read_marks(body, context)
    except Rejected as rejected:
        return (_unknown(rejected, body, position, context),)
    if marks.specversion is not None and marks.type is not None:
        return decode_cloud_event(body, position, context, _recognise)
    decode = _decoder_of(marks)
    if decode is not None:
        return decode(body, position, context)
    detail = "neither a Stripe event, nor a Salesforce change event, nor one with a subject"
    return (_unknown(Rejected(Reason.UNKNOWN_FORMAT, detail), body, position, context),)


def decode_delivery(
    body: bytes, attributes: Attributes, position: str, context: DecodeContext
) -> tuple[Message | DeadLetter, ...]:
    """Decode one event whose headers or attributes may say a part of it.

    The message's bytes are then a form that says all of it. Raises nothing about the data.
    """
    try:
        whole = with_attributes(body, attributes, context)
    except Rejected as rejected:
        return (_unknown(rejected, body, position, context),)
    return traced(decode_event(whole, position, context), context_beside(attributes))


def _recognise(body: bytes, context: DecodeContext) -> Decode | None:
    """The decoder of an event that tells by itself whose it is. Raises Rejected."""
    return _decoder_of(_read_marks(body, context))


def _decoder_of(marks: _Marks) -> Decode | None:
    if marks.object == "event" and marks.type is not None:
        return lambda body, position, context: (decode_stripe(body, position, context),)
    if marks.ChangeEventHeader or _has_header(marks.payload):
        return decode_salesforce
    if marks.subject is not None:
        return lambda body, position, context: (decode_canonical_json(body, position, context),)
    return None


def _read_marks(body: bytes, context: DecodeContext) -> _Marks:
    try:
        return parse_with(_MARKS, body, context)
    except Rejected as rejected:
        if rejected.reason is Reason.WRONG_TYPE:
            # The typed reader gives up at the first byte: whether the rest is JSON at all is
            # still open (`2026-01-15 12:00 INFO …` begins like a number).
            parse_json(body, context)
        raise


def _has_header(payload: msgspec.Raw) -> bool:
    try:
        return bool(payload) and bool(_PAYLOAD.decode(payload).ChangeEventHeader)
    except msgspec.ValidationError:
        return False


def _unknown(rejected: Rejected, body: bytes, position: str, context: DecodeContext) -> DeadLetter:
    return dead_letter(
        rejected, body=body, position=position, context=context, source=UNKNOWN_SOURCE
    )
