"""ReadFromKafka: every message of some topics, once per checkpointed offset.

The engine's checkpoint holds the next offset of each partition; nothing is committed to the
broker, so a job that is restored reads on exactly where its checkpoint was. Partitions are listed
when the job starts: after adding some, start it again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.iobase import RestrictionTracker
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.endless import EndlessTracker, follow
from connectors.kafka.outages import BrokerWatch
from ledger.messages import Payload

FOREVER = sys.maxsize
BUNDLE_SECONDS = 0.5
"""How long one bundle reads; its output goes on when it ends."""
POLL_SECONDS = 0.1
AT_ONCE = 500
PER_BUNDLE = 5_000
_BROKER_SECONDS = 30.0
_LOST = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
_AWAY = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT)
"""A broker that is away comes back: the client goes on trying."""


class OffsetsLost(Exception):
    """The broker no longer has the offsets asked for: messages would be skipped silently."""


class _Standing(NamedTuple):
    """A consumer of one partition, with the offset it reads next."""

    consumer: Consumer
    watch: BrokerWatch
    position: int


class KafkaPartition(NamedTuple):
    """One partition, from `start` on; `stop` is exclusive, FOREVER for a live job."""

    topic: str
    partition: int
    start: int
    stop: int


class ReadFromKafka(beam.PTransform):
    """PBegin -> PCollection[Payload], timestamped with the broker's time of each message.

    Unbounded; with `until_now` bounded by what the topics hold when the job starts. `settings` are
    those of librdkafka (`bootstrap.servers`, security). Raises KafkaException when the graph is
    built and the broker cannot be reached.
    """

    def __init__(
        self, settings: Mapping[str, str], topics: Sequence[str], *, until_now: bool = False
    ) -> None:
        super().__init__()
        self._settings = dict(settings)
        self._topics = tuple(topics)
        self._until_now = until_now

    def expand(self, begin: PBegin) -> PCollection:
        partitions = list_partitions(self._settings, self._topics, until_now=self._until_now)
        read = _ReadBoundedFn if self._until_now else _ReadLiveFn
        return (
            begin
            | "Partitions" >> beam.Create(partitions, reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "ReadPartition" >> beam.ParDo(read(self._settings))
        )


def list_partitions(
    settings: Mapping[str, str], topics: Sequence[str], *, until_now: bool
) -> list[KafkaPartition]:
    """Return the partitions of the topics with their first and last offsets, in order.

    Raises KafkaException when the broker is away or a topic does not exist.
    """
    consumer = _consumer(settings)
    try:
        found = []
        for topic in topics:
            described = consumer.list_topics(topic, _BROKER_SECONDS).topics[topic]
            if described.error is not None:
                raise KafkaException(described.error)
            for number in sorted(described.partitions):
                at = TopicPartition(topic, number)
                low, high = consumer.get_watermark_offsets(at, _BROKER_SECONDS)
                found.append(KafkaPartition(topic, number, low, high if until_now else FOREVER))
        return found
    finally:
        consumer.close()


def _consumer(settings: Mapping[str, str], **told: Callable[[KafkaError], None]) -> Consumer:
    """Make a consumer that never skips; `told`: the client's callbacks."""
    return Consumer(
        {
            "group.id": "crossfoot",
            **settings,
            **told,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
        }
    )


class _PartitionOffsets(RestrictionProvider):
    """A partition's offsets as restriction."""

    def initial_restriction(self, element: KafkaPartition) -> OffsetRange:
        return OffsetRange(element.start, element.stop)

    def create_tracker(self, restriction: OffsetRange) -> RestrictionTracker:
        live = restriction.stop == FOREVER
        return EndlessTracker(restriction) if live else OffsetRestrictionTracker(restriction)

    def restriction_size(self, element: KafkaPartition, restriction: OffsetRange) -> int:
        return 1 if restriction.stop == FOREVER else restriction.size()

    def truncate(self, element: KafkaPartition, restriction: OffsetRange) -> OffsetRange | None:
        """A job that drains stops reading here; the offsets stay in the topic."""
        return None if restriction.stop == FOREVER else restriction


