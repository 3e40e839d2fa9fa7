"""What close commands have in common: their options, which period is meant, errors as Problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.policy_packs import ConfigurationError
from connectors.store import LedgerStore
from connectors.store.closing.decisions import Decision, Refused, Which, Who
from connectors.store.closing.desk import BooksMoved
from ledger.closing.people import SamePerson, UnknownPerson
from ledger.instants import iso_instant
from ledger.periods import UnknownPeriod
from runners import arguments
from runners.commands.resubmitting import policy_of_last_run
from runners.display import print_lines
from runners.exit_codes import ExitCode
from runners.problems import Problem
from runners.reading import books_config, policy_pack

if TYPE_CHECKING:
    from pipelines.closing import CloseQuestion

Entity = Annotated[str, typer.Option("--entity", metavar="CODE", help="Legal entity.")]
Period = Annotated[
    str, typer.Option("--period", metavar="PERIOD", help="Period: 2026-01, or 2026-P01 of weeks.")
]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides; kept for good.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good.")]
Complete = Annotated[
    list[str],
    typer.Option(
        "--source-complete",
        metavar="SOURCE=INSTANT",
        help="State up to when a source has delivered everything, e.g. "
        "stripe=2026-02-01T00:00Z. May be repeated.",
    ),
]
Manifests = Annotated[
    list[str],
    typer.Option(
        "--manifest",
        metavar="FILE",
        help="CSV with source,message_id: what sources say they sent; each must have come. May be "
        "repeated.",
    ),
]
Erp = Annotated[
    bool | None,
    typer.Option(
        "--erp/--no-erp",
        help="Whether an ERP must have every posting. Default: as the outbox tells.",
    ),
]
MaybePolicy = Annotated[
    str | None,
    typer.Option("--policy", metavar="PACK", help="Policy pack. Default: that of the last run."),
]


def question_of(
    store: LedgerStore,
    which: Which,
    *,
    policy: str | None,
    books: str | None,
    rates: str | None,
    complete: Sequence[str] = (),
    manifests: Sequence[str] = (),
    erp: bool | None = None,
) -> CloseQuestion:
    """Read what the options name; raises Problem for what cannot be read or is not known."""
    # Here, not at the top: it brings Beam along, which takes seconds to import.
    from pipelines.closing import CloseQuestion

    stated = dict(map(_stated, complete))
    known = {row.source for row in store.schema_usage(which.tenant)}
    unknown = sorted(stated.keys() - known)
    if unknown:
        raise Problem(
            f"--source-complete: nothing was ever delivered by {', '.join(unknown)}",
            f"sources are {', '.join(sorted(known)) or 'none yet'}",
        )
    return CloseQuestion(
        which=which,
        policy=policy_pack(policy if policy is not None else policy_of_last_run(store)),
        books=books_config(books, rates),
        stated=stated,
        manifest=tuple(line for path in manifests for line in _manifest(path)),
        erp_used=erp,
    )


def _stated(text: str) -> tuple[str, int]:
    source, _, instant = text.partition("=")
    try:
        moment = datetime.fromisoformat(instant)
    except ValueError:
        moment = None
    if not source or moment is None or moment.tzinfo is None:
        raise Problem(
            f"--source-complete {text!r} is not SOURCE=INSTANT",
            "write stripe=2026-02-01T00:00Z, with the offset",
        )
    return source, arguments.micros(moment.astimezone(UTC))


def _manifest(path: str) -> list[tuple[str, str]]:
    from connectors.sequences import read_manifest

    try:
        return read_manifest(Path(path).read_text(encoding="utf-8-sig"), path)
    except (OSError, UnicodeDecodeError, ConfigurationError) as error:
        raise Problem(
            f"--manifest: {error}", "give CSV with the columns source,message_id"
        ) from error


def who(person: str, reason: str) -> Who:
    """Return who decides why, now."""
    return Who(person=person, reason=reason, at_micros=arguments.micros(datetime.now(UTC)))


@contextmanager
def close_problems() -> Iterator[None]:
    """Turn what a decision runs into into Problems."""
    from pipelines.closing import GateShut

    try:
        yield
    except GateShut as error:
        words = "; ".join(f"{one.name.value}: {one.words}" for one in error.conditions)
        raise Problem(
            f"the period cannot be closed: {words}",
            "mend what is named; `crossfoot close check` judges again",
            ExitCode.DATA,
        ) from error
    except SamePerson as error:
        raise Problem(
            str(error), "let somebody else approve; nothing was changed", ExitCode.DATA
        ) from error
    except UnknownPerson as error:
        raise Problem(f"--by: {error}", "give the name of the person who decides") from error
    except UnknownPeriod as error:
        raise Problem(f"--period: {error}", "`crossfoot periods list` shows periods") from error
    except BooksMoved as error:
        raise Problem(
            str(error), "run the command again; nothing was decided", ExitCode.ENVIRONMENT
        ) from error
    except Refused as error:
        raise Problem(
            str(error),
            "`crossfoot periods show` tells the state of a period and its proposals",
            ExitCode.DATA,
        ) from error


def print_decision(taken: Decision) -> None:
    """Say what was decided, by whom, and its id."""
    print_lines(
        f"{taken.decision_id}  {taken.action}  {taken.entity} {taken.period}  "
        f"by {taken.person} at {iso_instant(taken.at_micros)}: {taken.reason}"
    )
