"""Which versions of which subjects the archive holds, by source: who still sends what."""

from __future__ import annotations

from collections import defaultdict

import msgspec
from sqlalchemy import Connection, func, select

from connectors.store.tables import messages


class SchemaUse(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a subject as one source's messages gave it."""

    subject: str
    version: int
    source: str
    messages: int
    """Messages with at least one event of it."""
    first_micros: int
    """When the earliest of them happened in the source."""
    last_micros: int


def read_schema_usage(
    connection: Connection, tenant: str | None = None, since_micros: int | None = None
) -> list[SchemaUse]:
    """Return one row per subject, version and source, sorted.

    `since_micros`: only what happened in the source at or after that time.
    """
    at = messages.c.occurred_at_micros
    keys = (messages.c.source, messages.c.schema_version)
    query = select(*keys, func.count(), func.min(at), func.max(at)).group_by(*keys)
    if tenant is not None:
        query = query.where(messages.c.tenant == tenant)
    if since_micros is not None:
        query = query.where(at >= since_micros)
    found: dict[tuple[str, int, str], list[tuple[int, int, int]]] = defaultdict(list)
    for source, labels, count, first, last in connection.execute(query):
        # A message without events has the label `-`, one with several all of theirs.
        for label in set(labels.split(",")) - {"-"}:
            subject, _, number = label.rpartition("@")
            found[subject, int(number), source].append((count, first, last))
    return [
        SchemaUse(
            subject=subject,
            version=number,
            source=source,
            messages=sum(count for count, _, _ in rows),
            first_micros=min(first for _, first, _ in rows),
            last_micros=max(last for _, _, last in rows),
        )
        for (subject, number, source), rows in sorted(found.items())
    ]
