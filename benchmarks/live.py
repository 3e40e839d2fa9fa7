"""How soon a live job has an event in the books, and how many it takes: Kafka to the store.

    python -m benchmarks.live --engine prism --rate 300 --seconds 60
    python -m benchmarks.live --engine flink --rate 300 --seconds 60
    python -m benchmarks.live --engine prism --rate max --seconds 60

Starts a broker, the engine and the job as users start it, feeds a generated company without faults
and prints one JSON object. Latency runs from the moment an event is handed to the broker's client
to the moment a reader finds its message in the store, committed together with its postings; the
store is asked twenty times a second. `--rate max` hands over everything at once and counts what
is committed. Prism writes SQLite, Flink PostgreSQL with workers in processes of their own, unless
`--store` names another one, which must be empty.

The company's events happened in the past months and come within seconds, so the windowed join takes
them as late and hands each on at once: waiting for company (`--early`) is not in these figures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from benchmarks.live_feed import PARTITIONS, Company, Feed, Watch, make_company
from benchmarks.measure import ROOT

WARM_UP_EVENTS = 300
UP_WITHIN_SECONDS = 300.0
LEFT_WITHIN_SECONDS = 120.0
AT_ONCE_PER_SECOND = 1_000
"""With `--rate max`: events handed over for each of `--seconds`."""
LOOK_SECONDS = 0.05


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from the broker's client to the store."""

    messages: int
    p50: int
    p95: int
    p99: int
    max: int


