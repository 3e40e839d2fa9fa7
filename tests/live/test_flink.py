"""The live job on a real Flink cluster gives, byte by byte, the books of the bounded one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.store import open_store
from runners.engines import PROFILES
from tests.connectors.store.postgres_server import start_server
from tests.live.conftest import MESSAGE, LiveJob, standing
from tests.servers.flink_cluster import FlinkCluster
from tests.servers.kafka_server import KafkaServer
from tests.servers.worker_pool import WorkerPool

AT_ONCE = 10
EVERY_SECONDS = 1.0
DONE_WITHIN_SECONDS = 240.0


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    """A cluster that runs until the tests of this file are over."""
    cluster = FlinkCluster(tmp_path_factory.mktemp("flink"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test(flink: FlinkCluster) -> Iterator[None]:
    yield
    flink.cancel_jobs()


@pytest.fixture
def on_flink(flink: FlinkCluster) -> tuple[str, ...]:
    """Options of a job on the cluster whose workers are in the process that starts it."""
    return (
        f"--beam=--job_endpoint={flink.endpoint}",
        "--beam=--environment_type=LOOPBACK",
        "--beam=--parallelism=2",
    )


@pytest.fixture
def worker_pool(flink: FlinkCluster, tmp_path: Path) -> Iterator[WorkerPool]:
    """Workers in processes of their own; their jobs end before them."""
    pool = WorkerPool(tmp_path)
    try:
        pool.start()
        yield pool
        flink.cancel_jobs()
    finally:
        pool.close()


@pytest.fixture
def postgres() -> Iterator[str]:
    """URL of an empty database that several processes may write to at once."""
    server = start_server()
    if isinstance(server, str):
        pytest.skip(server)
    url, stop = server
    yield url
    stop()


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
    worker_pool: WorkerPool,
) -> None:
    topic = kafka.make_topic("flink-external", partitions=3)
    job = live_job(f"kafka:{kafka.address}/{topic}", postgres)
    job.start(
        "flink",
        f"--beam=--job_endpoint={flink.endpoint}",
        "--beam=--environment_type=EXTERNAL",
        f"--beam=--environment_config={worker_pool.address}",
        "--beam=--parallelism=2",
    )
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
    assert flink.checkpoints("restored") == 1


def test_the_job_server_knows_every_option_of_the_profile(flink: FlinkCluster) -> None:
    """Beam passes over options that nobody knows without a word."""
    known = flink.known_options()
    for flag in PROFILES["flink"].flags:
        assert flag.option.partition("=")[0].removeprefix("--") in known


@contextmanager
def trickle(kafka: KafkaServer, topic: str, lines: list[bytes]) -> Iterator[None]:
    """Write the lines bit by bit beside what is done within; in the end all are written."""
    writing = threading.Thread(target=_write_slowly, args=(kafka, topic, lines))
    writing.start()
    try:
        yield
    finally:
        writing.join()


def _write_slowly(kafka: KafkaServer, topic: str, lines: list[bytes]) -> None:
    for start in range(0, len(lines), AT_ONCE):
        kafka.write(topic, lines[start : start + AT_ONCE])
        time.sleep(EVERY_SECONDS)


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something that takes its time; fails when it takes too much."""
    until = time.monotonic() + DONE_WITHIN_SECONDS
    while not done():
        assert time.monotonic() < until, "nothing happens"
        time.sleep(0.5)


def taken(store: str) -> int:
    """How many messages the store has taken."""
    return standing(store).count(MESSAGE)


def balances(store: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Net debits per account role, in transaction and functional currency, in minor units.

    Sums of both sides would depend on how often something was booked and reversed on the way.
    """
    with open_store(store, create=False) as books:
        rows = books.trial_balance()
    return {
        (row.tenant, row.entity, row.currency, row.functional_currency, row.role): (
            row.balance_minor,
            row.functional_balance_minor,
        )
        for row in rows
        if row.balance_minor or row.functional_balance_minor
    }
