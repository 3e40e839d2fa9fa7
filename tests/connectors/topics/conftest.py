"""Topics of Kafka and Pub/Sub with a reader for each, and the stores of the store's tests."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, TopicPartition
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import SubscriberClient

from connectors.store import LedgerStore, open_store
from ledger.messages import Outcome
from schemas.registry import load_registry
from schemas.single_objects import split_single_object
from tests.connectors.store.conftest import new_postgres_url, store, store_url
from tests.connectors.store.store_builders import folded, message, update
from tests.servers.kafka_server import KafkaServer
from tests.servers.pubsub_server import PubSubServer

__all__ = ["new_postgres_url", "store", "store_url"]
PATIENCE_SECONDS = 240.0


class Read(NamedTuple):
    """A record as its readers see it."""

    key: str
    body: bytes
    attributes: dict[str, str]
    """Without the prefix that CloudEvents have on this transport."""

    @property
    def id(self) -> str:
        """By which readers recognise what comes again."""
        return self.attributes["id"]

    def content(self) -> dict[str, Any]:
        """The body, read by the schema that it names itself."""
        if self.attributes["content-type"] == "application/json":
            content: dict[str, Any] = json.loads(self.body)
            return content
        version, datum = split_single_object(self.body, load_registry())
        assert self.attributes["dataschema"] == f"urn:crossfoot:{version.subject}:{version.number}"
        return dict(version.decode(datum))


class Place(NamedTuple):
    """A topic, and how to read all of it, in order per key."""

    where: str
    read: Callable[[int], list[Read]]
    """Reads from the beginning (Pub/Sub: what was not read before), until so many are there."""


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker that runs until the tests are over."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def pubsub() -> Iterator[PubSubServer]:
    """A Pub/Sub server of the test's own."""
    server = PubSubServer()
    yield server
    server.close()


def kafka_place(kafka: KafkaServer) -> Place:
    """A new topic of three partitions."""
    topic = kafka.make_topic(f"topic-{uuid.uuid4().hex[:8]}", partitions=3)

    def read(count: int) -> list[Read]:
        consumer = Consumer({**kafka.settings, "group.id": "test", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, number, 0) for number in range(3)])
        found: list[Any] = []
        until = time.monotonic() + PATIENCE_SECONDS
        while len(found) < count:
            assert time.monotonic() < until, f"{len(found)} of {count} came"
            found += [each for each in consumer.consume(100, timeout=0.2) if each.error() is None]
        consumer.close()
        return [_from_kafka(each) for each in found]

    return Place(f"kafka:{kafka.address}/{topic}", read)


def _from_kafka(message: Any) -> Read:
    headers = {name: value.decode() for name, value in message.headers()}
    return Read(message.key().decode(), message.value(), _unprefixed(headers, "ce_"))


def _unprefixed(attributes: dict[str, str], prefix: str) -> dict[str, str]:
    """Checks that the transport's own trace context is that of the event."""
    own = {name: value for name, value in attributes.items() if not name.startswith(prefix)}
    told = {name[3:]: value for name, value in attributes.items() if name.startswith(prefix)}
    for name in ("traceparent", "tracestate"):
        assert own.get(name) == told.get(name)
    return own | told


def pubsub_place(pubsub: PubSubServer) -> Place:
    """A new topic with one subscription."""
    topic, subscription = pubsub.make_topic(f"topic-{uuid.uuid4().hex[:8]}")

    def read(count: int) -> list[Read]:
        found: list[Any] = []
        until = time.monotonic() + PATIENCE_SECONDS
        with SubscriberClient() as client:
            while len(found) < count:
                assert time.monotonic() < until, f"{len(found)} of {count} came"
                try:
                    answer = client.pull(subscription=subscription, max_messages=100, timeout=60)
                except DeadlineExceeded:
                    continue
                found += [each.message for each in answer.received_messages]
                ids = [each.ack_id for each in answer.received_messages]
                if ids:
                    client.acknowledge(subscription=subscription, ack_ids=ids)
        # The server numbers messages as they come, and hands them out in any order.
        found.sort(key=lambda each: int(each.message_id.strip("m")))
        return [
            Read(each.ordering_key, each.data, _unprefixed(dict(each.attributes), "ce-"))
            for each in found
        ]

    return Place(f"pubsub:{topic}", read)


@pytest.fixture(params=["kafka", "pubsub"])
def place(request: pytest.FixtureRequest) -> Place:
    """A topic of each kind."""
    if request.param == "kafka":
        return kafka_place(request.getfixturevalue("kafka"))
    return pubsub_place(request.getfixturevalue("pubsub"))


def issue(store: LedgerStore, customer: int, seen: int, *names: str) -> None:
    """Let exactly these updates of a customer stand; `seen`: messages committed before."""
    ref = f"stripe:cus_{customer}"
    updates = [update(name, by=f"evt_{customer}", customer_id=ref) for name in names]
    new = [message(f"evt_{customer}", ref)] if not seen else []
    known = {f"stripe:evt_{customer}": Outcome.POSTED}
    store.commit(
        [
            folded(
                new,
                lifecycle=tuple(updates),
                party_id=ref,
                refs=(ref,),
                seen={ref: seen},
                outcomes=known,
            )
        ]
    )


def books_with_updates(url: str, count: int) -> None:
    """Books in which so many customers have one update each."""
    with open_store(url) as store:
        for customer in range(count):
            issue(store, customer, 0, f"lcu_{customer}")
