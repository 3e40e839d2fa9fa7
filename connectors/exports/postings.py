"""What all exports share: the order of postings, their dates, the way back to their causes."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.store.postings import PostedEntry
from ledger.journal import JournalEntry, assert_balanced


def booking_date(posting: PostedEntry) -> str:
    """ISO date in the period it is booked in.

    The accounting date, or the first day of the period for what came after the close, so that
    balances by month are those of the ledger.
    """
    if posting.original_period is None:
        return posting.entry.accounting_date
    return f"{posting.period}-01"


def in_order(postings: Iterable[PostedEntry]) -> list[PostedEntry]:
    """Sort by booking date, cause and revision; check that each balances (I2).

    Raises ValueError for postings of more than one tenant: an export is one company's books.
    """
    ordered = sorted(postings, key=_order)
    tenants = sorted({posting.entry.tenant for posting in ordered})
    if len(tenants) > 1:
        raise ValueError(f"an export is of one tenant, not of {', '.join(tenants)}")
    for posting in ordered:
        assert_balanced(posting.entry)
    return ordered


def _order(posting: PostedEntry) -> tuple[str, str, int, bool, str]:
    is_reversal = posting.reverses is not None
    key = posting.entry.entry_key
    return booking_date(posting), key, posting.revision, is_reversal, posting.posting_id


def is_translated(entry: JournalEntry) -> bool:
    """Tell whether the entity's books are in another currency than the transaction."""
    return entry.currency != entry.functional_currency


def described(posting: PostedEntry) -> list[tuple[str, str]]:
    """What leads from a posting back to its cause: (name, value) pairs without empty values."""
    entry = posting.entry
    pairs = [
        ("posting-id", posting.posting_id),
        ("reverses", posting.reverses),
        ("entry-key", entry.entry_key),
        ("revision", str(posting.revision)),
        ("rule", entry.rule),
        ("policy", entry.policy),
        ("event", entry.event_id),
        ("contract", entry.contract_id),
        ("invoice", entry.invoice_id),
        ("happened-on", entry.accounting_date if posting.original_period else None),
    ]
    return [(name, value) for name, value in pairs if value]
