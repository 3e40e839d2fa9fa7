"""Pendings: what is at stake in an event that waits, and until when it may wait."""

from __future__ import annotations

from ledger import events
from ledger.events import Event
from ledger.periods import calendar_of
from ledger.policies import DAY_MICROS, BooksConfig
from ledger.reasons import Reason
from ledger.results import Pending


def amount_of(event: Event) -> int | None:
    """Money at stake in minor units; None for an event that carries none."""
    amount: int | None = getattr(event, "total_minor", None)
    if amount is None:
        amount = getattr(event, "amount_minor", None)
    return amount


def accounting_micros(event: Event) -> int:
    """When the event counts in the books: an invoice when it was issued, else when it happened."""
    if isinstance(event, events.InvoiceIssued):
        return event.issued_at_micros
    return event.occurred_at_micros


def deadline_of(event: Event, reason: Reason, config: BooksConfig) -> int:
    """Last moment, in micros, at which the event may still wait for `reason`."""
    days: int = getattr(config.pending_days, reason.value)
    return event.occurred_at_micros + days * DAY_MICROS


def pending_of(
    event: Event,
    reason: Reason,
    waits_for: str,
    config: BooksConfig,
    as_of_micros: int,
    *,
    entity: str | None = None,
) -> Pending:
    """The event as one that waits; expired once `as_of_micros` has passed its deadline.

    `entity` is the legal entity at stake, where it is not left to the event.
    """
    deadline = deadline_of(event, reason, config)
    at_stake = entity or event.entity or config.default_entity
    return Pending(
        source_event_id=event.source_event_id,
        event_id=event.event_id,
        reason=reason.value,
        waits_for=waits_for,
        deadline_micros=deadline,
        expired=as_of_micros > deadline,
        amount_minor=amount_of(event),
        currency=getattr(event, "currency", None),
        entity=at_stake,
        period=calendar_of(config, at_stake).label_at(accounting_micros(event)),
    )
