"""Reading ranges of files line by line, in bounded memory, with positions that never vary.

A position is `name@offset`: the byte at which the line starts (in the uncompressed text of
a gzip file). It depends on the file alone, not on how it was cut into ranges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from connectors.files.listing import (
    BLOCK_BYTES,
    FileFormat,
    FileRange,
    InputChanged,
    InputFile,
    InputNotFound,
    InputUnreadable,
    find_files,
    split_ranges,
)
from connectors.files.unzipping import GzipDamaged, decompress

__all__ = [
    "BLOCK_BYTES",
    "MAX_LINE_BYTES",
    "Damaged",
    "FileFormat",
    "FileRange",
    "InputChanged",
    "InputFile",
    "InputNotFound",
    "InputUnreadable",
    "Line",
    "Oversized",
    "Read",
    "find_files",
    "read_lines",
    "split_ranges",
]

MAX_LINE_BYTES = 1024 * 1024
"""Default limit of one event. The largest real ones (invoices of 250 lines) take a quarter."""

HEAD_BYTES = 1024
"""How much of a line that is too long is kept."""

_STEP_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_ENDLESS = 1 << 62


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line that is not blank, without its line ending."""

    body: bytes
    position: str


class Oversized(msgspec.Struct, frozen=True, gc=False):
    """A line longer than the limit; only its beginning was kept."""

    head: bytes
    """The first 1024 bytes."""
    length_bytes: int
    """Of the whole line, without its newline."""
    position: str
    digest: str
    """SHA-256 (hex) of the whole line: long lines that begin alike are not the same."""


class Damaged(msgspec.Struct, frozen=True, gc=False):
    """A compressed file broke here; every whole line before it was given."""

    reason: str
    """`truncated_gzip`, as in `ledger.reasons.Reason`."""
    detail: str
    body: bytes
    """What was left of the line that broke; the position as text when nothing was, so that
    two damaged files never look like the same event."""
    position: str


Read = Line | Oversized | Damaged


