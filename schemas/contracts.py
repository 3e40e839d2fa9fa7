"""What a registry promises, read without refusing: every version beside what is wrong with it.

`load_registry` stops at the first registry that has mistakes; the checks of a change must look
at such a registry too, and at the one of an earlier commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from schemas import files, forms
from schemas.linking import field_paths

Json = Any


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a subject with what its subject.yaml says of it."""

    subject: str
    number: int
    schema: Json
    """Inlined: named types defined where first used, full names everywhere."""
    keys: files.Keys
    event_time: str
    personal_data: tuple[str, ...] = ()
    """Paths of fields of this version."""

    @property
    def label(self) -> str:
        """`<subject>@<version>`."""
        return f"{self.subject}@{self.number}"

    @property
    def key_paths(self) -> frozenset[str]:
        """Every field that some key names."""
        return frozenset((*self.keys.customer, *self.keys.contract, *self.keys.idempotency))

    @property
    def digest(self) -> str:
        """SHA-256 over everything but docs, as the lock has it."""
        return forms.full_digest(self.schema, {"personal_data": sorted(self.personal_data)})


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A subject's versions that could be read, oldest first, and its mode."""

    subject: str
    about: files.SubjectFile
    mode: files.Compatibility
    versions: tuple[Contract, ...]


class Contracts(msgspec.Struct, frozen=True, kw_only=True):
    """A registry as its files have it."""

    settings: files.RegistryFile | None
    histories: Mapping[str, History]
    problems: tuple[str, ...]
    """What kept a file or a subject from being read."""


def read_contracts(root: Path) -> Contracts:
    """Read every subject below `root`; never raises for what the files say."""
    problems: list[str] = []
    settings = files.read_registry_file(root, problems)
    if settings is None:
        return Contracts(settings=None, histories={}, problems=tuple(problems))
    common = files.read_common_types(root, problems)
    histories = {}
    for folder in sorted(path for path in (root / "subjects").glob("*") if path.is_dir()):
        found = files.read_subject_folder(folder, problems)
        if found.file is not None:
            versions = _versions(found, found.file, common, problems)
            mode = found.file.compatibility or settings.default_compatibility
            histories[folder.name] = History(
                subject=folder.name, about=found.file, mode=mode, versions=versions
            )
    return Contracts(settings=settings, histories=histories, problems=tuple(problems))


def _versions(
    folder: files.SubjectFolder,
    about: files.SubjectFile,
    common: Mapping[str, Json],
    problems: list[str],
) -> tuple[Contract, ...]:
    versions = []
    for number, schema in sorted(folder.versions.items()):
        try:
            inlined = forms.inline(schema, common)
            paths = field_paths(inlined)
        except forms.MALFORMED as error:
            problems.append(f"{folder.name}@{number}: {type(error).__name__}: {error}")
            continue
        versions.append(
            Contract(
                subject=folder.name,
                number=number,
                schema=inlined,
                keys=about.keys,
                event_time=about.event_time,
                personal_data=tuple(path for path in about.personal_data if path in paths),
            )
        )
    return tuple(versions)
