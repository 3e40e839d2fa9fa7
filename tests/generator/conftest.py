"""Generated companies for the tests of this room, read back from their files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from generator.company import Manifest, write_company
from generator.plan import CompanyPlan, Habits, no_faults

BUSY = Habits(
    self_serve=0.1, annual=0.15, old_2017=0.25, old_2020=0.25, taxed=0.8, discounted=0.4,
    metered=0.3, foreign=0.2, trial=0.1, by_transfer=0.15, fee_by_reference=0.0, setup_fee=0.3,
    upgrade=0.2, failed_payment=0.15, credit_note=0.15, refund=0.1, dispute=0.1, cancel=0.04,
    converted=0.0,
)  # fmt: skip
"""Everything happens often, so that a small company shows all of it."""


@dataclass(frozen=True)
class Delivered:
    """A written company."""

    directory: Path
    manifest: Manifest

    def lines(self, source: str = "") -> Iterator[tuple[str, bytes]]:
        """(file name, line) of every line of a source, in order of delivery."""
        for path in sorted(self.directory.glob(f"{source}*.jsonl*")):
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
            for line in content.splitlines():
                yield path.name, line

    def events(self, source: str) -> list[dict[str, Any]]:
        """Every event of a source."""
        return [json.loads(line) for _, line in self.lines(source)]


def write(directory: Path, plan: CompanyPlan) -> Delivered:
    """Write a company and read its manifest."""
    write_company(directory, plan)
    content = (directory / "faults.json").read_bytes()
    return Delivered(directory, msgspec.json.decode(content, type=Manifest))


@pytest.fixture(scope="session")
def busy_company(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """A company without faults in which everything happens."""
    plan = CompanyPlan(seed=11, contracts=250, months=8, faults=no_faults(), habits=BUSY)
    return write(tmp_path_factory.mktemp("busy"), plan)


@pytest.fixture(scope="session")
def faulty_company(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """A company with the usual faults."""
    return write(tmp_path_factory.mktemp("faulty"), CompanyPlan(seed=3, contracts=120, months=5))
