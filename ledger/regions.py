"""Region of journal entries, for the GL mapping: where the customer was when it was invoiced.

Only where the books' configuration has a table of regions: without one, entries have no region
and stay what they are. A contract's own region comes before the customer's country, CRM before
others. What is stated holds from the day it is stated; the first statement also before it.

The entries of an invoice all have the region of the day of its issue, so that what it opens (a
receivable, a deferral) is closed in the same account although the customer moves.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ledger.crm_contracts import CrmView
from ledger.events import CustomerAccountChanged, Event
from ledger.events.crm import ContractTerms
from ledger.instants import iso_day
from ledger.journal import JournalEntry
from ledger.results import InvoiceState

Statements = Sequence[tuple[str, str | None]]
"""(day, region) in the order of days; None: what is stated is not in the table."""


class Regions:
    """What is stated of the regions of a party."""

    def __init__(
        self, party_id: str, party_events: Iterable[Event], crm: CrmView, table: Mapping[str, str]
    ) -> None:
        """`party_events` are sorted by time; `table`: what is stated -> region."""
        self._table = {_folded(stated): region for stated, region in table.items()}
        self._records = crm.contracts
        changes = [e for e in party_events if isinstance(e, CustomerAccountChanged)]
        owner = [e for e in changes if e.customer_id == party_id and party_id in crm.accounts]
        self._of_account = self._told(owner, "country") or self._told(changes, "country")
        self._of_contract: dict[str, Statements] = {}
        self._issued: dict[tuple[str, str | None], str] = {}
        """Day of issue by (contract, invoice)."""

    def learn(
        self,
        contract_id: str,
        contract_events: Iterable[Event],
        invoices: Iterable[InvoiceState],
    ) -> None:
        """Take in what a contract states, and when its invoices were issued."""
        terms = [e for e in contract_events if isinstance(e, ContractTerms)]
        # A contract out of CRM records repeats its account's country of today.
        own = [] if contract_id in self._records else self._told(terms, "region")
        if own:
            self._of_contract[contract_id] = own
        for one in invoices:
            self._issued[(contract_id, one.invoice_id)] = iso_day(one.issued_at_micros)

    def place(self, entries: Iterable[JournalEntry]) -> list[JournalEntry]:
        """Return the party's entries with their regions, where these are known."""
        return [
            msgspec.structs.replace(entry, region=region)
            if (region := self._region_of(entry)) is not None
            else entry
            for entry in entries
        ]

    def _region_of(self, entry: JournalEntry) -> str | None:
        stated = self._of_contract.get(entry.contract_id, self._of_account)
        day = self._issued.get((entry.contract_id, entry.invoice_id), entry.accounting_date)
        return _at(day, stated) if stated else None

    def _told(self, told: Iterable[Event], field: str) -> Statements:
        return [
            (iso_day(event.occurred_at_micros), self._table.get(_folded(stated)))
            for event in told
            if (stated := getattr(event, field))
        ]


def _folded(stated: str) -> str:
    return stated.strip().casefold()


def _at(day: str, stated: Statements) -> str | None:
    """The last statement up to a day, else the first of all."""
    later = bisect_left(stated, True, key=lambda one: one[0] > day)
    return stated[max(later - 1, 0)][1]