class _ReadPartitionFn(beam.DoFn):
    """Reads a partition for a while, then hands the rest back to the engine."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = dict(settings)

    def setup(self) -> None:
        self._standing: dict[tuple[str, int], _Standing] = {}

    def teardown(self) -> None:
        for standing in self._standing.values():
            standing.consumer.close()

    def _at(self, partition: KafkaPartition, offset: int) -> tuple[Consumer, BrokerWatch]:
        """Return a consumer that stands at `offset`, the one of the last bundle if it does."""
        key = (partition.topic, partition.partition)
        standing = self._standing.pop(key, None) or self._fresh(*key)
        if standing.position != offset:
            standing.consumer.assign([TopicPartition(*key, offset)])
        return standing.consumer, standing.watch

    def _fresh(self, topic: str, partition: int) -> _Standing:
        watch = BrokerWatch(self._settings["bootstrap.servers"], topic, partition)
        return _Standing(_consumer(self._settings, error_cb=watch.suspect), watch, -1)

    def _read(
        self,
        partition: KafkaPartition,
        tracker: Any,
        estimator: ManualWatermarkEstimator,
    ) -> Iterator[TimestampedValue]:
        position, stop = tracker.current_restriction().start, tracker.current_restriction().stop
        if position == stop:
            return
        consumer, watch = self._at(partition, position)
        watermark = _Watermark(estimator)
        until, left = time.monotonic() + BUNDLE_SECONDS, PER_BUNDLE
        while left > 0 and time.monotonic() < until:
            messages, at_end = _sorted_out(consumer.consume(AT_ONCE, POLL_SECONDS), watch)
            for message in messages:
                offset: Any = message.offset()
                if not tracker.try_claim(offset):
                    position = stop
                    break
                left, position = left - 1, offset + 1
                yield watermark.stamped(message)
            # The last offsets may hold nothing: compacted away, or marks of a transaction.
            if position == stop or (at_end and stop != FOREVER and not tracker.try_claim(stop)):
                consumer.close()
                return
            # What a broker that is away has for us is not late.
            if watch.answers(consumer):
                watermark.advance(idle=not messages)
        key = (partition.topic, partition.partition)
        self._standing[key] = _Standing(consumer, watch, position)
        tracker.defer_remainder(Duration(0))


_OFFSETS: Any = beam.DoFn.RestrictionParam(_PartitionOffsets())
_WATERMARK: Any = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class _ReadLiveFn(_ReadPartitionFn):
    @beam.DoFn.unbounded_per_element()
    def process(  # type: ignore[override]
        self,
        element: KafkaPartition,
        tracker: Any = _OFFSETS,
        watermark: Any = _WATERMARK,
    ) -> Iterator[TimestampedValue]:
        return self._read(element, tracker, watermark)


class _ReadBoundedFn(_ReadPartitionFn):
    def process(  # type: ignore[override]
        self,
        element: KafkaPartition,
        tracker: Any = _OFFSETS,
        watermark: Any = _WATERMARK,
    ) -> Iterator[TimestampedValue]:
        return self._read(element, tracker, watermark)


class _Watermark:
    """Follows the broker's times; an idle partition follows the clock and holds nobody back."""

    def __init__(self, estimator: ManualWatermarkEstimator) -> None:
        self._estimator = estimator
        self._latest = 0.0

    def stamped(self, message: Message) -> TimestampedValue:
        """Return the message's payload at its time."""
        kind, milliseconds = message.timestamp()
        at = milliseconds / 1000 if kind else time.time()
        self._latest = max(self._latest, at)
        return TimestampedValue(payload_of(message), Timestamp(at))

    def advance(self, *, idle: bool) -> None:
        """Move the watermark on; it never goes back."""
        reached = time.time() if idle else min(self._latest, time.time())
        follow(self._estimator, reached)


def payload_of(message: Message) -> Payload:
    """Return the bytes of a message, where they stood, and its headers as text."""
    headers: Any = message.headers() or []
    attributes = tuple(
        (name, value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or ""))
        for name, value in headers
    )
    position = f"{message.topic()}/{message.partition()}@{message.offset()}"
    return Payload(message.value() or b"", position, attributes)


def _sorted_out(polled: Sequence[Message], watch: BrokerWatch) -> tuple[list[Message], bool]:
    """Return the messages of a poll and whether the partition's end was seen.

    `watch` is told of errors that waiting may mend.
    Raises OffsetsLost, and KafkaException for what waiting does not mend.
    """
    messages, at_end = [], False
    for message in polled:
        error = message.error()
        if error is None:
            messages.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            at_end = True
        elif error.code() in _LOST:
            raise OffsetsLost(f"{message.topic()}/{message.partition()}: {error.str()}")
        elif error.retriable() or error.code() in _AWAY:
            watch.suspect(error)
        else:
            raise KafkaException(error)
    return messages, at_end
