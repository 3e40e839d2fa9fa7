"""Whoever sends is killed between sending and recording, the broker dies and comes back, the store
goes away: everything arrives, and what comes twice has the same id."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from connectors.store import open_store
from tests.connectors.store.postgres_server import RestartedServer
from tests.connectors.store.store_builders import TENANT
from tests.connectors.topics.conftest import (
    Place,
    Read,
    books_with_updates,
    issue,
    kafka_place,
)
from tests.connectors.topics.sending import COMMAND, books_with_postings, deliver_words, run
from tests.servers.kafka_server import KafkaServer

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 240.0


@contextmanager
def running(words: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command in a process of its own; killed at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=ROOT, stdout=output, stderr=output, env=dict(os.environ)
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def refusing_writes(url: str) -> Iterator[None]:
    """While it is open the books can be read and not written."""
    path = url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def wait_until(done: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def publish_words(url: str, where: str, *more: str) -> list[str]:
    return ["publish", "--store", url, "--to", where, "--tenant", TENANT, *more]


def waiting(url: str) -> int:
    with open_store(url) as store:
        return store.delivery_desk.updates.counts(TENANT).waiting


def test_a_publisher_killed_before_it_recorded_publishes_again_under_the_same_ids(
    tmp_path: Path, place: Place
) -> None:
    url, log = f"sqlite:///{tmp_path}/books.db", tmp_path / "log"
    books_with_updates(url, 3)
    words = publish_words(url, place.where, "--store-wait", "3600")
    with refusing_writes(url), running(words, log):
        first = place.read(3)  # sent, and it cannot be recorded
    assert waiting(url) == 3
    assert run(*publish_words(url, place.where)).exit_code == 0
    assert waiting(url) == 0
    assert_every_one_twice([*first, *sent_since(place, first)], [f"lcu_{n}/1" for n in range(3)])


def test_a_deliverer_killed_in_the_middle_leaves_no_posting_out_and_changes_none(
    tmp_path: Path, place: Place
) -> None:
    url, log = f"sqlite:///{tmp_path}/books.db", tmp_path / "log"
    ids = books_with_postings(url, 12)
    words = deliver_words(tmp_path, url, place.where)
    with running(words, log):
        first = place.read(1)
    assert run(*words).exit_code == 0
    found = {(each.id, each.body) for each in first}
    while len(found) < 12:  # what came twice was read instead of something else
        found |= {(each.id, each.body) for each in place.read(1)}
    assert {name for name, _ in found} == set(ids)


def sent_since(place: Place, first: list[Read]) -> list[Read]:
    """What came after `first`; a reader of Kafka begins at the beginning."""
    if place.where.startswith("pubsub"):
        return place.read(len(first))
    every = place.read(2 * len(first))
    for each in first:
        every.remove(each)
    return every


def assert_every_one_twice(found: list[Read], ids: list[str]) -> None:
    assert sorted(each.id for each in found) == sorted([*ids, *ids])


def test_a_broker_that_dies_and_comes_back_gets_the_rest(tmp_path: Path) -> None:
    url, log = f"sqlite:///{tmp_path}/books.db", tmp_path / "log"
    books_with_updates(url, 2)
    (tmp_path / "kafka").mkdir()
    broker = KafkaServer(tmp_path / "kafka")
    broker.start()
    try:
        place = kafka_place(broker)
        with running(publish_words(url, place.where, "--follow", "--every", "1"), log) as process:
            wait_until(lambda: waiting(url) == 0, log)
            broker.kill()
            with open_store(url) as store:
                for customer in range(2, 5):
                    issue(store, customer, 0, f"lcu_{customer}")
            broker.start()
            wait_until(lambda: waiting(url) == 0, log)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == 0
        ids = {each.id for each in place.read(5)}
        assert ids == {f"lcu_{customer}/1" for customer in range(5)}
    finally:
        broker.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[RestartedServer]:
    """A PostgreSQL that these tests may crash."""
    started = RestartedServer.begin()
    if isinstance(started, str):
        pytest.skip(started)
    yield started
    started.close()


@pytest.mark.parametrize("command", ["publish", "deliver"])
def test_a_store_that_crashes_does_not_end_who_follows(
    tmp_path: Path, kafka: KafkaServer, server: RestartedServer, command: str
) -> None:
    url, log, place = server.url_of(server.make_database()), tmp_path / "log", kafka_place(kafka)
    follow = ["--follow", "--every", "1"]
    if command == "publish":
        books_with_updates(url, 2)
        words = publish_words(url, place.where, *follow)
    else:
        books_with_postings(url, 2)
        words = [*deliver_words(tmp_path, url, place.where), *follow]
    with running(words, log) as process:
        first = {each.id for each in place.read(2)}
        server.crash()
        wait_until(lambda: b"store_away" in log.read_bytes() or process.poll() is not None, log)
        assert process.poll() is None, log.read_text()
        server.start()
        if command == "publish":
            with open_store(url) as store:
                issue(store, 7, 0, "lcu_7")
        else:
            books_with_postings(url, 1, first=7)
        wait_until(lambda: len({each.id for each in place.read(3)} - first) == 1, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
