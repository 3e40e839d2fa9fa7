"""Live jobs as users start them, on real engines and sources, and what they leave in the store."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from connectors.store import StoreError, open_store
from connectors.store.session import Session
from connectors.store.tables import messages
from generator.company import write_company
from generator.plan import CompanyPlan, FaultMix
from pipelines.options import OrderToCashOptions, check_options
from pipelines.settings import settings_of
from pipelines.settle_exchange import settle_exchange
from runners.fn_api import run_order_to_cash
from tests.connectors.store.postgres_server import start_server
from tests.pipelines.runs import AS_OF
from tests.servers.flink_cluster import FlinkCluster
from tests.servers.kafka_server import KafkaServer
from tests.servers.prism_engine import prism
from tests.servers.pubsub_server import PubSubServer
from tests.servers.worker_pool import WorkerPool

PLAN = CompanyPlan(
    seed=5,
    contracts=25,
    months=3,
    # Two bodies under one id: the first to come stands, and a live source decides which that is.
    faults=FaultMix(duplicates=0.05, disorder=0.2, late=0.05, malformed=0.05, id_conflicts=0),
)
DONE_WITHIN_SECONDS = 600.0
MESSAGE = b'{"table":"messages"'


class LiveJob:
    """A live job in a process of its own, and everything it starts."""

    def __init__(self, directory: Path, company: Path, source: str, store: str) -> None:
        self._directory = directory
        self._company = company
        self._source = source
        self.store = store
        self.log = directory / "job.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, engine: str, *options: str) -> None:
        """Start it."""
        command = [sys.executable, "-m", f"runners.{engine}", "order_to_cash_live"]
        command += ["--from", self._source, "--store", self.store]
        command += ["--books", f"{self._company}/company.yaml"]
        command += ["--rates", f"{self._company}/rates.csv"]
        command += ["--as-of", AS_OF.isoformat(), *options]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True
            )

    def kill(self) -> None:
        """Kill it and what it started, as a machine that dies does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def wait_for(self, wanted: bytes, within: float = DONE_WITHIN_SECONDS) -> bytes:
        """Wait until what stands is as wanted; return what stands in the end."""
        until, complete = time.monotonic() + within, wanted.count(MESSAGE)
        while time.monotonic() < until:
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(self.log.read_text()[-3000:])
            if taken(self.store) == complete:
                # What a close does for a live job, and a bounded run for itself.
                self._settle_exchange()
                if (found := standing(self.store)) == wanted:
                    return found
            time.sleep(1.0)
        return standing(self.store)

    def standing(self) -> bytes:
        """What stands in the store."""
        return standing(self.store)

    def wait_until_under_way(self, some: int) -> None:
        """Wait until so many messages are in the store."""
        until = time.monotonic() + DONE_WITHIN_SECONDS
        while time.monotonic() < until and taken(self.store) < some:
            time.sleep(0.05)

    def _settle_exchange(self) -> None:
        options = bounded_options(self._company, self._company / "company.yaml", self.store)
        with open_store(self.store, create=False) as books:
            settle_exchange(books, settings_of(options).fold)


def bounded_options(company: Path, events: Path, store: str) -> OrderToCashOptions:
    """Options of a bounded run over a file, as the live jobs have them."""
    return check_options(
        input=(str(events),),
        store=store,
        books=company / "company.yaml",
        rates=company / "rates.csv",
        as_of=AS_OF,
    )


def standing(store: str) -> bytes:
    """What stands in a store; nothing while it is not there yet."""
    try:
        with open_store(store, create=False) as books:
            return b"".join(books.standing_dump())
    except StoreError:
        return b""


def taken(store: str) -> int:
    """How many messages a store has taken; counted, as the dump of many takes its time."""
    try:
        open_store(store, create=False).close()
    except StoreError:
        return 0
    session = Session(store)
    with closing(session), session.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(messages)).scalar_one())


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small company with duplicates, disorder, lateness and malformed events."""
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, PLAN)
    return directory


@pytest.fixture(scope="session")
def lines(company: Path) -> list[bytes]:
    """Every event of the company, in order of delivery."""
    return [
        line
        for path in sorted(company.glob("*.jsonl"))
        for line in path.read_bytes().split(b"\n")
        if line.strip()
    ]


@pytest.fixture(scope="session")
def bounded_store(
    company: Path, lines: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The books of one bounded run over everything."""
    directory = tmp_path_factory.mktemp("bounded")
    events = directory / "events.jsonl"
    events.write_bytes(b"".join(line + b"\n" for line in lines))
    store = f"sqlite:///{directory}/books.db"
    run_order_to_cash(bounded_options(company, events, store))
    return store


@pytest.fixture(scope="session")
def bounded(bounded_store: str) -> bytes:
    """What stands after one bounded run over everything."""
    return standing(bounded_store)


@pytest.fixture(scope="session")
def prism_option() -> str:
    """The Beam option that names the engine's program."""
    return f"--beam=--prism_location={prism()}"


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


@pytest.fixture
def live_job(company: Path, tmp_path: Path) -> Iterator[Callable[..., LiveJob]]:
    """Make live jobs that do not outlive the test."""
    made: list[LiveJob] = []

    def make(source: str, store: str | None = None) -> LiveJob:
        made.append(LiveJob(tmp_path, company, source, store or f"sqlite:///{tmp_path}/live.db"))
        return made[-1]

    yield make
    for job in made:
        job.kill()


@pytest.fixture(scope="session")
def flink_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    """A cluster that runs until the tests are over."""
    cluster = FlinkCluster(tmp_path_factory.mktemp("flink"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def flink(flink_cluster: FlinkCluster) -> Iterator[FlinkCluster]:
    """The cluster without jobs, before and after."""
    yield flink_cluster
    flink_cluster.cancel_jobs()


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
def with_pool(flink: FlinkCluster, worker_pool: WorkerPool) -> tuple[str, ...]:
    """Options of a job on the cluster whose workers are in processes of their own."""
    return (
        f"--beam=--job_endpoint={flink.endpoint}",
        "--beam=--environment_type=EXTERNAL",
        f"--beam=--environment_config={worker_pool.address}",
        "--beam=--parallelism=2",
    )


@pytest.fixture
def postgres() -> Iterator[str]:
    """URL of an empty database that several processes may write to at once."""
    server = start_server()
    if isinstance(server, str):
        pytest.skip(server)
    url, stop = server
    yield url
    stop()
