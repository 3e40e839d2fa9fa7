"""Delivery to a topic of Kafka or Pub/Sub: every posting a CloudEvent under its posting id.

A batch whose answer was lost is published again with the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.deliveries.delivery import (
    Accepted,
    ErpAway,
    ErpUnusable,
    Parcel,
    Refused,
    Shipment,
    Verdict,
)
from connectors.topics.cloud_events import posting_record
from connectors.topics.topic import BodyFormat, Topic, TopicAway, TopicRecord, TopicUnusable
from ledger.reasons import Reason
from ledger.trace_context import NoSpans, Spans
from schemas.rules import SchemaViolation


class TopicDelivery:
    """One topic as ERP."""

    def __init__(self, topic: Topic, body: BodyFormat, spans: Spans | None = None) -> None:
        """`spans`: whose open span an event belongs to that came without a trace context."""
        self._topic = topic
        self._body: BodyFormat = body
        self._spans = spans or NoSpans()

    @property
    def name(self) -> str:
        """The topic's."""
        return self._topic.name

    def deliver(self, shipment: Shipment) -> Mapping[str, Verdict]:
        """Publish the shipment; accepted as `topic/partition@offset` or Pub/Sub's message id.

        What is no valid `erp.posting` is refused. Raises ErpAway, ErpUnusable.
        """
        records: dict[str, TopicRecord] = {}
        verdicts: dict[str, Verdict] = {}
        for parcel in shipment.parcels:
            made = self._record(parcel, shipment)
            if isinstance(made, Refused):
                verdicts[parcel.posting_id] = made
            else:
                records[parcel.posting_id] = made
        places = self._publish(list(records.values()))
        accepted = {name: Accepted(place) for name, place in zip(records, places, strict=True)}
        return verdicts | accepted

    def _record(self, parcel: Parcel, shipment: Shipment) -> TopicRecord | Refused:
        trace = shipment.traces.get(parcel.posting_id) or self._spans.context()
        try:
            return posting_record(parcel.posting, self._body, trace)
        except SchemaViolation as violation:
            return Refused(Reason.ERP_REFUSED, f"no valid erp.posting: {violation}")

    def _publish(self, records: list[TopicRecord]) -> list[str]:
        try:
            return self._topic.publish(records)
        except TopicAway as error:
            raise ErpAway(error.words) from error
        except TopicUnusable as error:
            raise ErpUnusable(error.words, error.mend) from error
