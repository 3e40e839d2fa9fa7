"""`crossfoot dump`: the canonical dump, by which two stores are compared."""

from __future__ import annotations

import hashlib
import sys
from typing import Annotated

import msgspec
import typer

from runners import arguments
from runners.display import print_json
from runners.stores import opened_store


class DumpDigest(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for a whole dump; field names are the JSON output."""

    lines: int
    sha256: str


def dump(
    store: arguments.Store,
    standing: Annotated[
        bool,
        typer.Option(
            "--standing",
            help="Only what stands now, without how it came: equal for a live and a bounded job.",
        ),
    ] = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Print everything the books say as sorted JSON lines, event bytes and all.

    The same books give the same bytes on SQLite and PostgreSQL, whatever the
    order of the work was. With --json only the number of lines and their
    SHA-256 are printed.

    Example:

      crossfoot dump --store sqlite:///books.db > books.jsonl
    """
    with opened_store(store) as books:
        dumped = books.standing_dump() if standing else books.canonical_dump()
        if not as_json:
            for line in dumped:
                sys.stdout.write(line.decode())
            return
        digest, lines = hashlib.sha256(), 0
        for line in dumped:
            digest.update(line)
            lines += 1
    print_json(DumpDigest(lines=lines, sha256=digest.hexdigest()))
