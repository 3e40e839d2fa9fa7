"""`make benchmark`: every contender on the same files, outputs compared, costs printed.

    python -m benchmarks.run                          100k and 1M events
    python -m benchmarks.run --events 100000          one size
    python -m benchmarks.run --quick                  a small run that only compares outputs
    python -m benchmarks.run --only pipeline,orjson   some contenders

Files are kept under `--work` and used again; results are added to `results.jsonl` there. The exit
code is 1 when an output differs.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.measure import ROOT, ContenderFailed, Cost, run_module
from benchmarks.outputs import Output, differences
from benchmarks.table import print_store, print_table
from generator.months import add_months, seconds
from generator.plan import CompanyPlan, no_faults, plain_habits

EVENTS_PER_CONTRACT = 20
MONTHS = 6
SEED = 20_260_101
REFERENCE = "pipeline"
CONTENDERS = {
    "pipeline": "benchmarks.the_pipeline",
    "orjson": "benchmarks.by_hand_orjson",
    "msgspec": "benchmarks.by_hand_msgspec",
    "idiomatic": "benchmarks.idiomatic_beam",
    "per-event": "benchmarks.per_event_beam",
    "duckdb": "benchmarks.in_duckdb",
}
STORE = "benchmarks.store_writes"
HUNGRY = frozenset({"idiomatic", "per-event"})
"""They keep every event in the runner's memory, about 13 and 18 KiB each."""
MOST_FOR_HUNGRY = 250_000
"""Events; above, they run only when `--only` names them."""
QUICK_EVENTS = 2_000


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One contender on one company."""

    contender: str
    events: int
    cost: Cost
    machine: str
    python: str
    differences: list[str] = []


def company_of(work: Path, events: int, plan: CompanyPlan) -> tuple[Path, int]:
    """(directory, events) of the company; generated once per size."""
    directory = work / f"company-{plan.contracts}"
    marker = directory / "written.json"
    wanted = msgspec.json.encode(plan)
    if not marker.exists() or not marker.read_bytes().startswith(wanted):
        shutil.rmtree(directory, ignore_errors=True)
        print(f"generating about {events} events over {plan.contracts} contracts", flush=True)
        run_module("benchmarks.company", [str(directory), wanted.decode()], work / "company.log")
        marker.write_bytes(wanted + b"\n" + (work / "company.log").read_bytes().strip())
    return directory, int(marker.read_bytes().rsplit(b"\n", 1)[1])


def bulk_plan(contracts: int) -> CompanyPlan:
    """Subscriptions, invoices and payments, delivered without faults."""
    return CompanyPlan(
        seed=SEED, contracts=contracts, months=MONTHS, faults=no_faults(), habits=plain_habits()
    )


def as_of_seconds(plan: CompanyPlan) -> int:
    """The end of the company's last month."""
    return add_months(seconds(plan.start), plan.months)


def run_contender(name: str, directory: Path, work: Path, as_of: int) -> tuple[Cost, Path]:
    """Run one contender into an empty folder."""
    target = work / f"output-{name}"
    shutil.rmtree(target, ignore_errors=True)
    module = STORE if name == "store" else CONTENDERS[name]
    log = work / f"{name}.log"
    cost = run_module(module, [str(directory), str(target), str(as_of)], log)
    return cost, target


def run_size(events: int, contracts: int, names: Sequence[str], work: Path) -> list[Result]:
    """Run the contenders one after the other and compare each with the first."""
    plan = bulk_plan(contracts)
    directory, found = company_of(work, events, plan)
    as_of = as_of_seconds(plan)
    reference: Output | None = None
    results: list[Result] = []
    for name in names:
        print(f"running {name} on {found} events", flush=True)
        cost, target = run_contender(name, directory, work, as_of)
        output = _read(target, work)
        shutil.rmtree(target)
        reference = reference or output
        results.append(
            Result(
                contender=name,
                events=found,
                cost=cost,
                machine=f"{platform.machine()} {platform.system()}",
                python=platform.python_version(),
                differences=differences(reference, output),
            )
        )
    return results


def _read(target: Path, work: Path) -> Output:
    """Read an output in a process of its own: Linux counts the memory of this one to its children.

    The peak of a process starts from that of the one it was forked from (`ru_maxrss`), so this one
    stays small.
    """
    log = work / "comparison.json"
    run_module("benchmarks.outputs", [str(target)], log)
    return msgspec.json.decode(log.read_bytes(), type=Output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 when outputs differ or a contender fails."""
    options = _parser().parse_args(arguments)
    work = Path(options.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    sizes = [QUICK_EVENTS] if options.quick else [int(size) for size in options.events.split(",")]
    asked = options.only.split(",") if options.only else list(CONTENDERS)
    unknown = sorted(set(asked) - set(CONTENDERS))
    if unknown:
        print(f"--only: no contender {', '.join(unknown)}", file=sys.stderr)
        return 2
    differing = False
    for events in sizes:
        contracts = options.contracts or max(1, events // EVENTS_PER_CONTRACT)
        names = [name for name in CONTENDERS if name in asked]
        if events > MOST_FOR_HUNGRY and not options.only:
            names = [name for name in names if name not in HUNGRY]
            print(f"without {', '.join(sorted(HUNGRY))}: they would need too much memory")
        try:
            results = run_size(events, contracts, names, work)
        except ContenderFailed as failed:
            print(failed, file=sys.stderr)
            return 1
        _keep(work, results)
        print_table(results)
        differing = differing or any(result.differences for result in results)
        if not options.quick and options.store:
            _run_store(work, events, contracts)
    return 1 if differing else 0


def _run_store(work: Path, events: int, contracts: int) -> None:
    plan = bulk_plan(contracts)
    directory, _ = company_of(work, events, plan)
    _, target = run_contender("store", directory, work, as_of_seconds(plan))
    print_store(msgspec.json.decode((target / "store.json").read_bytes()))
    shutil.rmtree(target)


def _keep(work: Path, results: Sequence[Result]) -> None:
    with (work / "results.jsonl").open("ab") as lines:
        lines.writelines([msgspec.json.encode(result) + b"\n" for result in results])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.split("\n")[0])
    parser.add_argument("--events", default="100000,1000000", help="sizes, comma separated")
    parser.add_argument("--contracts", type=int, help="default: one per 20 events")
    parser.add_argument("--only", default="", help=f"of {', '.join(CONTENDERS)}; default: all")
    parser.add_argument("--work", default=str(ROOT / ".work" / "benchmarks"), help="folder to use")
    parser.add_argument("--quick", action="store_true", help="small, compares outputs only")
    parser.add_argument("--no-store", dest="store", action="store_false", help="no store writes")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
