"""What stands, as sorted JSON lines: the same bytes however the events came.

Beside the canonical dump, this one forgets history: how often an entry was corrected on the way,
which message brought a revision or bore witness first, under which party a message was found, what
was refused until its partner came. So a live job, which books early and corrects, and a bounded
one, which sees everything at once, are comparable by byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from connectors.store.backend import Backend
from connectors.store.dead_letters import LetterStatus
from connectors.store.dumping import explicit
from connectors.store.postings import postings_of
from connectors.store.rows import plain
from connectors.store.standing import ISSUED
from connectors.store.tables import (
    account_links,
    contracts,
    dead_letters,
    invoices,
    journal_entries,
    lifecycle_updates,
    links,
    messages,
    ownership_conflicts,
    pending,
)

_BLOCK = 1000
_HISTORY = frozenset(
    {
        "party_no",
        "found_by_link",
        "body_packed",
        "body",
        "content",
        "position",
        "revision",
        "action",
    }
)
_WITNESSES = ("source_event_id", "event_id", "evidence")
"""Of several events that tell the same thing, those that were there when an entry was booked."""
_encode = msgspec.json.encode


def standing_dump(connection: Connection, backend: Backend) -> Iterator[bytes]:
    """Yield what stands, line by line, each ending in a newline."""
    for name, query in _queries().items():
        for row in connection.execute(query.execution_options(yield_per=_BLOCK)):
            yield _encode({"table": name, **plain(row, _HISTORY)}) + b"\n"
    numbers = connection.execute(_standing_entries().execution_options(yield_per=_BLOCK)).scalars()
    while block := list(islice(numbers, _BLOCK)):
        found = dict(postings_of(connection, backend, block))
        for number in block:
            entry = explicit(found[number].entry)
            shown = {name: value for name, value in entry.items() if name not in _WITNESSES}
            yield _encode({"table": "entries", **shown}) + b"\n"


def _standing_entries() -> Select[Any]:
    """Entries that no reversal names, in the order of their keys."""
    entry = journal_entries
    reversal = journal_entries.alias("reversal")
    return (
        select(entry.c.posting_no)
        .outerjoin(reversal, reversal.c.reverses == entry.c.posting_no)
        .where(entry.c.kind == "entry", reversal.c.posting_no.is_(None))
        .order_by(entry.c.tenant, entry.c.entry_key, entry.c.customer_id, entry.c.contract_id)
    )


def _queries() -> dict[str, Select[Any]]:
    orders = {
        "messages": (messages, ("tenant", "message_id")),
        "contracts": (contracts, ("tenant", "customer_id", "contract_id")),
        "invoices": (invoices, ("tenant", "contract_id", "invoice_id", "customer_id")),
        "pending": (pending, ("tenant", "event_id", "reason", "waits_for")),
        "links": (links, ("tenant", "link_id", "target")),
        "account_links": (account_links, ("tenant", "customer", "account")),
        "dead_letters": (dead_letters, ("dead_letter_id",)),
        "ownership_conflicts": (ownership_conflicts, ("tenant", "event_id", "attribute")),
    }
    queries: dict[str, Select[Any]] = {
        name: select(table).order_by(*(table.c[key] for key in keys))
        for name, (table, keys) in orders.items()
    }
    queries["dead_letters"] = queries["dead_letters"].where(
        dead_letters.c.status != LetterStatus.MENDED
    )
    queries["lifecycle_updates"] = _standing_updates()
    return dict(sorted(queries.items()))


def _standing_updates() -> Select[Any]:
    """Updates whose last word is that they are issued."""
    update = lifecycle_updates
    last = (
        select(update.c.update_id, func.max(update.c.revision).label("revision"))
        .group_by(update.c.update_id)
        .subquery()
    )
    return (
        select(update)
        .join(
            last,
            (last.c.update_id == update.c.update_id) & (last.c.revision == update.c.revision),
        )
        .where(update.c.action == ISSUED)
        .order_by(update.c.update_id)
    )
