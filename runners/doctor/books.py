"""The ledger store and the registry of schemas: there, whole, and of this release."""

from __future__ import annotations

from pathlib import Path

from connectors.store.health import look_at
from runners.doctor.findings import Finding, ok, problem, warning
from runners.problems import Problem
from runners.stores import store_problems
from schemas.checking import UNLOCKED, check_registry
from schemas.contracts import read_contracts
from schemas.judging import Severity
from schemas.lock import LOCK_NAME, LockDamaged, read_lock

_MOST_TOLD = 5
"""Mistakes of a registry that are named; the command that mends lists all."""


def look_at_store(url: str) -> list[Finding]:
    """Look whether the store can be reached and written, and which schema version it has."""
    try:
        with store_problems(url):
            health = look_at(url)
    except Problem as error:
        return [problem("store", error.what, error.mend)]
    if health.version is None:
        mend = "`crossfoot migrate` makes it; so does the first run"
        return [warning("store", "there is no store yet", mend)]
    if health.version != health.version_wanted:
        told = f"schema version {health.version}, this release needs {health.version_wanted}"
        return [problem("store", told, "back it up, then `crossfoot migrate`")]
    if health.refuses_writes is not None:
        mend = "let this user write to the store"
        return [problem("store", f"nothing can be written: {health.refuses_writes}", mend)]
    return [ok("store", f"schema version {health.version}, takes entries")]


def look_at_schemas(registry: Path) -> list[Finding]:
    """Check the registry against its lock, as `crossfoot schemas check` does."""
    try:
        lock = read_lock(registry)
    except (LockDamaged, OSError) as error:
        told = f"{registry / LOCK_NAME}: {error}"
        return [problem("schemas lock", told, "install the program again, or take it from git")]
    contracts = read_contracts(registry)
    found = check_registry(contracts, lock)
    wrong = [one for one in found if one.severity is Severity.BREAKING and one.cause != UNLOCKED]
    if wrong or not lock.versions:
        named = [one.sentence for one in wrong] or ["the lock names no version"]
        more = [f"and {len(named) - _MOST_TOLD} more"] if len(named) > _MOST_TOLD else []
        mend = "`crossfoot schemas check` tells all; take published files from git again"
        return [problem("schemas lock", "; ".join([*named[:_MOST_TOLD], *more]), mend)]
    new = [one.sentence for one in found if one.cause == UNLOCKED]
    if new:
        return [warning("schemas lock", "; ".join(new), "`crossfoot schemas lock`")]
    return [ok("schemas lock", f"{len(lock.versions)} versions, all as published")]
