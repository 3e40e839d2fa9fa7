"""What a provider delivered, and what tells two deliveries apart."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, NamedTuple

import msgspec

from ledger.trace_context import NO_CONTEXT, TraceContext

Scheme = Literal["stripe", "standard"]

VOLATILE = ("pending_webhooks",)
"""Fields of a Stripe event that count deliveries: they differ between retries of one event."""


class Delivery(NamedTuple):
    """One authentic event as it came."""

    source: str
    event_id: str
    """What the sender repeats on a retry: `id` of a Stripe event, the `webhook-id` header of
    Standard Webhooks; the digest where there is none."""
    digest: str
    """Of the body, without what differs between retries; hex, 32 characters."""
    body: bytes
    kind: str
    """Type as the body states it (`invoice.paid`), or `event`."""
    trace: TraceContext = NO_CONTEXT
    """Of the request: its own, or that of the span that received it."""


class _Named(msgspec.Struct):
    id: str | None = None
    type: str = "event"


_NAMED = msgspec.json.Decoder(_Named)
_ANY = msgspec.json.Decoder(dict[str, object])


def one_line(body: bytes) -> bytes:
    """Return the body without line breaks, as it is kept.

    In JSON a line break can only stand between tokens, where a space means the same.
    """
    return body.replace(b"\r", b" ").replace(b"\n", b" ")


class _Marks(msgspec.Struct):
    object: Any = None
    subject: Any = None
    specversion: Any = None
    ChangeEventHeader: Any = None


class _Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A CloudEvent around a body, which carries the trace context of its request."""

    specversion: str
    id: str
    source: str
    type: str
    traceparent: str = ""
    tracestate: str = ""
    data: msgspec.Raw


_MARKS = msgspec.json.Decoder(_Marks)
_RECORD = msgspec.json.Decoder(_Record)
_BEGINNING = b'{"specversion":"1.0",'


def record_of(delivery: Delivery) -> bytes:
    """Return the line of a spool: the body as it came; where its request has a trace context, in
    a CloudEvent that says so (distributed tracing extension).

    A body that does not tell by itself what it is stays as it came.
    """
    line = one_line(delivery.body)
    if not delivery.trace.parent or not _tells(line):
        return line
    return msgspec.json.encode(
        _Record(
            specversion="1.0",
            id=delivery.event_id,
            source=delivery.source,
            type=delivery.kind or "event",
            traceparent=delivery.trace.parent,
            tracestate=delivery.trace.state,
            data=msgspec.Raw(line),
        )
    )


def body_of(record: bytes) -> bytes:
    """Return the body in a line of a spool."""
    if not record.startswith(_BEGINNING):
        return record
    try:
        found = _RECORD.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return record
    return bytes(found.data) if found.traceparent else record


def _tells(body: bytes) -> bool:
    """Whether a body is an event of a known kind that is not a CloudEvent already."""
    try:
        marks = _MARKS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    known = (
        marks.object == "event",
        marks.subject is not None,
        marks.ChangeEventHeader is not None,
    )
    return marks.specversion is None and any(known)


def digest_of(scheme: Scheme, body: bytes) -> str:
    """Return the digest of a body; equal for retries of one event.

    A body that is not a JSON object is told apart by its bytes: it is kept all the same, and the
    pipeline that reads it gives the reason.
    """
    content = one_line(body)
    if scheme == "stripe" and any(name.encode() in body for name in VOLATILE):
        try:
            decoded = _ANY.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            kept = {name: value for name, value in decoded.items() if name not in VOLATILE}
            content = msgspec.json.encode(kept, order="deterministic")
    return hashlib.sha256(content).hexdigest()[:32]


def delivery_of(
    source: str,
    scheme: Scheme,
    body: bytes,
    sent_id: str | None = None,
    trace: TraceContext = NO_CONTEXT,
) -> Delivery:
    """Return the delivery of an authentic body; `sent_id` is the id that its headers state."""
    digest = digest_of(scheme, body)
    named = _named(body)
    return Delivery(source, sent_id or named.id or digest, digest, body, named.type, trace)


def _named(body: bytes) -> _Named:
    try:
        return _NAMED.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Named()
