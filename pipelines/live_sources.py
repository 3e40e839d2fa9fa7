"""Where a live job reads: Kafka or Pub/Sub, each once per engine that reads it best."""

from __future__ import annotations

from functools import partial

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.pvalue import PBegin, PCollection

from ledger.messages import Payload
from pipelines.live_options import LiveOptions
from transforms.receipts import NoReceipts, OpenReceipts


class ReadLiveEvents(beam.PTransform):
    """PBegin -> PCollection[Payload]. Unbounded. Raises what the clients raise when built."""

    def __init__(self, options: LiveOptions, *, native_pubsub: bool) -> None:
        super().__init__()
        self._options = options
        self._native_pubsub = native_pubsub

    def expand(self, begin: PBegin) -> PCollection:
        # Clients are imported where they are used: each is an extra of its own.
        if (kafka := self._options.kafka) is not None:
            from connectors.kafka.reading import ReadFromKafka

            brokers, topics = kafka
            return begin | "Kafka" >> ReadFromKafka({"bootstrap.servers": brokers}, topics)
        subscription = self._options.pubsub
        if subscription is None:
            raise ValueError(f"no source: {self._options.source}")
        if self._native_pubsub:
            return begin | "PubSub" >> _ReadNatively(subscription)
        from connectors.pubsub.reading import ReadFromPubSub

        return begin | "PubSub" >> ReadFromPubSub(subscription)


def receipts_of(options: LiveOptions, *, native_pubsub: bool) -> OpenReceipts:
    """Return the recipe of where the source is told what is durable."""
    subscription = options.pubsub
    if subscription is None or native_pubsub:
        return NoReceipts
    from connectors.pubsub.receipts import PubSubReceipts

    return partial(PubSubReceipts, subscription)


class _ReadNatively(beam.PTransform):
    """Dataflow's own read: exactly once within the service, watermarks by the service."""

    def __init__(self, subscription: str) -> None:
        super().__init__()
        self._subscription = subscription

    def expand(self, begin: PBegin) -> PCollection:
        messages = begin | "Read" >> beam.io.ReadFromPubSub(
            subscription=self._subscription, with_attributes=True
        )
        return messages | "Payloads" >> beam.Map(_payload)


def _payload(message: PubsubMessage) -> Payload:
    attributes = tuple(sorted((message.attributes or {}).items()))
    return Payload(message.data, f"pubsub@{message.message_id}", attributes)
