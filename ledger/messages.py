"""What travels through the pipeline: messages with their bytes, dead letters, reasons.

A *message* is one event as a source delivered it. Conservation counts messages: each ends
posted, recorded, pending, dead-lettered or as a duplicate.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import NamedTuple

import msgspec

from ledger.events import CanonicalEvent
from ledger.trace_context import TraceContext


class Outcome(StrEnum):
    """Where a message ended (I1). Exactly one per message."""

    POSTED = "posted"
    """At least one journal entry stands on it."""
    RECORDED = "recorded"
    """Kept; no accounting effect."""
    PENDING = "pending"
    """Waits for its partner, with a deadline."""
    DEAD_LETTERED = "dead_lettered"
    """Cannot be accepted; kept with its bytes and a reason."""
    DUPLICATE = "duplicate"
    """The same event had been taken before."""


class Payload(NamedTuple):
    """The bytes of one event as a live source gave them."""

    body: bytes
    position: str
    """Where it was read: topic, partition, offset."""
    attributes: tuple[tuple[str, str], ...] = ()
    """What came beside it (headers, attributes), in order."""
    receipt: str = ""
    """What its source wants back when the event is durable; empty when it wants nothing."""


class Message(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """One accepted source event with the canonical events it gave.

    All its canonical events concern the same party. `events` is empty for an uninteresting
    type, which is recorded.
    """

    message_id: str
    """`<source>:<provider's event id>`; equals `source_event_id` of its events."""
    tenant: str
    source: str
    provider_type: str
    """The provider's word for it, e.g. `invoice.finalized`."""
    schema_version: str
    """`<subject>@<n>` of each canonical event, comma separated; `-` when there is none."""
    occurred_at_micros: int
    party_ref: str | None
    """The source's own customer (`stripe:cus_1`, `salesforce:001…`), or the object itself for
    what belongs to no customer (`stripe:po_1`); None when only `link_refs` can find it."""
    link_refs: tuple[str, ...] = ()
    """Ids that may lead to the party when `party_ref` is None: `stripe:ch_1`, `salesforce:801…`."""
    links: tuple[tuple[str, str], ...] = ()
    """(id, id or party it belongs to) that this message teaches: (`stripe:ch_1`, `stripe:cus_1`),
    (`salesforce:802…`, `salesforce:801…`)."""
    account_links: tuple[tuple[str, str], ...] = ()
    """(customer, CRM account) identities it states: (`stripe:cus_1`, `salesforce:001…`)."""
    digest: str
    """SHA-256 (hex, 32 chars) over the meaning of the event: equal for a redelivery."""
    body: bytes
    """The source's bytes, unchanged."""
    events: tuple[CanonicalEvent, ...]
    trace: TraceContext | None = None
    """Which request brought it, where the source says so; no part of its meaning."""


class DeadLetter(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """An event that cannot be accepted, with its bytes and why."""

    dead_letter_id: str
    tenant: str
    source: str
    step: str
    """DecodeEvents, CorrelateByContract or FoldContracts."""
    reason: str
    """A code of `ledger.reasons.Reason`."""
    detail: str
    """What is wrong and where, in words; never a value that could be personal data."""
    position: str
    """Where it was read: `file.jsonl:17` or a topic position."""
    message_id: str | None
    body: bytes
    amount_minor: int | None = None
    currency: str | None = None
    entity: str | None = None
    occurred_at_micros: int | None = None


class Part(NamedTuple):
    """One of several messages and dead letters that a payload gave: by what the books know it."""

    dead_letter_id: str
    """The one that its bytes have, or would have."""
    message_id: str | None = None
    """None for a dead letter."""
    digest: str = ""


def part_of(decoded: Message | DeadLetter) -> Part:
    """Name a message or dead letter as a part of its payload."""
    if isinstance(decoded, DeadLetter):
        return Part(decoded.dead_letter_id)
    letter_id = dead_letter_id(decoded.tenant, decoded.source, decoded.body)
    return Part(letter_id, decoded.message_id, decoded.digest)


def dead_letter_id(tenant: str, source: str, body: bytes) -> str:
    """Deterministic id: the same bytes from the same source are the same dead letter."""
    prefix = f"{tenant}\n{source}\n".encode()
    return "dl_" + hashlib.sha256(prefix + body).hexdigest()[:32]
