"""What is said of a broker that goes away and comes back while partitions of it are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from structlog.testing import capture_logs

from connectors.kafka.outages import ANSWER_SECONDS, BrokerWatch
from tests.servers.kafka_server import KafkaServer

PATIENCE_SECONDS = 600.0
TOPIC = "watched"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker that the test may kill."""
    server = KafkaServer(tmp_path)
    server.start()
    yield server
    server.kill()


class Reader:
    """Reads one partition as the job does and remembers what it was told."""

    def __init__(self, broker: KafkaServer, partition: int) -> None:
        self.watch = BrokerWatch(broker.address, TOPIC, partition)
        self._consumer = Consumer(
            {
                **broker.settings,
                "group.id": "test",
                "error_cb": self.watch.suspect,
                "log_level": 0,
                "auto.offset.reset": "error",
            }
        )
        self._consumer.assign([TopicPartition(TOPIC, partition, 0)])
        self.bodies: list[bytes | None] = []

    def read(self) -> bool:
        """Read for a moment; tell whether the partition answers."""
        found = self._consumer.consume(10, 0.1)
        self.bodies += [message.value() for message in found if message.error() is None]
        return self.watch.answers(self._consumer)

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def readers(broker: KafkaServer) -> Iterator[list[Reader]]:
    """One of each of two partitions that hold something."""
    broker.make_topic(TOPIC, partitions=2)
    for partition in range(2):
        broker.write(TOPIC, [b"before"], partition)
    both = [Reader(broker, partition) for partition in range(2)]
    yield both
    for reader in both:
        reader.close()


def test_an_outage_is_said_once_and_once_its_end(
    broker: KafkaServer, readers: list[Reader]
) -> None:
    """Though two partitions wait for it."""

    def read_until(done: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < until, "nothing happens"
            for reader in readers:
                answers[reader] = reader.read()

    answers: dict[Reader, bool] = {}
    read_until(lambda: all(reader.bodies == [b"before"] for reader in readers))
    for _ in range(2):
        with capture_logs() as logs:
            broker.kill()
            read_until(lambda: not any(answers.values()))
            read_until(lambda logs=logs: bool(logs))
            asked = time.monotonic()
            read_until(lambda asked=asked: time.monotonic() > asked + 3 * ANSWER_SECONDS)
            assert [log["event"] for log in logs] == ["kafka_away"]
            broker.start()
            read_until(lambda: all(answers.values()))
        # A broker that has just started may answer too slowly once more.
        told = [log["event"] for log in logs]
        assert told == ["kafka_away", "kafka_back"] * (len(told) // 2)
        assert {log["brokers"] for log in logs} == {broker.address}
    for partition in range(2):
        broker.write(TOPIC, [b"after"], partition)
    read_until(lambda: all(reader.bodies == [b"before", b"after"] for reader in readers))


def test_a_connection_that_only_was_idle_is_no_outage(
    broker: KafkaServer, readers: list[Reader]
) -> None:
    (reader, _) = readers
    with capture_logs() as logs:
        reader.watch.suspect(KafkaError(KafkaError._TRANSPORT))
        until = time.monotonic() + PATIENCE_SECONDS
        while not reader.read() or reader.bodies != [b"before"]:
            assert time.monotonic() < until, "nothing happens"
    assert logs == []
