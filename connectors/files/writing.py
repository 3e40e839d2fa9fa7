"""Writing a block of lines as one file that is either there as a whole or not at all.

Runners retry bundles: the same block written again under the same name replaces itself with
the same bytes, so nothing is written twice.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic")


def write_block(directory: str, name: str, lines: Iterable[bytes]) -> str:
    r"""Write `lines` (without newlines) to `directory/name`, each ended by `\n`; return the path.

    Raises ValueError for a line that contains a newline; see `write_whole` for the rest.
    """
    return write_whole(directory, name, _ended(lines))


def write_text(directory: str, name: str, pieces: Iterable[str]) -> str:
    """Write pieces of text as they are, in UTF-8; see `write_whole`."""
    return write_whole(directory, name, (piece.encode() for piece in pieces))


def write_whole(directory: str, name: str, pieces: Iterable[bytes]) -> str:
    """Write `pieces`, one after the other, to `directory/name`; return the path.

    The file appears by a rename after its bytes are on disk. The directory is made when it
    is not there. When the pieces fail half-way, or for a name that is not a plain file name
    (ValueError), nothing is left behind.
    """
    _assert_plain_name(name)
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, name)
    # Two attempts at one bundle may run at once, so the temporary name is never shared.
    temporary = os.path.join(directory, f".{name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_directory(directory)
    return path


def block_name(stem: str, shard: int, shards: int, extension: str = "jsonl") -> str:
    """Name of one shard's file, the same on every attempt: `erp-postings-00003-of-00016.jsonl`."""
    if not 0 <= shard < shards:
        raise ValueError(f"shard {shard} is not one of {shards}")
    return f"{stem}-{shard:05d}-of-{shards:05d}.{extension}"


def json_lines(structs: Iterable[msgspec.Struct]) -> bytes:
    r"""Encode structs as JSON objects, names in alphabetical order, each ended by `\n`.

    Bytes become base64 text, Decimals text. A struct that travels as an array inside the
    pipeline is written as an object here, so that people can read it.
    """
    return _ENCODER.encode_lines([_view_of(type(struct))(struct) for struct in structs])


@cache
def _view_of(kind: type[msgspec.Struct]) -> Callable[[Any], Any]:
    """Return what turns a struct into one whose fields are all written, in alphabetical order.

    A struct with sorted fields costs a third of a dict that the encoder has to sort.
    """
    names = sorted(kind.__struct_fields__)
    config = kind.__struct_config__
    if tuple(names) == kind.__struct_fields__ and not (config.array_like or config.omit_defaults):
        return _itself
    view = msgspec.defstruct(f"{kind.__name__}Line", [(name, Any) for name in names])
    values = attrgetter(*names)
    if len(names) == 1:
        return lambda struct: view(values(struct))
    return lambda struct: view(*values(struct))


def _itself(struct: msgspec.Struct) -> msgspec.Struct:
    return struct


def write_json_lines(directory: str, name: str, structs: Iterable[msgspec.Struct]) -> str:
    """Write structs as one block of JSON lines; see `write_whole` and `json_lines`."""
    return write_whole(directory, name, [json_lines(structs)])


def _ended(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        if b"\n" in line:
            raise ValueError("a line of a block must not contain a newline")
        yield line + b"\n"


def _assert_plain_name(name: str) -> None:
    if not name or name.startswith(".") or os.path.basename(name) != name:
        raise ValueError(f"{name!r} is not a plain file name")


def _sync_directory(directory: str) -> None:
    """Make the rename itself durable; a directory cannot be synced on Windows."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
