"""Decompressing gzip (RFC 1952) so that everything before a damage is still delivered.

`gzip.open` raises and takes with it what it had decompressed in the same call; here those
bytes come out first.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_GZIP_WINDOW = 31
"""zlib's window bits for a gzip header and trailer."""

_OUTPUT_BYTES = 1024 * 1024
"""Most that one step gives, so that a small file cannot unfold in memory at once."""


class GzipDamaged(Exception):
    """The stream ends early or does not decode; raised after all that did was given."""


def decompress(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the uncompressed bytes of one or more gzip members, at most 1 MiB at a time.

    Zero padding after a member is skipped, as gzip itself does. Raises GzipDamaged for a
    missing end, a wrong checksum, bytes that do not decode or that follow the last member.
    """
    member = None
    for chunk in chunks:
        while chunk:
            if member is None:
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    break
                member = zlib.decompressobj(_GZIP_WINDOW)
            yield from _inflate(member, chunk)
            chunk = member.unused_data
            if member.eof:
                member = None
    if member is not None:
        raise GzipDamaged("the compressed data end before their end marker")


def _inflate(member: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """Feed `data`; when it does not decode, feed it once more byte by byte to its last good one."""
    while data and not member.eof:
        before = member.copy()
        try:
            piece = member.decompress(data, _OUTPUT_BYTES)
        except zlib.error as error:
            yield from _salvage(before, data)
            raise GzipDamaged(f"the compressed data are damaged ({error})") from error
        if piece:
            yield piece
        data = member.unconsumed_tail


def _salvage(member: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What the damaged piece gives before its first byte that does not decode."""
    for index in range(len(data)):
        try:
            piece = member.decompress(data[index : index + 1])
        except zlib.error:
            return
        if piece:
            yield piece
