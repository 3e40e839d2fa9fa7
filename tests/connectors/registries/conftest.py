"""One registry for the tests of this room; each test has subjects of its own there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.apicurio_server import ApicurioServer


@pytest.fixture(scope="session")
def apicurio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApicurioServer]:
    """A registry that runs until the tests are over."""
    server = ApicurioServer(tmp_path_factory.mktemp("apicurio"))
    try:
        server.wait()
        yield server
    finally:
        server.kill()
