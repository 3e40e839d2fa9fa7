"""Keeping deliveries in a topic of Pub/Sub or Kafka, as CloudEvents in binary mode.

Source of the attribute names: https://github.com/cloudevents/spec (Pub/Sub and Kafka bindings).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.webhooks.deliveries import Delivery
from connectors.webhooks.keeping import NotDurable
from connectors.webhooks.seen import SeenEvents, Verdict

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

Publish = Callable[[Sequence[Delivery]], None]
"""Returns when the topic has all of them. Raises NotDurable."""

WAIT_SECONDS = 30.0
_TRACE = ("traceparent", "tracestate")
"""CloudEvents' distributed tracing extension."""


class TopicLog:
    """Publishes what was not published before. A crash may publish an event twice, never lose
    one; the pipelines recognise repetitions by event id."""

    def __init__(self, publish: Publish, index: Path) -> None:
        """`index`: file that remembers what was published."""
        self._publish = publish
        self._seen = SeenEvents(index)

    def keep(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """Publish what is new or in conflict; see DurableLog."""
        try:
            verdicts = self._seen.verdicts(deliveries)
            fresh = [
                each
                for each, verdict in zip(deliveries, verdicts, strict=True)
                if verdict is not Verdict.DUPLICATE
            ]
            if fresh:
                self._publish(fresh)
                self._seen.add(fresh, {})
        except sqlite3.Error as error:
            raise NotDurable(f"{type(error).__name__}: {error}") from error
        return verdicts

    def tick(self) -> None:
        """Nothing is due without deliveries."""

    def close(self) -> None:
        """Close the index."""
        self._seen.close()


def attributes_of(delivery: Delivery) -> dict[str, str]:
    """Return the CloudEvents attributes of a delivery, without prefix."""
    attributes = {
        "specversion": "1.0",
        "id": delivery.event_id,
        "source": delivery.source,
        "type": delivery.kind,
    }
    for name, value in (
        ("traceparent", delivery.trace.parent),
        ("tracestate", delivery.trace.state),
    ):
        if value:
            attributes[name] = value
    return attributes


def pubsub_publish(client: PublisherClient, topic: str) -> Publish:
    """Publish to `projects/P/topics/T`; the message data is the body as it came."""
    from google.api_core.exceptions import GoogleAPIError

    def publish(deliveries: Sequence[Delivery]) -> None:
        futures = [
            client.publish(topic, each.body, **_prefixed("ce-", attributes_of(each)))
            for each in deliveries
        ]
        try:
            for future in futures:
                future.result(timeout=WAIT_SECONDS)
        except (GoogleAPIError, TimeoutError) as error:
            raise NotDurable(f"{type(error).__name__} from Pub/Sub") from error

    return publish


def kafka_publish(settings: Mapping[str, str], topic: str) -> Publish:
    """Publish to a Kafka topic, keyed by event id, acknowledged by all in-sync replicas."""
    from confluent_kafka import KafkaException, Producer

    producer = Producer({**settings, "enable.idempotence": "true", "acks": "all"})

    def publish(deliveries: Sequence[Delivery]) -> None:
        problems: list[str] = []

        def delivered(error: object, message: object) -> None:
            if error is not None:
                problems.append(str(error))

        try:
            for each in deliveries:
                headers: dict[str, str | bytes | None] = {**_prefixed("ce_", attributes_of(each))}
                key = each.event_id.encode()
                producer.produce(topic, each.body, key, headers=headers, on_delivery=delivered)
            left = producer.flush(WAIT_SECONDS)
        except (BufferError, KafkaException) as error:
            raise NotDurable(f"{type(error).__name__} from Kafka") from error
        if problems or left:
            raise NotDurable(problems[0] if problems else "Kafka did not answer in time")

    return publish


def _prefixed(prefix: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """W3C trace context comes under its own name too, where tools of the transport look for it."""
    own = {name: value for name, value in attributes.items() if name in _TRACE}
    return {f"{prefix}{name}": value for name, value in attributes.items()} | own
