"""What stands after the last fold: lifecycle updates, contracts, invoices, pendings."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, text

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

lifecycle_updates = Table(
    "lifecycle_updates",
    metadata,
    key("update_id"),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    words("action"),
    party(),
    words("tenant"),
    words("kind"),
    words("target"),
    words("reason"),
    number("effective_at_micros"),
    words("customer_id"),
    words("contract_id"),
    words("cause_event_id"),
    words("source_event_id"),
    words("details"),
    Index("lifecycle_updates_party", "party_no"),
)
"""Issued and withdrawn, one row each; the highest revision of an update is what stands.
`details`: a JSON object."""


update_outbox = Table(
    "update_outbox",
    metadata,
    Column("position", RowNumber, primary_key=True, autoincrement=False),
    words("update_id"),
    Column("revision", Integer, nullable=False),
    maybe("published_as"),
    Index(
        "update_outbox_waiting",
        "position",
        sqlite_where=text("published_as IS NULL"),
        postgresql_where=text("published_as IS NULL"),
    ),
)
"""Publication of every row of `lifecycle_updates`. Positions have no gap and follow the order of
commits. `published_as`: the topic and where in it, NULL while it waits."""


contracts = Table(
    "contracts",
    metadata,
    party(primary_key=True),
    key("customer_id"),
    key("contract_id"),
    words("tenant"),
    words("entity"),
    maybe("currency"),
    number("term_start_micros", nullable=True),
    number("term_end_micros", nullable=True),
    flag("signed"),
    flag("paid"),
    flag("provisioned"),
    flag("past_due"),
    flag("cancelled"),
    flag("renewal_due"),
    flag("renewal_at_risk"),
    words("renewal_risk_reasons"),
    words("subscription_ids"),
    flag("paused"),
    number("mrr_minor"),
    words("lines"),
    Index("contracts_contract", "tenant", "contract_id"),
)
"""Contracts as they stand after the last fold; reasons, ids and lines are JSON arrays."""


contract_drifts = Table(
    "contract_drifts",
    metadata,
    party(primary_key=True),
    key("drift_id"),
    words("tenant"),
    words("customer_id"),
    words("contract_id"),
    words("entity"),
    words("attribute"),
    maybe("product"),
    words("currency"),
    words("sold"),
    words("billed"),
    number("difference_minor", nullable=True),
    number("from_micros"),
    number("to_micros"),
    number("since_micros"),
    number("deadline_micros"),
    words("period"),
    maybe("crm_event_id"),
    maybe("billing_event_id"),
    words("source_event_id"),
    Index("contract_drifts_contract", "tenant", "contract_id"),
    Index("contract_drifts_drift", "tenant", "drift_id"),
)
"""What CRM and billing disagree on after the last fold; whether past its deadline depends on who
asks when."""


invoices = Table(
    "invoices",
    metadata,
    party(primary_key=True),
    key("contract_id"),
    key("invoice_id"),
    words("tenant"),
    words("customer_id"),
    words("entity"),
    words("currency"),
    number("total_minor"),
    number("paid_minor"),
    number("credited_minor"),
    words("status"),
    flag("posted"),
    number("issued_at_micros"),
    number("due_at_micros", nullable=True),
    number("owed_minor", nullable=True),
    Index("invoices_invoice", "tenant", "invoice_id"),
)
"""Invoices as they stand after the last fold. `owed_minor`: what the customer still owes on it;
missing when it was folded before this was kept."""


pending = Table(
    "pending",
    metadata,
    party(primary_key=True),
    key("event_id"),
    key("reason"),
    key("waits_for"),
    words("tenant"),
    words("source_event_id"),
    number("deadline_micros"),
    number("amount_minor", nullable=True),
    maybe("currency"),
    maybe("entity"),
    maybe("period"),
)
"""Events that wait for their partner. Whether one is expired depends on who asks when."""
