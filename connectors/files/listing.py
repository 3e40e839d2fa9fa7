"""Which files are the input: patterns, formats by content, byte ranges to share out.

Nothing here reads more than the first bytes of a file.
"""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

BLOCK_BYTES = 4 * 1024 * 1024
"""Default size of a range: large enough to drown the cost per range, small enough to share."""

_MAGIC_BYTES = 6


class FileFormat(StrEnum):
    """How a file is read, found from its first bytes and never from its name."""

    LINES = "lines"
    """Text, one event per line."""
    GZIP_LINES = "gzip_lines"
    """The same, compressed with gzip (RFC 1952)."""
    AVRO = "avro"
    """Avro object container file."""


_READABLE = ((b"\x1f\x8b", FileFormat.GZIP_LINES), (b"Obj\x01", FileFormat.AVRO))

# Read as text, each would become thousands of dead letters; saying it once is kinder.
_UNREADABLE = (
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


class InputNotFound(Exception):
    """A pattern matches no file, or names something that is not one."""


class InputUnreadable(Exception):
    """A file is in a format that cannot be read, or may not be opened."""


class InputChanged(Exception):
    """A file vanished or shrank between being listed and being read."""


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to read, as it was when it was listed."""

    path: str
    """Where to open it."""
    name: str
    """Relative to the directory of its pattern: what may be shown in outputs."""
    size_bytes: int
    format: FileFormat


class FileRange(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a file that start at `start_byte` or later and before `end_byte`."""

    path: str
    name: str
    format: FileFormat
    start_byte: int
    end_byte: int
    size_bytes: int
    """Of the whole file when it was listed; nothing beyond it is read."""


def find_files(patterns: Sequence[str]) -> list[InputFile]:
    """Return the files that match `patterns` (shell globs, `**` included), sorted by name.

    A file that several patterns match is listed once. Raises InputNotFound naming every
    pattern that matches nothing, InputUnreadable for a format that cannot be read.
    """
    matches = {pattern: _match(pattern) for pattern in patterns}
    missing = sorted(pattern for pattern, paths in matches.items() if not paths)
    if missing or not patterns:
        raise InputNotFound(f"no file matches {', '.join(missing) or 'an empty list of patterns'}")
    names: dict[str, str] = {}
    for pattern, paths in matches.items():
        base = _fixed_directory(pattern)
        for path in paths:
            names.setdefault(os.path.abspath(path), os.path.relpath(path, base))
    files = [_inspect(path, name) for path, name in _tell_apart(names).items()]
    return sorted(files, key=lambda file: (file.name, file.path))


def split_ranges(files: Iterable[InputFile], block_bytes: int = BLOCK_BYTES) -> list[FileRange]:
    """Cut plain files into ranges of `block_bytes`; compressed and Avro files stay whole.

    Empty files give no range. The lines of all ranges together are the lines of the files,
    whatever the block size. Raises ValueError for a block size below one.
    """
    if block_bytes < 1:
        raise ValueError(f"block_bytes must be positive, not {block_bytes}")
    return [
        FileRange(
            path=file.path,
            name=file.name,
            format=file.format,
            start_byte=start,
            end_byte=min(start + step, file.size_bytes),
            size_bytes=file.size_bytes,
        )
        for file in files
        for step in [block_bytes if file.format is FileFormat.LINES else max(file.size_bytes, 1)]
        for start in range(0, file.size_bytes, step)
    ]


def _match(pattern: str) -> list[str]:
    """Files that `pattern` matches; a name that exists is taken as it stands."""
    found = [pattern] if os.path.lexists(pattern) else glob.glob(pattern, recursive=True)
    if found == [pattern] and os.path.isdir(pattern):
        raise InputNotFound(f"{pattern} is a directory; name its files, as in {pattern}/*.jsonl")
    return [path for path in found if os.path.isfile(path)]


def _fixed_directory(pattern: str) -> str:
    """The part of `pattern` before its first wildcard, up to a directory."""
    if os.path.lexists(pattern):
        return os.path.dirname(pattern) or "."
    parts = pattern.split(os.sep)
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return os.sep.join(parts[:fixed]) or (os.sep if pattern.startswith(os.sep) else ".")


def _tell_apart(names: dict[str, str]) -> dict[str, str]:
    """Give files of the same name as many of their last folders as tell them apart."""
    by_name = defaultdict(list)
    for path, name in names.items():
        by_name[name].append(path)
    told = dict(names)
    for paths in by_name.values():
        if len(paths) > 1:
            parts = {path: path.split(os.sep) for path in paths}
            depth = 1
            while len({tuple(part[-depth:]) for part in parts.values()}) < len(paths):
                depth += 1
            told.update({path: "/".join(part[-depth:]) for path, part in parts.items()})
    return told


def _inspect(path: str, name: str) -> InputFile:
    """Size and format of one file."""
    try:
        with open(path, "rb") as file:
            magic = file.read(_MAGIC_BYTES)
            size_bytes = os.fstat(file.fileno()).st_size
    except FileNotFoundError as error:
        raise InputChanged(f"{name} vanished while the input was listed") from error
    except PermissionError as error:
        raise InputUnreadable(f"{name} may not be read: permission denied") from error
    for prefix, what in _UNREADABLE:
        if magic.startswith(prefix):
            raise InputUnreadable(f"{name} is {what}; give JSON lines, gzip or Avro files")
    found = (kind for prefix, kind in _READABLE if magic.startswith(prefix))
    return InputFile(
        path=path, name=name, size_bytes=size_bytes, format=next(found, FileFormat.LINES)
    )
