"""Running the job in tests, and comparing the books it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from connectors.store import open_store
from pipelines.report import RunReport

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)

Run = Callable[..., RunReport]
Net = dict[tuple[str, ...], tuple[int, int]]


def write_lines(path: Path, lines: Iterable[bytes]) -> str:
    """Write lines as one file; return its path as a pattern."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return str(path)


def net_of(store: Path) -> Net:
    """Net (transaction, functional) debit per tenant, entity, currency, period and role."""
    net: dict[tuple[str, ...], list[int]] = {}
    with open_store(f"sqlite:///{store}", create=False) as books:
        for posted in books.postings():
            for line in posted.entry.lines:
                key = (
                    posted.entry.tenant,
                    posted.entry.entity,
                    posted.entry.currency,
                    posted.period,
                    line.role,
                )
                cell = net.setdefault(key, [0, 0])
                cell[0] += line.amount_minor
                cell[1] += line.functional_minor
    return {key: (cell[0], cell[1]) for key, cell in net.items() if cell != [0, 0]}


def dump_of(store: Path) -> bytes:
    """The canonical dump: everything in the store but the log of runs."""
    with open_store(f"sqlite:///{store}", create=False) as books:
        return b"".join(books.canonical_dump())


def standing_of(store: Path) -> bytes:
    """What stands, without the history of how it came."""
    with open_store(f"sqlite:///{store}", create=False) as books:
        return b"".join(books.standing_dump())


def comparable(store: Path) -> list[bytes]:
    """What stands, but for ids that came with two bodies: there the first to come stands."""
    lines = standing_of(store).splitlines()
    letters = [line for line in lines if b'"reason":"event_id_conflict"' in line]
    twice = {json.loads(line)["message_id"].encode() for line in letters}
    return [line for line in lines if not any(message_id in line for message_id in twice)]
