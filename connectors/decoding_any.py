"""Tells whose event some bytes are, and hands them to the decoder that knows.

Looks at few keys only and skips the rest, so that telling costs a fraction of decoding.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.canonical import decode_canonical_json, decode_single_object
from connectors.decoding import DecodeContext, Rejected, dead_letter, parse_json, parse_with
from connectors.providers.salesforce import decode_salesforce
from connectors.providers.stripe import decode_stripe
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason
from schemas.single_objects import MARKER

UNKNOWN_SOURCE = "unknown"
"""Source of a dead letter whose bytes do not tell whose they are."""


class _Marks(msgspec.Struct):
    """The keys that tell formats apart; everything else is skipped."""

    object: Any = None
    type: Any = None
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
    Canonical: a `subject`, or Avro single-object encoding. Raises nothing about the data.
    """
    if body.startswith(MARKER):
        return (decode_single_object(body, position, context),)
    try:
        marks = _read_marks(body, context)
    except Rejected as rejected:
        return (_unknown(rejected, body, position, context),)
    if marks.object == "event" and marks.type is not None:
        return (decode_stripe(body, position, context),)
    if marks.ChangeEventHeader or _has_header(marks.payload):
        return decode_salesforce(body, position, context)
    if marks.subject is not None:
        return (decode_canonical_json(body, position, context),)
    detail = "neither a Stripe event, nor a Salesforce change event, nor one with a subject"
    return (_unknown(Rejected(Reason.UNKNOWN_FORMAT, detail), body, position, context),)


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
