"""Postings and lifecycle updates as CloudEvents in binary mode: attributes, and a body that is a
record of the registry's subject, in Avro or JSON.

Sources: CloudEvents 1.0.2 and its extensions `partitionkey` and `traceparent`; Apache Avro 1.12,
"Single-object encoding".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import quote

import msgspec

from connectors.erp_postings import ErpPosting
from connectors.files.writing import json_lines
from connectors.store.publishing import WaitingUpdate
from connectors.topics.topic import BodyFormat, TopicRecord
from ledger.instants import iso_instant
from ledger.trace_context import NO_CONTEXT, TraceContext
from schemas.registry import load_registry
from schemas.single_objects import encode_single_object
from schemas.versions import SubjectVersion

POSTING = "erp.posting"
UPDATE = "lifecycle.update"
WITHDRAWN_UPDATE = "lifecycle.update.withdrawn"
"""A type of its own: whoever does not know it must not take it for an update."""


def posting_record(
    posting: ErpPosting, body: BodyFormat, trace: TraceContext = NO_CONTEXT
) -> TopicRecord:
    """A posting under its posting id, in order per customer.

    Raises SchemaViolation when it is no valid record of its subject.
    """
    key = posting.customer_id or posting.contract_id or posting.entity
    return _record(
        key,
        posting,
        body,
        trace,
        tenant=posting.tenant,
        id=posting.posting_id,
        type=POSTING,
        subject=POSTING,
        at_micros=posting.booked_at_micros,
    )


def update_record(waiting: WaitingUpdate, body: BodyFormat) -> TopicRecord:
    """A lifecycle update under `update id/revision`, in order per customer.

    Raises SchemaViolation when it is no valid record of its subject.
    """
    update, revision = waiting.update, str(waiting.revision)
    return _record(
        update.customer_id or update.contract_id or update.update_id,
        update,
        body,
        waiting.trace or NO_CONTEXT,
        tenant=update.tenant,
        id=f"{update.update_id}/{revision}",
        type=WITHDRAWN_UPDATE if waiting.withdrawn else UPDATE,
        subject=UPDATE,
        at_micros=update.effective_at_micros,
        more={"revision": revision},
    )


def _record(
    key: str,
    content: msgspec.Struct,
    body: BodyFormat,
    trace: TraceContext,
    *,
    tenant: str,
    id: str,
    type: str,
    subject: str,
    at_micros: int,
    more: Mapping[str, str] = {},
) -> TopicRecord:
    told = {"traceparent": trace.parent, "tracestate": trace.state}
    version = _version(subject)
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": f"/crossfoot/{quote(tenant, safe='')}",
        "type": type,
        "time": iso_instant(at_micros),
        "datacontenttype": f"application/{body}",
        "dataschema": f"urn:crossfoot:{subject}:{version.number}",
        "partitionkey": key,
        **more,
        **{name: value for name, value in told.items() if value},
    }
    return TopicRecord(key, _BODIES[body](version, content), attributes)


def _json(version: SubjectVersion, content: msgspec.Struct) -> bytes:
    return json_lines([content]).rstrip(b"\n")


_BODIES: dict[BodyFormat, Callable[[SubjectVersion, msgspec.Struct], bytes]] = {
    "avro": encode_single_object,
    "json": _json,
}


@cache
def _version(subject: str) -> SubjectVersion:
    """The version of the registry that bodies follow."""
    return load_registry().latest(subject)
