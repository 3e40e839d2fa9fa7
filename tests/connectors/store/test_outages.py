"""The store while its database is away: what waits, what is told, what stands afterwards.

A proxy stands between store and server and cuts the connection where a test says.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from postgres_server import RestartedServer
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from store_builders import entry, folded, letter, message, update
from structlog.testing import capture_logs

from connectors.store import (
    CommitReport,
    LedgerStore,
    StaleHistory,
    StoreAway,
    StoreError,
    open_store,
)
from connectors.store import postgres_connections as connections
from connectors.store import sqlite as sqlite_store
from ledger.messages import Outcome
from ledger.results import FoldedParty
from tests.servers.tcp_proxy import Cut, Network, TcpProxy

WAIT_SECONDS = 600.0


@pytest.fixture(scope="module")
def server() -> Iterator[RestartedServer]:
    """A server that this file may crash."""
    started = RestartedServer.begin()
    if isinstance(started, str):
        pytest.skip(started)
    yield started
    started.close()


@pytest.fixture
def database(server: RestartedServer) -> str:
    """Name of an empty database."""
    return server.make_database()


@pytest.fixture
def network(server: RestartedServer) -> Iterator[TcpProxy]:
    """The network between store and server."""
    proxy = TcpProxy(server.socket)
    yield proxy
    proxy.close()


@pytest.fixture
def url(network: TcpProxy, database: str) -> str:
    """URL of an empty database at the other end of the network."""
    return f"postgresql://postgres@{network.address}/{database}"


@pytest.fixture
def store(url: str) -> Iterator[LedgerStore]:
    """A store that waits."""
    with open_store(url, wait_seconds=WAIT_SECONDS) as opened:
        yield opened


def parties() -> list[FoldedParty]:
    """Two parties with all that a commit writes."""
    return [
        folded(
            [message(f"e{n}", f"c:{n}", links=((f"stripe:l{n}", f"c:{n}"),))],
            [entry(f"{n}:{key}", by=f"e{n}") for key in "ab"],
            dead=[letter(f"of {n}")],
            lifecycle=[update(f"u{n}", by=f"e{n}")],
        )
        for n in range(2)
    ]


@pytest.fixture
def undisturbed(tmp_path: Path) -> tuple[CommitReport, bytes]:
    """What a commit of the parties says, and the books after it, when nothing happens."""
    with open_store(f"sqlite:///{tmp_path}/undisturbed.db") as books:
        return books.commit(parties()), dump(books)


def dump(store: LedgerStore) -> bytes:
    return b"".join(store.canonical_dump())


def nth(number: int) -> Cut:
    """Cut at the n-th time that bytes come."""
    seen = 0

    def cut(_: bytes) -> bool:
        nonlocal seen
        seen += 1
        return seen == number

    return cut


def says_commit(data: bytes) -> bool:
    return b"COMMIT" in data


@pytest.mark.parametrize("where", ["cut_request", "cut_answer"])
def test_a_commit_whose_answer_is_lost_is_told_as_what_it_was(
    store: LedgerStore,
    network: TcpProxy,
    undisturbed: tuple[CommitReport, bytes],
    where: str,
) -> None:
    """The request: the server has not committed. The answer: it has, and nobody knows."""
    setattr(network, where, says_commit)
    report = store.commit(parties())
    assert network.cuts == 1
    assert (report, dump(store)) == undisturbed
    assert store.retried == (0, 1)


@pytest.mark.parametrize("where", ["cut_request", "cut_answer"])
def test_the_connection_may_break_anywhere_in_a_commit(
    server: RestartedServer,
    network: TcpProxy,
    database: str,
    undisturbed: tuple[CommitReport, bytes],
    where: str,
) -> None:
    places = 0
    while True:
        schema = f"place_{places}"
        url = f"postgresql://postgres@{network.address}/{database}?options=-csearch_path%3D{schema}"
        admin = create_engine(
            make_url(server.url).set(drivername="postgresql+psycopg", database=database)
        )
        with admin.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        admin.dispose()
        with open_store(url, wait_seconds=WAIT_SECONDS) as store:
            cuts_before = network.cuts
            setattr(network, where, nth(places + 1))
            report = store.commit(parties())
            setattr(network, where, None)
            assert (report, dump(store)) == undisturbed
            if network.cuts == cuts_before:
                break
            places += 1
    assert places > 15


@pytest.mark.parametrize("where", ["cut_request", "cut_answer"])
def test_letters_whose_commit_is_lost_are_new_ones(
    store: LedgerStore, network: TcpProxy, where: str
) -> None:
    setattr(network, where, says_commit)
    report = store.commit_dead_letters([letter("one"), letter("two")])
    assert network.cuts == 1
    assert report.messages == {"dead_lettered": 2}
    assert len(list(store.open_dead_letters())) == 2


def test_a_repeated_fold_whose_commit_is_lost_tells_what_it_changed(
    store: LedgerStore, network: TcpProxy
) -> None:
    """It brings no message, so it is never out of date."""
    store.commit([folded([message("e1", "c:1")], [entry("1:a", by="e1")])])
    again = folded(
        [],
        [entry("1:a", 700, by="e1")],
        party_id="c:1",
        seen={"c:1": 1},
        outcomes={"stripe:e1": Outcome.POSTED},
    )
    network.cut_answer = says_commit
    report = store.commit([again])
    assert network.cuts == 1
    assert (report.new_entries, report.reversals) == (1, 1)
    assert len(list(store.postings())) == 3


def test_what_another_has_posted_since_is_folded_again(
    store: LedgerStore, network: TcpProxy, server: RestartedServer, database: str
) -> None:
    """The commit was lost before the server saw it, and somebody else was faster."""
    direct = server.url_of(database)

    def other_commits(data: bytes) -> bool:
        if not says_commit(data):
            return False
        network.turn(Network.REFUSED)
        with open_store(direct) as other:
            other.commit([folded([message("e0", "c:0"), message("e9", "c:0")])])
        network.turn(Network.OPEN)
        return True

    network.cut_request = other_commits
    # The letter came in no message: it must not count as kept because the messages are.
    with pytest.raises(StaleHistory):
        store.commit([folded([message("e0", "c:0")], dead=[letter("only here")])])
    assert list(store.open_dead_letters()) == []


def test_a_server_that_crashes_under_writers_loses_and_doubles_nothing(
    store: LedgerStore, server: RestartedServer, tmp_path: Path
) -> None:
    many = [
        folded([message(f"m{n}", f"p:{n}")], [entry(f"{n}:{k}", by=f"m{n}") for k in "ab"])
        for n in range(200)
    ]

    def commit(part: int) -> None:
        for party in many[part::4]:
            store.commit([party])

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(commit, part) for part in range(4)]
        for _ in range(2):
            before = posted(store)
            wait_until(lambda before=before: posted(store) > before)
            server.crash()
            server.start()
        for each in writing:
            each.result(WAIT_SECONDS)
    assert store.retried.outages > 0
    with open_store(f"sqlite:///{tmp_path}/calm.db") as calm:
        calm.commit(many)
        assert standing(store) == standing(calm)
    assert [d.position for d in store.deliveries(limit=1000)] == list(range(1, 401))


def test_a_store_is_waited_for_and_the_log_says_so(store: LedgerStore, network: TcpProxy) -> None:
    network.turn(Network.REFUSED)
    with capture_logs() as logs, ThreadPoolExecutor(1) as pool:
        commit = pool.submit(store.commit, parties())
        wait_until(lambda: store.retried.outages > 2)
        assert not commit.done()
        network.turn(Network.OPEN)
        assert commit.result(WAIT_SECONDS).new_entries == 4
    assert {log["event"] for log in logs} == {"store_away", "store_back"}
    assert "stripe" not in str(logs)


def test_reads_of_a_job_wait_too(store: LedgerStore, network: TcpProxy) -> None:
    store.commit(parties())
    network.turn(Network.REFUSED)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(store.history, "acme", ["c:0"])
        wait_until(lambda: store.retried.outages > 0)
        network.turn(Network.OPEN)
        assert read.result(WAIT_SECONDS).revisions == {"c:0": 1}


def test_a_store_that_does_not_come_back_is_given_up(url: str, network: TcpProxy) -> None:
    with open_store(url, wait_seconds=0.5) as store:
        network.turn(Network.REFUSED)
        with capture_logs() as logs, pytest.raises(StoreAway, match=r"away for 0\.5 seconds"):
            store.commit(parties())
    assert logs[-1]["event"] == "store_given_up"


def test_who_asks_a_question_is_told_at_once(url: str, network: TcpProxy) -> None:
    with open_store(url) as store:
        network.turn(Network.REFUSED)
        with pytest.raises(DBAPIError):
            store.runs()
        assert store.retried == (0, 0)
    with pytest.raises(StoreError, match="cannot open"):
        open_store(url)


def test_a_server_that_says_nothing_is_noticed(
    store: LedgerStore, network: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a proxy whose server is gone, or one that stands still: no packet is ever refused."""
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 1.0)
    network.turn(Network.SILENT)
    with ThreadPoolExecutor(1) as pool:
        commit = pool.submit(store.commit, parties())
        wait_until(lambda: store.retried.outages > 0)
        monkeypatch.setattr(connections, "ANSWER_SECONDS", WAIT_SECONDS)
        network.turn(Network.OPEN)
        assert commit.result(WAIT_SECONDS).new_entries == 4


