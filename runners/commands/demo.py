"""`crossfoot demo`: an example company, the main job on it, and every report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from generator.company import Written
from runners import arguments
from runners.commands.generate import company_plan, generate_into
from runners.commands.run import RunOutcome, print_run, run_order_to_cash
from runners.commands.standing import Standing, print_standing, standing_report
from runners.display import print_json, print_lines
from runners.stores import opened_store

SEED = 2026
MONTHS = 6
AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
"""The end of the six months that are generated from January 2026."""


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo did; field names are the JSON output."""

    company: Written
    store: str
    run: RunOutcome
    standing: Standing


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the company and its books.")
    ] = Path("demo"),
    contracts: Annotated[int, typer.Option(help="How many contracts the company has.")] = 300,
    as_json: arguments.AsJson = False,
) -> None:
    """Generate an example company, run order_to_cash on it, and show every report.

    Running it again posts nothing new and says so.

    Example:

      crossfoot demo --out demo
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = company_plan(seed=SEED, contracts=contracts, months=MONTHS)
    company = generate_into(out / "events", plan)
    url = f"sqlite:///{out / 'books.db'}"
    run = run_order_to_cash(
        inputs=[str(out / "events" / "*.jsonl*")],
        store=url,
        output=None,
        policy="stripe-contra",
        books=str(out / "events" / "company.yaml"),
        rates=str(out / "events" / "rates.csv"),
        as_of=AS_OF,
        tenant="default",
    )
    with opened_store(url) as store:
        standing = standing_report(store, arguments.micros(AS_OF), "default")
    shown = Demo(company=company, store=url, run=run, standing=standing)
    if as_json:
        print_json(shown)
    else:
        _print_demo(shown)


def _print_demo(shown: Demo) -> None:
    print_lines(
        f"example company: {shown.company.events} events in {len(shown.company.files)} files "
        f"under {shown.company.directory}, {shown.company.faults} things made to go wrong",
        "",
    )
    print_run(shown.run)
    print_standing(shown.standing)
    print_lines(
        "look further:",
        f"  crossfoot exceptions list --as-of 2026-06-30 --store {shown.store}",
        f"  crossfoot trace {_something_to_trace(shown)} --store {shown.store}",
        f"  crossfoot export hledger --store {shown.store}",
    )


def _something_to_trace(shown: Demo) -> str:
    """An invoice that is not posted, else a renewal at risk, else any id."""
    for invoice in shown.standing.invoices_not_posted:
        return invoice.invoice_id
    for renewal in shown.standing.renewals_at_risk:
        return renewal.contract_id
    return "ID"
