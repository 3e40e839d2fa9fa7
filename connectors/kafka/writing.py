"""KafkaTopic: records with keys, acknowledged by all in-sync replicas, by an idempotent producer.

The producer repeats what the broker did not confirm without doubling or reordering it. Across
calls publishing is at least once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.topics.topic import TopicAway, TopicRecord, TopicUnusable, bound_attributes

TIMEOUT_SECONDS = 60
_UNUSABLE = {
    KafkaError._UNKNOWN_TOPIC: "create the topic, or correct its name",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "create the topic, or correct its name",
    KafkaError.TOPIC_EXCEPTION: "correct the topic's name",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "allow this user to write to the topic",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "allow this user idempotent writes",
    KafkaError._AUTHENTICATION: "correct the credentials",
    KafkaError.SASL_AUTHENTICATION_FAILED: "correct the credentials",
    KafkaError.MSG_SIZE_TOO_LARGE: "raise max.message.bytes of the topic",
}
"""What waiting does not mend, and what does."""


class KafkaTopic:
    """One topic; see `connectors.topics.topic.Topic`. Used by one thread at a time."""

    def __init__(
        self, settings: Mapping[str, str], topic: str, timeout_seconds: int = TIMEOUT_SECONDS
    ) -> None:
        """`settings`: those of librdkafka (`bootstrap.servers`, security). Connects later."""
        self._settings = {
            **settings,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": timeout_seconds * 1000,
        }
        self._topic = topic
        self._seconds = timeout_seconds
        self._producer: Producer | None = None
        self.name = f"kafka:{settings['bootstrap.servers']}/{topic}"

    def publish(self, records: Sequence[TopicRecord]) -> list[str]:
        """Publish and wait for all; see Topic."""
        ends: dict[int, str | KafkaError] = {}
        try:
            self._send(records, ends)
        except KafkaException as error:
            self._give_up(error.args[0])
        problems = [end for end in ends.values() if isinstance(end, KafkaError)]
        if problems:
            self._give_up(problems[0])
        if len(ends) < len(records):
            self._forget()
            raise TopicAway(f"{self.name}: no answer in {self._seconds} seconds")
        return [str(ends[number]) for number in range(len(records))]

    def _send(self, records: Sequence[TopicRecord], ends: dict[int, str | KafkaError]) -> None:
        if self._producer is None:
            self._producer = Producer(self._settings)
        for number, record in enumerate(records):
            headers: dict[str, Any] = bound_attributes(record.attributes, "ce_")
            ended = partial(_ended, ends, number)
            self._produce(self._producer, record, headers, ended)
        # The client gives up by itself at message.timeout.ms, and says so.
        self._producer.flush(self._seconds + 5)

    def _produce(
        self, producer: Producer, record: TopicRecord, headers: dict[str, Any], ended: Any
    ) -> None:
        while True:
            try:
                producer.produce(
                    self._topic,
                    record.body,
                    record.key.encode(),
                    headers=headers,
                    on_delivery=ended,
                )
                return
            except BufferError:  # the client's queue is full: let it send
                producer.poll(0.1)

    def _give_up(self, error: KafkaError) -> None:
        """Raise what the error means; nothing of the batch may go out later, out of order."""
        self._forget()
        mend = _UNUSABLE.get(error.code())
        if mend is not None:
            raise TopicUnusable(f"{self.name}: {error.str()}", mend)
        raise TopicAway(f"{self.name}: {error.str()}")

    def _forget(self) -> None:
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def close(self) -> None:
        """Let go of the connection; everything published is durable already."""
        self._forget()


def _ended(
    ends: dict[int, str | KafkaError], number: int, error: KafkaError | None, message: Any
) -> None:
    """What became of one record: where it is, or why it is not."""
    at = f"{message.topic()}/{message.partition()}@{message.offset()}"
    ends[number] = at if error is None else error
