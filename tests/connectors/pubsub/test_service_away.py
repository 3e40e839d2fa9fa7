"""The service is away for a while: the source goes on by itself and says what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from google.api_core.exceptions import NotFound
from structlog.testing import capture_logs

from connectors.pubsub import reading
from connectors.pubsub.reading import _PullFn
from tests.servers.downloads import free_port
from tests.servers.pubsub_server import PubSubServer
from tests.servers.tcp_proxy import Network, TcpProxy

WITHIN_SECONDS = 600.0
BODIES = [b"one", b"two", b"three"]


@pytest.fixture
def server() -> Iterator[PubSubServer]:
    """A Pub/Sub server."""
    started = PubSubServer(free_port())
    yield started
    started.close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "AWAY_SECONDS", 0.1)


def reader_of(subscription: str) -> _PullFn:
    """A reader as a worker sets it up."""
    reader = _PullFn(subscription)
    reader.setup()
    return reader


def behind_a_network(
    server: PubSubServer, subscription: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[TcpProxy, _PullFn]:
    """A reader that reaches the server through a network of the test's own."""
    host, _, port = server.address.rpartition(":")
    network = TcpProxy((host.strip("[]") or "127.0.0.1", int(port)))
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", network.address)
    reader = reader_of(subscription)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
    return network, reader


def test_a_network_that_is_down_and_comes_back(
    server: PubSubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, subscription = server.make_topic("network")
    network, reader = behind_a_network(server, subscription, monkeypatch)
    assert reader._pull() == []
    with capture_logs() as logs:
        network.turn(Network.REFUSED)
        server.publish(topic, BODIES)
        assert [reader._pull() for _ in range(3)] == [None] * 3
        network.turn(Network.OPEN)
        assert pulled(reader, len(BODIES)) == set(BODIES)
    assert [log["event"] for log in logs] == ["pubsub_away", "pubsub_back"]
    reader.teardown()
    network.close()


def test_a_server_that_says_nothing_has_nothing(
    server: PubSubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, subscription = server.make_topic("silent")
    network, reader = behind_a_network(server, subscription, monkeypatch)
    network.turn(Network.SILENT)
    server.publish(topic, BODIES)
    assert reader._pull() == []
    network.turn(Network.OPEN)
    assert pulled(reader, len(BODIES)) == set(BODIES)
    reader.teardown()
    network.close()


def test_a_server_that_is_stopped_and_started_again(server: PubSubServer) -> None:
    """The double forgets everything, so its subscription is made and filled once more."""
    _, subscription = server.make_topic("stopped")
    reader = reader_of(subscription)
    assert reader._pull() == []
    server.close()
    assert reader._pull() is None
    again = PubSubServer(int(server.address.rpartition(":")[2]))
    try:
        topic, _ = again.make_topic("stopped")
        again.publish(topic, BODIES)
        assert pulled(reader, len(BODIES)) == set(BODIES)
    finally:
        reader.teardown()
        again.close()


def test_a_subscription_that_was_deleted_is_no_outage(server: PubSubServer) -> None:
    reader = reader_of("projects/test/subscriptions/never-made")
    with pytest.raises(NotFound):
        reader._pull()
    reader.teardown()


def pulled(reader: _PullFn, count: int) -> set[bytes]:
    """Pull until so many different messages have come; one may come twice."""
    found: set[bytes] = set()

    def more() -> bool:
        found.update(each.message.data for each in reader._pull() or [])
        return len(found) >= count

    wait_until(more)
    return found


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_SECONDS
    while not done():
        assert time.monotonic() < until, "nothing comes"
