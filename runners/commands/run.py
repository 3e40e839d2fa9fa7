"""`crossfoot run`: start a pipeline and say what it did to the books."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from connectors.store import OutboxCounts, Run
from connectors.store.mapping_review import Reviewed
from ledger.gl_mapping import GlMapping
from ledger.results import StaleParty
from runners import arguments
from runners.commands.run_live import order_to_cash_live
from runners.commands.trial_balance import TrialBalance, balance_report, print_trial_balance
from runners.display import print_json, print_lines, say
from runners.engines import Engine, refusals
from runners.exit_codes import ExitCode
from runners.job_problems import engine_problems, original_errors
from runners.lineage import counted, lineage_beside, lineage_of
from runners.lineage_facts import facts_of_run
from runners.outbox import outbox_line
from runners.problems import Findings, Problem
from runners.progress import working
from runners.reading import books_config, input_ranges, mapping_file, policy_pack, unchanging_inputs
from runners.stores import opened_store, store_problems
from runners.telemetry import spans_of

if TYPE_CHECKING:
    from pipelines.options import OrderToCashOptions
    from pipelines.report import RunReport

BoundedEngine = Annotated[
    Engine,
    typer.Option(
        help="Engine: local (Beam's FnApiRunner, in this process), prism, or flink; workers of "
        "these open the files by their paths."
    ),
]

app = typer.Typer(no_args_is_help=True, help="Run a pipeline.")
app.command("order-to-cash-live")(order_to_cash_live)


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did; field names are the JSON output. Units: messages, entries, lines, updates."""

    pipeline: str
    policy: str
    as_of: str
    """Exclusive, ISO 8601, UTC."""
    equation: str
    adds_up: bool
    messages_read: int
    posted: int
    recorded: int
    pending: int
    dead_lettered: int
    duplicates: int
    new_entries: int
    reversals: int
    journal_lines: int
    lifecycle_updates: int
    mapping: str | None
    """`name@version` of the GL mapping, if one was given."""
    unmapped: int
    """Postings that have no GL account: of the store's outbox, without a store of this run."""
    released: int
    """Postings of the outbox that had no GL account before and have one now."""
    nothing_new: bool
    """Nothing was posted: everything read had been taken before or carries no money."""
    expired: int | None
    """Messages in the store that wait past their deadline; None without a store."""
    contract_drifts: int | None
    """Disagreements of CRM and billing about contracts in the store; None without a store."""
    contract_drifts_overdue: int | None
    """Those past their deadline: exceptions."""
    trial_balance: TrialBalance | None
    """Of the store after the run; None without a store."""
    outbox: OutboxCounts | None
    """How postings stand on their way to the ERP; None without a store."""


@app.command("order-to-cash")
def order_to_cash(
    inputs: arguments.Inputs,
    more_inputs: arguments.MoreInputs = None,
    store: arguments.MaybeStore = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Also write postings, lifecycle updates and dead letters as files."
        ),
    ] = None,
    policy: arguments.Policy = "stripe-contra",
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    schema_registry: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[=URL]",
            help="Registry whose schema ids messages carry; with a URL, ids that the lock does not "
            "know are asked for there.",
        ),
    ] = None,
    schema_ids: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record the ids that had to be asked for here."),
    ] = None,
    mapping: arguments.Mapping = None,
    as_of: arguments.AsOf = None,
    tenant: arguments.Tenant = "default",
    adjustment: arguments.Adjustment = None,
    store_wait: arguments.StoreWait = 3600,
    runner: BoundedEngine = "local",
    beam: arguments.BeamOptions = None,
    otlp: arguments.Otlp = None,
    lineage: arguments.Lineage = None,
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    r"""Turn billing, CRM and payment events into balanced postings in a ledger store.

    Prints where every event ended, and the trial balance. Running it again on the same files
    posts nothing new. With --mapping, postings that have no GL account become exceptions, and
    those that now have one are released. An equation that does not add up gives exit code 3; so
    do dead letters, expired pendings and unmapped postings with --strict.

    Example:

      crossfoot run order-to-cash --input 'events/*.jsonl' \
          --store sqlite:///books.db --books company.yaml --as-of 2026-03-31
    """
    outcome = run_order_to_cash(
        inputs=[*inputs, *(more_inputs or [])],
        store=store,
        output=output,
        policy=policy,
        books=books,
        rates=rates,
        mapping=mapping,
        as_of=arguments.as_of_instant(as_of, datetime.now(UTC)),
        tenant=tenant,
        schema_registry=schema_registry,
        schema_ids=schema_ids,
        adjustment=adjustment,
        runner=runner,
        beam=beam or [],
        store_wait_seconds=store_wait,
        otlp=otlp,
        lineage=lineage,
    )
    _tell(outcome, as_json=as_json, strict=strict)


