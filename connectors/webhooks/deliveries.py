"""What a provider delivered, and what tells two deliveries apart."""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

import msgspec

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
    trace_parent: str | None = None
    """W3C trace context of the request, when it carried one."""


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
    source: str, scheme: Scheme, body: bytes, sent_id: str | None = None, trace: str | None = None
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
