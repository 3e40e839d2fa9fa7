"""`crossfoot run order-to-cash-live`: start the live job on an engine that can run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from runners import arguments
from runners.display import print_json, say
from runners.engines import Engine, refusals
from runners.exit_codes import ExitCode
from runners.job_problems import wrong_options
from runners.lineage import ending_as_asked, lineage_beside, lineage_of, told_while_live
from runners.lineage_facts import facts_of_live
from runners.metrics import address, metrics_beside, store_figures
from runners.problems import Problem
from runners.reading import books_config, policy_pack
from runners.stores import store_problems
from runners.telemetry import spans_of

if TYPE_CHECKING:
    from apache_beam.runners.runner import PipelineResult
    from prometheus_client.registry import Collector

    from connectors.telemetry.lineage.runs import LineageRun
    from pipelines.live_options import LiveOptions

Graph = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Only write the job's graph (Beam's portable form) to this file; start nothing.",
    ),
]


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """The job that an engine has taken; field names are the JSON output."""

    pipeline: str
    engine: str
    state: str
    """As the engine says: STARTING, RUNNING, …"""


def order_to_cash_live(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="kafka:BROKERS/TOPIC[,TOPIC] or pubsub:projects/P/subscriptions/S.",
        ),
    ],
    store: arguments.Store,
    runner: Annotated[
        Engine, typer.Option(help="Engine: prism (this machine), flink or dataflow.")
    ] = "prism",
    policy: arguments.Policy = "stripe-contra",
    books: arguments.Books = None,
    rates: arguments.Rates = None,
    as_of: arguments.AsOf = None,
    tenant: arguments.Tenant = "default",
    window: Annotated[
        int, typer.Option(metavar="SECONDS", help="Event-time window of the join.")
    ] = 60,
    early: Annotated[
        int, typer.Option(metavar="SECONDS", help="How long an event may wait for company.")
    ] = 1,
    store_wait: arguments.StoreWait = 3600,
    metrics: arguments.Metrics = None,
    otlp: arguments.Otlp = None,
    lineage: arguments.Lineage = None,
    beam: arguments.BeamOptions = None,
    graph: Graph = None,
    as_json: arguments.AsJson = False,
) -> None:
    r"""Turn events into postings as they come, until the job is stopped.

    Kept in the ledger store, which a bounded run may share: the same events give the same books.
    Local and bounded only is --runner local, which is refused here with the reason.

    Example:

      crossfoot run order-to-cash-live --from kafka:localhost:9092/billing \
          --store postgresql://books@db.example/books --beam=--prism_location=bin/prism
    """
    extra = beam or []
    problems = refusals(runner, live=True, extra=extra)
    options = _options(
        problems,
        source=source,
        store=store,
        policy=policy,
        books=books,
        rates=rates,
        as_of=arguments.as_of_instant(as_of, datetime.now(UTC)),
        tenant=tenant,
        window_seconds=window,
        early_seconds=early,
        store_wait_seconds=store_wait,
        otlp=otlp,
    )
    spans_of(otlp)
    told = lineage_of(lineage)
    pack = policy_pack(policy)
    books_config(books, rates)
    if metrics is not None:
        address(metrics)
    if graph is not None:
        _write_graph(options, runner, extra, graph)
        return
    facts = partial(facts_of_live, options, runner, pack.label)
    with ending_as_asked(), lineage_beside(told, facts) as run:
        _start(options, runner, extra, metrics, run, as_json)


def _write_graph(options: LiveOptions, runner: Engine, extra: list[str], graph: Path) -> None:
    from runners.live import live_graph

    with _sources(), _writing(graph):
        graph.write_bytes(live_graph(options, runner, extra))
    say(f"the graph for {runner} is in {graph}; nothing was started")


def _start(
    options: LiveOptions,
    runner: Engine,
    extra: list[str],
    metrics: str | None,
    run: LineageRun | None,
    as_json: bool,
) -> None:
    """Start the job and wait for its end."""
    from pipelines.report import live_counts
    from runners.live import start_live

    with store_problems(options.store or ""), _sources():
        result = start_live(options, runner, extra)
    if as_json:
        print_json(HandedOver(pipeline="order_to_cash_live", engine=runner, state=result.state))
    else:
        say(f"the live job was handed to {runner}")
    if runner != "dataflow":
        counts = partial(live_counts, result)
        with (
            metrics_beside(metrics, lambda: _collectors(options, result)),
            told_while_live(run, counts, ends_with_us=runner == "prism"),
        ):
            result.wait_until_finish()
    elif run is not None:  # the service runs on by itself
        run.goes_on_elsewhere()


def _collectors(options: LiveOptions, result: PipelineResult) -> list[Collector]:
    """The store's figures, and the job's counters as far as its engine tells them."""
    from connectors.telemetry.job_figures import JobFigures
    from pipelines.report import live_counts

    figures = store_figures(options.store or "", options.tenant)
    return [figures, JobFigures(lambda: live_counts(result))]


def _options(problems: list[str], **values: object) -> LiveOptions:
    """Return the options, or name every mistake at once, refusals included."""
    from pipelines.live_options import LiveOptions
    from pipelines.options import InvalidOptions, checked

    try:
        options = checked(LiveOptions, values)
    except InvalidOptions as error:
        raise Problem("; ".join([*problems, *error.problems]), "correct these options") from error
    if problems:
        raise Problem("; ".join(problems), "choose another engine or leave these options out")
    return options


@contextmanager
def _sources() -> Iterator[None]:
    """Turn what sources and engines say when a job is built into a Problem."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError

    from runners.engine_pipelines import EngineOptionsInvalid

    try:
        yield
    except EngineOptionsInvalid as error:
        raise wrong_options(error) from error
    except ImportError as error:
        raise Problem(
            f"{error.name} is not installed", "install crossfoot[kafka]", ExitCode.ENVIRONMENT
        ) from error
    except GoogleAuthError as error:
        raise Problem(
            "Google Cloud: no usable credentials on this machine",
            "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
            ExitCode.ENVIRONMENT,
        ) from error
    except GoogleAPICallError as error:
        raise Problem(
            f"Pub/Sub: {error.message}", "check subscription and access", ExitCode.ENVIRONMENT
        ) from error


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        mend = "name a file in a folder that can be written"
        raise Problem(f"--graph {file}: {error.strerror}", mend) from error