def _tell(outcome: RunOutcome, *, as_json: bool, strict: bool) -> None:
    if as_json:
        print_json(outcome)
    else:
        print_run(outcome)
    if strict and (outcome.dead_lettered or outcome.expired or outcome.unmapped):
        raise Findings


def run_order_to_cash(
    *,
    inputs: list[str],
    store: str | None,
    output: Path | None,
    policy: str,
    books: str | None,
    rates: str | None,
    as_of: datetime,
    tenant: str,
    schema_registry: str | None = None,
    schema_ids: Path | None = None,
    mapping: str | None = None,
    adjustment: str | None = None,
    runner: Engine = "local",
    beam: Sequence[str] = (),
    store_wait_seconds: int = 3600,
    otlp: str | None = None,
    lineage: str | None = None,
) -> RunOutcome:
    """Check everything named, run the pipeline to its end, and read the books after it."""
    # Here, not at the top: Beam takes seconds to import and other commands do without it.
    from pipelines.options import InvalidOptions, check_options

    if problems := refusals(runner, live=False, extra=beam):
        raise Problem("; ".join(problems), "choose another engine or leave these options out")
    pack = policy_pack(policy)
    books_config(books, rates)
    gl_mapping = mapping_file(mapping).mapping if mapping is not None else None
    input_ranges(inputs)
    spans_of(otlp)
    told = lineage_of(lineage)
    try:
        options = check_options(
            input=tuple(inputs),
            store=store,
            output=output,
            policy=policy,
            books=books,
            rates=rates,
            mapping=mapping,
            as_of=as_of,
            tenant=tenant,
            schema_registry=schema_registry,
            schema_ids=schema_ids,
            adjustment=adjustment,
            store_wait_seconds=store_wait_seconds,
            otlp=otlp,
        )
    except InvalidOptions as error:
        raise Problem("; ".join(error.problems), "correct these options") from error
    with lineage_beside(told, partial(facts_of_run, options, runner, pack.label)) as run:
        report = _run_logged(options, pack.label, runner, beam)
        if run is not None:
            run.counted(counted(msgspec.structs.asdict(report)))
    return _outcome(options, pack.label, gl_mapping, report)


def _outcome(
    options: OrderToCashOptions, policy: str, gl_mapping: GlMapping | None, report: RunReport
) -> RunOutcome:
    """What the run did, and how the books stand after it."""
    reviewed = _reviewed(options, gl_mapping)
    after = _books_after(options)
    return RunOutcome(
        pipeline="order_to_cash",
        policy=policy,
        as_of=options.as_of.isoformat(),
        equation=report.equation,
        adds_up=report.conserved,
        **{name: getattr(report, name) for name in report.__struct_fields__ if name != "unmapped"},
        mapping=gl_mapping.label if gl_mapping is not None else None,
        unmapped=reviewed.unmapped if reviewed is not None else report.unmapped,
        released=reviewed.released if reviewed is not None else 0,
        nothing_new=not (report.new_entries or report.reversals),
        expired=after.expired,
        contract_drifts=after.drifts,
        contract_drifts_overdue=after.drifts_overdue,
        trial_balance=after.balance,
        outbox=after.outbox,
    )


