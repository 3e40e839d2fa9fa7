"""CloudEvents 1.0 in structured form: the envelope as JSON, the event in `data`.

Source: CloudEvents 1.0.2 specification, and its JSON event format. An event whose `data` tells by
itself whose it is (Stripe, Salesforce, a canonical event with its `subject`) is decoded as that.
Otherwise `type` names the subject and `dataschema` the version; of a canonical event without an
id of its own, `source` and `id` of the envelope identify it, and `time` is when it happened.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

import msgspec

from connectors.canonical import decode_avro, decode_tree
from connectors.decoding import (
    DecodeContext,
    Rejected,
    dead_letter,
    parse_json,
    parse_with,
)
from connectors.wire.confluent import split_by_id
from ledger.messages import DeadLetter, Message, dead_letter_id
from ledger.reasons import Reason
from ledger.trace_context import TraceContext, trace_context
from schemas.registry import Registry, UnknownSubject
from schemas.single_objects import MARKER, split_single_object
from schemas.versions import SubjectVersion
from schemas.wire_format import is_confluent

ENVELOPE_SOURCE = "cloudevents"
"""Source of a dead letter whose envelope is all that could be read."""

Decode = Callable[[bytes, str, DecodeContext], tuple[Message | DeadLetter, ...]]
Recognise = Callable[[bytes, DecodeContext], Decode | None]
"""Finds the decoder of an event that tells by itself whose it is. Raises Rejected."""


class Envelope(msgspec.Struct, frozen=True):
    """The context attributes and data of a CloudEvent; other extensions are skipped."""

    specversion: str
    id: str
    source: str
    type: str
    datacontenttype: str | None = None
    dataschema: str | None = None
    time: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: str | None = None
    traceparent: Any = None
    """Of the distributed tracing extension; looked at leniently, like any extension."""
    tracestate: Any = None


_ENVELOPE = msgspec.json.Decoder(Envelope)
_JSON_TYPE = re.compile(r"[^;]*[/+]json\s*(;.*)?", re.IGNORECASE | re.DOTALL)
_SUBJECT = r"(?P<subject>[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+?)"
_VERSION = r"(?P<version>[1-9]\d{0,7})"
_NAMED_TYPE = re.compile(rf"{_SUBJECT}(?:@|\.v){_VERSION}")
_NAMED_SCHEMA = re.compile(
    rf"(?:.*[/:#])?{_SUBJECT}(?:-value)?(?:@|[/:](?:versions/)?v?){_VERSION}(?:\.avsc)?"
)


def decode_cloud_event(
    body: bytes, position: str, context: DecodeContext, recognise: Recognise
) -> tuple[Message | DeadLetter, ...]:
    """Decode an event in a structured envelope; one message, or one for every customer it
    concerns. Raises nothing about the data."""
    try:
        parse_json(body, context)  # limits, and keys that come twice
        envelope = parse_with(_ENVELOPE, body, context)
        trace = trace_context(envelope.traceparent, envelope.tracestate)
        return traced(_decode_data(envelope, body, position, context, recognise), trace)
    except Rejected as rejected:
        letter = dead_letter(
            rejected, body=body, position=position, context=context, source=ENVELOPE_SOURCE
        )
        return (letter,)


def traced(
    found: tuple[Message | DeadLetter, ...], trace: TraceContext
) -> tuple[Message | DeadLetter, ...]:
    """Give messages the trace context that they came with, if there is one."""
    if not trace.parent:
        return found
    return tuple(
        msgspec.structs.replace(each, trace=trace) if isinstance(each, Message) else each
        for each in found
    )


def _decode_data(
    envelope: Envelope, body: bytes, position: str, context: DecodeContext, recognise: Recognise
) -> tuple[Message | DeadLetter, ...]:
    """Decode what is in the envelope. Raises Rejected."""
    data, is_json = _data_of(envelope)
    if not is_json:
        split = _splitter(envelope, data, context)
        return (decode_avro(body, split, position, context),)
    decode = recognise(data, context)
    if decode is not None:
        found = decode(data, position, context)
        return tuple(_rewrapped(decoded, body) for decoded in found)
    tree = _tree_of(envelope, parse_json(data, context), context.registry)
    return (decode_tree(tree, body, position, context),)


def _data_of(envelope: Envelope) -> tuple[bytes, bool]:
    """The event's bytes, and whether they are JSON. Raises Rejected."""
    if envelope.specversion != "1.0":
        raise Rejected(Reason.UNKNOWN_FORMAT, "a CloudEvent of another specversion than 1.0")
    if not (envelope.id and envelope.source and envelope.type):
        raise Rejected(Reason.INVALID_VALUE, "id, source and type of a CloudEvent are not empty")
    content = envelope.datacontenttype or "application/json"
    is_json = _JSON_TYPE.fullmatch(content) is not None
    if envelope.data_base64 is None:
        if not is_json:
            raise Rejected(Reason.UNKNOWN_FORMAT, "binary data belongs in data_base64")
        if not envelope.data:
            raise Rejected(Reason.MISSING_FIELD, "data is absent")
        return bytes(envelope.data), True
    if envelope.data:
        raise Rejected(Reason.DUPLICATE_KEY, "data and data_base64 are both given")
    try:
        return base64.b64decode(envelope.data_base64, validate=True), is_json
    except (binascii.Error, ValueError):
        raise Rejected(Reason.INVALID_VALUE, "data_base64 is not base64") from None


