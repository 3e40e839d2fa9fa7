"""Which messages and dead letters the books have: asked before a source is told to forget them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from connectors.store.backend import Backend
from connectors.store.bodies import unpack_body
from connectors.store.tables import dead_letters, messages
from ledger.messages import Part, dead_letter_id


def read_kept(
    connection: Connection, backend: Backend, tenant: str, parts: Collection[Part]
) -> set[Part]:
    """Return the parts that are durable.

    A message is when its id stands in the archive with its meaning or its very bytes, or with
    another meaning and it is a dead letter itself: a sibling's dead letter, which has the same
    bytes, says nothing about a message that the archive does not know.
    """
    digests = _digests(connection, backend, tenant, parts)
    kept = {
        part for part in parts if part.message_id and digests.get(part.message_id) == part.digest
    }
    doubted = [p for p in parts if p not in kept and (not p.message_id or p.message_id in digests)]
    if doubted:
        letters = _letters(connection, backend, doubted)
        archived = _archived_bytes(connection, backend, tenant, doubted)
        kept |= {
            part
            for part in doubted
            if part.dead_letter_id in letters
            or archived.get(part.message_id or "") == part.dead_letter_id
        }
    return kept


def _ids(parts: Collection[Part]) -> list[str]:
    return sorted({part.message_id for part in parts if part.message_id})


def _digests(
    connection: Connection, backend: Backend, tenant: str, parts: Collection[Part]
) -> Mapping[str, str]:
    """Digest of every archived message among the parts, by message id."""
    query = select(messages.c.message_id, messages.c.digest).where(
        messages.c.tenant == tenant, backend.among(messages.c.message_id, _ids(parts))
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _letters(connection: Connection, backend: Backend, parts: Collection[Part]) -> set[str]:
    query = select(dead_letters.c.dead_letter_id).where(
        backend.among(dead_letters.c.dead_letter_id, sorted({p.dead_letter_id for p in parts}))
    )
    return set(connection.execute(query).scalars())


def _archived_bytes(
    connection: Connection, backend: Backend, tenant: str, parts: Collection[Part]
) -> Mapping[str, str]:
    """The dead letter id that the bytes of each archived message would have, by message id."""
    query = select(
        messages.c.message_id, messages.c.source, messages.c.body_packed, messages.c.body
    ).where(messages.c.tenant == tenant, backend.among(messages.c.message_id, _ids(parts)))
    return {
        row.message_id: dead_letter_id(tenant, row.source, unpack_body(row.body_packed, row.body))
        for row in connection.execute(query)
    }
