"""Every message of every partition, once, where the broker is a real one."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from confluent_kafka import KafkaException, Producer

from connectors.kafka.reading import FOREVER, OffsetsLost, ReadFromKafka, list_partitions
from tests.servers.kafka_server import KafkaServer

Headers = tuple[tuple[str, str], ...]


def read(kafka: KafkaServer, topic: str, target: Path) -> list[tuple[bytes, str, Headers]]:
    """Read a topic to its end; (body, position, headers) of every message."""
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        payloads = pipeline | ReadFromKafka(kafka.settings, [topic], until_now=True)

        def keep(found: list[object]) -> None:
            target.write_bytes(pickle.dumps([tuple(each)[:3] for each in found]))

        assert_that(payloads, keep)
    return pickle.loads(target.read_bytes())  # type: ignore[no-any-return]


def test_every_message_of_every_partition_once(kafka: KafkaServer, tmp_path: Path) -> None:
    topic = kafka.make_topic("all", partitions=3)
    bodies = [f"event {number}".encode() for number in range(12_000)]
    kafka.write(topic, bodies)
    found = read(kafka, topic, tmp_path / "found")
    assert Counter(body for body, _, _ in found) == Counter(bodies)
    assert len({position for _, position, _ in found}) == len(bodies)
    assert {position.split("@")[0] for _, position, _ in found} == {f"all/{n}" for n in range(3)}
    assert dict(found[0][2])["ce_id"].startswith("evt_")


def test_an_empty_partition_ends_at_once(kafka: KafkaServer, tmp_path: Path) -> None:
    topic = kafka.make_topic("lopsided", partitions=3)
    kafka.write(topic, [b"one", b"two"], partition=1)
    assert sorted(body for body, _, _ in read(kafka, topic, tmp_path / "found")) == [b"one", b"two"]


def test_only_committed_messages_are_read_and_marks_do_not_hold_it_up(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    """A transaction leaves offsets that hold no message, also at the very end."""
    topic = kafka.make_topic("transactions", partitions=1)
    producer = Producer({**kafka.settings, "transactional.id": "test"})
    producer.init_transactions()
    for body, keep in ((b"undone", False), (b"done", True), (b"undone too", False)):
        producer.begin_transaction()
        producer.produce(topic, body)
        producer.flush()
        (producer.commit_transaction if keep else producer.abort_transaction)()
    assert [body for body, _, _ in read(kafka, topic, tmp_path / "found")] == [b"done"]


def test_offsets_that_are_gone_are_an_error_never_a_gap(
    kafka: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka.make_topic("short", partitions=1)
    kafka.write(topic, [b"one"])
    (partition,) = list_partitions(kafka.settings, [topic], until_now=True)
    beyond = partition._replace(start=50, stop=60)
    monkeypatch.setattr(
        "connectors.kafka.reading.list_partitions", lambda *args, **kwargs: [beyond]
    )
    with pytest.raises((OffsetsLost, RuntimeError), match="short/0"):
        read(kafka, topic, tmp_path / "found")


def test_a_live_job_has_no_end(kafka: KafkaServer) -> None:
    topic = kafka.make_topic("live", partitions=2)
    found = list_partitions(kafka.settings, [topic], until_now=False)
    assert [(each.partition, each.start, each.stop) for each in found] == [
        (0, 0, FOREVER),
        (1, 0, FOREVER),
    ]


def test_a_topic_that_does_not_exist_is_said_when_the_job_is_built(kafka: KafkaServer) -> None:
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC"):
        list_partitions(kafka.settings, ["nowhere"], until_now=True)
