"""The check of a whole registry: by itself, against its lock, and against what it was before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from schemas import forms
from schemas.compatibility import check_alone, check_history, check_pair, is_breaking
from schemas.contracts import Contract, Contracts, History
from schemas.files import Compatibility
from schemas.judging import Finding, Severity
from schemas.lint import Limits
from schemas.lock import Lock, LockedVersion, compare_lock, starts_with

UNLOCKED = "unlocked"
"""Cause of the finding that a version is not published yet; all that `lock` can mend."""


def check_files(now: Contracts) -> list[Finding]:
    """What is wrong with the registry whatever it was before: files, and versions alone."""
    findings = [_whole(problem, cause="refused") for problem in now.problems]
    if now.settings is not None:
        for history in now.histories.values():
            for version in history.versions:
                findings += check_alone(version, now.settings.limits)
    return findings


def check_registry(now: Contracts, lock: Lock, *, transitive: bool = False) -> list[Finding]:
    """Check the files, the lock, and of every subject the latest version and what is not locked
    yet after the versions before it.

    `transitive`: every earlier version counts, whatever the subject's mode says.
    """
    findings = check_files(now)
    if is_breaking(findings) or now.settings is None:
        return findings
    contracts = [version for history in now.histories.values() for version in history.versions]
    state = compare_lock([identity_of(contract) for contract in contracts], lock)
    findings += [_whole(told, cause="lock") for told in state.wrong]
    findings += [
        _whole(f"{new.subject}@{new.version} is not locked yet", cause=UNLOCKED)
        for new in state.unlocked
    ]
    for history in now.histories.values():
        new = [line.version for line in state.unlocked if line.subject == history.subject]
        first = min([*new, len(history.versions)])
        findings += _check_versions(history, first, now.settings.limits, transitive)
    return findings


def check_against(
    now: Contracts,
    then: Contracts,
    lock: Lock,
    lock_then: Lock,
    *,
    transitive: bool = False,
) -> list[Finding]:
    """What changed since `then`: published versions, what subject.yaml says, new versions."""
    findings = [_whole(f"not compared: {told}", caution=True) for told in then.problems]
    if not starts_with(lock, lock_then):
        findings.append(_whole("the lock may only grow: lines in it changed", cause="lock"))
    for name, old in then.histories.items():
        new = now.histories.get(name)
        if new is None:
            findings.append(_about(name, "the subject was removed", "lock"))
        elif now.settings is not None:
            findings += _published(old, new)
            limits = now.settings.limits
            findings += _check_versions(new, len(old.versions) + 1, limits, transitive)
    return findings


def _check_versions(
    history: History, first: int, limits: Limits, transitive: bool
) -> Iterator[Finding]:
    """Compare each version from number `first` on with what came before it."""
    mode = history.mode
    if transitive and mode != "NONE" and not mode.endswith("_TRANSITIVE"):
        mode = cast(Compatibility, f"{mode}_TRANSITIVE")
    for position, version in enumerate(history.versions):
        if position and version.number >= first:
            yield from check_history(history.versions[:position], version, mode, limits)


def _published(old: History, new: History) -> Iterator[Finding]:
    """What may not change any more: versions that were there, and what is said of them."""
    if old.mode != new.mode:
        what = f"compatibility {old.mode} -> {new.mode}, which older versions did not promise"
        yield Finding(subject=new.subject, path="", what=what, severity=Severity.CAUTION)
    versions = {version.number: version for version in new.versions}
    for version in old.versions:
        after = versions.get(version.number)
        if after is None:
            yield _about(new.subject, f"v{version.number} was removed", "lock")
            continue
        if after.digest != version.digest:
            mend = f"changed after publication: make v{new.versions[-1].number + 1} instead"
            yield _about(new.subject, f"v{version.number} {mend}", "lock")
        yield from check_pair(version, after, new.mode)


def identity_of(contract: Contract) -> LockedVersion:
    """What the lock holds of this version when it is published as it is now."""
    return LockedVersion(
        subject=contract.subject,
        version=contract.number,
        rabin=forms.rabin(contract.schema),
        sha256=contract.digest,
    )


def _about(subject: str, what: str, cause: str) -> Finding:
    return Finding(subject=subject, path="", what=what, severity=Severity.BREAKING, cause=cause)


def _whole(what: str, cause: str | None = None, caution: bool = False) -> Finding:
    """About the registry, not one subject."""
    severity = Severity.CAUTION if caution else Severity.BREAKING
    return Finding(subject="", path="", what=what, severity=severity, cause=cause)
