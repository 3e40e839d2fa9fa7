"""Settings of a run, read and checked once on the launching machine and sent to the workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from connectors.event_files import DecodeSettings
from connectors.files.rates import load_rate_table
from connectors.gl_mappings import load_gl_mapping
from connectors.policy_packs import load_books_config, load_policy_pack
from connectors.registries.outer import OuterRegistry
from connectors.telemetry.settings import TelemetrySettings, telemetry_settings
from connectors.telemetry.spans import open_spans
from ledger.folding import FoldSettings
from ledger.gl_mapping import GlMapping
from ledger.trace_context import Spans, TraceContext
from pipelines.options import JobOptions, OrderToCashOptions

if TYPE_CHECKING:
    from connectors.store import PostingRight


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs; plain data, so that it can be pickled."""

    decoding: DecodeSettings
    fold: FoldSettings
    shards: int
    store: str | None
    output: str | None
    store_wait_seconds: int
    """How long workers wait for a store that is away."""
    mapping: GlMapping | None = None
    """Gives postings that are written as files their GL accounts."""
    right: PostingRight | None = None
    """The soft-closed period into which the run may post."""
    telemetry: TelemetrySettings | None = None
    """How spans are recorded; None: not at all."""


def settings_of(options: JobOptions) -> RunSettings:
    """Read the policy pack, the books and the rates that the options name.

    Raises the loaders' own errors, which say what is wrong in which file.
    """
    policy = load_policy_pack(options.policy)
    books = load_books_config(str(options.books) if options.books else None)
    if options.rates is not None:
        books = load_rate_table(str(options.rates)).added_to(books)
    return RunSettings(
        decoding=DecodeSettings(tenant=options.tenant, books=books, outer=outer_of(options)),
        fold=FoldSettings(
            tenant=options.tenant,
            policy=policy,
            books=books,
            as_of_micros=options.as_of_micros,
        ),
        shards=options.shards if isinstance(options, OrderToCashOptions) else 1,
        store=options.store,
        store_wait_seconds=options.store_wait_seconds,
        output=str(options.output) if options.output else None,
        mapping=load_gl_mapping(str(options.mapping)) if options.mapping else None,
        right=_right_of(options),
        telemetry=telemetry_settings(options.otlp, os.environ),
    )


def recorder(settings: RunSettings) -> Callable[[], Spans]:
    """Return the recipe of who records spans."""
    return partial(open_spans, settings.telemetry)


def under(settings: RunSettings, trace: TraceContext) -> RunSettings:
    """Return the settings of workers whose spans belong to the one that is open."""
    if settings.telemetry is None:
        return settings
    telemetry = msgspec.structs.replace(settings.telemetry, parent=trace.parent)
    return msgspec.structs.replace(settings, telemetry=telemetry)


def _right_of(options: JobOptions) -> PostingRight | None:
    if options.adjustment is None:
        return None
    from connectors.store import PostingRight

    return PostingRight(tenant=options.tenant, adjustment=options.adjustment)


def outer_of(options: JobOptions) -> OuterRegistry | None:
    """The outer registry that the options name, if they name one."""
    if options.schema_registry is None:
        return None
    name, _, url = options.schema_registry.partition("=")
    recorded = str(options.schema_ids) if options.schema_ids is not None else None
    return OuterRegistry(name=name, url=url or None, recorded=recorded)
