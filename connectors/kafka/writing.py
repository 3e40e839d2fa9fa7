"""WriteToKafka: messages with keys, acknowledged by all in-sync replicas before a bundle ends.

Writing is at least once, as a runner may run a bundle again; readers recognise repetitions by the
key (a posting id, an update id).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection
from confluent_kafka import Producer

_SECONDS = 60.0


class NotWritten(Exception):
    """The broker did not take messages; the runner runs the bundle again."""


class KafkaRecord(NamedTuple):
    """What to write."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, str], ...] = ()


class WriteToKafka(beam.PTransform):
    """PCollection[KafkaRecord] -> an empty PCollection. Raises NotWritten."""

    def __init__(self, settings: Mapping[str, str], topic: str) -> None:
        super().__init__()
        self._settings = dict(settings)
        self._topic = topic

    def expand(self, records: PCollection) -> PCollection:
        return records | "Produce" >> beam.ParDo(_ProduceFn(self._settings, self._topic))


class _ProduceFn(beam.DoFn):
    def __init__(self, settings: Mapping[str, str], topic: str) -> None:
        self._settings = dict(settings)
        self._topic = topic

    def setup(self) -> None:
        self._producer = Producer({**self._settings, "enable.idempotence": True, "acks": "all"})

    def start_bundle(self) -> None:
        self._problems: list[str] = []

    def process(self, record: KafkaRecord) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    record.value,
                    record.key,
                    headers=list(record.headers),
                    on_delivery=self._delivered,
                )
                return
            except BufferError:  # the client's queue is full: let it send
                self._producer.poll(0.1)

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self._problems.append(str(error))

    def finish_bundle(self) -> None:
        left = self._producer.flush(_SECONDS)
        if self._problems or left:
            what = self._problems[0] if self._problems else "no answer in time"
            raise NotWritten(f"{self._topic}: {what}")
