"""What has to be done to an outer registry, step by step: shown by `plan`, done by `apply`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from schemas.lock import Lock, LockedId
from schemas.registry import Registry, Subject
from schemas.versions import SubjectVersion


class Action(StrEnum):
    """What a step does."""

    KEEP = "keep"
    """Nothing: it is there already."""
    REGISTER = "register"
    """Add a version or revision."""
    SET_COMPATIBILITY = "set_compatibility"
    """Give a subject the mode that it has here."""
    DROP_REVISION = "drop_revision"
    """Remove the oldest revision, to make room."""
    WRITE = "write"
    """Write a file."""
    LEAVE = "leave"
    """Nothing: something is there that we did not put there."""
    REFUSED = "refused"
    """The registry does not take it, or cannot hold it."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step; the JSON output."""

    action: Action
    subject: str
    """Ours; of a shared type its full name."""
    version: int | None
    name: str
    """What it is called there."""
    what: str
    """In plain language."""
    id: int | str | None = None
    """The id there, where it has one."""


def locked_versions(subject: Subject, lock: Lock) -> Iterator[SubjectVersion]:
    """The versions that may leave the house: published ones, oldest first."""
    published = {(line.subject, line.version) for line in lock.versions}
    return (v for v in subject.versions if (v.subject, v.number) in published)


def wanted_subjects(registry: Registry, names: Iterable[str] | None) -> list[Subject]:
    """The subjects that are told to outer registries: all but the retired, sorted."""
    chosen = sorted(registry.subjects) if names is None else sorted(set(names))
    return [s for s in map(registry.subject, chosen) if s.about.state != "retired"]


def ids_of(steps: Iterable[Step], registry_name: str, lock: Lock) -> list[LockedId]:
    """The ids that the steps found or were given, for the lock.

    Versions that differ only in what is not in the schema's text share an id: the oldest has it.
    """
    taken = {line.id for line in lock.ids if line.registry == registry_name}
    found = []
    for step in steps:
        if step.id is not None and step.version is not None and step.id not in taken:
            taken.add(step.id)
            found.append(
                LockedId(
                    subject=step.subject,
                    version=step.version,
                    registry=registry_name,
                    id=step.id,
                )
            )
    return found
