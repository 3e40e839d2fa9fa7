"""From an invoice of a customer that CRM knows, to its events and postings, and back (I6)."""

from __future__ import annotations

from pathlib import Path

from connectors.store import open_store
from pipelines.report import RunReport


def test_an_invoice_leads_to_its_events_and_postings_and_back(
    undisturbed: tuple[Path, RunReport],
) -> None:
    with open_store(f"sqlite:///{undisturbed[0]}", create=False) as books:
        linked = [
            posted.entry
            for posted in books.postings()
            if posted.entry.customer_id.startswith("salesforce:") and posted.entry.invoice_id
        ]
        assert len(linked) > 50
        for entry in linked[:: len(linked) // 10]:
            trace = books.trace(str(entry.invoice_id))
            assert entry.source_event_id in {event.message.message_id for event in trace.messages}
            assert entry.entry_key in {posted.entry.entry_key for posted in trace.postings}
            back = books.trace(entry.source_event_id)
            assert entry.entry_key in {posted.entry.entry_key for posted in back.postings}
