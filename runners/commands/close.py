"""`crossfoot close`: check the gate, propose, approve, sign off, report, explain, reopen."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from connectors.store.closing.decisions import Action, Decision, Which
from runners import arguments
from runners.commands import close_questions as shared
from runners.commands.close_display import print_gate
from runners.commands.close_reports import report, why
from runners.display import print_json, print_lines
from runners.exit_codes import ExitCode
from runners.problems import Findings, Problem
from runners.stores import opened_store

app = typer.Typer(
    no_args_is_help=True,
    help="Close periods: check, propose, approve, sign off, report, explain, reopen.",
)

app.command("report")(report)
app.command("why")(why)

Proposal = Annotated[str, typer.Argument(metavar="PROPOSAL", help="Id of the proposal: dec_….")]


@app.command("check")
def check(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    source_complete: shared.Complete = [],  # noqa: B006
    manifest: shared.Manifests = [],  # noqa: B006
    erp: shared.Erp = None,
    policy: shared.MaybePolicy = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    """Judge whether a period can be closed, and say what stands in the way.

    Changes nothing. A shut gate gives exit code 3.

    Example:

      crossfoot close check --store sqlite:///books.db --entity MAIN --period 2026-01
    """
    from ledger.closing.gate import is_open
    from pipelines.closing import look

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
        conditions = look(opened, question).gate()
    if as_json:
        print_json(conditions)
    else:
        print_gate(conditions)
    if not is_open(conditions):
        raise Findings


@app.command("propose")
def propose(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    by: shared.By,
    reason: shared.Reason,
    source_complete: shared.Complete = [],  # noqa: B006
    manifest: shared.Manifests = [],  # noqa: B006
    erp: shared.Erp = None,
    policy: shared.MaybePolicy = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    r"""Propose the close of a period whose gate is open; it is soft closed from now on.

    What is stated (sources, manifests, the ERP) is stated again by who approves. Run
    `crossfoot run close-period` first: it recognises what is due.

    Example:

      crossfoot close propose --store sqlite:///books.db --entity MAIN --period 2026-01 \
          --by anna --reason "January is complete"
    """
    from pipelines.closing import propose as propose_close

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
        taken = propose_close(opened, question, shared.who(by, reason))
    _tell([taken], as_json=as_json)


@app.command("approve")
def approve(
    proposal: Proposal,
    store: arguments.Store,
    by: shared.By,
    reason: shared.Reason = "approved",
    source_complete: shared.Complete = [],  # noqa: B006
    manifest: shared.Manifests = [],  # noqa: B006
    erp: shared.Erp = None,
    policy: shared.MaybePolicy = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Approve what somebody else proposed: a close, a reopening, an adjustment.

    Of a close, the gate is judged again and the period, its balances and its report are written
    in one transaction. Nobody approves what they proposed.

    Example:

      crossfoot close approve dec_0d1f2c3b --store sqlite:///books.db --by ben
    """
    from pipelines.closing import approve as approve_close

    decider = shared.who(by, reason)
    with opened_store(store) as opened, shared.close_problems():
        desk = opened.close_desk
        found = desk.decision(proposal)
        if found.action == Action.PROPOSE_ADJUSTMENT:
            _tell([desk.approve_adjustment(proposal, decider)], as_json=as_json)
            return
        if found.action == Action.PROPOSE_REOPEN:
            _tell(desk.approve_reopen(proposal, decider), as_json=as_json)
            return
        question = shared.question_of(
            opened,
            Which(tenant=found.tenant, entity=found.entity, period=found.period),
            policy=policy,
            books=books,
            rates=rates,
            complete=source_complete,
            manifests=manifest,
            erp=erp,
        )
        taken, _ = approve_close(opened, question, proposal, decider)
    _tell([taken], as_json=as_json)


@app.command("withdraw")
def withdraw(
    proposal: Proposal,
    store: arguments.Store,
    by: shared.By,
    reason: shared.Reason,
    as_json: arguments.AsJson = False,
) -> None:
    r"""Take a proposal back; a period whose close was proposed is open again.

    Example:

      crossfoot close withdraw dec_0d1f2c3b --store sqlite:///books.db --by anna \
          --reason "an invoice is missing"
    """
    with opened_store(store) as opened, shared.close_problems():
        taken = opened.close_desk.withdraw(proposal, shared.who(by, reason))
    _tell([taken], as_json=as_json)


