"""What the tests of the registry share."""

from __future__ import annotations

import pytest

from schemas.registry import Registry, load_registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()
