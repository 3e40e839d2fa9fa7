"""A posting as the exports see it, and what all of them share: order, dates, one tenant."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ledger.journal import JournalEntry, assert_balanced


class BookedPosting(msgspec.Struct, frozen=True, kw_only=True):
    """An entry or a reversal as it stands in the books."""

    posting_id: str
    revision: int
    reverses: str | None = None
    """Posting that this one takes back; None for an entry."""
    period: str
    """Period it is booked in, `YYYY-MM`."""
    original_period: str | None = None
    """Period of its accounting date, when that was closed already."""
    entry: JournalEntry
    """With the lines as posted: those of a reversal are negated."""

    @property
    def booking_date(self) -> str:
        """ISO date that lies in the period it is booked in.

        The accounting date, or the first day of the period for what came after the close, so
        that balances by month are those of the ledger.
        """
        if self.original_period is None:
            return self.entry.accounting_date
        return f"{self.period}-01"

    @property
    def kind(self) -> str:
        """`entry` or `reversal`."""
        return "entry" if self.reverses is None else "reversal"


def in_order(postings: Iterable[BookedPosting]) -> list[BookedPosting]:
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


def _order(posting: BookedPosting) -> tuple[str, str, int, bool, str]:
    is_reversal = posting.reverses is not None
    key = posting.entry.entry_key
    return posting.booking_date, key, posting.revision, is_reversal, posting.posting_id


def is_translated(entry: JournalEntry) -> bool:
    """Tell whether the entity's books are in another currency than the transaction."""
    return entry.currency != entry.functional_currency


def described(posting: BookedPosting) -> list[tuple[str, str]]:
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
