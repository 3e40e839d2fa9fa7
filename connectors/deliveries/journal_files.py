"""Delivery as files: one file of JSON lines per batch, each line an `erp.posting` record.

A file appears whole, under a name made of its place in the outbox and its batch. A batch that is
delivered again gives the same name and the same bytes, so it replaces itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.deliveries.delivery import Accepted, ErpAway, Shipment, Verdict
from connectors.deliveries.settings import FileSettings
from connectors.files.writing import write_json_lines


class JournalFiles:
    """A folder as ERP."""

    def __init__(self, settings: FileSettings) -> None:
        self._directory = settings.directory

    @property
    def name(self) -> str:
        """The folder."""
        return f"files:{self._directory}"

    def deliver(self, shipment: Shipment) -> Mapping[str, Verdict]:
        """Write the file. Raises ErpAway while the folder cannot be written to."""
        name = file_name(shipment)
        try:
            write_json_lines(self._directory, name, (p.posting for p in shipment.parcels))
        except OSError as error:
            raise ErpAway(f"the folder cannot be written to: {error.strerror}") from error
        return {
            parcel.posting_id: Accepted(f"{name}:{line}")
            for line, parcel in enumerate(shipment.parcels, 1)
        }


def file_name(shipment: Shipment) -> str:
    """`journal-000000000101-bat_….jsonl`: files sort in the order of the outbox."""
    return f"journal-{shipment.first_position:012d}-{shipment.batch_id}.jsonl"
