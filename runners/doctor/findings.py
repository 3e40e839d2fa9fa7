"""One thing that was looked at: how it stands, and how to mend it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """How a thing stands."""

    OK = "ok"
    """As it must be."""
    WARNING = "warning"
    """Works, but a person should know."""
    PROBLEM = "problem"
    """A job that needs it fails or does wrong."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one look; the JSON output has these names."""

    check: str
    status: Status
    what: str
    mend: str | None = None
    """What to do about it; None when nothing is to do."""


def ok(check: str, what: str) -> Finding:
    """It is as it must be."""
    return Finding(check=check, status=Status.OK, what=what)


def warning(check: str, what: str, mend: str) -> Finding:
    """It works, and should be looked at."""
    return Finding(check=check, status=Status.WARNING, what=what, mend=mend)


def problem(check: str, what: str, mend: str) -> Finding:
    """It must be mended first."""
    return Finding(check=check, status=Status.PROBLEM, what=what, mend=mend)
