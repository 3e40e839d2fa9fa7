"""Many events through a Flink cluster whose machines die while they flow: equal books.

CROSSFOOT_LIVE_EVENTS says how many, about; `make flink-test EVENTS=100000` sets it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from generator.company import write_company
from generator.plan import CompanyPlan
from runners.fn_api import run_order_to_cash
from tests.live.conftest import PLAN, LiveJob, bounded_options, standing, taken
from tests.live.watching import balances, wait_until
from tests.servers.flink_cluster import FlinkCluster
from tests.servers.kafka_server import KafkaServer

EVENTS = int(os.environ.get("CROSSFOOT_LIVE_EVENTS", "4000"))
EVENTS_PER_CONTRACT = 17
DONE_WITHIN_SECONDS = 3_600.0


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with the faults of the others, and many more customers."""
    directory = tmp_path_factory.mktemp("many")
    plan = CompanyPlan(
        seed=PLAN.seed,
        contracts=EVENTS // EVENTS_PER_CONTRACT,
        months=PLAN.months,
        faults=PLAN.faults,
    )
    write_company(directory, plan)
    return directory


@pytest.fixture(scope="module")
def bounded_run(many: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The books of one bounded run over everything."""
    store = f"sqlite:///{tmp_path_factory.mktemp('bounded')}/books.db"
    run_order_to_cash(bounded_options(many, many / "*.jsonl", store))
    return store


def test_two_dead_task_managers_and_a_dead_client_lose_and_repeat_nothing(
    kafka: KafkaServer,
    many: Path,
    bounded_run: str,
    tmp_path: Path,
    flink: FlinkCluster,
    postgres: str,
    with_pool: tuple[str, ...],
) -> None:
    lines = [
        line
        for path in sorted(many.glob("*.jsonl"))
        for line in path.read_bytes().split(b"\n")
        if line.strip()
    ]
    topic = kafka.make_topic("flink-many", partitions=3)
    job = LiveJob(tmp_path, many, f"kafka:{kafka.address}/{topic}", postgres)
    third = len(lines) // 3
    write = partial(kafka.write, topic)
    try:
        job.start("flink", *with_pool)
        wait_until(lambda: flink.checkpoints() > 0)
        kill_in_the_middle(flink, postgres, write, lines[:third])
        # Its counts are there again when the job is: until then there are none to compare with.
        wait_until(lambda: flink.checkpoints("restored") >= 1)
        before = taken(postgres)
        write(lines[third : third + third // 2])
        wait_until(lambda: taken(postgres) > before)
        job.kill()
        kill_in_the_middle(flink, postgres, write, lines[third + third // 2 : 2 * third])
        write(lines[2 * third :])
        wanted = standing(bounded_run)
        assert job.wait_for(wanted, DONE_WITHIN_SECONDS) == wanted
        assert balances(postgres) == balances(bounded_run)
        wait_until(lambda: flink.checkpoints("restored") >= 2)
    finally:
        job.kill()


def kill_in_the_middle(
    flink: FlinkCluster, store: str, write: Callable[[list[bytes]], None], lines: list[bytes]
) -> None:
    """Kill the TaskManager when it has taken messages since a checkpoint that holds offsets."""
    kept = max(len(lines) // 10, 1)
    before = taken(store)
    write(lines[: -2 * kept])
    wait_until(lambda: taken(store) > before)
    complete = flink.checkpoints()
    wait_until(lambda: flink.checkpoints() > complete + 1)
    before = taken(store)
    # Kept back until now: however fast the engine is, something is in its hands when it dies.
    write(lines[-2 * kept : -kept])
    wait_until(lambda: taken(store) > before)
    flink.kill_task_manager()
    write(lines[-kept:])
    flink.start_task_manager()
