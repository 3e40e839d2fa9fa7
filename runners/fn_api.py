"""Bounded jobs on Beam's FnApiRunner, in this process.

Chosen explicitly: plain DirectRunner first looks for a Prism binary to download and may silently
pick another engine.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from connectors.files.listing import find_files, split_ranges
from pipelines.books import prepare_books
from pipelines.options import OrderToCashOptions
from pipelines.order_to_cash import order_to_cash
from pipelines.report import RunReport, report_of
from pipelines.settings import RunSettings, recorder, settings_of, under

if TYPE_CHECKING:
    from pipelines.close_period import CloseOutcome, CloseSettings


def run_order_to_cash(options: OrderToCashOptions) -> RunReport:
    """Run the bounded job to its end and return what it counted.

    Raises ConservationBroken when the counts do not add up, InputNotFound and InputUnreadable
    for the files, StoreError for the store, and the loaders' errors for policy, books and rates.
    """
    return recorded(settings_of(options), partial(_run, options))


def recorded(settings: RunSettings, run: Callable[[RunSettings], RunReport]) -> RunReport:
    """Run as a span that the spans of all workers belong to."""
    spans = recorder(settings)()
    with spans.span("order_to_cash.run") as note:
        report = run(under(settings, spans.context()))
        for name in report.__struct_fields__:
            note(f"crossfoot.{name}", getattr(report, name))
    return report


def _run(options: OrderToCashOptions, settings: RunSettings) -> RunReport:
    ranges = split_ranges(find_files(options.input), options.block_bytes)
    prepare_books(settings)
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=_pipeline_options())
    order_to_cash(pipeline, ranges, settings)
    with _rare_collections():
        result = pipeline.run()
        result.wait_until_finish()
    report = report_of(result)
    return with_exchange(report, settings)


def with_exchange(report: RunReport, settings: RunSettings) -> RunReport:
    """Settle exchange differences over all customers after a run; add what it posted."""
    if settings.store is None:
        return report
    # A run without a store is spared its libraries, which take half a second.
    from connectors.store import open_store
    from pipelines.settle_exchange import settle_exchange

    with open_store(settings.store) as store:
        added = settle_exchange(store, settings.fold, settings.right)
    return msgspec.structs.replace(
        report,
        new_entries=report.new_entries + added.new_entries,
        reversals=report.reversals + added.reversals,
        journal_lines=report.journal_lines + added.journal_lines,
    )


def run_close_period(settings: CloseSettings) -> CloseOutcome:
    """Run the close to its end and return what it found and did.

    Raises StoreError for the store, GateShut when the gate shut between check and proposal, and
    what a proposal raises (`pipelines.closing.propose`).
    """
    from pipelines.close_period import CloseOutcome, close_period

    with tempfile.TemporaryDirectory() as folder:
        outcome = Path(folder) / "outcome"
        pipeline = beam.Pipeline(runner=FnApiRunner(), options=_pipeline_options())
        close_period(pipeline, settings) | "KeepOutcome" >> beam.Map(outcome.write_bytes)
        with _rare_collections():
            pipeline.run().wait_until_finish()
        return msgspec.json.decode(outcome.read_bytes(), type=CloseOutcome)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the garbage collector look at the heap seldom while a job runs.

    A job holds millions of small acyclic objects; scanning them again and again took two thirds
    of the fold's time (docs/performance.md).
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _pipeline_options() -> PipelineOptions:
    """One worker thread in this process: the store has one writer, and two are not faster here."""
    return PipelineOptions(["--direct_num_workers=1", "--direct_running_mode=in_memory"])
