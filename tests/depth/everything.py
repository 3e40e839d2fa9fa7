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
        write_revaluing_pack(self.policy)

    def lines(self, through: str = "9999") -> list[bytes]:
        """Every line delivered up to a month, in order of delivery."""
        return lines_of(self.directory, through)

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


def write_revaluing_pack(path: Path) -> None:
    """Write the default pack, but that what is open is revalued at the end of every period."""
    filed = Path(ledger.__file__).parent / "packs" / "stripe-contra.yaml"
    pack = yaml.safe_load(filed.read_text()) | {"name": "revalued", "revaluation": "period_end"}
    path.write_text(yaml.safe_dump(pack))


def lines_of(directory: Path, through: str = "9999") -> list[bytes]:
    """Every line in the files of a company up to those of a month, month by month."""
    found: list[bytes] = []
    months = {path: path.name.split(".")[0][-7:] for path in sorted(directory.glob("*.jsonl*"))}
    for path in sorted(months, key=lambda path: months[path]):
        if months[path] <= through:
            content = path.read_bytes()
            text = gzip.decompress(content) if path.suffix == ".gz" else content
            found += [line for line in text.splitlines() if line.strip()]
    return found


def shuffled(lines: list[bytes], seed: int) -> list[bytes]:
    """Every line twice, in any order."""
    twice = lines * 2
    random.Random(seed).shuffle(twice)
    return twice
