"""Avro object container files: read strictly record by record, and written.

Every problem is a value in the stream, with where it is and its bytes; reading goes on at the
next sync marker. Source: Apache Avro 1.12 specification, "Object container files".
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from schemas.avro_codecs import CODECS, BlockDamaged, ExpandsTooMuch, decompress_block
from schemas.avro_walk import AVRO_DAMAGED, AvroWalker
from schemas.later_versions import parse_schema, registered_version
from schemas.registry import Registry
from schemas.rules import SchemaViolation
from schemas.versions import SubjectVersion

MAGIC = b"Obj\x01"
VERSION_KEY = b"crossfoot.version"
"""Metadata in which a writer says `<subject>@<version>`; others may leave it out."""
EXPANDS_TOO_MUCH = "expands_too_much"
_SYNC_BYTES = 16
_HEADER_LIMIT = 1 << 20


class ContainerRecord(msgspec.Struct, frozen=True):
    """One record, not yet loaded: `version.avro.load(raw)` or `.resolve(datum, reader)`."""

    position: str
    """`block 2 record 17`, both from 1."""
    version: SubjectVersion
    """The writer's version."""
    datum: bytes
    raw: Any


class ContainerDamage(msgspec.Struct, frozen=True):
    """A part of the file that gave no records: the rest of a block, a block, or the file."""

    position: str
    reason: str
    """avro_damaged, unknown_symbol, unknown_fingerprint, newer_version, too_deep,
    too_many_items or expands_too_much."""
    detail: str
    body: bytes
    """The bytes concerned, as they are in the file (of a block's rest: uncompressed)."""


class _Header(msgspec.Struct, frozen=True):
    version: SubjectVersion
    codec: str
    sync: bytes


