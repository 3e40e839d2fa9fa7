"""`crossfoot generate`: a seeded example company as its source systems would deliver it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from generator.company import Manifest, Written, write_company
from generator.plan import CompanyPlan, FaultMix, Habits, no_faults, plain_habits
from runners import arguments
from runners.display import print_json, print_lines
from runners.problems import Problem
from runners.progress import counting_up

FaultChoice = Literal["none", "demo"]
HabitChoice = Literal["varied", "plain", "everything"]
_CONTRACTS_PER_ROUND = 100

Faults = Annotated[
    FaultChoice,
    typer.Option(
        help="none: everything arrives once and in order. demo: redeliveries, disorder, lost and "
        "malformed events, unknown customers; faults.json lists each."
    ),
]


def generate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write; made if need be.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    contracts: Annotated[int, typer.Option(help="How many contracts the company has.")] = 100,
    months: Annotated[int, typer.Option(help="How many months of events.")] = 6,
    start: Annotated[str, typer.Option(metavar="MONTH", help="First month.")] = "2026-01",
    faults: Faults = "demo",
    habits: Annotated[
        HabitChoice,
        typer.Option(
            help="varied: every event type of Stripe and Salesforce. plain: subscriptions and "
            "little else. everything: varied, and customers told in canonical events: usage, "
            "prepaid credit, amendments, currencies, entities, taxes."
        ),
    ] = "varied",
    as_json: arguments.AsJson = False,
) -> None:
    """Write an example company: its events, its books file, its rates, its faults.

    Nothing in it is real. The same seed, size and choices give the same bytes everywhere.

    Example:

      crossfoot generate --seed 7 --contracts 200 --months 6 --out example
    """
    plan = company_plan(
        seed=seed, contracts=contracts, months=months, start=start, faults=faults, habits=habits
    )
    written = generate_into(out, plan)
    if as_json:
        print_json(written)
    else:
        print_lines(
            f"{written.events} events in {len(written.files)} files under {written.directory}, "
            f"{written.faults} faults"
        )


def company_plan(
    *,
    seed: int,
    contracts: int,
    months: int,
    start: str = "2026-01",
    faults: FaultChoice = "demo",
    habits: HabitChoice = "varied",
) -> CompanyPlan:
    """Return the checked plan; raises Problem for a number out of its range."""
    try:
        first = date.fromisoformat(f"{start}-01")
    except ValueError:
        raise Problem(f"--start {start!r} is not a month", "write it as 2026-01") from None
    plan = CompanyPlan(
        seed=seed,
        contracts=contracts,
        months=months,
        start=first,
        faults=FaultMix() if faults == "demo" else no_faults(),
        habits=plain_habits() if habits == "plain" else Habits(),
        depth_rounds=_rounds(contracts) if habits == "everything" else msgspec.UNSET,
    )
    try:
        # Constructors do not check ranges; reading the plan back does.
        return msgspec.json.decode(msgspec.json.encode(plan), type=CompanyPlan)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        raise Problem(f"--{where.strip('`$.')}: {what}", "give a number in that range") from error


def _rounds(contracts: int) -> int:
    """The stories of depth grow with the company."""
    return min(1 + contracts // _CONTRACTS_PER_ROUND, 99)


def generate_into(directory: Path, plan: CompanyPlan) -> Written:
    """Write the company; raises Problem when the folder holds something else."""
    if directory.exists() and not directory.is_dir():
        raise Problem(f"--out {directory} is a file", "name a folder")
    if directory.is_dir() and any(directory.iterdir()) and _plan_of(directory) != plan:
        raise Problem(
            f"--out {directory} holds other files",
            "name an empty or new folder: files of two companies would run together",
        )
    with counting_up("generating contracts", plan.contracts) as progress:
        return write_company(directory, plan, progress)


def _plan_of(directory: Path) -> CompanyPlan | None:
    """The plan of the company in the folder, if there is one."""
    try:
        return msgspec.json.decode((directory / "faults.json").read_bytes(), type=Manifest).plan
    except (FileNotFoundError, msgspec.DecodeError):
        return None
