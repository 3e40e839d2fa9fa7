"""What runs read and write, as lineage names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.telemetry.lineage.columns import (
    registry_lock,
    subject_fields,
    subjects_read,
    table_fields,
)
from connectors.telemetry.lineage.facts import Dataset, RunFacts
from connectors.telemetry.lineage.names import (
    file_written,
    files_read,
    store_table,
    subscription_read,
    topics_read,
)
from connectors.telemetry.lineage.settings import NAMESPACE
from runners.engines import PROFILES, Engine

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.close_period import CloseSettings
    from pipelines.live_options import LiveOptions
    from pipelines.options import JobOptions, OrderToCashOptions

_POSTED = ("journal_entries", "journal_lines")
_WRITTEN = (*_POSTED, "lifecycle_updates", "dead_letters", "messages")
_FILES = {
    "erp-postings": ("journal_entries", "erp.posting"),
    "lifecycle-updates": ("lifecycle_updates", "lifecycle.update"),
    "dead-letters": ("dead_letters", "ops.dead_letter"),
}
"""Stem of the file names: what counts name it by, and the subject of a line."""


def facts_of_run(options: OrderToCashOptions, engine: Engine, policy: str) -> RunFacts:
    """Return the facts of a bounded run over files."""
    read = files_read(options.input, subjects_read())
    return _facts("order_to_cash", engine, read, _written(options, options.output), options, policy)


def facts_of_live(options: LiveOptions, engine: Engine, policy: str) -> RunFacts:
    """Return the facts of a live job."""
    read: tuple[Dataset, ...] = ()
    if options.kafka is not None:
        read = topics_read(*options.kafka, subjects_read())
    elif options.pubsub is not None:
        read = (subscription_read(options.pubsub, subjects_read()),)
    return _facts("order_to_cash_live", engine, read, _written(options), options, policy)


def facts_of_close(settings: CloseSettings) -> RunFacts:
    """Return the facts of a close run: it reads what the store keeps and posts what is due."""
    which = settings.question.which
    return RunFacts(
        job="close_period",
        streaming=False,
        engine=PROFILES["local"].runner,
        engine_version=_beam(),
        inputs=_tables(settings.store, ("messages",)),
        outputs=_tables(settings.store, _POSTED),
        parameters=(("entity", which.entity), ("period", which.period), ("tenant", which.tenant)),
    )


def _facts(
    job: str,
    engine: Engine,
    read: tuple[Dataset, ...],
    written: tuple[Dataset, ...],
    options: JobOptions,
    policy: str,
) -> RunFacts:
    lock = registry_lock(NAMESPACE)
    return RunFacts(
        job=job,
        streaming=job.endswith("_live"),
        engine=PROFILES[engine].runner,
        engine_version=_beam(),
        inputs=read if lock is None else (*read, lock),
        outputs=written,
        parameters=(
            ("policy", policy),
            ("as_of", options.as_of.isoformat()),
            ("tenant", options.tenant),
        ),
    )


def _written(options: JobOptions, folder: Path | None = None) -> tuple[Dataset, ...]:
    tables = _tables(options.store, _WRITTEN) if options.store is not None else ()
    if folder is None:
        return tables
    files = tuple(
        file_written(folder, f"{stem}-*.jsonl", key, subject_fields(subject))
        for stem, (key, subject) in _FILES.items()
    )
    return (*tables, *files)


def _tables(store: str, names: tuple[str, ...]) -> tuple[Dataset, ...]:
    return tuple(store_table(store, name, table_fields(name)) for name in names)


def _beam() -> str:
    import apache_beam

    return str(apache_beam.__version__)
