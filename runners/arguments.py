"""Options that several commands share, and how their text is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from runners.problems import Problem

Inputs = Annotated[
    list[str],
    typer.Option(
        "--input",
        metavar="FILES",
        help="File or quoted pattern: JSON lines (plain or gzip) of Stripe events, Salesforce "
        "change events or canonical events, or Avro container files. May be repeated.",
    ),
]
MoreInputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILES]...", help="Further files (a pattern that the shell expanded)."),
]
Policy = Annotated[
    str,
    typer.Option(
        metavar="PACK", help="Policy pack: stripe-contra, receivable, or the path of a YAML file."
    ),
]
Books = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="YAML file with the company's entities, rates, identities."),
]
Rates = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Exchange rates on file: CSV with date,base,quote,rate,source."
    ),
]
Mapping = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="GL mapping: YAML file that leads from account roles to accounts."
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        metavar="DATE",
        help="Recognise up to the end of this day (2026-03-31), month (2026-03) or up to an "
        "instant with offset (2026-03-31T12:00:00Z), UTC. Default: today.",
    ),
]
_STORE = typer.Option(
    "--store",
    metavar="URL",
    envvar="CROSSFOOT_STORE",
    help="Ledger store: sqlite:///books.db or postgresql://user@host/database.",
)
Store = Annotated[str, _STORE]
MaybeStore = Annotated[str | None, _STORE]
StoreWait = Annotated[
    int,
    typer.Option(
        "--store-wait",
        metavar="SECONDS",
        help="How long workers wait for a store that went away, before they give up.",
    ),
]
FollowedStoreWait = Annotated[
    int | None,
    typer.Option(
        "--store-wait",
        metavar="SECONDS",
        min=0,
        help="How long a store that went away is waited for; 3600 with --follow, else 0.",
    ),
]
Tenant = Annotated[str, typer.Option(metavar="NAME", help="Whose books.")]
Adjustment = Annotated[
    str | None,
    typer.Option(
        metavar="DECISION",
        help="Approved adjustment (`crossfoot close adjust`): its soft-closed period takes what "
        "this run posts.",
    ),
]
Otlp = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Send OpenTelemetry spans to this OTLP/HTTP receiver (http://localhost:4318); without "
        "it the standard OTEL_* variables count. Needs crossfoot[telemetry].",
    ),
]
Lineage = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Tell OpenLineage what is read and written, at this URL (http://localhost:5000) or "
        "in this file; without it the standard OPENLINEAGE_* variables and openlineage.yml count. "
        "Needs crossfoot[telemetry].",
    ),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="HOST:PORT",
        help="Serve figures for Prometheus at /metrics of this address (127.0.0.1:9464).",
    ),
]
AnyTenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Only this tenant's books.")
]
BeamOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--beam",
        metavar="OPTION",
        help="A further Beam option, e.g. --beam=--job_endpoint=host:8099. May be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 when something needs attention.")
]


def as_of_instant(text: str | None, now: datetime) -> datetime:
    """Return the exclusive end that `text` names: the midnight after a day or month, or the
    instant itself; the end of the day of `now` without a text.

    Raises Problem for anything else; a time without offset would mean another instant on
    another machine.
    """
    if text is None:
        text = now.astimezone(UTC).date().isoformat()
    try:
        if len(text) == len("2026-03"):
            first = date.fromisoformat(f"{text}-01")
            return _midnight((first + timedelta(days=31)).replace(day=1))
        if len(text) == len("2026-03-31"):
            return _midnight(date.fromisoformat(text) + timedelta(days=1))
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Problem(
            f"--as-of {text!r} is not a date",
            "write a day (2026-03-31), a month (2026-03) or an instant with its offset "
            "(2026-03-31T12:00:00Z)",
        )
    return instant.astimezone(UTC)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def micros(instant: datetime) -> int:
    """Return microseconds since the epoch, exactly."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def split_list(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return the words of `a,b` or of several such texts, without blanks and repetitions."""
    texts = [text] if isinstance(text, str) else text
    words = (word.strip() for part in texts for word in part.split(","))
    return tuple(dict.fromkeys(word for word in words if word))
