"""Remembers which events have been kept: an index that can be made anew from the spool."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from connectors.webhooks.deliveries import Delivery

_SCHEMA = """
create table if not exists seen (
  source text not null, event_id text not null, digest text not null, position integer not null,
  primary key (source, event_id, digest)
) without rowid;
create index if not exists seen_position on seen (position);
create table if not exists segments (name text primary key, bytes integer not null) without rowid;
"""


class Verdict(StrEnum):
    """What a delivery is, compared with those before it."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    """The same id with another body: kept too, and judged by the pipeline."""


class SeenEvents:
    """An SQLite file next to the spool, used by one thread at a time.

    It may be behind the spool after a crash, never ahead of it: what is durable is written first.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(_SCHEMA)

    def verdicts(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """Compare deliveries with what was kept before, and with those before them here."""
        found: list[Verdict] = []
        known: dict[tuple[str, str], set[str]] = {}
        for each in deliveries:
            key = (each.source, each.event_id)
            if key not in known:
                known[key] = self._digests(*key)
            digests = known[key]
            if each.digest in digests:
                found.append(Verdict.DUPLICATE)
            else:
                found.append(Verdict.CONFLICT if digests else Verdict.NEW)
            digests.add(each.digest)
        return found

    def _digests(self, source: str, event_id: str) -> set[str]:
        query = "select digest from seen where source = ? and event_id = ?"
        return {digest for (digest,) in self._db.execute(query, (source, event_id))}

    def add(self, deliveries: Iterable[Delivery], reached: dict[str, int]) -> None:
        """Remember deliveries, and up to which byte of which segment the spool is indexed."""
        self._db.execute("begin")
        (last,) = self._db.execute("select coalesce(max(position), 0) from seen").fetchone()
        self._db.executemany(
            "insert or ignore into seen values (?, ?, ?, ?)",
            [
                (each.source, each.event_id, each.digest, last + number)
                for number, each in enumerate(deliveries, start=1)
            ],
        )
        self._db.executemany("insert or replace into segments values (?, ?)", reached.items())
        self._db.execute("commit")

    def indexed(self) -> dict[str, int]:
        """Return how many bytes of each segment are indexed."""
        return dict(self._db.execute("select name, bytes from segments").fetchall())

    def forget_all_but(self, newest: int) -> None:
        """Keep the newest so many: a sender repeats an event for days, not for ever."""
        self._db.execute(
            "delete from seen where position <= (select max(position) from seen) - ?", (newest,)
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
