"""The live job on a real Flink cluster gives, byte by byte, the books of the bounded one."""

from __future__ import annotations

from collections.abc import Callable

from runners.engines import PROFILES
from tests.live.conftest import MESSAGE, LiveJob, taken
from tests.live.watching import balances, trickle, wait_until
from tests.servers.flink_cluster import FlinkCluster
from tests.servers.kafka_server import KafkaServer


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
    # The books may be done before the first checkpoint is due.
    wait_until(lambda: flink.checkpoints() > 0)


def test_a_task_manager_that_dies_twice_loses_and_repeats_nothing(
    kafka: KafkaServer,
    lines: list[bytes],
    bounded: bytes,
    bounded_store: str,
    live_job: Callable[[str], LiveJob],
    flink: FlinkCluster,
    on_flink: tuple[str, ...],
) -> None:
    topic = kafka.make_topic("flink-kill", partitions=3)
    job = live_job(f"kafka:{kafka.address}/{topic}")
    job.start("flink", *on_flink)
    wait_until(lambda: flink.checkpoints() > 0)
    third = len(lines) // 3
    for part in (lines[:third], lines[third : 2 * third]):
        before = taken(job.store)
        kafka.write(topic, part[: third // 2])
        wait_until(lambda before=before: taken(job.store) > before)
        # The checkpoint that is restored holds offsets: it began after messages were taken.
        complete = flink.checkpoints()
        wait_until(lambda complete=complete: flink.checkpoints() > complete + 1)
        before = taken(job.store)
        with trickle(kafka, topic, part[third // 2 :]):
            wait_until(lambda before=before: taken(job.store) > before)
            flink.kill_task_manager()
            flink.start_task_manager()
    kafka.write(topic, lines[2 * third :])
    assert job.wait_for(bounded) == bounded
    assert balances(job.store) == balances(bounded_store)
    assert flink.checkpoints("restored") >= 2


def test_external_workers_with_a_shared_store_go_on_without_the_client(
    kafka: KafkaServer,
    lines: list[bytes],
    bounded: bytes,
    bounded_store: str,
    live_job: Callable[..., LiveJob],
    flink: FlinkCluster,
    postgres: str,
    with_pool: tuple[str, ...],
) -> None:
    topic = kafka.make_topic("flink-external", partitions=3)
    job = live_job(f"kafka:{kafka.address}/{topic}", postgres)
    job.start("flink", *with_pool)
    wait_until(lambda: flink.checkpoints() > 0)
    half = len(lines) // 2
    with trickle(kafka, topic, lines[:half]):
        wait_until(lambda: taken(job.store) > 0)
        job.kill()
        flink.kill_task_manager()
        flink.start_task_manager()
    kafka.write(topic, lines[half:])
    assert job.wait_for(bounded) == bounded
    assert balances(job.store) == balances(bounded_store)
    assert flink.checkpoints("restored") >= 1


def test_a_changed_job_goes_on_from_the_savepoint_of_the_former(
    kafka: KafkaServer,
    lines: list[bytes],
    bounded: bytes,
    live_job: Callable[[str], LiveJob],
    flink: FlinkCluster,
    on_flink: tuple[str, ...],
) -> None:
    topic = kafka.make_topic("flink-savepoint", partitions=3)
    job = live_job(f"kafka:{kafka.address}/{topic}")
    job.start("flink", *on_flink)
    wait_until(lambda: flink.checkpoints() > 0)
    kafka.write(topic, lines[: len(lines) // 2])
    wait_until(lambda: taken(job.store) > bounded.count(MESSAGE) // 4)
    savepoint = flink.stop_with_savepoint()
    job.kill()
    kafka.write(topic, lines[len(lines) // 2 :])
    job.start("flink", *on_flink, "--window", "20", f"--beam=--savepoint_path={savepoint}")
    assert job.wait_for(bounded) == bounded
    assert flink.checkpoints("restored") >= 1


def test_the_job_server_knows_every_option_of_the_profile(flink: FlinkCluster) -> None:
    """Beam passes over options that nobody knows without a word."""
    known = flink.known_options()
    for flag in PROFILES["flink"].flags:
        assert flag.option.partition("=")[0].removeprefix("--") in known
