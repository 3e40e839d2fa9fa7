"""How the outbox stands, said in a line."""

from __future__ import annotations

from connectors.store import OutboxCounts


def outbox_line(counts: OutboxCounts) -> str:
    """How many postings wait for the ERP, and what it took."""
    return (
        f"outbox: {counts.pending} postings wait for the ERP, {counts.accepted} accepted, "
        f"{counts.refused} refused"
    )
