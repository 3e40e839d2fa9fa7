"""The registry: subjects, their versions, and how a version is found by name or fingerprint.

`load_registry()` reads the files beside this module (package data) or those of another root.
Validators, readers and writers are compiled on first use, once per version and process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from schemas import files
from schemas.instants import end_of_day_micros
from schemas.linking import link_subject
from schemas.lint import Limits
from schemas.lock import LOCK_NAME, LockDamaged, LockedId, read_lock
from schemas.versions import SubjectVersion

PACKAGE_ROOT = files.PACKAGE_ROOT


class RegistryError(Exception):
    """The registry's files are wrong; `problems` names every mistake with its file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the schema registry has mistakes:\n  " + "\n  ".join(problems))
        self.problems = tuple(problems)


class UnknownSubject(KeyError):
    """No subject, version or fingerprint of that name; `name` is what was asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the registry has no {self.name}"


@dataclass(frozen=True)
class Subject:
    """A subject with its versions in order."""

    name: str
    about: files.SubjectFile
    compatibility: files.Compatibility
    versions: tuple[SubjectVersion, ...]

    @property
    def latest(self) -> SubjectVersion:
        """The newest version."""
        return self.versions[-1]


@dataclass(frozen=True)
class Registry:
    """Every subject by name; see `load_registry`."""

    subjects: Mapping[str, Subject]
    limits: Limits
    currencies: frozenset[str] = field(repr=False)
    outer_ids: tuple[LockedId, ...] = field(default=(), repr=False)
    """What outer registries call our versions, as the lock has it."""
    later_versions: dict[tuple[str, int, str], SubjectVersion] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Versions that writers are ahead with, by subject, number and wire digest."""
    readers: dict[str, SubjectVersion] = field(default_factory=dict, repr=False, compare=False)
    """The version as which a program reads a subject, kept here by who knows its structs."""

    def subject(self, name: str) -> Subject:
        """Return a subject. Raises UnknownSubject."""
        try:
            return self.subjects[name]
        except KeyError:
            raise UnknownSubject(name) from None

    def version(self, name: str, number: int) -> SubjectVersion:
        """Return one version of a subject. Raises UnknownSubject."""
        versions = self.subject(name).versions
        if not 1 <= number <= len(versions):
            raise UnknownSubject(f"{name}@{number}")
        return versions[number - 1]

    def latest(self, name: str) -> SubjectVersion:
        """Return the newest version of a subject. Raises UnknownSubject."""
        version = self._latest.get(name)
        if version is None:
            raise UnknownSubject(name)
        return version

    def by_rabin(self, fingerprint: str) -> SubjectVersion:
        """Return the version with this Rabin fingerprint (16 hex digits). Raises UnknownSubject.

        Versions that differ only in what the fingerprint ignores share one: the oldest is
        returned, and such versions mean the same bytes (lint keeps logical types equal).
        """
        version = self._by_rabin.get(fingerprint)
        if version is None:
            raise UnknownSubject(f"fingerprint {fingerprint}")
        return version

    def by_wire_digest(self, digest: str) -> SubjectVersion:
        """Return the oldest version whose bytes mean exactly this. Raises UnknownSubject."""
        version = self._by_wire_digest.get(digest)
        if version is None:
            raise UnknownSubject(f"schema {digest[:16]}")
        return version

    def by_outer_id(self, id_: int | str, registry: str | None = None) -> SubjectVersion:
        """Return the version that an outer registry means by this id. Raises UnknownSubject.

        Without a name of the registry, every one counts, and they must agree.
        """
        found = self._by_outer_id.get(id_, {})
        versions = {v for name, v in found.items() if registry in (None, name)}
        if len(versions) != 1:
            some = "more than one meaning of" if versions else "no"
            raise UnknownSubject(f"{some} schema id {id_}")
        ((subject, number),) = versions
        return self.version(subject, number)

    def end_micros(self, name: str) -> int | None:
        """When a deprecated or retired subject ends: what happens from then on is refused."""
        return self._ends.get(name)

    @cached_property
    def _by_outer_id(self) -> dict[int | str, dict[str, tuple[str, int]]]:
        found: dict[int | str, dict[str, tuple[str, int]]] = {}
        for line in self.outer_ids:
            found.setdefault(line.id, {})[line.registry] = (line.subject, line.version)
        return found

    @cached_property
    def _ends(self) -> dict[str, int]:
        ends = {}
        for name, subject in self.subjects.items():
            if subject.about.state != "active" and subject.about.sunset is not None:
                ends[name] = end_of_day_micros(subject.about.sunset)
        return ends

    @cached_property
    def _latest(self) -> dict[str, SubjectVersion]:
        return {name: subject.latest for name, subject in self.subjects.items()}

    @cached_property
    def _by_rabin(self) -> dict[str, SubjectVersion]:
        return {version.rabin: version for version in self._newest_first()}

    @cached_property
    def _by_wire_digest(self) -> dict[str, SubjectVersion]:
        return {version.wire_digest: version for version in self._newest_first()}

    def _newest_first(self) -> list[SubjectVersion]:
        subjects = self.subjects.values()
        return [version for subject in subjects for version in reversed(subject.versions)]

    def __getstate__(self) -> dict[str, Any]:
        """Only the data; the indexes are built again elsewhere."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def load_registry(root: Path | None = None) -> Registry:
    """Read, lint and link the registry's files; `root` defaults to this package.

    Raises RegistryError naming every mistake.
    """
    root = root or PACKAGE_ROOT
    problems: list[str] = []
    settings = files.read_registry_file(root, problems)
    if settings is None:
        raise RegistryError(problems)
    common = files.read_common_types(root, problems)
    currencies = files.read_currencies(root, problems)
    folders = sorted(path for path in (root / "subjects").glob("*") if path.is_dir())
    subjects = {}
    for folder in folders:
        found = files.read_subject_folder(folder, problems)
        versions = link_subject(found, settings, common, currencies, problems)
        if versions and found.file is not None:
            compatibility = found.file.compatibility or settings.default_compatibility
            subjects[folder.name] = Subject(folder.name, found.file, compatibility, versions)
    outer_ids: tuple[LockedId, ...] = ()
    try:
        outer_ids = read_lock(root).ids
    except LockDamaged as damage:
        problems.append(f"{root / LOCK_NAME}: {damage}")
    if problems:
        raise RegistryError(problems)
    return Registry(
        subjects=subjects, limits=settings.limits, currencies=currencies, outer_ids=outer_ids
    )
