"""The registry that a command line names, and its mistakes as Problems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runners.exit_codes import ExitCode
from runners.problems import Problem
from schemas.lock import LOCK_NAME, Lock, LockDamaged, read_lock
from schemas.registry import (
    PACKAGE_ROOT,
    Registry,
    RegistryError,
    Subject,
    UnknownSubject,
    load_registry,
)
from schemas.versions import SubjectVersion

RegistryFolder = Annotated[
    Path,
    typer.Option(
        "--registry",
        metavar="FOLDER",
        help="Folder with registry.yaml. Default: the registry of this installation.",
        show_default=False,
    ),
]
SubjectName = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="As `crossfoot schemas list` prints it.")
]
HERE = PACKAGE_ROOT


def loaded_registry(root: Path) -> Registry:
    """Load a registry. Raises Problem with every mistake."""
    try:
        return load_registry(root)
    except RegistryError as error:
        raise Problem(
            str(error), "`crossfoot schemas lint` lists what to mend", ExitCode.DATA
        ) from error


def lock_of(root: Path) -> Lock:
    """Read the lock of a registry. Raises Problem."""
    try:
        return read_lock(root)
    except LockDamaged as error:
        raise Problem(
            f"{root / LOCK_NAME}: {error}", "take it from git again", ExitCode.DATA
        ) from error


def known_subject(registry: Registry, name: str) -> Subject:
    """Find a subject. Raises Problem."""
    try:
        return registry.subject(name)
    except UnknownSubject as error:
        raise _unknown(error) from error


def known_version(registry: Registry, name: str, number: int) -> SubjectVersion:
    """Find a version of a subject. Raises Problem."""
    try:
        return registry.version(name, number)
    except UnknownSubject as error:
        raise _unknown(error) from error


def _unknown(error: UnknownSubject) -> Problem:
    return Problem(str(error), "`crossfoot schemas list` prints subjects and their versions")