class Measured(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is printed."""

    engine: str
    store: str
    rate: str
    seconds: int
    fed: int
    in_the_books: int
    processors: int
    """Of this machine, shared by broker, engine, job, store and this program."""
    all_messages: Latency | None = None
    posted_at_once: Latency | None = None
    """Those that had postings when they were first seen."""
    per_second: float | None = None
    """Messages committed per second at saturation, of the middle 80 %."""


class NothingHappens(Exception):
    """The job did not take what it was given; the text is the end of its log."""


class Job:
    """A live job in a process of its own, as users start it."""

    def __init__(self, work: Path, company: Company, source: str, store: str) -> None:
        self.log = work / "job.log"
        self._words = ["--from", source, "--store", store, "--as-of", company.as_of]
        self._words += ["--books", f"{company.directory}/company.yaml"]
        self._words += ["--rates", f"{company.directory}/rates.csv"]

    @contextmanager
    def running(self, engine: str, options: Sequence[str]) -> Iterator[None]:
        """Start it; end it with everything it started."""
        command = [sys.executable, "-m", f"runners.{engine}", "order_to_cash_live"]
        with self.log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *self._words, *options],
                cwd=ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait until `done()`; raises NothingHappens."""
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                raise NothingHappens(self.log.read_text(errors="replace")[-2_000:])
            time.sleep(LOOK_SECONDS)


def measure(arguments: argparse.Namespace, work: Path, stack: ExitStack) -> Measured:
    """Start everything, feed, watch. Raises NothingHappens."""
    # Here, not at the top: the servers are those of the tests.
    from tests.servers.kafka_server import KafkaServer

    rate = None if arguments.rate == "max" else int(arguments.rate)
    fed = arguments.seconds * (rate or AT_ONCE_PER_SECOND)
    company = make_company(work / "company", WARM_UP_EVENTS + fed)
    (work / "kafka").mkdir()
    broker = KafkaServer(work / "kafka")
    broker.start()
    stack.callback(broker.kill)
    topic = broker.make_topic("benchmark", PARTITIONS)
    store = arguments.store or _store(arguments.engine, work, stack)
    job = Job(work, company, f"kafka:{broker.address}/{topic}", store)
    options = [*_engine(arguments.engine, work, stack), *(f"--beam=--{x}" for x in arguments.beam)]
    stack.enter_context(job.running(arguments.engine, options))
    first = Feed(broker.address, topic, company.events[:WARM_UP_EVENTS], rate)
    first.start()
    watch = _watch(job, store)
    job.wait(lambda: watch.count() >= WARM_UP_EVENTS, UP_WITHIN_SECONDS)
    feed = Feed(broker.address, topic, company.events[WARM_UP_EVENTS:], rate)
    feed.start()
    rates = {"per_second": _saturation(feed, watch, arguments.seconds)} if rate is None else {}
    if rate is not None:
        _follow(feed, watch)
    return _measured(arguments, store, feed, watch, rates)


def _store(engine: str, work: Path, stack: ExitStack) -> str:
    """Make an empty store; several workers want PostgreSQL."""
    from tests.connectors.store.postgres_server import start_server

    if engine == "prism":
        return f"sqlite:///{work}/books.db"
    server = start_server()
    if isinstance(server, str):
        raise SystemExit(server)
    url, stop = server
    stack.callback(stop)
    return url


def _engine(engine: str, work: Path, stack: ExitStack) -> list[str]:
    """Start the engine; return the options of a job on it."""
    if engine == "prism":
        from tests.servers.prism_engine import prism

        return [f"--beam=--prism_location={prism()}"]
    from tests.servers.flink_cluster import FlinkCluster
    from tests.servers.worker_pool import WorkerPool

    for name in ("flink", "pool"):
        (work / name).mkdir()
    cluster, pool = FlinkCluster(work / "flink"), WorkerPool(work / "pool")
    stack.callback(cluster.close)
    stack.callback(pool.close)
    cluster.start()
    pool.start()
    options = [f"job_endpoint={cluster.endpoint}", "environment_type=EXTERNAL"]
    options += [f"environment_config={pool.address}", "parallelism=2"]
    return [f"--beam=--{option}" for option in options]


def _watch(job: Job, store: str) -> Watch:
    """Wait until the job has made the store."""
    from connectors.store import StoreError, open_store

    def there() -> bool:
        try:
            open_store(store, create=False).close()
        except StoreError:
            return False
        return True

    job.wait(there, UP_WITHIN_SECONDS)
    return Watch(store)


def _follow(feed: Feed, watch: Watch) -> None:
    """Look until everything is in the books, or nothing more can be expected."""
    until = None
    while not feed.done or len(watch.seen) < len(feed.sent_at):
        if feed.done and until is None:
            until = time.monotonic() + LEFT_WITHIN_SECONDS
        if until is not None and time.monotonic() > until:
            return
        watch.look(feed)
        time.sleep(LOOK_SECONDS)


def _saturation(feed: Feed, watch: Watch, seconds: int) -> float:
    """Messages per second while there is always more to take."""
    before, begin = watch.count(), time.monotonic()
    counted = [(begin, before)]
    while time.monotonic() < begin + seconds:
        time.sleep(LOOK_SECONDS * 10)
        counted.append((time.monotonic(), watch.count()))
        if feed.done and counted[-1][1] - before >= len(feed.sent_at):
            break
    took = counted[-1][1] - before
    middle = [one for one in counted if 0.1 * took <= one[1] - before <= 0.9 * took]
    if len(middle) < 2:
        middle = counted
    (from_time, from_count), (to_time, to_count) = middle[0], middle[-1]
    return round((to_count - from_count) / (to_time - from_time), 1)


def _measured(
    arguments: argparse.Namespace, store: str, feed: Feed, watch: Watch, rates: dict[str, float]
) -> Measured:
    took = {
        one: watch.seen[one].at - sent for one, sent in feed.sent_at.items() if one in watch.seen
    }
    posted = [span for one, span in took.items() if watch.seen[one].outcome == "posted"]
    return Measured(
        engine=arguments.engine,
        store=store.partition(":")[0],
        rate=arguments.rate,
        seconds=arguments.seconds,
        fed=len(feed.sent_at),
        in_the_books=watch.count() - WARM_UP_EVENTS,
        processors=os.cpu_count() or 1,
        all_messages=_latency(list(took.values())),
        posted_at_once=_latency(posted),
        **rates,
    )


def _latency(spans: list[float]) -> Latency | None:
    if not spans:
        return None
    ordered = sorted(round(span * 1000) for span in spans)

    def rank(share: float) -> int:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return Latency(
        messages=len(ordered), p50=rank(0.5), p95=rank(0.95), p99=rank(0.99), max=ordered[-1]
    )


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="benchmarks.live", description=__doc__)
    parser.add_argument("--engine", choices=["prism", "flink"], required=True)
    parser.add_argument("--rate", default="300", help="events per second, or max")
    parser.add_argument("--seconds", type=int, default=60, help="how long events are fed")
    parser.add_argument("--store", help="URL of an empty ledger store")
    parser.add_argument("--beam", action="append", default=[], help="NAME=VALUE: a Beam option")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crossfoot-live-") as folder, ExitStack() as stack:
        try:
            found = measure(arguments, Path(folder), stack)
        except NothingHappens as error:
            print(f"the job did not take its events:\n{error}", file=sys.stderr)
            return 1
    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
