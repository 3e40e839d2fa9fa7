"""The canonical dump: everything the books say, as sorted JSON lines.

Two stores with the same books give the same bytes, whatever the database, the numbering inside it
or how the work was split into commits. Left out: the run log, the positions of the outbox and of
dead letters in their files (they tell the order of work), how often and where a posting was
delivered, with which accounts and what the ERP calls it, up to where each party was last folded,
and the packing of bodies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from connectors.store.backend import Backend
from connectors.store.bodies import unpack_body
from connectors.store.postings import read_postings
from connectors.store.rows import plain, unpack_content
from connectors.store.tables import (
    account_links,
    calendars,
    contract_drifts,
    contracts,
    dead_letters,
    decisions,
    invoices,
    lifecycle_updates,
    links,
    messages,
    ownership_conflicts,
    parties,
    pending,
    periods,
)

_INTERNAL = frozenset({"party_no", "body_packed", "position", "folded_as_of_micros", "decision_no"})
_OF_THE_ERP = frozenset(
    {"accounts", "delivery_attempts", "erp_words", "external_id", "delivered_to"}
)
_encode = msgspec.json.encode


def canonical_dump(connection: Connection, backend: Backend) -> Iterator[bytes]:
    """Yield the dump line by line, each ending in a newline; bytes are base64 in it."""
    for name, query in _queries().items():
        for row in connection.execute(query.execution_options(yield_per=1000)):
            yield _encode({"table": name, **_shown(row)}) + b"\n"
    for posted in read_postings(connection, backend):
        shown = {key: value for key, value in explicit(posted).items() if key not in _OF_THE_ERP}
        yield _encode({"table": "postings", **shown}) + b"\n"


def _queries() -> dict[str, Select[Any]]:
    """One query per table, sorted by natural keys; rows of a party name its ref."""
    of_party = {
        "messages": (messages, (messages.c.tenant, messages.c.message_id)),
        "lifecycle_updates": (
            lifecycle_updates,
            (lifecycle_updates.c.update_id, lifecycle_updates.c.revision),
        ),
        "contracts": (
            contracts,
            (
                contracts.c.tenant,
                parties.c.party_ref,
                contracts.c.customer_id,
                contracts.c.contract_id,
            ),
        ),
        "contract_drifts": (
            contract_drifts,
            (contract_drifts.c.tenant, parties.c.party_ref, contract_drifts.c.drift_id),
        ),
        "invoices": (
            invoices,
            (invoices.c.tenant, parties.c.party_ref, invoices.c.contract_id, invoices.c.invoice_id),
        ),
        "pending": (
            pending,
            (
                pending.c.tenant,
                parties.c.party_ref,
                pending.c.event_id,
                pending.c.reason,
                pending.c.waits_for,
            ),
        ),
    }
    of_itself = {
        "parties": (parties, (parties.c.tenant, parties.c.party_ref)),
        "links": (links, tuple(links.primary_key)),
        "account_links": (account_links, tuple(account_links.primary_key)),
        "dead_letters": (dead_letters, tuple(dead_letters.primary_key)),
        "ownership_conflicts": (ownership_conflicts, tuple(ownership_conflicts.primary_key)),
        "periods": (periods, tuple(periods.primary_key)),
        "calendars": (calendars, tuple(calendars.primary_key)),
        "decisions": (decisions, (decisions.c.decision_id,)),
    }
    queries: dict[str, Select[Any]] = {
        name: select(parties.c.party_ref, table)
        .join(parties, parties.c.party_no == table.c.party_no)
        .order_by(*keys)
        for name, (table, keys) in of_party.items()
    }
    for name, (table, keys) in of_itself.items():
        queries[name] = select(table).order_by(*keys)
    return dict(sorted(queries.items()))


def _shown(row: Any) -> dict[str, Any]:
    values = plain(row, _INTERNAL)
    if "body" in values:
        values["body"] = unpack_body(row.body_packed, row.body)
    if "content" in values:
        values["content"] = explicit(unpack_content(row.content))
    return values


def explicit(value: Any) -> Any:
    """A struct as a dict of all its fields, defaults included.

    Encoders that leave out defaults compare text with its default by identity, so what they
    write depends on whether a struct was built here or has travelled.
    """
    if isinstance(value, msgspec.Struct):
        shown = {name: explicit(field) for name, field in msgspec.structs.asdict(value).items()}
        tag = value.__struct_config__.tag
        return shown if tag is None else {"subject": tag, **shown}
    if isinstance(value, tuple | list):
        return [explicit(item) for item in value]
    return value
