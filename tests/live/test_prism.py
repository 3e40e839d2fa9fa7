"""The live job on Prism gives, byte by byte, the books of the bounded one."""

from __future__ import annotations

from collections.abc import Callable

from tests.servers.kafka_server import KafkaServer
from tests.servers.pubsub_server import PubSubServer


def test_from_kafka(
    kafka: KafkaServer, lines: list[bytes], bounded: bytes, live_job: Callable, prism_option: str
) -> None:
    topic = kafka.make_topic("prism", partitions=3)
    job = live_job(f"kafka:{kafka.address}/{topic}")
    kafka.write(topic, lines[: len(lines) // 2])
    job.start("prism", prism_option)
    kafka.write(topic, lines[len(lines) // 2 :])
    assert job.wait_for(bounded) == bounded


def test_from_pubsub(
    pubsub: PubSubServer, lines: list[bytes], bounded: bytes, live_job: Callable, prism_option: str
) -> None:
    topic, subscription = pubsub.make_topic("prism")
    job = live_job(f"pubsub:{subscription}")
    pubsub.publish(topic, lines)
    job.start("prism", prism_option)
    assert job.wait_for(bounded) == bounded


def test_killed_in_the_middle_it_loses_nothing_of_the_subscription(
    pubsub: PubSubServer, lines: list[bytes], bounded: bytes, live_job: Callable, prism_option: str
) -> None:
    """What was acknowledged had been stored; what was not comes again."""
    topic, subscription = pubsub.make_topic("killed")
    job = live_job(f"pubsub:{subscription}")
    pubsub.publish(topic, lines[: len(lines) // 2])
    job.start("prism", prism_option)
    job.wait_until_under_way(20)
    job.kill()
    pubsub.publish(topic, lines[len(lines) // 2 :])
    assert job.standing() != bounded
    job.start("prism", prism_option)
    assert job.wait_for(bounded) == bounded
