"""`crossfoot periods`: which periods there are, in which state, and who decided what."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from connectors.store.closing.decisions import Which, standing_proposals
from ledger.instants import iso_day
from ledger.periods import Calendar, UnknownPeriod
from pipelines.close_report import ReportDecision, shown_decisions
from runners import arguments
from runners.commands import close_questions as shared
from runners.display import print_json, print_lines, print_table
from runners.problems import Problem
from runners.stores import opened_store

app = typer.Typer(no_args_is_help=True, help="Show accounting periods, their states and decisions.")


class PeriodLine(msgspec.Struct, frozen=True, kw_only=True):
    """One period of a legal entity."""

    tenant: str
    entity: str
    period: str
    fiscal_period: str
    starts: str
    ends: str
    """Last day."""
    state: str


class PeriodShown(msgspec.Struct, frozen=True, kw_only=True):
    """A period with everything decided about it; the JSON output."""

    period: PeriodLine
    proposals: tuple[str, ...]
    """Ids of those that wait for a second person."""
    decisions: tuple[ReportDecision, ...]


@app.command("list")
def list_periods(
    store: arguments.Store,
    entity: Annotated[str | None, typer.Option(metavar="CODE", help="Only this entity.")] = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """List the periods in which something is booked or that are not open, with their states.

    Example:

      crossfoot periods list --store sqlite:///books.db
    """
    with opened_store(store) as opened:
        states = {(w.tenant, w.entity, w.period): s for w, s in opened.close_desk.states(tenant)}
        for which in opened.booked_periods(tenant):
            states.setdefault(which, "open")
        calendars = {key: opened.calendar(*key) for key in {(t, e) for t, e, _ in states}}
        lines = [
            _line(Which(tenant=t, entity=e, period=p), state, calendars[t, e])
            for (t, e, p), state in sorted(states.items())
            if entity in (None, e)
        ]
    if as_json:
        print_json(lines)
        return
    print_table(
        "periods",
        ["entity", "period", "fiscal", "first day", "last day", "state"],
        [[x.entity, x.period, x.fiscal_period, x.starts, x.ends, x.state] for x in lines],
        empty="nothing is booked",
    )


@app.command("show")
def show_period(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    """Show the state of a period and who proposed, approved, signed off or withdrew what.

    Example:

      crossfoot periods show --store sqlite:///books.db --entity MAIN --period 2026-01
    """
    which = Which(tenant=tenant, entity=entity, period=period)
    with opened_store(store) as opened, shared.close_problems():
        calendar = opened.calendar(tenant, entity)
        line = _line(which, opened.close_desk.state(which), calendar)
        taken = opened.close_desk.decisions(tenant, entity, period)
    shown = PeriodShown(
        period=line,
        proposals=tuple(one.decision_id for one in standing_proposals(taken)),
        decisions=shown_decisions(taken, period),
    )
    if as_json:
        print_json(shown)
        return
    print_lines(
        f"{entity} {period} ({line.fiscal_period}), {line.starts} to {line.ends}: {line.state}",
        *(f"waits for a second person: {proposal}" for proposal in shown.proposals),
        "",
    )
    print_table(
        "decisions",
        ["at", "id", "action", "by", "reason", "item"],
        [
            [x.at, x.decision_id, x.action, x.person, x.reason, x.item or ""]
            for x in shown.decisions
        ],
    )


def _line(which: Which, state: str, calendar: Calendar) -> PeriodLine:
    try:
        index = calendar.index_named(which.period)
    except UnknownPeriod as error:
        raise Problem(f"--period: {error}", "`crossfoot periods list` shows periods") from error
    return PeriodLine(
        tenant=which.tenant,
        entity=which.entity,
        period=which.period,
        fiscal_period=calendar.fiscal_name(which.period),
        starts=iso_day(calendar.start_micros(index)),
        ends=iso_day(calendar.end_micros(index) - 1),
        state=str(state),
    )
