"""What waits under an id of its own until it is known to whom it belongs."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import ColumnElement, Connection, and_, exists, select

from connectors.store.backend import Backend
from connectors.store.tables import links, parties, waiting_ids


def waiting_for(
    connection: Connection, backend: Backend, tenant: str, targets: set[str]
) -> list[tuple[str, str]]:
    """(target, id) of ids under which something waits or waited, where a link leads to just one
    target.

    Both sides may have been committed at the same time, neither knowing the other; or what the id
    resolved to has turned out to be somebody else since.
    """
    other = links.alias("other")
    elsewhere = exists().where(
        other.c.tenant == links.c.tenant,
        other.c.link_id == links.c.link_id,
        other.c.target != links.c.target,
    )
    query = (
        select(links.c.target, links.c.link_id)
        .join(parties, _kept_under(links.c.tenant, links.c.link_id))
        .where(
            links.c.tenant == tenant,
            backend.among(links.c.target, sorted(targets)),
            ~elsewhere,
        )
    )
    return [(target, link_id) for target, link_id in connection.execute(query)]


def waiting_by_another_id(
    connection: Connection, backend: Backend, tenant: str, targets: set[str]
) -> list[tuple[str, str]]:
    """The same for what waits under its first id while a further id of it leads to a target."""
    other = links.alias("other")
    elsewhere = exists().where(
        other.c.tenant == links.c.tenant,
        other.c.link_id == links.c.link_id,
        other.c.target != links.c.target,
        other.c.target != waiting_ids.c.party_ref,
    )
    query = (
        select(links.c.target, waiting_ids.c.party_ref)
        .join(
            waiting_ids,
            and_(waiting_ids.c.tenant == links.c.tenant, waiting_ids.c.link_id == links.c.link_id),
        )
        .join(parties, _kept_under(waiting_ids.c.tenant, waiting_ids.c.party_ref))
        .where(
            links.c.tenant == tenant,
            backend.among(links.c.target, sorted(targets)),
            ~elsewhere,
        )
    )
    return [(target, ref) for target, ref in connection.execute(query)]


def waiting_beside(
    connection: Connection, backend: Backend, tenant: str, ids: set[str]
) -> dict[str, set[str]]:
    """Refs that still stand for themselves, by further ids of what waits under them."""
    query = (
        select(waiting_ids.c.link_id, waiting_ids.c.party_ref)
        .join(parties, _stands_alone(waiting_ids.c.tenant, waiting_ids.c.party_ref))
        .where(
            waiting_ids.c.tenant == tenant,
            backend.among(waiting_ids.c.link_id, sorted(ids)),
        )
    )
    found: dict[str, set[str]] = defaultdict(set)
    for link_id, party_ref in connection.execute(query):
        found[link_id].add(party_ref)
    return found


def _kept_under(tenant: ColumnElement[str], ref: ColumnElement[str]) -> ColumnElement[bool]:
    """Join a ref to its row in `parties`, whoever it resolves to."""
    return and_(parties.c.tenant == tenant, parties.c.party_ref == ref)


def _stands_alone(tenant: ColumnElement[str], ref: ColumnElement[str]) -> ColumnElement[bool]:
    """Join a ref to its row in `parties`, while it resolves to nobody but itself."""
    return and_(_kept_under(tenant, ref), parties.c.party_id == parties.c.party_ref)
