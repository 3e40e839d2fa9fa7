"""The run log: which pipeline ran when, as of when, under which policy, with which counts.

Operational: no part of the books, not in the canonical dump. The caller's clock is used.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert, select, update

from connectors.store.errors import UnknownId
from connectors.store.rows import json_text
from connectors.store.tables import runs


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a pipeline. `status`: running, done or failed; a killed run stays running."""

    run_id: str
    pipeline: str
    policy: str
    """`name@version`"""
    as_of_micros: int | None
    started_at_micros: int
    finished_at_micros: int | None = None
    status: str = "running"
    counts: dict[str, int] = {}


def begin_run(connection: Connection, run: Run) -> None:
    """Write down that a run started."""
    row = msgspec.structs.asdict(run) | {"counts": json_text(run.counts)}
    connection.execute(insert(runs).values(row))


def finish_run(
    connection: Connection,
    run_id: str,
    finished_at_micros: int,
    status: str,
    counts: dict[str, int],
) -> None:
    """Write down how a run ended. Raises UnknownId for a run that was never begun."""
    done = connection.execute(
        update(runs)
        .where(runs.c.run_id == run_id)
        .values(finished_at_micros=finished_at_micros, status=status, counts=json_text(counts))
    )
    if done.rowcount != 1:
        raise UnknownId(f"no run {run_id}")


def read_runs(connection: Connection, limit: int) -> list[Run]:
    """The latest runs, newest first."""
    query = select(runs).order_by(runs.c.started_at_micros.desc(), runs.c.run_id).limit(limit)
    return [
        Run(**{**row._mapping, "counts": msgspec.json.decode(row.counts, type=dict[str, int])})
        for row in connection.execute(query)
    ]
