"""Avro single-object encoding: C3 01, the writer schema's fingerprint, one datum.

Source: Apache Avro 1.12 specification, "Single-object encoding".
"""

from __future__ import annotations

from typing import Any

from schemas.avro_walk import AVRO_DAMAGED
from schemas.registry import Registry, UnknownSubject
from schemas.rules import SchemaViolation
from schemas.versions import SubjectVersion

MARKER = b"\xc3\x01"
UNKNOWN_FINGERPRINT = "unknown_fingerprint"
_HEADER_BYTES = 10


def encode_single_object(version: SubjectVersion, record: Any) -> bytes:
    """Write a record (struct or dict). Raises SchemaViolation when it is not valid."""
    return as_single_object(version, version.encode(record))


def as_single_object(version: SubjectVersion, datum: bytes) -> bytes:
    """Put the marker and the fingerprint of `version` before a datum."""
    return MARKER + bytes.fromhex(version.rabin)[::-1] + datum


def split_single_object(body: bytes, registry: Registry) -> tuple[SubjectVersion, bytes]:
    """Return the writer's version and the datum.

    Raises SchemaViolation: avro_damaged without the marker, unknown_fingerprint.
    """
    if not body.startswith(MARKER) or len(body) < _HEADER_BYTES:
        raise SchemaViolation(AVRO_DAMAGED, "", "does not begin like a single object")
    fingerprint = body[2:_HEADER_BYTES][::-1].hex()
    try:
        version = registry.by_rabin(fingerprint)
    except UnknownSubject:
        detail = f"no registered schema has the fingerprint {fingerprint}"
        raise SchemaViolation(UNKNOWN_FINGERPRINT, "", detail) from None
    return version, body[_HEADER_BYTES:]