@app.command("sign-off")
def sign_off(
    items: Annotated[
        list[str],
        typer.Argument(
            metavar="ITEM...", help="Exceptions, gaps or breaks, as `close check` names them."
        ),
    ],
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    by: shared.By,
    reason: shared.Reason,
    manifest: shared.Manifests = [],  # noqa: B006
    policy: shared.MaybePolicy = None,
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    r"""Accept an exception, gap or break for a period, at the amount it has now.

    It does not cover an amount that grows afterwards, and does not count for a close that the
    same person proposes.

    Example:

      crossfoot close sign-off stripe:evt_1/payments.payment_succeeded --entity MAIN \
          --period 2026-01 --by ben --reason "refunded in February" --store sqlite:///books.db
    """
    from pipelines.closing import find_items, look

    which = Which(tenant=tenant, entity=entity, period=period)
    with opened_store(store) as opened, shared.close_problems():
        question = shared.question_of(
            opened, which, policy=policy, books=books, rates=rates, manifests=manifest
        )
        found = look(opened, question)
        wanted = {item: find_items(found, item) for item in items}
        unknown = sorted(item for item, one in wanted.items() if not one)
        if unknown:
            raise Problem(
                f"nothing called {', '.join(unknown)} stands in the way of {period}",
                "`crossfoot close check` and `crossfoot close report` name what does",
                ExitCode.DATA,
            )
        everything = [one for of_item in wanted.values() for one in of_item]
        taken = opened.close_desk.sign_off(which, shared.who(by, reason), everything)
    _tell(taken, as_json=as_json)


@app.command("reopen")
def reopen(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    by: shared.By,
    reason: shared.Reason,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    r"""Propose to open a closed period; a second person approves, and every later one opens too.

    Example:

      crossfoot close reopen --store sqlite:///books.db --entity MAIN --period 2026-01 \
          --by anna --reason "the auditor wants the invoice in January"
    """
    which = Which(tenant=tenant, entity=entity, period=period)
    with opened_store(store) as opened, shared.close_problems():
        taken = opened.close_desk.propose_reopen(which, shared.who(by, reason))
    _tell([taken], as_json=as_json)


@app.command("adjust")
def adjust(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    by: shared.By,
    reason: shared.Reason,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    r"""Propose that a run may post into a soft-closed period; a second person approves.

    The id of the approval is what the run names: `crossfoot run order-to-cash --adjustment dec_…`.

    Example:

      crossfoot close adjust --store sqlite:///books.db --entity MAIN --period 2026-01 \
          --by anna --reason "the credit note of 31 January"
    """
    which = Which(tenant=tenant, entity=entity, period=period)
    with opened_store(store) as opened, shared.close_problems():
        taken = opened.close_desk.propose_adjustment(which, shared.who(by, reason))
    _tell([taken], as_json=as_json)


@app.command("soft")
def soft(
    store: arguments.Store,
    entity: shared.Entity,
    period: shared.Period,
    by: shared.By,
    reason: shared.Reason,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Open a soft-closed period again.")
    ] = False,
    tenant: arguments.Tenant = "default",
    as_json: arguments.AsJson = False,
) -> None:
    r"""Soft close a period: automatic activity goes to the next one, adjustments still post.

    Example:

      crossfoot close soft --store sqlite:///books.db --entity MAIN --period 2026-01 \
          --by anna --reason "cut-off"
    """
    which = Which(tenant=tenant, entity=entity, period=period)
    with opened_store(store) as opened, shared.close_problems():
        desk = opened.close_desk
        move = desk.open_again if take_back else desk.soft_close
        taken = move(which, shared.who(by, reason))
    _tell([taken], as_json=as_json)


def _tell(taken: list[Decision], *, as_json: bool) -> None:
    if as_json:
        print_json([msgspec.structs.asdict(one) for one in taken])
        return
    for one in taken:
        shared.print_decision(one)
    if taken[0].action.startswith("propose_"):
        print_lines(f"a second person approves it: crossfoot close approve {taken[0].decision_id}")
