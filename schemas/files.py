"""Reading the registry's files into typed structs, every mistake collected with its file.

The layout: `registry.yaml`, `common/*.avsc`, `common/currencies.yaml`,
`subjects/<name>/{subject.yaml, v<n>.avsc, CHANGELOG.md, examples/v<n>/{ok,bad}/*.json}`,
`registry.lock`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import yaml

from schemas.lint import Limits

PACKAGE_ROOT = Path(__file__).parent
"""The registry that is shipped with this package."""

Json = Any
S = TypeVar("S", bound=msgspec.Struct)

Compatibility = Literal[
    "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL",
    "FULL_TRANSITIVE", "NONE",
]  # fmt: skip


class RegistryFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`registry.yaml`."""

    default_compatibility: Compatibility
    namespace: str
    limits: Limits


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields by which records of a subject are found; the first that is set counts."""

    customer: tuple[str, ...] = ()
    contract: tuple[str, ...] = ()
    idempotency: tuple[str, ...]


class SubjectFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`subject.yaml`: who answers for the subject and how it may be used."""

    owner: str
    """System of record."""
    purpose: str
    keys: Keys
    event_time: str
    """Field that says when it happened."""
    service_class: Literal["financial", "lifecycle", "reference", "operational"]
    """financial: moves money in the books. lifecycle: makes other teams act. reference: needed
    to understand the others. operational: about the pipelines themselves."""
    state: Literal["active", "deprecated", "retired"]
    consumers: tuple[str, ...]
    personal_data: tuple[str, ...] = ()
    """Paths of fields that may carry personal data: `name`, `lines.description`."""
    compatibility: Compatibility | None = None
    """None: the registry's default."""
    sunset: str | None = None
    """ISO date after which a deprecated subject is no longer accepted."""
    successor: str | None = None


_VERSION_FILE = re.compile(r"v([1-9][0-9]*)\.avsc")


class SubjectFolder(msgspec.Struct, frozen=True, kw_only=True):
    """What one folder under `subjects/` holds: version number -> schema as read."""

    name: str
    file: SubjectFile | None
    versions: dict[int, Json]


def read_registry_file(root: Path, problems: list[str]) -> RegistryFile | None:
    """Read `registry.yaml`; None, with a problem added, when it is wrong."""
    return _read_yaml(root / "registry.yaml", RegistryFile, problems)


def read_common_types(root: Path, problems: list[str]) -> dict[str, Json]:
    """Read the shared named types: full name -> schema."""
    types = {}
    for path in sorted((root / "common").glob("*.avsc")):
        schema = _read_json(path, problems)
        if schema is not None:
            types[f"{schema.get('namespace')}.{schema.get('name')}"] = schema
    return types


class CurrenciesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`common/currencies.yaml`."""

    currencies: str
    """Codes with spaces between them."""


def read_currencies(root: Path, problems: list[str]) -> frozenset[str]:
    """Read the currency codes that records may carry."""
    file = _read_yaml(root / "common" / "currencies.yaml", CurrenciesFile, problems)
    return frozenset(file.currencies.split()) if file is not None else frozenset()


def read_subject_folder(folder: Path, problems: list[str]) -> SubjectFolder:
    """Read one subject's folder, with problems for whatever is missing or stray in it."""
    versions = {}
    for path in sorted(folder.glob("*.avsc")):
        found = _VERSION_FILE.fullmatch(path.name)
        if found is None:
            problems.append(f"{path}: a schema file is named v<number>.avsc")
        elif (schema := _read_json(path, problems)) is not None:
            versions[int(found.group(1))] = schema
    if sorted(versions) != list(range(1, len(versions) + 1)) or not versions:
        problems.append(f"{folder}: versions must count from v1 without a gap")
    file = _read_yaml(folder / "subject.yaml", SubjectFile, problems)
    return SubjectFolder(name=folder.name, file=file, versions=versions)


def _read_yaml(path: Path, into: type[S], problems: list[str]) -> S | None:
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), into)
    except FileNotFoundError:
        problems.append(f"{path}: is missing")
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        problems.append(f"{path}: {error}")
    return None


def _read_json(path: Path, problems: list[str]) -> Json | None:
    try:
        schema = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        problems.append(f"{path}: {error}")
        return None
    if not isinstance(schema, dict) or not isinstance(schema.get("name"), str):
        problems.append(f"{path}: must be one named type")
        return None
    return schema
