"""What the gate of a close looks at: facts about one period of one legal entity.

Times are microseconds since the epoch, UTC; amounts minor units.
"""

from __future__ import annotations

import msgspec


class FeedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How far one source has come."""

    source: str
    latest_micros: int | None
    """When the latest archived message happened; None when nothing was archived."""
    stated_micros: int | None = None
    """Up to where the caller states that everything has been delivered."""
    numbered: bool = False
    """Whether its messages carry sequence numbers that were looked at."""


class OpenItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something a period can only be closed over when it is signed off."""

    item_id: str
    """Of the exception, break or gap, as reports print it."""
    reason: str
    detail: str
    amount_minor: int | None
    """None: nobody knows how much."""
    currency: str | None
    period: str | None
    """In which it counts; None when it does not say when it happened."""
    events: tuple[str, ...] = ()
    """Messages it is about."""


class SignOff(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody accepted an open item for a period, with the amount it had then."""

    item_id: str
    reason_code: str
    """Of the item."""
    period: str
    person: str
    why: str
    amount_minor: int | None
    currency: str | None
    at_micros: int


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """Two figures that must be equal, from two places."""

    kind: str
    currency: str
    ours_minor: int
    """What the journal says."""
    theirs_minor: int
    """What the other place says."""
    detail: str

    @property
    def difference_minor(self) -> int:
        """Ours less theirs."""
        return self.ours_minor - self.theirs_minor

    @property
    def item_id(self) -> str:
        """Name for signing it off."""
        return f"break:{self.kind}:{self.currency}"


class BalanceDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A balance at the end of the prior period that is not what was closed."""

    role: str
    currency: str
    closed_minor: int
    now_minor: int


class CloseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the gate needs to know."""

    entity: str
    period: str
    starts_micros: int
    ends_micros: int
    """Exclusive."""
    sources: tuple[FeedFacts, ...] = ()
    gaps: tuple[OpenItem, ...] = ()
    """Numbers or ids that a source says it sent and that never came."""
    exceptions: tuple[OpenItem, ...] = ()
    """Money that waits or was refused, in this period or before."""
    sign_offs: tuple[SignOff, ...] = ()
    """Of this entity, for this period or an earlier one."""
    parties: int = 0
    parties_behind: int = 0
    """Not folded as of the end of the period or later."""
    undelivered: int = 0
    """Postings of the period or before that the ERP has not accepted."""
    erp_used: bool = False
    breaks: tuple[Break, ...] = ()
    unclosed_before: tuple[str, ...] = ()
    """Earlier periods with postings that are not closed."""
    opening_differences: tuple[BalanceDifference, ...] = ()
    unbalanced: tuple[str, ...] = ()
    """Currencies whose debits and credits of the period differ."""
