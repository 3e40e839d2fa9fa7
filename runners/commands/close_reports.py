"""`crossfoot close report` and `crossfoot close why`: the figures, and what each adds up from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer

from connectors.store.closing.decisions import Which
from ledger.closing.figures import Where
from runners import arguments
from runners.commands import close_questions as shared
from runners.commands.close_display import Why, print_why, why_of
from runners.display import print_json
from runners.problems import Problem
from runners.stores import opened_store


def report(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there instead of to stdout.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="As the books stand, also when the period is closed.")
    ] = False,
    policy: shared.MaybePolicy = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    """Print the close report of a period: as approved when it is closed, else as it stands.

    Markdown, or JSON with --json.

    Example:

      crossfoot close report --store sqlite:///books.db --entity MAIN --period 2026-01
    """
    from pipelines.close_markdown import markdown
    from pipelines.close_report import read_report, report_bytes
    from pipelines.closing import look

    which = Which(tenant=tenant, entity=entity, period=period)
    with opened_store(store) as opened, shared.close_problems():
        kept = (
            None
            if now or opened.close_desk.state(which) != "closed"
            else (opened.close_desk.report(which))
        )
        if kept is None:
            question = shared.question_of(opened, which, policy=policy, books=books, rates=rates)
            kept = report_bytes(look(opened, question).report())
    text = kept.decode() if as_json else markdown(read_report(kept))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


def why(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="deferred/2026-01/MAIN/USD/recognised")
    ],
    store: arguments.Store,
    entity: Annotated[
        str | None, typer.Option(metavar="CODE", help="Where the address leaves it out.")
    ] = None,
    period: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="Where the address leaves it out.")
    ] = None,
    policy: shared.MaybePolicy = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    """List the postings and events that a figure of the close report adds up from.

    The address is that of the report's JSON: table, period, entity, then the words of its row and
    column. With --period and --entity it may be short: deferred/USD/recognised. `crossfoot trace`
    leads on from every posting and event.

    Example:

      crossfoot close why deferred/2026-01/MAIN/USD/recognised --store sqlite:///books.db
    """
    from pipelines.closing import look

    full, which = _whole_address(address, tenant, entity, period)
    with opened_store(store) as opened, shared.close_problems():
        question = shared.question_of(opened, which, policy=policy, books=books, rates=rates)
        found: Why = why_of(look(opened, question), full, opened.close_desk.report(which))
    if as_json:
        print_json(found)
    else:
        print_why(found)


def _whole_address(
    address: str, tenant: str, entity: str | None, period: str | None
) -> tuple[str, Which]:
    table, *rest = address.split("/")
    if entity is not None and period is not None:
        which = Which(tenant=tenant, entity=entity, period=period)
        if list(map(unquote, rest[:2])) != [period, entity]:
            return Where(period, entity).address(table, *map(unquote, rest)), which
        return address, which
    if len(rest) < 3:
        raise Problem(
            f"{address!r} is no address of a figure",
            "write deferred/2026-01/MAIN/USD/recognised, or give --period and --entity",
        )
    return address, Which(tenant=tenant, entity=unquote(rest[1]), period=unquote(rest[0]))
