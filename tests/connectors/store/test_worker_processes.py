"""Workers as processes of their own on one PostgreSQL: conflicts, and whose the connections are."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from store_children import all_messages, commit_and_tell, deliver

from connectors.store import LedgerStore, open_store
from connectors.store.tables import parties
from connectors.store.worker_stores import open_for_worker

PROCESSES = multiprocessing.get_context("spawn")
WORKERS = 4
WITHIN_SECONDS = 600.0


@pytest.fixture
def postgres_url(new_postgres_url: Callable[[str], str], tmp_path: Path) -> str:
    """URL of an empty PostgreSQL database."""
    return new_postgres_url(str(tmp_path))


def test_conflicts_between_processes_are_retried_and_leave_no_trace(
    postgres_url: str, tmp_path: Path
) -> None:
    """All run into a commit that is held open, so that each conflicts at least once."""
    told: Any = PROCESSES.Queue()
    with open_store(postgres_url) as store:
        started, go_on = hold_the_first_commit(store)
        with ThreadPoolExecutor(1) as pool:
            holding = pool.submit(deliver, store, all_messages()[0])
            assert started.wait(WITHIN_SECONDS)
            children = [
                PROCESSES.Process(target=commit_and_tell, args=(postgres_url, seed, told))
                for seed in range(WORKERS)
            ]
            for child in children:
                child.start()
            wait_until(lambda: waiting_for_locks(store) == WORKERS)
            go_on.set()
            holding.result(WITHIN_SECONDS)
            retried = [told.get(timeout=WITHIN_SECONDS) for _ in children]
            for child in children:
                child.join(WITHIN_SECONDS)
        assert [child.exitcode for child in children] == [0] * WORKERS
        assert all(conflicts >= 1 and outages == 0 for conflicts, outages in retried)
        assert_as_one_after_the_other(store, tmp_path)


def hold_the_first_commit(store: LedgerStore) -> tuple[threading.Event, threading.Event]:
    """Let the store's next commit stop after it has written its party: (it does, go on)."""
    started, go_on = threading.Event(), threading.Event()
    backend: Any = store._backend
    insert = backend.insert

    def insert_and_wait(connection: Any, table: Any, rows: Any) -> None:
        insert(connection, table, rows)
        if table is parties and not started.is_set():
            started.set()
            go_on.wait(WITHIN_SECONDS)

    backend.insert = insert_and_wait
    return started, go_on


def waiting_for_locks(store: LedgerStore) -> int:
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return store._session.read(lambda connection: int(connection.execute(query).scalar_one()))


def assert_as_one_after_the_other(store: LedgerStore, folder: Path) -> None:
    """What stands, every posting once, positions without a gap."""
    with open_store(f"sqlite:///{folder}/alone.db") as alone:
        for new in all_messages():
            deliver(alone, new)
        assert b"".join(store.standing_dump()) == b"".join(alone.standing_dump())
        assert store.conservation(0).posted == alone.conservation(0).posted
    found = list(store.postings())
    assert len({posting.posting_id for posting in found}) == len(found)
    positions = [delivery.position for delivery in store.deliveries(limit=10_000)]
    assert positions == list(range(1, len(found) + 1))


def test_steps_of_one_worker_share_its_connections(postgres_url: str) -> None:
    stores = [open_for_worker(postgres_url, 60.0) for _ in range(5)]
    assert len({id(store) for store in stores}) == 1
    assert open_for_worker(postgres_url, 61.0) is not stores[0]


def test_a_worker_that_was_forked_has_connections_of_its_own(postgres_url: str) -> None:
    store = open_for_worker(postgres_url, 60.0)
    ours = backend_id(store)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, str(backend_id(open_for_worker(postgres_url, 60.0))).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(read, 100)) != ours
    assert backend_id(store) == ours


def backend_id(store: LedgerStore) -> int:
    query = text("SELECT pg_backend_pid()")
    return store._session.read(lambda connection: int(connection.execute(query).scalar_one()))


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_SECONDS
    while not done():
        assert time.monotonic() < until, "nothing happens"
        time.sleep(0.02)
