"""Fresh Tryton databases, each behind a server of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.erp.tryton_server import TrytonServer, execute, tryton_template

NewTryton = Callable[[dict[str, Any]], TrytonServer]


@pytest.fixture(scope="session")
def new_tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewTryton]:
    """Make a Tryton with the companies of a spec (see provision.py), started."""
    folder = tmp_path_factory.mktemp("tryton")
    made: list[TrytonServer] = []
    with tryton_template(folder) as template:
        if isinstance(template, str):
            pytest.skip(template)
        url, environment = template

        def make(spec: dict[str, Any]) -> TrytonServer:
            server = TrytonServer(environment, f"erp_{len(made)}", folder)
            made.append(server)
            execute(url, f"CREATE DATABASE {server.database} TEMPLATE template_erp")
            server.provision(spec)
            server.start()
            return server

        try:
            yield make
        finally:
            for server in made:
                server.stop()
