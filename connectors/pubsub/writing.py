"""WriteToPubSub: messages published before a bundle ends, with attributes and an ordering key."""

from __future__ import annotations

from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.types import PublisherOptions

_SECONDS = 60.0


class PubSubRecord(NamedTuple):
    """What to publish. The same ordering key, the same order for subscribers that ask for it."""

    data: bytes
    attributes: tuple[tuple[str, str], ...] = ()
    ordering_key: str = ""


class WriteToPubSub(beam.PTransform):
    """PCollection[PubSubRecord] -> an empty PCollection. Raises what the client raises.

    At least once: a bundle that is run again publishes again; readers recognise ids.
    """

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def expand(self, records: PCollection) -> PCollection:
        return records | "Publish" >> beam.ParDo(_PublishFn(self._topic))


class _PublishFn(beam.DoFn):
    def __init__(self, topic: str) -> None:
        self._topic = topic

    def setup(self) -> None:
        self._client = PublisherClient(
            publisher_options=PublisherOptions(enable_message_ordering=True)
        )

    def start_bundle(self) -> None:
        self._sent: list[object] = []

    def process(self, record: PubSubRecord) -> None:
        future = self._client.publish(
            self._topic, record.data, record.ordering_key, **dict(record.attributes)
        )
        self._sent.append(future)

    def finish_bundle(self) -> None:
        for future in self._sent:
            future.result(timeout=_SECONDS)  # type: ignore[attr-defined]
