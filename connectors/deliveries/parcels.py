"""Makes parcels out of postings in the outbox: accounts by the GL mapping, the day of booking."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from connectors.deliveries.delivery import Parcel
from connectors.erp_postings import ErpPosting, lines_of, mapping_of
from connectors.store import PostedEntry, Waiting
from connectors.store.gl_accounts import Outcome
from ledger.gl_accounts import Mapped, Unmapped, map_entry
from ledger.gl_mapping import GlMapping
from ledger.instants import iso_day
from ledger.journal import assert_balanced
from ledger.periods import Calendar
from ledger.policies import DAY_MICROS
from ledger.reasons import Reason

CalendarOf = Callable[[str, str], Calendar]
"""The calendar of (tenant, legal entity)."""


class HeldBack(NamedTuple):
    """A posting that cannot be sent yet, and why."""

    reason: Reason
    words: str


class Parcels:
    """Packs postings under one mapping and the calendars of their legal entities."""

    def __init__(self, mapping: GlMapping, calendar_of: CalendarOf) -> None:
        self.mapping = mapping
        self._calendar_of = calendar_of

    def pack(
        self, waiting: Waiting, batch_id: str, at_micros: int, accounts: Outcome | None = None
    ) -> Parcel | HeldBack:
        """Return the parcel, or why there is none yet. Raises UnbalancedEntry (I2).

        `accounts`: what `MappingDesk.apply` gave the posting; without it, what the mapping says.
        """
        entry = assert_balanced(waiting.posting.entry)
        given = map_entry(self.mapping, entry) if accounts is None else accounts
        if isinstance(given, Unmapped):
            return HeldBack(Reason.UNMAPPED_ACCOUNT, str(given))
        day = self.booked_on(waiting.posting)
        return Parcel(booked_on=day, posting=_posting(waiting, batch_id, at_micros, given))

    def booked_on(self, posted: PostedEntry) -> str:
        """ISO day in the period it is booked in, by its legal entity's calendar."""
        if posted.original_period is None:
            return posted.entry.accounting_date
        calendar = self._calendar_of(posted.entry.tenant, posted.entry.entity)
        return iso_day(calendar.first_day(calendar.index_named(posted.period)) * DAY_MICROS)


def _posting(waiting: Waiting, batch_id: str, at_micros: int, accounts: Mapped) -> ErpPosting:
    posted, entry = waiting.posting, waiting.posting.entry
    return ErpPosting(
        posting_id=posted.posting_id,
        batch_id=batch_id,
        tenant=entry.tenant,
        entity=entry.entity,
        entry_key=entry.entry_key,
        revision=posted.revision,
        reverses=posted.reverses,
        accounting_date=entry.accounting_date,
        accounting_period=posted.period,
        original_period=posted.original_period or posted.period,
        booked_at_micros=at_micros,
        currency=entry.currency,
        functional_currency=entry.functional_currency,
        rule=entry.rule,
        policy=entry.policy,
        source_event_id=entry.source_event_id,
        event_id=entry.event_id,
        schema_version=waiting.schema_version,
        evidence=entry.evidence,
        customer_id=entry.customer_id,
        contract_id=entry.contract_id,
        invoice_id=entry.invoice_id,
        memo=entry.memo,
        region=entry.region,
        mapping=mapping_of(accounts),
        lines=lines_of(entry, accounts),
    )
