"""Opens the topic that a command line names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.topics.topic import Topic, TopicUnusable

TOPIC_FORM = "kafka:BROKERS/TOPIC or pubsub:projects/P/topics/T"
_KAFKA = re.compile(r"kafka:(?P<brokers>[^/]+)/(?P<topic>[\w.-]+)")
_PUBSUB = re.compile(r"pubsub:(?P<topic>projects/[^/]+/topics/[^/]+)")


@contextmanager
def opened_topic(where: str) -> Iterator[Topic]:
    """Give the topic, closed at the end. Connects to nothing yet; clients are extras.

    Raises TopicUnusable for what is no topic, and when the client is not installed.
    """
    topic = _topic(where)
    try:
        yield topic
    finally:
        topic.close()


def _topic(where: str) -> Topic:
    if (kafka := _KAFKA.fullmatch(where)) is not None:
        return kafka_topic({"bootstrap.servers": kafka["brokers"]}, kafka["topic"])
    if (pubsub := _PUBSUB.fullmatch(where)) is not None:
        return pubsub_topic(pubsub["topic"])
    raise TopicUnusable(f"{where!r} is no topic", f"write {TOPIC_FORM}")


def kafka_topic(settings: dict[str, str], topic: str, timeout_seconds: int = 60) -> Topic:
    """Return a topic of Kafka. Raises TopicUnusable when the client is not installed."""
    try:
        from connectors.kafka.writing import KafkaTopic
    except ImportError as error:
        raise TopicUnusable(f"{error.name} is missing", "install crossfoot[kafka]") from error
    return KafkaTopic(settings, topic, timeout_seconds)


def pubsub_topic(topic: str, timeout_seconds: int = 60) -> Topic:
    """Return a topic of Pub/Sub. Raises TopicUnusable when the client is not installed."""
    try:
        from connectors.pubsub.writing import PubSubTopic
    except ImportError as error:
        mend = "pip install google-cloud-pubsub"
        raise TopicUnusable(f"{error.name} is missing", mend) from error
    return PubSubTopic(topic, timeout_seconds)
