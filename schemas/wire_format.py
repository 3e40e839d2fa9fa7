"""The Confluent wire format: a zero byte, the id that a registry gave the schema, one datum.

Source: Confluent Schema Registry documentation, "Wire format": magic byte 0, then the schema id
as four bytes, big endian. Ids count from 1. Two registries give the same id to other schemas.
"""

from __future__ import annotations

import struct

from schemas.avro_walk import AVRO_DAMAGED
from schemas.rules import SchemaViolation

MAGIC = b"\x00"
UNKNOWN_SCHEMA_ID = "unknown_schema_id"
_HEADER = struct.Struct(">bI")


def is_confluent(body: bytes) -> bool:
    """True when the bytes begin with the magic byte and an id that a registry can have given."""
    return body.startswith(MAGIC) and body[1:5] != b"\x00\x00\x00\x00" and len(body) >= _HEADER.size


def split_confluent(body: bytes) -> tuple[int, bytes]:
    """Return the schema id and the datum. Raises SchemaViolation(avro_damaged)."""
    if not is_confluent(body):
        raise SchemaViolation(AVRO_DAMAGED, "", "does not begin like the Confluent wire format")
    return _HEADER.unpack_from(body)[1], body[_HEADER.size :]


def as_confluent(schema_id: int, datum: bytes) -> bytes:
    """Put magic byte and id before a datum; 0 < `schema_id` < 2**32."""
    return _HEADER.pack(0, schema_id) + datum