def _splitter(
    envelope: Envelope, data: bytes, context: DecodeContext
) -> Callable[[], tuple[SubjectVersion, bytes]]:
    """How to find the writer of Avro data: `dataschema` names it, or the bytes themselves do."""
    if data.startswith(MARKER):
        return lambda: split_single_object(data, context.registry)
    if envelope.dataschema is not None:
        writer = _named(envelope, context.registry)
        return lambda: (writer, data)
    if is_confluent(data):
        return lambda: split_by_id(data, context)
    detail = "Avro data of which neither dataschema nor the bytes name the schema"
    raise Rejected(Reason.UNKNOWN_FORMAT, detail)


def _tree_of(envelope: Envelope, data: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """The canonical event that `type` says it is, as JSON lines have it."""
    version = _named(envelope, registry)
    tree = {**data, "subject": version.subject, "version": version.number}
    tree.setdefault("event_id", f"{envelope.source}/{envelope.id}")
    if envelope.time is not None:
        tree.setdefault("occurred_at_micros", envelope.time)
    return tree


def _named(envelope: Envelope, registry: Registry) -> SubjectVersion:
    """The version that `type` and `dataschema` name, the latest if none. Raises Rejected."""
    by_type = _NAMED_TYPE.fullmatch(envelope.type)
    subject = by_type["subject"] if by_type else envelope.type
    numbers = {int(by_type["version"])} if by_type else set()
    if envelope.dataschema is not None:
        by_schema = _NAMED_SCHEMA.fullmatch(envelope.dataschema)
        if by_schema is None:
            raise Rejected(Reason.UNKNOWN_SUBJECT, "dataschema names no version of a subject")
        if by_schema["subject"] != subject:
            raise Rejected(Reason.INVALID_VALUE, "type and dataschema name two subjects")
        numbers.add(int(by_schema["version"]))
    if len(numbers) > 1:
        raise Rejected(Reason.INVALID_VALUE, "type and dataschema name two versions")
    try:
        latest = registry.latest(subject)
        return registry.version(subject, numbers.pop()) if numbers else latest
    except UnknownSubject:
        raise Rejected(Reason.UNKNOWN_SUBJECT, "type names no version of a subject") from None


def _rewrapped(decoded: Message | DeadLetter, body: bytes) -> Message | DeadLetter:
    """What the inner event gave, with the bytes as they were delivered."""
    if isinstance(decoded, Message):
        return msgspec.structs.replace(decoded, body=body)
    key = dead_letter_id(decoded.tenant, decoded.source, body)
    return msgspec.structs.replace(decoded, body=body, dead_letter_id=key)
