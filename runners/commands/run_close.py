"""`crossfoot run close-period`: recognise what is due, check the gate, report, propose."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.store.closing.decisions import Which
from runners import arguments
from runners.commands import close_questions as shared
from runners.commands.close_display import print_gate
from runners.display import print_json, print_lines
from runners.exit_codes import ExitCode
from runners.job_problems import original_errors
from runners.lineage import counted, lineage_beside, lineage_of
from runners.lineage_facts import facts_of_close
from runners.problems import Findings, Problem
from runners.progress import working
from runners.stores import opened_store, store_problems

if TYPE_CHECKING:
    from pipelines.close_period import CloseOutcome, CloseSettings


def close_period(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Propose the close, as this person, when it can be."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept for good.")] = "",
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the report there, in both forms.")
    ] = None,
    source_complete: shared.Complete = [],  # noqa: B006
    manifest: shared.Manifests = [],  # noqa: B006
    erp: shared.Erp = None,
    policy: shared.MaybePolicy = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    tenant: arguments.Tenant = "default",
    lineage: arguments.Lineage = None,
    as_json: arguments.AsJson = False,
) -> None:
    r"""Recognise and revalue up to a period's end, check the gate, write the report, propose.

    Everybody in the store is folded as of the period's end. With --by the close is proposed when
    the gate is open; a second person approves it. A shut gate gives exit code 3.

    Example:

      crossfoot run close-period --store sqlite:///books.db --entity MAIN --period 2026-01 \
          --books company.yaml --output reports --by anna --reason "January is complete"
    """
    from pipelines.close_period import CloseSettings

    told = lineage_of(lineage)
    which = Which(tenant=tenant, entity=entity, period=period)
    with opened_store(store) as opened, shared.close_problems():
        question = shared.question_of(
            opened,
            which,
            policy=policy,
            books=books,
            rates=rates,
            complete=source_complete,
            manifests=manifest,
            erp=erp,
        )
        opened.keep_calendars(tenant, question.books)
        calendar = opened.calendar(tenant, entity)
        ends = calendar.end_micros(calendar.index_named(period))
        _refuse_decided(opened.close_desk.state(which), which)
    settings = CloseSettings(
        store=store,
        question=question,
        ends_micros=ends,
        output=str(output) if output else None,
        who=shared.who(by, reason) if by is not None else None,
    )
    with lineage_beside(told, partial(facts_of_close, settings)) as run:
        outcome = _run(settings)
        if run is not None:
            run.counted(
                counted({"new_entries": outcome.new_entries, "reversals": outcome.reversals})
            )
    if as_json:
        print_json(outcome)
    else:
        _print(outcome)
    if not outcome.is_open:
        raise Findings


def _refuse_decided(state: str, which: Which) -> None:
    if state == "closed":
        raise Problem(
            f"{which.period} of {which.entity} is closed",
            "`crossfoot close report` prints its report; `crossfoot close reopen` opens it again",
            ExitCode.DATA,
        )


def _run(settings: CloseSettings) -> CloseOutcome:
    from runners.fn_api import run_close_period

    problems = (store_problems(settings.store), shared.close_problems())
    with working("close_period"), problems[0], problems[1], original_errors():
        return run_close_period(settings)


def _print(outcome: CloseOutcome) -> None:
    print_lines(
        f"close_period, {outcome.which.entity} {outcome.which.period}",
        f"{outcome.new_entries} entries and {outcome.reversals} reversals posted",
        "",
    )
    print_gate(outcome.gate)
    if outcome.proposal is not None:
        shared.print_decision(outcome.proposal)
        print_lines(
            f"a second person approves it: crossfoot close approve {outcome.proposal.decision_id}"
        )
