"""What every way to an ERP must do: take a batch, and say of each posting what became of it.

The three hard cases are the same everywhere. A batch may arrive twice, so the posting id is the
idempotency key. An answer may be lost, so a delivery that cannot tell raises `ErpAway`, and the
same batch comes again. One posting may be refused, and its neighbours must not be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from connectors.deliveries.trying import Away
from connectors.erp_postings import ErpPosting
from ledger.reasons import Reason
from ledger.trace_context import TraceContext


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One posting as it is delivered."""

    booked_on: str
    """ISO day in the accounting period it is booked in: the accounting date, or the first day of
    the period for what came after the close of its own."""
    posting: ErpPosting
    """Every line has its `gl_account`."""

    @property
    def posting_id(self) -> str:
        """Idempotency key of its delivery."""
        return self.posting.posting_id


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """Postings that are handed over together, in the order of the outbox.

    A repeated shipment has the same id, the same postings and the same bytes: accounts that were
    handed over stay, also when the mapping was changed in between.
    """

    batch_id: str
    first_position: int
    """Place of the first posting in the outbox."""
    parcels: tuple[Parcel, ...]
    traces: Mapping[str, TraceContext] = {}
    """Which request caused a posting, by posting id; where that is known."""


class Accepted(msgspec.Struct, frozen=True):
    """The ERP has the posting, since now or since an earlier attempt."""

    external_id: str
    """What the ERP calls it."""


class Refused(msgspec.Struct, frozen=True):
    """The ERP will not take the posting as it is."""

    reason: Reason
    words: str
    """The ERP's own."""
    retryable: bool = False
    """Tell whether it may be taken later without anybody mending anything."""


Verdict = Accepted | Refused


class ErpAway(Away):
    """The ERP cannot be reached, or nobody knows what became of what was sent."""


class ErpUnusable(Exception):
    """The ERP answers and will not work with us as we are configured; a person must mend it."""

    def __init__(self, words: str, mend: str) -> None:
        """What is wrong and how to mend it, each a sentence without personal data."""
        super().__init__(words)
        self.words = words
        self.mend = mend


class Delivery(Protocol):
    """One way to one ERP."""

    @property
    def name(self) -> str:
        """What the outbox calls it, `tryton:erp.example/books`; no credentials."""

    def deliver(self, shipment: Shipment) -> Mapping[str, Verdict]:
        """Hand a shipment over; return a verdict for every posting id in it.

        Raises ErpAway when a verdict is not known, ErpUnusable when nothing can be delivered.
        """
