"""`crossfoot exceptions`: what could not be taken or waits too long, and taking it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from connectors.store import LedgerStore
from runners import arguments
from runners.commands.exceptions_report import (
    ExceptionItem,
    exception_queue,
    print_at_risk,
    print_exceptions,
)
from runners.commands.resubmitting import print_resubmitted, resubmit_exceptions
from runners.commands.trace import print_trace
from runners.commands.trace_report import TraceReport, trace_report
from runners.display import print_json, print_lines
from runners.exit_codes import ExitCode
from runners.problems import Findings, Problem
from runners.stores import opened_store

app = typer.Typer(
    no_args_is_help=True, help="Show the exception queue, and take events again once mended."
)


class ShownException(msgspec.Struct, frozen=True, kw_only=True):
    """One exception and everything it is connected with; the JSON output."""

    exception: ExceptionItem
    trace: TraceReport


@app.command("list")
def list_exceptions(
    store: arguments.Store,
    reason: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only this reason, e.g. missing_rate.")
    ] = None,
    entity: Annotated[str | None, typer.Option(metavar="CODE", help="Only this entity.")] = None,
    period: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="Only this period at risk (2026-03).")
    ] = None,
    as_of: arguments.AsOf = None,
    tenant: arguments.AnyTenant = None,
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    """List dead letters, pendings past their deadline and ambiguous customers.

    Each with its money, entity, period at risk, reason and how to mend it.
    Never a value of an event. With --strict a queue that is not empty gives
    exit code 3.

    Example:

      crossfoot exceptions list --store sqlite:///books.db --reason missing_rate
    """
    with opened_store(store) as books:
        rows = [
            row
            for row in books.exceptions(_micros(as_of), tenant)
            if reason in (None, row.reason)
            and entity in (None, row.entity)
            and period in (None, row.period)
        ]
    queue = exception_queue(rows)
    if as_json:
        print_json(queue)
    else:
        print_exceptions(queue.exceptions)
        print_at_risk(queue.at_risk)
    if strict and rows:
        raise Findings


@app.command("show")
def show_exception(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="Id as `exceptions list` prints it.")],
    store: arguments.Store,
    as_of: arguments.AsOf = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Show one exception with the bytes of its event and what else hangs on it.

    Example:

      crossfoot exceptions show dl_0d1f2c3b --store sqlite:///books.db
    """
    with opened_store(store) as books:
        item = _find(books, wanted, _micros(as_of), tenant)
        shown = ShownException(
            exception=item, trace=trace_report(books.trace(item.exception_id, item.tenant))
        )
    if as_json:
        print_json(shown)
        return
    print_exceptions([item])
    print_lines(f"to mend: {item.mend}", "")
    print_trace(shown.trace, show_bytes=True)


@app.command("resubmit")
def resubmit(
    store: arguments.Store,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Ids as `exceptions list` prints them."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole queue.")] = False,
    policy: Annotated[
        str | None,
        typer.Option(metavar="PACK", help="Policy pack. Default: that of the last run."),
    ] = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    as_of: arguments.AsOf = None,
    tenant: arguments.Tenant = "default",
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Decode and fold exceptions again, after an upgrade, a rate or a decision.

    Give the same policy, books and as-of date as the runs that keep these
    books. What is accepted is posted and leaves the queue; what is still
    refused stays in it. With --strict the latter gives exit code 3.

    Example:

      crossfoot exceptions resubmit --all --store sqlite:///books.db --books company.yaml
    """
    if everything == bool(wanted):
        raise Problem("name exceptions, or give --all", "`crossfoot exceptions list` prints ids")
    done = resubmit_exceptions(
        url=store,
        wanted=None if everything else wanted,
        policy=policy,
        books=books,
        rates=rates,
        as_of=arguments.as_of_instant(as_of, datetime.now(UTC)),
        tenant=tenant,
    )
    if as_json:
        print_json(done)
    else:
        print_resubmitted(done)
    if strict and done.refused:
        raise Findings


def _micros(as_of: str | None) -> int:
    return arguments.micros(arguments.as_of_instant(as_of, datetime.now(UTC)))


def _find(books: LedgerStore, wanted: str, as_of_micros: int, tenant: str | None) -> ExceptionItem:
    rows = [r for r in books.exceptions(as_of_micros, tenant) if r.exception_id == wanted]
    items: Sequence[ExceptionItem] = exception_queue(rows).exceptions
    if not items:
        raise Problem(
            f"no exception is called {wanted!r}",
            "`crossfoot exceptions list` prints the ids; what was accepted since is in "
            "`crossfoot trace`",
            ExitCode.DATA,
        )
    return items[0]
