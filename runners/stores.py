"""Opening the ledger store that a command line names; its errors as Problems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from connectors.store import (
    AmbiguousId,
    CalendarChanged,
    DelivererBusy,
    ForeignDatabase,
    LedgerStore,
    NewerDatabase,
    StoreError,
    UnknownId,
    open_store,
)
from connectors.store.session import backend_of
from runners.exit_codes import ExitCode
from runners.problems import Problem

_MENDING: tuple[tuple[type[StoreError], str, ExitCode], ...] = (
    (
        UnknownId,
        "check the id; `crossfoot trace` takes them as the lists print them",
        ExitCode.DATA,
    ),
    (AmbiguousId, "give a more specific id, such as the customer's or an event's", ExitCode.DATA),
    (
        DelivererBusy,
        "wait for it to end; several may run with --follow, they take turns",
        ExitCode.ENVIRONMENT,
    ),
    (
        CalendarChanged,
        "give --books the file with the calendars that these books are kept in",
        ExitCode.USAGE,
    ),
    (ForeignDatabase, "give --store a file, database or schema of its own", ExitCode.ENVIRONMENT),
    (NewerDatabase, "use the newer program, or restore a backup", ExitCode.ENVIRONMENT),
    (
        StoreError,
        "check --store; `crossfoot run order-to-cash` makes a store where there is none, "
        "`crossfoot migrate` brings an older one up to date",
        ExitCode.ENVIRONMENT,
    ),
)


@contextmanager
def opened_store(
    url: str, *, create: bool = False, wait_seconds: float = 0.0, ending: Event | None = None
) -> Iterator[LedgerStore]:
    """Open the store, close it at the end; whatever it refuses becomes a Problem.

    `wait_seconds` and `ending`: see `open_store`.
    """
    with (
        store_problems(url),
        open_store(url, create=create, wait_seconds=wait_seconds, ending=ending) as store,
    ):
        yield store


@contextmanager
def store_problems(url: str) -> Iterator[None]:
    """Turn the store's errors into Problems that say how to mend them.

    Of a driver's error only the first line is told: the rest may hold the data of a statement.
    """
    try:
        errors = backend_of(url).errors
    except (StoreError, ArgumentError, ModuleNotFoundError) as error:
        raise _unusable(url, error) from error
    try:
        yield
    except StoreError as error:
        raise _problem_of(error) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise _unusable(url, error) from error
    except errors as error:
        cause = str(getattr(error, "orig", None) or type(error).__name__)
        raise Problem(
            f"the store failed: {cause.splitlines()[0]}",
            "see that the database is up, has room and is not locked, and run the command again: "
            "what was committed stands, and nothing is posted twice",
            ExitCode.ENVIRONMENT,
        ) from error


def _problem_of(error: StoreError) -> Problem:
    mend, code = next((mend, code) for kind, mend, code in _MENDING if isinstance(error, kind))
    return Problem(str(error), mend, code)


def _unusable(url: str, error: Exception) -> Problem:
    # Not the URL itself: it may hold a password.
    scheme = url.partition(":")[0]
    return Problem(
        f"--store: cannot use a {scheme!r} URL: {str(error).splitlines()[0]}",
        "write sqlite:///books.db or postgresql://user@host/database",
    )
