"""What came in: parties, messages, the links they told, dead letters, ownership conflicts."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, LargeBinary, Table, UniqueConstraint

from connectors.store.tables.columns import (
    RowNumber,
    flag,
    key,
    maybe,
    metadata,
    number,
    party,
    words,
)

parties = Table(
    "parties",
    metadata,
    Column("party_no", RowNumber, primary_key=True, autoincrement=False),
    words("tenant"),
    words("party_ref"),
    words("party_id"),
    number("revision"),
    number("folded_as_of_micros", nullable=True),
    UniqueConstraint("tenant", "party_ref", name="parties_ref"),
    Index("parties_id", "tenant", "party_id"),
)
"""Every source-local party and whom it resolves to. `revision` counts what its history holds:
messages archived under it, account links that name it, changes of whom it resolves to; a fold
based on another number is stale. `folded_as_of_micros`: up to where (exclusive) its last fold
recognised revenue."""


messages = Table(
    "messages",
    metadata,
    key("tenant"),
    key("message_id"),
    party(),
    flag("found_by_link"),
    words("source"),
    words("provider_type"),
    words("schema_version"),
    number("occurred_at_micros"),
    words("digest"),
    words("outcome"),
    Column("body_packed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("messages_party", "party_no"),
    Index("messages_outcome", "outcome"),
)
"""The archive of accepted messages. `found_by_link`: the message names no party itself.
`content`: msgpack of (link_refs, links, account_links, canonical events)."""


trace_contexts = Table(
    "trace_contexts",
    metadata,
    key("tenant"),
    key("message_id"),
    words("trace_parent"),
    words("trace_state"),
    sqlite_with_rowid=False,
)
"""W3C trace context of messages that came with one: which request brought them. Operational: no
part of the books, in no dump."""


links = Table(
    "links",
    metadata,
    key("tenant"),
    key("link_id"),
    key("target"),
    Index("links_target", "tenant", "target"),
    sqlite_with_rowid=False,
)
"""(id, what it belongs to) as messages told it; an id with two targets is kept, not decided."""


waiting_ids = Table(
    "waiting_ids",
    metadata,
    key("tenant"),
    key("link_id"),
    key("party_ref"),
    sqlite_with_rowid=False,
)
"""(id, ref that waits): further ids by which a message that waits under its first one is found."""

account_links = Table(
    "account_links",
    metadata,
    key("tenant"),
    key("customer"),
    key("account"),
    Index("account_links_account", "tenant", "account"),
    sqlite_with_rowid=False,
)
"""(customer, CRM account) identities; a customer with two accounts is kept, not decided."""


dead_letters = Table(
    "dead_letters",
    metadata,
    key("dead_letter_id"),
    words("tenant"),
    words("source"),
    words("step"),
    words("reason"),
    words("detail"),
    words("position"),
    maybe("message_id"),
    number("amount_minor", nullable=True),
    maybe("currency"),
    maybe("entity"),
    number("occurred_at_micros", nullable=True),
    words("status"),
    Column("body_packed", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("dead_letters_message", "tenant", "message_id"),
    Index("dead_letters_status", "status"),
)
"""Events that could not be accepted: open until they are accepted or set aside."""


ownership_conflicts = Table(
    "ownership_conflicts",
    metadata,
    key("tenant"),
    key("event_id"),
    key("attribute"),
    words("source_event_id"),
    words("customer_id"),
    words("owner"),
    words("claimed_by"),
)
"""Attempts to set an attribute of another system; they did not win."""
