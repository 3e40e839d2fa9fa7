"""One broker for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.kafka_server import KafkaServer


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker that runs until the tests are over."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.kill()
