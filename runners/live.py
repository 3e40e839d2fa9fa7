"""Live jobs on the engine that the options name; they run until they are stopped."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult

from pipelines.books import prepare_books
from pipelines.live_options import LiveOptions
from pipelines.live_sources import ReadLiveEvents, receipts_of
from pipelines.order_to_cash_live import order_to_cash_live
from pipelines.settings import RunSettings, settings_of
from runners.engine_pipelines import engine_pipeline, with_program
from runners.engines import PROFILES, Engine


def build_live(
    pipeline: beam.Pipeline,
    options: LiveOptions,
    settings: RunSettings,
    *,
    native_pubsub: bool = False,
) -> None:
    """Build the job's graph. Raises the clients' errors."""
    payloads = pipeline | "ReadEvents" >> ReadLiveEvents(options, native_pubsub=native_pubsub)
    order_to_cash_live(
        payloads,
        settings,
        window_seconds=options.window_seconds,
        early_seconds=options.early_seconds,
        open_receipts=receipts_of(options, native_pubsub=native_pubsub),
    )


def start_live(options: LiveOptions, engine: Engine, extra: Sequence[str]) -> PipelineResult:
    """Make or migrate the store, build the job and hand it to the engine.

    `extra` are Beam options beside the profile's. Call it on the main thread. Raises the loaders'
    and the store's errors and what `live_pipeline` raises.
    """
    settings = settings_of(options)
    pipeline = live_pipeline(options, settings, engine, with_program(engine, extra))
    prepare_books(settings)
    return pipeline.run()


def live_pipeline(
    options: LiveOptions, settings: RunSettings, engine: Engine, extra: Sequence[str]
) -> beam.Pipeline:
    """Build the job as the engine is given it; nothing is started, no store is opened.

    `settings` are those of the options. Raises EngineOptionsInvalid and the clients' errors.
    """
    pipeline = engine_pipeline(engine, live=True, extra=extra)
    build_live(pipeline, options, settings, native_pubsub=PROFILES[engine].native_pubsub)
    return pipeline


def live_graph(options: LiveOptions, engine: Engine, extra: Sequence[str]) -> bytes:
    """Return the job's graph: Beam's Pipeline message (beam_runner_api.proto), serialised.

    Raises the loaders' errors and what `live_pipeline` raises.
    """
    pipeline = live_pipeline(options, settings_of(options), engine, extra)
    graph: bytes = pipeline.to_runner_api().SerializeToString(deterministic=True)
    return graph
