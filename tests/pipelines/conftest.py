"""A generated company in files, and runs of the real job on it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from generator.company import write_company
from generator.plan import CompanyPlan, FaultMix
from pipelines.options import check_options
from pipelines.report import RunReport
from runners.fn_api import run_order_to_cash
from tests.pipelines.runs import AS_OF, Run

PLAN = CompanyPlan(
    seed=11,
    contracts=40,
    months=4,
    faults=FaultMix(duplicates=0.05, disorder=0.2, late=0.05, malformed=0.05),
)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small company with every fault, as its source systems delivered it."""
    directory = tmp_path_factory.mktemp("company")
    write_company(directory, PLAN)
    return directory


@pytest.fixture(scope="session")
def lines(company: Path) -> list[bytes]:
    """Every delivered line of the company, in order of delivery."""
    found: list[bytes] = []
    for path in sorted(company.glob("*.jsonl*")):
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        found.extend(line for line in text.split(b"\n") if line.strip())
    return found


@pytest.fixture(scope="session")
def run_job(company: Path) -> Run:
    """Run the bounded job: `run_job(store, *patterns, **options)`."""

    def run(store: Path | None, *patterns: str, **options: object) -> RunReport:
        values: dict[str, object] = {
            "input": patterns or (f"{company}/*.jsonl*",),
            "store": f"sqlite:///{store}" if store else None,
            "books": company / "company.yaml",
            "rates": company / "rates.csv",
            "as_of": AS_OF,
            "shards": 3,
        }
        return run_order_to_cash(check_options(**{**values, **options}))

    return run


@pytest.fixture(scope="session")
def undisturbed(run_job: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunReport]:
    """The store after one run over everything, and what the run said."""
    store = tmp_path_factory.mktemp("undisturbed") / "books.db"
    return store, run_job(store)
