"""The company of this room and the books of an undisturbed run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.depth.everything import Company


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="session")
def quiet(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store after one undisturbed run."""
    store = tmp_path_factory.mktemp("quiet") / "books.db"
    company.run(store)
    return store
