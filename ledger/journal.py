"""Journal entries: the accounting facts, balanced per entity and currency when built."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from ledger.accounts import AccountRole


class JournalLine(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One line of an entry; amounts are signed minor units, debit positive, credit negative."""

    role: AccountRole
    amount_minor: int
    """In the entry's transaction currency."""
    functional_minor: int
    """In the functional currency of the entry's legal entity."""
    product: str | None = None
    jurisdiction: str | None = None
    """Tax jurisdiction, on tax lines."""
    invoice_line_id: str | None = None
    counterparty: str | None = None
    """The other legal entity, on lines of what two entities owe each other."""


class JournalEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A balanced entry that should stand for one cause (event, rule).

    `entry_key` names the cause in business terms and never changes between folds
    (`stripe:in_1:invoice_issued`, `stripe:in_1:recognise:il_1:2026-02`); the ledger store
    turns it into posting ids by adding the revision.
    """

    entry_key: str
    tenant: str
    entity: str
    currency: str
    functional_currency: str
    accounting_date: str
    """ISO date, UTC, of when it happened."""
    rule: str
    policy: str
    """`name@version` of the policy pack."""
    source_event_id: str
    """The message that caused it, e.g. `stripe:evt_1`."""
    event_id: str
    """The canonical event that caused it, e.g. `stripe:evt_1/billing.invoice_issued`."""
    customer_id: str
    contract_id: str
    invoice_id: str | None = None
    region: str | None = None
    """Of the customer or contract, for the GL mapping; only where regions are configured."""
    memo: str = ""
    """In words: the exchange rate that counted and where it is from. No part of the digest."""
    evidence: tuple[str, ...] = ()
    """Further source events that shaped the amounts (a refund that shortened a deferral)."""
    lines: tuple[JournalLine, ...]

    @property
    def period(self) -> str:
        """Accounting period of the date, `YYYY-MM`."""
        return self.accounting_date[:7]


class UnbalancedEntry(Exception):
    """An entry whose debits and credits differ: a defect of the program, never of the data."""


def residual(lines: Iterable[JournalLine]) -> tuple[int, int]:
    """Return what is left over in (transaction, functional) currency; (0, 0) is balanced."""
    amount = functional = 0
    for line in lines:
        amount += line.amount_minor
        functional += line.functional_minor
    return amount, functional


def assert_balanced(entry: JournalEntry) -> JournalEntry:
    """Return `entry`, or raise UnbalancedEntry naming what is left over."""
    left = residual(entry.lines)
    if left != (0, 0) or not entry.lines:
        raise UnbalancedEntry(f"{entry.entry_key}: residual {left} in {len(entry.lines)} lines")
    return entry


def content_digest(entry: JournalEntry) -> str:
    """Digest of what the entry books; two entries with the same digest book the same."""
    books = (
        entry.entity,
        entry.currency,
        entry.functional_currency,
        entry.accounting_date,
        entry.rule,
        entry.policy,
        entry.contract_id,
        entry.customer_id,
        entry.lines,
    )
    # Entries without a region have the digest they had before there were regions.
    body = msgspec.json.encode(books if entry.region is None else (*books, entry.region))
    return hashlib.sha256(body).hexdigest()[:32]


def posting_id(tenant: str, entry_key: str, revision: int, *, reversal: bool = False) -> str:
    """Deterministic id of a posting: same entry and revision, same id, on every machine."""
    kind = "reversal" if reversal else "entry"
    digest = hashlib.sha256(f"{tenant}\n{entry_key}\n{revision}\n{kind}".encode()).hexdigest()
    return f"{'rev' if reversal else 'pst'}_{digest[:32]}"


def net_by_account(
    entries: Iterable[JournalEntry],
) -> dict[tuple[str, str, str, str, str], tuple[int, int]]:
    """Net (transaction, functional) debit per (tenant, entity, currency, period, role)."""
    net: dict[tuple[str, str, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        for line in entry.lines:
            cell = net[(entry.tenant, entry.entity, entry.currency, entry.period, line.role)]
            cell[0] += line.amount_minor
            cell[1] += line.functional_minor
    return {key: (cell[0], cell[1]) for key, cell in net.items() if cell != [0, 0]}