def read_container(
    source: Path | bytes, registry: Registry, max_block_bytes: int = 64 * 1024 * 1024
) -> Iterator[ContainerRecord | ContainerDamage]:
    """Read all records of a container, in order; memory is bounded by one block.

    The writer's schema must mean exactly the same bytes as a registered version (logical types
    and scales included), or be a sound later one (`schemas.later_versions`). Raises
    OSError when the file cannot be opened or read.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        start = file.read(_HEADER_LIMIT)
        try:
            header, at = _read_header(start, registry)
        except SchemaViolation as fault:
            found = fault.violation
            yield ContainerDamage("header", found.reason, found.detail, start)
            return
        yield from _Blocks(file, header, max_block_bytes).read_from(at)


def _read_header(start: bytes, registry: Registry) -> tuple[_Header, int]:
    """Read magic, metadata and sync marker. Returns the header and where the blocks begin."""
    if not start.startswith(MAGIC):
        raise SchemaViolation(AVRO_DAMAGED, "", "does not begin like a container file")
    walker = AvroWalker(start, len(MAGIC))
    metadata: dict[str, bytes] = {}
    while count := walker.long("header"):
        if count < 0:
            count = -count
            walker.long("header")
        for _ in range(count):
            key = walker.text("header")
            metadata[key] = walker.take(walker.long("header"), "header")
    sync = walker.take(_SYNC_BYTES, "header")
    codec = metadata.get("avro.codec", b"null").decode("ascii", "replace")
    if codec not in CODECS:
        raise SchemaViolation(AVRO_DAMAGED, "", f"compressed with none of {', '.join(CODECS)}")
    label = metadata.get(VERSION_KEY.decode(), b"").decode("utf-8", "replace")
    schema = parse_schema(metadata.get("avro.schema", b""))
    return _Header(registered_version(schema, registry, label), codec, sync), walker.at


class _Blocks:
    """Moves over the blocks of one open container."""

    def __init__(self, file: BinaryIO, header: _Header, max_block_bytes: int) -> None:
        self._file = file
        self._header = header
        self._limit = max_block_bytes
        self._number = 0

    def read_from(self, at: int) -> Iterator[ContainerRecord | ContainerDamage]:
        """Read blocks from offset `at` to the end of the file."""
        while True:
            self._file.seek(at)
            prefix = self._file.read(20)
            if not prefix:
                return
            self._number += 1
            try:
                count, data, end = self._read_block(prefix, at)
                block = decompress_block(self._header.codec, data, self._limit)
                if count > len(block):
                    raise ExpandsTooMuch(f"{count} records in {len(block)} bytes")
            except ExpandsTooMuch as error:
                end = self._next_block(at)
                yield self._damage(EXPANDS_TOO_MUCH, str(error), at, end)
            except (SchemaViolation, BlockDamaged) as error:
                detail = (
                    error.violation.detail if isinstance(error, SchemaViolation) else str(error)
                )
                end = self._next_block(at)
                yield self._damage(AVRO_DAMAGED, detail, at, end)
            else:
                yield from self._records(block, count)
            at = end

    def _read_block(self, prefix: bytes, at: int) -> tuple[int, bytes, int]:
        """Return (record count, stored bytes, offset of the next block)."""
        walker = AvroWalker(prefix)
        count, size = walker.long(""), walker.long("")
        if count < 0 or size < 0:
            raise SchemaViolation(AVRO_DAMAGED, "", "a block has a negative size")
        if size > self._limit:
            raise ExpandsTooMuch(f"a block of {size} bytes; it may have {self._limit}")
        self._file.seek(at + walker.at)
        data = self._file.read(size)
        sync = self._file.read(_SYNC_BYTES)
        if len(data) < size or len(sync) < _SYNC_BYTES:
            raise SchemaViolation(AVRO_DAMAGED, "", "the file ends inside a block")
        if sync != self._header.sync:
            raise SchemaViolation(AVRO_DAMAGED, "", "a block does not end with the sync marker")
        return count, data, at + walker.at + size + _SYNC_BYTES

    def _records(self, block: bytes, count: int) -> Iterator[ContainerRecord | ContainerDamage]:
        version = self._header.version
        at = 0
        for number in range(1, count + 1):
            position = f"block {self._number} record {number}"
            try:
                raw, end = version.avro.split(block, at)
            except SchemaViolation as fault:
                found = fault.violation
                detail = f"{found.path} {found.detail}; {count - number} records after it are lost"
                yield ContainerDamage(position, found.reason, detail.strip(), block[at:])
                return
            yield ContainerRecord(position, version, block[at:end], raw)
            at = end
        if at != len(block):
            detail = f"{len(block) - at} bytes are left over after the block's records"
            position = f"block {self._number} end"
            yield ContainerDamage(position, "trailing_bytes", detail, block[at:])

    def _next_block(self, at: int) -> int:
        """Offset after the next sync marker that begins behind `at`, or the end of the file."""
        self._file.seek(at)
        window = b""
        while piece := self._file.read(1 << 20):
            window += piece
            found = window.find(self._header.sync)
            if found >= 0:
                return self._file.tell() - len(window) + found + _SYNC_BYTES
            window = window[-_SYNC_BYTES + 1 :]
        return self._file.tell()

    def _damage(self, reason: str, detail: str, at: int, end: int) -> ContainerDamage:
        self._file.seek(at)
        body = self._file.read(min(end - at, self._limit))
        return ContainerDamage(f"block {self._number}", reason, detail, body)


# --- writing -----------------------------------------------------------------------------


def write_container(
    version: SubjectVersion, records: Iterable[Any], *, records_per_block: int = 1000
) -> bytes:
    """Write records (structs or dicts) as a container with deflated blocks.

    The same records give the same bytes: the sync marker is taken from them. Raises
    SchemaViolation when a record is not valid.
    """
    data = [version.encode(record) for record in records]
    sync = hashlib.sha256(version.sha256.encode() + b"".join(data)).digest()[:_SYNC_BYTES]
    out = [MAGIC, _metadata(version), sync]
    for start in range(0, len(data), records_per_block):
        part = data[start : start + records_per_block]
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        stored = deflater.compress(b"".join(part)) + deflater.flush()
        out += [_long(len(part)), _long(len(stored)), stored, sync]
    return b"".join(out)


def _metadata(version: SubjectVersion) -> bytes:
    schema = json.dumps(version.schema, ensure_ascii=False, separators=(",", ":")).encode()
    pairs = (
        (b"avro.codec", b"deflate"),
        (b"avro.schema", schema),
        (VERSION_KEY, version.label.encode()),
    )
    entries = [_long(len(key)) + key + _long(len(value)) + value for key, value in pairs]
    return _long(len(entries)) + b"".join(entries) + _long(0)


def _long(number: int) -> bytes:
    """A zig-zag varint of a number that is zero or more."""
    number <<= 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
