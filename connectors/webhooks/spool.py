"""A spool of segment files: one event a line, durable before it is acknowledged.

A segment is `NAME.jsonl.open` while it is written and `NAME.jsonl` when it is finished, so that
`--input 'spool/*.jsonl'` reads whole files only. Finished segments never change.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from connectors.webhooks.deliveries import Delivery, Scheme, body_of, delivery_of, record_of

OPEN = ".open"
SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_SECONDS = 60.0


class Spool:
    """The spool of one source. Written by one process and thread at a time."""

    def __init__(
        self,
        directory: Path,
        source: str,
        clock: Callable[[], float],
        *,
        segment_bytes: int = SEGMENT_BYTES,
        segment_seconds: float = SEGMENT_SECONDS,
    ) -> None:
        """Finish what a crash left open. `clock`: seconds since the epoch. Raises OSError."""
        self._directory = directory
        self._source = source
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._file: int | None = None
        self._path = directory
        self._opened_at = 0.0
        self._bytes = 0
        directory.mkdir(parents=True, exist_ok=True)
        for left in sorted(directory.glob(f"{source}-*.jsonl{OPEN}")):
            _finish_torn(left)
        _sync_directory(directory)

    def append(self, deliveries: Sequence[Delivery]) -> tuple[str, int]:
        """Write deliveries; when it returns they are on disk.

        Returns the segment's name and its size. Raises OSError: then none counts as kept, and
        the segment is given up.
        """
        lines = b"".join(record_of(each) + b"\n" for each in deliveries)
        try:
            if self._file is None:
                self._open()
            self._write(lines)
        except OSError:
            self._give_up()
            raise
        self._bytes += len(lines)
        return self._path.name.removesuffix(OPEN), self._bytes

    def rotate(self) -> None:
        """Finish the segment when it is large or old enough. Raises OSError."""
        if self._file is None or not self._bytes:
            return
        old = self._clock() - self._opened_at >= self._segment_seconds
        if old or self._bytes >= self._segment_bytes:
            self.close()

    def close(self) -> None:
        """Finish the segment that is open, if any."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            _finish(self._path)
            _sync_directory(self._directory)

    def _open(self) -> None:
        self._opened_at = self._clock()
        stamp = datetime.fromtimestamp(self._opened_at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        taken = sum(1 for _ in self._directory.glob(f"{self._source}-{stamp}*"))
        self._path = self._directory / f"{self._source}-{stamp}-{taken:04d}.jsonl{OPEN}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._bytes = 0
        _sync_directory(self._directory)

    def _write(self, lines: bytes) -> None:
        if self._file is None:
            raise OSError("the segment is closed")
        left = memoryview(lines)
        while left:
            left = left[os.write(self._file, left) :]
        os.fsync(self._file)

    def _give_up(self) -> None:
        """Keep what was durable of a segment whose last write failed."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            os.truncate(file, self._bytes)
        finally:
            os.close(file)
        _finish(self._path)


def unindexed(
    directory: Path, source: str, scheme: Scheme, indexed: dict[str, int]
) -> Iterator[tuple[str, int, list[Delivery]]]:
    """Yield (segment, bytes, its events) for finished segments that are not indexed to their end.

    Ids that only the headers stated are lost here; the digest still knows a repeated body.
    """
    for path in sorted(directory.glob(f"{source}-*.jsonl")):
        start = indexed.get(path.name, 0)
        if path.stat().st_size > start:
            with path.open("rb") as file:
                file.seek(start)
                lines: Iterable[bytes] = file.read().splitlines()
            events = [delivery_of(source, scheme, body_of(line)) for line in lines]
            yield path.name, path.stat().st_size, events


def _finish_torn(path: Path) -> None:
    """Cut off a last line that was never finished, hence never acknowledged."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    _finish(path)


def _finish(path: Path) -> None:
    if path.stat().st_size == 0:
        path.unlink()
    else:
        path.rename(path.with_name(path.name.removesuffix(OPEN)))


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
