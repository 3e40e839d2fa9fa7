"""`crossfoot schemas usage`, `deprecate` and `retire`: the end of a contract's life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from connectors.store.schema_usage import SchemaUse
from ledger.instants import iso_day
from runners import arguments
from runners.display import print_json, print_lines, print_table
from runners.exit_codes import ExitCode
from runners.problems import Problem
from runners.registries import HERE, RegistryFolder, SubjectName, known_subject, loaded_registry
from runners.stores import opened_store
from schemas.drafting import NotDrafted, write_state
from schemas.registry import Subject

Days = Annotated[
    int, typer.Option(metavar="N", min=1, help="Count what happened in the last N days.")
]


class SubjectState(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a subject; the JSON output."""

    subject: str
    state: str
    sunset: str | None
    successor: str | None


def usage(
    store: arguments.Store,
    subject: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="Only this subject.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Only what happened in the last N days. Default: ever."
        ),
    ] = None,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Show which versions of which subjects the store has seen, by source.

    Example:

      crossfoot schemas usage --store sqlite:///books.db --days 90
    """
    since = None if days is None else _micros_ago(days)
    with opened_store(store) as books:
        found = books.schema_usage(tenant, since)
    rows = [use for use in found if subject in (None, use.subject)]
    if as_json:
        print_json(rows)
    else:
        _print_usage(rows)


def deprecate(
    subject: SubjectName,
    sunset: Annotated[
        str, typer.Option(metavar="DATE", help="Day after which it is no longer accepted.")
    ],
    successor: Annotated[
        str | None, typer.Option(metavar="SUBJECT", help="The subject to use instead.")
    ] = None,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Say in subject.yaml that a subject will end, when, and what follows it.

    Example:

      crossfoot schemas deprecate crm.opportunity_won --sunset 2031-06-30
    """
    loaded = loaded_registry(registry)
    about = known_subject(loaded, subject).about
    if about.state == "retired":
        raise Problem(f"{subject} is retired", "nothing is left to deprecate")
    if successor is not None and known_subject(loaded, successor).name == subject:
        raise Problem(f"{subject} cannot follow itself", "name another --successor, or none")
    ends = _day(sunset)
    if ends <= datetime.now(UTC).date():
        raise Problem(f"--sunset {sunset} is not in the future", "give senders time to change")
    _write(registry, subject, "deprecated", ends, successor)
    _tell(SubjectState(
        subject=subject, state="deprecated", sunset=ends.isoformat(), successor=successor
    ), as_json)  # fmt: skip


def retire(
    subject: SubjectName,
    store: arguments.Store,
    days: Days = 90,
    registry: RegistryFolder = HERE,
    as_json: arguments.AsJson = False,
) -> None:
    """Say in subject.yaml that a subject is over. Refused while it is in use.

    In use: not deprecated, before its sunset, named by consumers, or seen in
    the store in the last --days. A refusal gives exit code 3.

    Example:

      crossfoot schemas retire crm.opportunity_won --store sqlite:///books.db
    """
    found = known_subject(loaded_registry(registry), subject)
    reasons = _still_in_use(found, datetime.now(UTC).date())
    with opened_store(store) as books:
        uses = [u for u in books.schema_usage(None, _micros_ago(days)) if u.subject == subject]
    reasons += [
        f"{use.source} sent {use.messages} of v{use.version}, last on {iso_day(use.last_micros)}"
        for use in uses
    ]
    if reasons:
        raise Problem(
            f"{subject} is in use: {'; '.join(reasons)}",
            "deprecate it, wait until nobody sends or reads it, take its consumers out",
            ExitCode.DATA,
        )
    about = found.about
    ends = None if about.sunset is None else _day(about.sunset)
    _write(registry, subject, "retired", ends, about.successor)
    _tell(SubjectState(
        subject=subject, state="retired", sunset=about.sunset, successor=about.successor
    ), as_json)  # fmt: skip


def _still_in_use(subject: Subject, today: date) -> list[str]:
    """What subject.yaml itself says against the end."""
    about = subject.about
    reasons = []
    if about.state == "active":
        reasons.append("it is active")
    if about.sunset is not None and _day(about.sunset) >= today:
        reasons.append(f"its sunset is {about.sunset}")
    if about.consumers:
        reasons.append(f"{', '.join(about.consumers)} read it")
    return reasons


def _micros_ago(days: int) -> int:
    try:
        return arguments.micros(datetime.now(UTC) - timedelta(days=days))
    except OverflowError as error:
        raise Problem(f"--days {days} is before any event", "leave it out for all") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem(f"{text!r} is not a day", "write 2031-06-30") from error


def _write(root: Path, subject: str, state: str, sunset: date | None, then: str | None) -> None:
    try:
        write_state(root, subject, state, sunset=sunset, successor=then)
    except NotDrafted as error:
        raise Problem(str(error), "edit subject.yaml by hand", ExitCode.DATA) from error


def _tell(done: SubjectState, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    until = f" until {done.sunset}" if done.sunset and done.state == "deprecated" else ""
    print_lines(f"{done.subject} is {done.state}{until}")


def _print_usage(rows: Sequence[SchemaUse]) -> None:
    print_table(
        "versions in use",
        ["subject", "version", "source", "messages", "first", "last"],
        [
            [
                use.subject,
                str(use.version),
                use.source,
                str(use.messages),
                iso_day(use.first_micros),
                iso_day(use.last_micros),
            ]
            for use in rows
        ],
        right=["version", "messages"],
    )
