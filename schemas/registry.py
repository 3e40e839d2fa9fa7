"""The registry: subjects, their versions, and how a version is found by name or fingerprint.

`load_registry()` reads the files beside this module (package data) or those of another root.
Validators, readers and writers are compiled on first use, once per version and process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from schemas import files, forms
from schemas.avro_records import AvroCodec
from schemas.json_records import JsonReader
from schemas.lint import Limits, lint
from schemas.rules import SchemaViolation, Violation
from schemas.shapes import RecordShape, shape_of
from schemas.validators import compile_validator

Json = Any
Validator = Callable[[Any], Violation | None]

PACKAGE_ROOT = Path(__file__).parent


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
class SubjectVersion:
    """One version of a subject: its schema and what is compiled from it."""

    subject: str
    number: int
    schema: Json = field(repr=False)
    """Inlined: named types defined where first used, full names everywhere."""
    currencies: frozenset[str] = field(repr=False)
    limits: Limits = field(repr=False)
    personal_data: tuple[str, ...]
    """Paths of this version's fields that may carry personal data."""

    @cached_property
    def label(self) -> str:
        """`<subject>@<version>`."""
        return f"{self.subject}@{self.number}"

    @cached_property
    def full_name(self) -> str:
        """Avro's full name of the record."""
        return str(self.schema["name"])

    @cached_property
    def rabin(self) -> str:
        """Avro's CRC-64 fingerprint, 16 hex digits."""
        return forms.rabin(self.schema)

    @cached_property
    def wire_digest(self) -> str:
        """SHA-256 over what the bytes mean, with logical types and scales."""
        return forms.wire_digest(self.schema)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over everything but docs: what `registry.lock` holds."""
        return forms.full_digest(self.schema, {"personal_data": sorted(self.personal_data)})

    @cached_property
    def shape(self) -> RecordShape:
        """The typed tree of the schema."""
        return shape_of(self.schema)

    @cached_property
    def validate(self) -> Validator:
        """Check a struct by attribute access: `validate(record) -> Violation | None`."""
        return compile_validator(self.shape, self.currencies, self.limits.list_items)

    @cached_property
    def validate_mapping(self) -> Validator:
        """Check a record held in mappings, as `read_json` and `decode` give it."""
        return compile_validator(
            self.shape, self.currencies, self.limits.list_items, mappings=True
        )

    @cached_property
    def avro(self) -> AvroCodec:
        """The strict Avro reader and writer of this version."""
        return AvroCodec(self.schema, self.shape)

    @cached_property
    def json(self) -> JsonReader:
        """The strict reader of JSON objects of this version."""
        return JsonReader(self.shape)

    def decode_json(self, value: bytes | Mapping[str, Any]) -> dict[str, Any]:
        """Read a JSON object (its bytes, or parsed) into a record and check every rule.

        Raises SchemaViolation with the one thing that is wrong first.
        """
        record = self.json.read(value)
        violation = self.validate_mapping(record)
        if violation is not None:
            raise SchemaViolation(violation.reason, violation.path, violation.detail)
        return record

    def __getstate__(self) -> dict[str, Any]:
        """Only what the version is; what was compiled is compiled again elsewhere."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


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
        subject = _link(found, settings, common, currencies, problems)
        if subject is not None:
            subjects[folder.name] = subject
    if problems:
        raise RegistryError(problems)
    return Registry(subjects=subjects, limits=settings.limits, currencies=currencies)


def _link(
    folder: files.SubjectFolder,
    settings: files.RegistryFile,
    common: Mapping[str, Json],
    currencies: frozenset[str],
    problems: list[str],
) -> Subject | None:
    """Turn a folder's content into a Subject, or add what is wrong with it."""
    before = len(problems)
    about = folder.file
    versions = []
    for number, schema in sorted(folder.versions.items()):
        inlined = _inline(folder.name, number, schema, settings, common, problems)
        if inlined is not None and about is not None:
            personal = tuple(path for path in about.personal_data if path in field_paths(inlined))
            versions.append(
                SubjectVersion(
                    subject=folder.name,
                    number=number,
                    schema=inlined,
                    currencies=currencies,
                    limits=settings.limits,
                    personal_data=personal,
                )
            )
    if about is None or len(problems) > before or not versions:
        return None
    problems += [f"{folder.name}: {problem}" for problem in _lint_about(about, versions[-1])]
    compatibility = about.compatibility or settings.default_compatibility
    return Subject(folder.name, about, compatibility, tuple(versions))


def _inline(
    subject: str,
    number: int,
    schema: Json,
    settings: files.RegistryFile,
    common: Mapping[str, Json],
    problems: list[str],
) -> Json | None:
    """Inline and lint one version; None when it is wrong."""
    label = f"{subject}@{number}"
    try:
        inlined = forms.inline(schema, common)
    except (forms.UnknownType, KeyError, TypeError) as error:
        problems.append(f"{label}: {error}")
        return None
    found = lint(inlined, settings.limits)
    expected = record_name(settings.namespace, subject)
    if inlined["name"] != expected:
        found.append(f"the record must be named {expected}, not {inlined['name']}")
    problems += [f"{label}: {problem}" for problem in found]
    return None if found else inlined


def record_name(namespace: str, subject: str) -> str:
    """`billing.invoice_issued` -> `crossfoot.billing.InvoiceIssued`."""
    room, _, rest = subject.partition(".")
    camel = "".join(part.capitalize() for part in rest.replace(".", "_").split("_"))
    return f"{namespace}.{room}.{camel}"


def field_paths(schema: Json) -> frozenset[str]:
    """Every field of an inlined record schema as a dotted path, through lists and optionals."""
    paths: set[str] = set()
    named: dict[str, Json] = {}

    def visit(node: Json, path: str) -> None:
        if isinstance(node, str):
            node = named.get(node, {"type": node})
        if isinstance(node, list):
            visit(node[-1], path)
        elif node["type"] in ("array", "map"):
            visit(node["items" if node["type"] == "array" else "values"], path)
        elif node["type"] == "record":
            named[node["name"]] = node
            for inner in node["fields"]:
                at = f"{path}.{inner['name']}" if path else inner["name"]
                paths.add(at)
                visit(inner["type"], at)

    visit(schema, "")
    return frozenset(paths)


def _lint_about(about: files.SubjectFile, latest: SubjectVersion) -> list[str]:
    """Fields that subject.yaml names must exist in the latest version."""
    paths = field_paths(latest.schema)
    keys = (*about.keys.customer, *about.keys.contract, *about.keys.idempotency)
    named = (*keys, about.event_time, *about.personal_data)
    problems = [f"subject.yaml names {path}, which is no field" for path in named if path not in paths]
    if about.state == "deprecated" and about.sunset is None:
        problems.append("a deprecated subject names its sunset date")
    return problems
