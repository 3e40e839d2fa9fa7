"""Records in Confluent's wire format: the lock says which version an id means, a registry only
where the lock does not."""

from __future__ import annotations

from connectors.canonical import decode_avro
from connectors.decoding import DecodeContext, Rejected
from ledger.messages import DeadLetter, Message
from ledger.reasons import Reason
from schemas.registry import UnknownSubject
from schemas.versions import SubjectVersion
from schemas.wire_format import split_confluent


def decode_confluent(body: bytes, position: str, context: DecodeContext) -> Message | DeadLetter:
    """Decode one event in Confluent's wire format. Raises nothing about the data."""
    return decode_avro(body, lambda: split_by_id(body, context), position, context)


def split_by_id(body: bytes, context: DecodeContext) -> tuple[SubjectVersion, bytes]:
    """Return the writer's version and the datum.

    Raises SchemaViolation: avro_damaged; Rejected: unknown_schema_id, registry_unreachable,
    newer_version.
    """
    schema_id, datum = split_confluent(body)
    writers = context.writers
    try:
        named = writers.registry_name if writers is not None else None
        return context.registry.by_outer_id(schema_id, named), datum
    except UnknownSubject as unknown:
        if writers is None:
            raise Rejected(Reason.UNKNOWN_SCHEMA_ID, f"the lock has {unknown.name}") from None
    return writers.find(schema_id), datum
