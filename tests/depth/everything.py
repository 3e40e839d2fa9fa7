"""A generated company with everything in it, and the command line on it."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import yaml
from typer.testing import CliRunner, Result

import ledger
from generator.company import write_company
from generator.plan import CompanyPlan, Habits, no_faults
from runners.crossfoot import app

PLAN = CompanyPlan(
    seed=29,
    contracts=12,
    months=5,
    faults=no_faults(),
    habits=Habits(foreign=0.4, refund=0.1, dispute=0.1, credit_note=0.1, failed_payment=0.1),
    depth_rounds=2,
)
AS_OF = "2026-06-30"
"""A month after the last event."""


class Company:
    """The files of the company and the commands that a controller gives."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.books = directory / "company.yaml"
        self.rates = directory / "rates.csv"
        self.policy = directory / "pack.yaml"
        write_company(directory, PLAN)
        pack = yaml.safe_load(
            (Path(ledger.__file__).parent / "packs/stripe-contra.yaml").read_text()
        )
        pack |= {"name": "revalued", "revaluation": "period_end"}
        self.policy.write_text(yaml.safe_dump(pack))

    def lines(self, through: str = "9999") -> list[bytes]:
        """Every line delivered up to a month, in order of delivery."""
        found: list[bytes] = []
        for path in sorted(self.directory.glob("*.jsonl*"), key=lambda path: path.name[-13:]):
            if path.name.split(".")[0][-7:] <= through:
                content = path.read_bytes()
                text = gzip.decompress(content) if path.suffix == ".gz" else content
                found += [line for line in text.splitlines() if line.strip()]
        return found

    def words(self, store: Path) -> list[str]:
        """Options that name the company's books."""
        return [
            "--store", f"sqlite:///{store}", "--policy", str(self.policy),
            "--books", str(self.books), "--rates", str(self.rates),
        ]  # fmt: skip

    def run_words(self, store: Path, *inputs: Path | str, as_of: str = AS_OF) -> list[str]:
        """The run over files; all of them when none is named."""
        named = inputs or (f"{self.directory}/*.jsonl*",)
        files = [word for name in named for word in ("--input", str(name))]
        return ["run", "order-to-cash", *files, *self.words(store), "--as-of", as_of, "--json"]

    def run(self, store: Path, *inputs: Path | str, as_of: str = AS_OF) -> Result:
        """Run to the end."""
        return done(*self.run_words(store, *inputs, as_of=as_of))


def done(*words: object, code: int = 0) -> Result:
    """`crossfoot WORDS…` in this process, which must end with that exit code."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.stdout[-3000:] + result.stderr[-3000:]
    return result


def shuffled(lines: list[bytes], seed: int) -> list[bytes]:
    """Every line twice, in any order."""
    twice = lines * 2
    random.Random(seed).shuffle(twice)
    return twice
