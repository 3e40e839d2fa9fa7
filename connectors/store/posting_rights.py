"""Who may still post into a soft-closed period: an approved adjustment, and the close itself."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from connectors.store.books_calendar import PeriodState, read_period_state
from connectors.store.errors import StoreError
from connectors.store.tables import decisions


class PostingRight(msgspec.Struct, frozen=True, kw_only=True):
    """The one soft-closed period into which a run may post."""

    tenant: str
    entity: str = ""
    period: str = ""
    """Of the close that is under way; both empty for an adjustment, which names its own."""
    adjustment: str | None = None
    """Id of the decision that approved the adjustment."""


def opened_period(connection: Connection, right: PostingRight) -> tuple[str, str, str]:
    """Return (tenant, entity, period) that the right opens.

    Raises StoreError for an adjustment that nobody approved, or whose period is closed.
    """
    if right.adjustment is None:
        return right.tenant, right.entity, right.period
    query = select(decisions).where(
        decisions.c.decision_id == right.adjustment,
        decisions.c.tenant == right.tenant,
        decisions.c.action == "approve_adjustment",
    )
    row = connection.execute(query).first()
    if row is None:
        raise StoreError(
            f"{right.adjustment!r} is no approved adjustment: propose one with `crossfoot close "
            "adjust` and let a second person approve it"
        )
    key = (row.tenant, row.entity, row.period)
    if read_period_state(connection, key) is PeriodState.CLOSED:
        raise StoreError(f"{row.period} of {row.entity} is closed: adjust the next period")
    return key
