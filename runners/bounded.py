"""Bounded jobs on engines outside this process: files go by their path, results by the store.

Whoever runs the steps opens the files and the store by the names in the options, so every machine
must have them under these names. In this process `runners.fn_api` runs the same job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from connectors.files.listing import find_files, split_ranges
from pipelines.books import prepare_books
from pipelines.options import OrderToCashOptions
from pipelines.order_to_cash import order_to_cash
from pipelines.report import RunReport, report_of
from pipelines.settings import RunSettings, settings_of
from runners import fn_api
from runners.engine_pipelines import JobFailed, engine_pipeline, with_program
from runners.engines import Engine


def run_order_to_cash(
    options: OrderToCashOptions, engine: Engine, extra: Sequence[str] = ()
) -> RunReport:
    """Run the bounded job on an engine to its end and return what it counted.

    `extra` are Beam options beside the profile's. Raises what `fn_api.run_order_to_cash` raises,
    EngineOptionsInvalid, and JobFailed when the engine gives the job up. Call it on the main
    thread.
    """
    if engine == "local":
        return fn_api.run_order_to_cash(options)
    options = wherever_it_runs(options)
    return fn_api.recorded(settings_of(options), partial(_run, options, engine, extra))


def _run(
    options: OrderToCashOptions, engine: Engine, extra: Sequence[str], settings: RunSettings
) -> RunReport:
    ranges = split_ranges(find_files(options.input), options.block_bytes)
    pipeline = engine_pipeline(engine, live=False, extra=with_program(engine, extra))
    prepare_books(settings)
    order_to_cash(pipeline, ranges, settings)
    with _told_by_the_engine():
        result = pipeline.run()
        result.wait_until_finish()
    return fn_api.with_exchange(report_of(result), settings)


def wherever_it_runs(options: OrderToCashOptions) -> OrderToCashOptions:
    """Return the options with absolute paths: workers need not run in this working folder."""
    return options.model_copy(
        update={
            "input": tuple(str(Path(pattern).absolute()) for pattern in options.input),
            "store": _absolute(options.store) if options.store is not None else None,
            "output": options.output.absolute() if options.output is not None else None,
            "schema_ids": options.schema_ids.absolute() if options.schema_ids is not None else None,
        }
    )


def _absolute(store: str) -> str:
    """Return the URL of a store; of a file with its absolute path."""
    # A run without a store is spared its libraries, which take half a second.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(store)
    except ArgumentError:
        return store  # whoever opens it says what is wrong
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return store
    absolute = url.set(database=str(Path(url.database).absolute()))
    return absolute.render_as_string(hide_password=False)


@contextmanager
def _told_by_the_engine() -> Iterator[None]:
    """Raise JobFailed for what Beam's portable runners raise: a RuntimeError with a text."""
    try:
        yield
    except RuntimeError as error:
        raise JobFailed(_gist(str(error))) from error


def _gist(told: str) -> str:
    """Return the last line that says something of what an engine told: a trace ends with it."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
