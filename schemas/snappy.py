"""Snappy's block format, read only: what Spark and Hadoop write into Avro files by default.

Source: Snappy compressed format description (google/snappy, format_description.txt).
"""

from __future__ import annotations


class NotSnappy(Exception):
    """Bytes that are not a Snappy block."""


def decompress_snappy(data: bytes, limit: int) -> bytes:
    """Return the uncompressed bytes; `limit + 1` zero bytes when more than `limit` are announced.

    Raises NotSnappy.
    """
    length, at = _length(data)
    if length > limit:
        return bytes(limit + 1)
    out = bytearray()
    while at < len(data):
        at = _element(data, at, out)
        if len(out) > length:
            raise NotSnappy("longer than announced")
    if len(out) != length:
        raise NotSnappy("shorter than announced")
    return bytes(out)


def _length(data: bytes) -> tuple[int, int]:
    """The little-endian varint at the start: (uncompressed length, where the elements begin)."""
    number = 0
    for at, byte in enumerate(data[:5]):
        number |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return number, at + 1
    raise NotSnappy("no length")


def _element(data: bytes, at: int, out: bytearray) -> int:
    """Append what the literal or copy at `at` says; return where the next element is."""
    tag = data[at]
    kind = tag & 3
    if kind == 0:
        return _literal(data, at, out)
    if kind == 1:
        length, offset_bytes = ((tag >> 2) & 7) + 4, 1
    else:
        length, offset_bytes = (tag >> 2) + 1, 2 if kind == 2 else 4
    end = at + 1 + offset_bytes
    if end > len(data):
        raise NotSnappy("ends inside a copy")
    offset = int.from_bytes(data[at + 1 : end], "little")
    if kind == 1:
        offset |= (tag >> 5) << 8
    _copy(out, offset, length)
    return end


def _literal(data: bytes, at: int, out: bytearray) -> int:
    length = data[at] >> 2
    start = at + 1
    if length >= 60:
        extra = length - 59
        length = int.from_bytes(data[start : start + extra], "little")
        start += extra
    end = start + length + 1
    if end > len(data):
        raise NotSnappy("ends inside a literal")
    out += data[start:end]
    return end


def _copy(out: bytearray, offset: int, length: int) -> None:
    """Repeat what was written `offset` bytes ago; it may run into what it writes itself."""
    if not 0 < offset <= len(out):
        raise NotSnappy("copies from before the start")
    if offset >= length:
        start = len(out) - offset
        out += out[start : start + length]
        return
    pattern = bytes(out[-offset:])
    out += (pattern * (length // offset + 1))[:length]