def _run_logged(
    options: OrderToCashOptions, policy: str, engine: Engine, beam: Sequence[str]
) -> RunReport:
    """Run, and write into the store's log that it ran and how it ended."""
    if options.store is None:
        return _run(options, engine, beam)
    run = Run(
        run_id=f"run_{uuid.uuid4().hex}",
        pipeline="order_to_cash",
        policy=policy,
        as_of_micros=options.as_of_micros,
        started_at_micros=arguments.micros(datetime.now(UTC)),
    )
    with opened_store(options.store, create=True) as store:
        _warn_of_another_policy(store.runs(limit=1), policy)
        store.begin_run(run)
    status, counts = "failed", {}
    try:
        with store_problems(options.store):
            report = _run(options, engine, beam)
        status, counts = "done", msgspec.structs.asdict(report)
    finally:
        with opened_store(options.store) as store:
            finished = arguments.micros(datetime.now(UTC))
            store.finish_run(run.run_id, finished, counts, status)
    return report


def _warn_of_another_policy(last: list[Run], policy: str) -> None:
    """A policy applies to whole customers: what stands of those in the input is booked anew."""
    if last and last[0].policy != policy:
        say(
            f"the last run used policy {last[0].policy}, this one {policy}: entries of the "
            "customers in this input are reversed and booked anew"
        )


def _run(options: OrderToCashOptions, engine: Engine, beam: Sequence[str]) -> RunReport:
    """Run the job to its end; what can be mended becomes a Problem."""
    from pipelines.report import ConservationBroken
    from runners.bounded import run_order_to_cash as start

    try:
        with working("order_to_cash"), unchanging_inputs(), engine_problems(), original_errors():
            return start(options, engine, beam)
    except ConservationBroken as error:
        raise Problem(
            f"the conservation equation does not add up: {error}",
            "do not rely on this run; run it again, and report it when it happens again",
            ExitCode.DATA,
        ) from error
    except StaleParty as error:
        raise Problem(
            "another run changed the books of the same customers meanwhile",
            "run it again when the other has ended: nothing is posted twice",
            ExitCode.ENVIRONMENT,
        ) from error


def _reviewed(options: OrderToCashOptions, mapping: GlMapping | None) -> Reviewed | None:
    """Look through the outbox with the mapping, if there are both."""
    if options.store is None or mapping is None:
        return None
    with opened_store(options.store) as store:
        return store.mapping_desk.review(mapping, options.tenant)


class _After(NamedTuple):
    """The books after a run; nothing without a store."""

    expired: int | None = None
    drifts: int | None = None
    drifts_overdue: int | None = None
    balance: TrialBalance | None = None
    outbox: OutboxCounts | None = None


def _books_after(options: OrderToCashOptions) -> _After:
    if options.store is None:
        return _After()
    with opened_store(options.store) as store:
        ended = store.conservation(options.as_of_micros, options.tenant)
        drifts = store.contract_drifts(options.as_of_micros, options.tenant)
        overdue = sum(drift.expired for drift in drifts)
        balance = balance_report(store.trial_balance(options.tenant))
        outbox = store.delivery_desk.counts(options.tenant)
        return _After(ended.expired, len(drifts), overdue, balance, outbox)


def _drift_lines(outcome: RunOutcome) -> list[str]:
    """What CRM and billing disagree on; nothing where they agree."""
    if not outcome.contract_drifts:
        return []
    return [
        f"CRM and billing disagree about contracts: {outcome.contract_drifts}, past the deadline "
        f"{outcome.contract_drifts_overdue} (crossfoot exceptions list --reason contract_drift)"
    ]


def print_run(outcome: RunOutcome) -> None:
    """Print the equation, what was added, and the trial balance."""
    print_lines(
        f"order_to_cash, policy {outcome.policy}, as of {outcome.as_of} (exclusive)",
        outcome.equation,
        "nothing new was posted"
        if outcome.nothing_new
        else f"{outcome.new_entries} entries and {outcome.reversals} reversals posted, "
        f"{outcome.journal_lines} journal lines",
        f"{outcome.lifecycle_updates} lifecycle updates issued",
        *([outbox_line(outcome.outbox)] if outcome.outbox is not None else []),
        *_drift_lines(outcome),
    )
    if outcome.mapping is not None:
        print_lines(
            f"mapping {outcome.mapping}: {outcome.unmapped} postings without a GL account, "
            f"{outcome.released} released"
        )
    print_lines("")
    if outcome.trial_balance is not None:
        print_trial_balance(outcome.trial_balance)