def test_connections_notice_a_dead_network_and_do_not_keep_locks(store: LedgerStore) -> None:
    with store._session.reading() as connection:
        driver = connection.connection.driver_connection
        settings = driver.info.get_parameters()
        shown = {
            name: connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("statement_timeout", "idle_in_transaction_session_timeout")
        }
    assert settings["connect_timeout"] == "10"
    assert settings["tcp_user_timeout"] == "20000"
    assert (settings["keepalives_idle"], settings["keepalives_count"]) == ("10", "3")
    assert set(shown.values()) == {"2min"}


def test_the_url_has_the_last_word(url: str) -> None:
    with (
        open_store(f"{url}?connect_timeout=33", wait_seconds=1) as store,
        store._session.reading() as connection,
    ):
        driver = connection.connection.driver_connection
        assert driver.info.get_parameters()["connect_timeout"] == "33"


def test_errors_do_not_tell_customers_data(store: LedgerStore) -> None:
    with pytest.raises(DBAPIError) as raised, store._session.writing() as connection:
        connection.execute(text("SELECT :name / 0"), {"name": 4711})
    assert "4711" not in str(raised.value)


def test_a_file_that_another_program_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "BUSY_SECONDS", 0.05)
    path = tmp_path / "books.db"
    with (
        open_store(f"sqlite:///{path}", wait_seconds=WAIT_SECONDS) as store,
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("BEGIN EXCLUSIVE")
        commit: Future[CommitReport] = pool.submit(store.commit, parties())
        wait_until(lambda: store.retried.outages > 1)
        other.execute("ROLLBACK")
        assert commit.result(WAIT_SECONDS).new_entries == 4


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < until, "nothing happens"
        time.sleep(0.02)


def posted(store: LedgerStore) -> int:
    return store._session.read(
        lambda connection: int(
            connection.execute(text("SELECT count(*) FROM journal_entries")).scalar_one()
        )
    )


def standing(store: LedgerStore) -> bytes:
    return b"".join(store.standing_dump())