def read_lines(part: FileRange, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[Read]:
    r"""Yield the lines that start in `part`, in order; bounded.

    Lines end with `\n` or `\r\n` and with nothing else; blank lines are skipped and a UTF-8
    byte order mark is dropped. At most one block and one line are held in memory. Raises
    InputChanged when the file vanished or shrank since it was listed, ValueError for Avro.
    """
    if part.format is FileFormat.AVRO:
        raise ValueError(f"{part.name} is an Avro container and has no lines")
    with _opened(part) as file:
        if part.format is FileFormat.GZIP_LINES:
            yield from _gzip_lines(part, file, max_line_bytes)
        else:
            yield from _plain_lines(part, file, max_line_bytes)


@contextmanager
def _opened(part: FileRange) -> Iterator[BinaryIO]:
    try:
        file = open(part.path, "rb")  # noqa: SIM115
    except FileNotFoundError as error:
        raise InputChanged(f"{part.name} vanished after it was listed") from error
    with file:
        yield file


def _plain_lines(part: FileRange, file: BinaryIO, limit: int) -> Iterator[Read]:
    first = _first_line_start(part, file)
    if first is None:
        return
    file.seek(first)
    chunks = _chunks(part, file, first)
    yield from _Lines(part.name, limit, first, part.end_byte).read(chunks)


def _first_line_start(part: FileRange, file: BinaryIO) -> int | None:
    """Where the first line of the range starts; None when none does.

    Looks no further than the range, so that one long line does not make every range after
    it read the file to its end.
    """
    if part.start_byte == 0:
        return 0
    at = part.start_byte - 1
    file.seek(at)
    while at < part.end_byte - 1:
        piece = file.read(min(_STEP_BYTES, part.end_byte - 1 - at))
        _assert_read(part, piece, at)
        newline = piece.find(b"\n")
        if newline >= 0:
            return at + newline + 1
        at += len(piece)
    return None


def _chunks(part: FileRange, file: BinaryIO, at: int) -> Iterator[bytes]:
    """The range as one block, then small steps to the end of its last line."""
    want = part.end_byte - at
    while at < part.size_bytes:
        piece = file.read(min(want, part.size_bytes - at))
        _assert_read(part, piece, at)
        yield piece
        at += len(piece)
        want = _STEP_BYTES


def _assert_read(part: FileRange, piece: bytes, at: int) -> None:
    if not piece:
        raise InputChanged(f"{part.name} shrank to {at} bytes; it had {part.size_bytes}")


def _gzip_lines(part: FileRange, file: BinaryIO, limit: int) -> Iterator[Read]:
    lines = _Lines(part.name, limit, 0, _ENDLESS)
    packed = _chunks(msgspec.structs.replace(part, end_byte=_STEP_BYTES), file, 0)
    try:
        yield from lines.read(decompress(packed))
    except GzipDamaged as damage:
        position = lines.position()
        yield Damaged(
            reason="truncated_gzip",
            detail=str(damage),
            body=lines.rest() or position.encode(),
            position=position,
        )


class _Lines:
    """Puts lines together from chunks; holds the unfinished line and where it started."""

    def __init__(self, name: str, limit: int, start: int, stop: int) -> None:
        self._name = name
        self._limit = limit
        self._start = start
        self._stop = stop
        self._kept = bytearray()
        self._length = 0
        self._hash = hashlib.sha256()
        """Of a line past the limit."""

    def position(self) -> str:
        """Where the unfinished line starts."""
        return f"{self._name}@{self._start}"

    def rest(self) -> bytes:
        """What is kept of the unfinished line."""
        return bytes(self._kept)

    def read(self, chunks: Iterator[bytes]) -> Iterator[Read]:
        """Yield every line that starts before the stop."""
        for chunk in chunks:
            end_of_first = chunk.find(b"\n")
            if end_of_first < 0:
                self._hold(chunk)
                continue
            self._hold(chunk[:end_of_first])
            yield from self._take()
            yield from self._whole_lines(chunk, end_of_first + 1)
            if self._start >= self._stop:
                return
        if self._length:
            yield from self._take()

    def _whole_lines(self, chunk: bytes, begin: int) -> Iterator[Read]:
        """Lines that lie in the chunk as a whole: one cut, no search line by line."""
        *whole, rest = chunk[begin:].split(b"\n") if begin else chunk.split(b"\n")
        name, limit, start, stop = self._name, self._limit, self._start, self._stop
        for raw in whole:
            if start >= stop:
                break
            length = len(raw)
            if length > limit:
                digest = hashlib.sha256(raw).hexdigest()
                yield Oversized(raw[:HEAD_BYTES], length, f"{name}@{start}", digest)
            elif body := _body(raw):
                yield Line(body, f"{name}@{start}")
            start += length + 1
        self._start = start
        self._hold(rest)

    def _hold(self, piece: bytes) -> None:
        """Add to the unfinished line; past the limit only its head, length and hash are kept."""
        was_within = self._length <= self._limit
        self._length += len(piece)
        if self._length <= self._limit:
            self._kept += piece
            return
        if was_within:
            self._hash = hashlib.sha256(self._kept)
        self._hash.update(piece)
        if len(self._kept) != HEAD_BYTES:
            self._kept += piece[:HEAD_BYTES]
            del self._kept[HEAD_BYTES:]

    def _take(self) -> Iterator[Read]:
        """Give the held line and begin the next one."""
        position, length = self.position(), self._length
        raw = bytes(self._kept)
        self._kept.clear()
        self._length = 0
        if length > self._limit:
            yield Oversized(raw, length, position, self._hash.hexdigest())
        elif body := _body(raw.removeprefix(_BOM) if self._start == 0 else raw):
            yield Line(body, position)
        self._start += length + 1


def _body(raw: bytes) -> bytes:
    """The line without a carriage return at its end; empty for a blank line."""
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    return b"" if raw.isspace() else raw
