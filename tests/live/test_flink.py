"""The live job on a real Flink cluster gives, byte by byte, the books of the bounded one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.live.conftest import LiveJob
from tests.servers.flink_cluster import FlinkCluster
from tests.servers.kafka_server import KafkaServer


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    """A cluster that runs until the tests of this file are over."""
    cluster = FlinkCluster(tmp_path_factory.mktemp("flink"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def on_flink(flink: FlinkCluster) -> Iterator[tuple[str, ...]]:
    """Options of a job on the cluster, workers in the client; jobs end with the test."""
    yield (
        f"--beam=--job_endpoint={flink.endpoint}",
        "--beam=--environment_type=LOOPBACK",
        "--beam=--parallelism=2",
    )
    flink.cancel_jobs()


def test_from_kafka(
    kafka: KafkaServer,
    lines: list[bytes],
    bounded: bytes,
    live_job: Callable[[str], LiveJob],
    flink: FlinkCluster,
    on_flink: tuple[str, ...],
) -> None:
    topic = kafka.make_topic("flink", partitions=3)
    job = live_job(f"kafka:{kafka.address}/{topic}")
    kafka.write(topic, lines[: len(lines) // 2])
    job.start("flink", *on_flink)
    kafka.write(topic, lines[len(lines) // 2 :])
    assert job.wait_for(bounded) == bounded
    assert flink.checkpoints() > 0
