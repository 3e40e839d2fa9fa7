"""`crossfoot doctor` asks real brokers for what a job reads and a sender writes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from runners.doctor import brokers
from runners.doctor.brokers import _described, look_at_source, look_at_target
from runners.doctor.findings import Finding, Status
from tests.servers.downloads import free_port
from tests.servers.kafka_server import KafkaServer
from tests.servers.pubsub_server import PubSubServer


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine's servers may take their time."""
    monkeypatch.setattr(brokers, "SECONDS", 60.0)


@pytest.fixture
def pubsub() -> Iterator[PubSubServer]:
    server = PubSubServer()
    yield server
    server.close()


def only_problem(findings: list[Finding]) -> Finding:
    (found,) = [one for one in findings if one.status is Status.PROBLEM]
    assert found.mend
    return found


def made(kafka: KafkaServer, name: str, partitions: int) -> None:
    """Make a topic and wait until the broker tells of it: that comes a moment after the answer."""
    kafka.make_topic(name, partitions)
    until = time.monotonic() + 240
    while any(
        one.status is not Status.OK for one in look_at_source(f"kafka:{kafka.address}/{name}")
    ):
        assert time.monotonic() < until, "the broker does not tell of its topic"
        time.sleep(0.2)


def test_a_topic_of_kafka_that_is_there(kafka: KafkaServer) -> None:
    made(kafka, "billing", partitions=3)
    for found in (look_at_source, look_at_target):
        broker, topic = found(f"kafka:{kafka.address}/billing")
        assert (broker.status, topic.status) == (Status.OK, Status.OK), topic
        assert topic.what.startswith("3 partitions")


def test_a_topic_that_kafka_does_not_have_is_told_and_not_made(kafka: KafkaServer) -> None:
    made(kafka, "known", partitions=1)
    found = look_at_source(f"kafka:{kafka.address}/known,unknown")
    assert only_problem(found).check == "topic unknown"
    assert "--create --topic unknown" in str(only_problem(found).mend)
    assert "unknown" not in AdminClient(kafka.settings).list_topics(timeout=60).topics


def test_a_broker_that_is_not_there() -> None:
    found = only_problem(look_at_target(f"kafka:127.0.0.1:{free_port()}/billing"))
    assert "nothing answers" in found.what and "--to" in str(found.mend)


def test_a_user_who_may_only_read() -> None:
    """As the broker's client describes it; a broker without an authorizer allows everything."""
    told = SimpleNamespace(
        authorized_operations=[SimpleNamespace(name="READ"), SimpleNamespace(name="DESCRIBE")],
        partitions=[SimpleNamespace(id=0, leader=SimpleNamespace(id=1))],
    )
    assert _described("topic x", told, "read").status is Status.OK
    refused = _described("topic x", told, "write")
    assert refused.status is Status.PROBLEM and "only describe, read" in refused.what


def test_a_partition_without_a_leader() -> None:
    parts = [SimpleNamespace(id=n, leader=leader) for n, leader in ((0, None), (1, None))]
    told = SimpleNamespace(authorized_operations=None, partitions=parts)
    assert _described("topic x", told, "read").what == "partitions without a leader: 0, 1"


def test_a_subscription_and_a_topic_that_are_there(pubsub: PubSubServer) -> None:
    topic, subscription = pubsub.make_topic("billing")
    (source,) = look_at_source(f"pubsub:{subscription}")
    (target,) = look_at_target(f"pubsub:{topic}")
    assert (source.status, target.status) == (Status.OK, Status.OK), (source, target)
    assert topic in source.what


def test_what_pubsub_does_not_have_is_told_in_its_words(pubsub: PubSubServer) -> None:
    source = only_problem(look_at_source("pubsub:projects/test/subscriptions/nowhere"))
    target = only_problem(look_at_target("pubsub:projects/test/topics/nowhere"))
    for found in (source, target):
        assert "nowhere" in found.what and "create projects/test" in str(found.mend)


def test_a_pubsub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    found = only_problem(look_at_source("pubsub:projects/test/subscriptions/s"))
    assert "does not answer" in found.what


def test_what_is_no_source_or_topic(crossfoot: Callable) -> None:
    assert "is no source" in only_problem(look_at_source("pubsub:billing")).what
    assert "is no topic" in only_problem(look_at_target("kafka:localhost:9092/a,b")).what
    done = crossfoot("doctor", "--to", "spool:x", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == 4
    assert "target" in {one["check"] for one in found["findings"] if one["status"] == "problem"}
