"""Decompression of Avro container blocks that never grows beyond a limit.

Codecs: null, deflate, bzip2, xz, snappy and zstandard, as the Avro 1.12 specification names them.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

import zstandard

from schemas.snappy import NotSnappy, decompress_snappy


class BlockDamaged(Exception):
    """Bytes that their codec cannot follow to the end."""


class ExpandsTooMuch(Exception):
    """A block that grows beyond the limit."""


_WINDOW_BYTES = 128 * 1024 * 1024
"""Memory that xz and zstandard may take for looking back."""
_ZSTANDARD_PIECE_BYTES = 256


def decompress_block(codec: str, data: bytes, limit: int) -> bytes:
    """Return the block, at most `limit` bytes of it. Raises BlockDamaged, ExpandsTooMuch, and
    KeyError for a codec that is not in `CODECS`."""
    try:
        block = CODECS[codec](data, limit)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, NotSnappy, zstandard.ZstdError):
        raise BlockDamaged(f"{codec} data is damaged") from None
    if len(block) > limit:
        raise ExpandsTooMuch(f"a block grows beyond {limit} bytes")
    return block


def _null(data: bytes, limit: int) -> bytes:
    return data


def _deflate(data: bytes, limit: int) -> bytes:
    """Raw deflate. Up to four bytes of a zlib checksum may follow: fastavro leaves them there."""
    inflater = zlib.decompressobj(-15)
    block = inflater.decompress(data, limit + 1)
    if len(block) <= limit and (not inflater.eof or len(inflater.unused_data) > 4):
        raise EOFError
    return block


def _bzip2(data: bytes, limit: int) -> bytes:
    inflater = bz2.BZ2Decompressor()
    return _whole(inflater.decompress(data, limit + 1), inflater, limit)


def _xz(data: bytes, limit: int) -> bytes:
    inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_WINDOW_BYTES)
    return _whole(inflater.decompress(data, limit + 1), inflater, limit)


def _whole(
    block: bytes, inflater: bz2.BZ2Decompressor | lzma.LZMADecompressor, limit: int
) -> bytes:
    """The stream must end where the data does, unless the limit stopped it."""
    if len(block) <= limit and (not inflater.eof or inflater.unused_data):
        raise EOFError
    return block


def _zstandard(data: bytes, limit: int) -> bytes:
    """Fed in small pieces, because its output cannot be limited otherwise: a piece grows to
    8 MB at most (a block of 128 KB takes four bytes)."""
    inflater = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
    out = bytearray()
    for start in range(0, len(data), _ZSTANDARD_PIECE_BYTES):
        if inflater.eof:
            raise EOFError
        out += inflater.decompress(data[start : start + _ZSTANDARD_PIECE_BYTES])
        if len(out) > limit:
            return bytes(out)
    if not inflater.eof or inflater.unused_data:
        raise EOFError
    return bytes(out)


def _snappy(data: bytes, limit: int) -> bytes:
    """Avro appends the CRC-32 of the uncompressed block, big endian."""
    block = decompress_snappy(data[:-4], limit)
    if len(block) <= limit and zlib.crc32(block).to_bytes(4, "big") != data[-4:]:
        raise NotSnappy("the checksum differs")
    return block


CODECS: dict[str, Callable[[bytes, int], bytes]] = {
    "null": _null,
    "deflate": _deflate,
    "bzip2": _bzip2,
    "xz": _xz,
    "snappy": _snappy,
    "zstandard": _zstandard,
}
"""Codec -> decompression that stops soon after `limit` bytes."""
