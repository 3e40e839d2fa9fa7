"""Records of a version that this registry does not have yet: read where nothing can be lost.

Producers may be ahead of a pipeline. Where the writer's schema travels with the data (container
files) or can be asked for (outer registries), it is judged like a new version, by Avro's rules
and those about money. A record is then read when the mode promises that older readers may read
newer records, or when this very record says nothing that the older version cannot hold.
"""

from __future__ import annotations

import json
from typing import Any

from schemas import forms
from schemas.avro_walk import AVRO_DAMAGED
from schemas.compatibility import DIRECTIONS, Direction, check_pair, is_breaking
from schemas.contracts import Contract
from schemas.lint import lint
from schemas.registry import Registry, Subject, UnknownSubject
from schemas.rules import SchemaViolation
from schemas.single_objects import UNKNOWN_FINGERPRINT
from schemas.versions import SubjectVersion

Json = Any

NEWER_VERSION = "newer_version"
TOO_DEEP = "too_deep"


def parse_schema(text: bytes | str, common: dict[str, Json] | None = None) -> Json:
    """Parse a writer's schema and inline it, with the named types it refers to in `common`.

    Raises SchemaViolation: avro_damaged, too_deep.
    """
    try:
        return forms.inline(json.loads(text), common or {})
    except RecursionError:
        raise SchemaViolation(TOO_DEEP, "", "the writer's schema is nested too deep") from None
    except (ValueError, *forms.MALFORMED):
        raise SchemaViolation(AVRO_DAMAGED, "", "the writer's schema is not one") from None


def registered_version(schema: Json, registry: Registry, label: str | None) -> SubjectVersion:
    """Find the version that a writer's schema is: a registered one, or a sound later one.

    `label`: `<subject>@<version>` where the writer says it. Raises SchemaViolation:
    unknown_fingerprint, avro_damaged, too_deep, newer_version.
    """
    try:
        digest = forms.wire_digest(schema)
    except RecursionError:
        raise SchemaViolation(TOO_DEEP, "", "the writer's schema is nested too deep") from None
    except forms.MALFORMED:
        raise SchemaViolation(AVRO_DAMAGED, "", "the writer's schema is not one") from None
    subject, number = _split_label(label, registry)
    if subject is not None and number <= subject.latest.number:
        named = subject.versions[number - 1]
        if named.wire_digest == digest:
            return named
    try:
        return registry.by_wire_digest(digest)
    except UnknownSubject:
        pass
    if subject is None or number <= subject.latest.number:
        detail = "the writer's schema differs from every registered version"
        raise SchemaViolation(UNKNOWN_FINGERPRINT, "", detail)
    return _later_version(schema, digest, registry, subject, number)


def _split_label(label: str | None, registry: Registry) -> tuple[Subject | None, int]:
    name, _, number = (label or "").rpartition("@")
    known = name in registry.subjects and number.isascii() and number.isdigit()
    if not known or not 0 < int(number[:9]) < 100_000_000:
        return None, 0
    return registry.subjects[name], int(number[:9])


def _later_version(
    schema: Json, digest: str, registry: Registry, subject: Subject, number: int
) -> SubjectVersion:
    """Judge a later version once per process and keep it."""
    key = (subject.name, number, digest)
    if key not in registry.later_versions:
        registry.later_versions[key] = _judged(schema, registry, subject, number)
    return registry.later_versions[key]


def _judged(schema: Json, registry: Registry, subject: Subject, number: int) -> SubjectVersion:
    latest = subject.latest
    try:
        problems = lint(schema, registry.limits)
    except forms.MALFORMED:
        problems = ["is not a schema"]
    if not problems and schema["name"] != latest.full_name:
        problems = ["is another record"]
    if problems:
        raise SchemaViolation(UNKNOWN_FINGERPRINT, "", f"{subject.name}@{number}: {problems[0]}")
    findings = check_pair(_contract(subject, latest), _contract(subject, schema, number), "FORWARD")
    if is_breaking(findings):
        detail = f"{latest.label} cannot read {subject.name}@{number}: {findings[0].sentence}"
        raise SchemaViolation(NEWER_VERSION, "", detail)
    return SubjectVersion(
        subject=subject.name,
        number=number,
        schema=schema,
        currencies=registry.currencies,
        limits=registry.limits,
        personal_data=latest.personal_data,
        later=True,
    )


def _contract(subject: Subject, version: SubjectVersion | Json, number: int = 0) -> Contract:
    """What the comparison of versions asks for; what subject.yaml says is the same for both."""
    if isinstance(version, SubjectVersion):
        schema, number = version.schema, version.number
    else:
        schema = version
    return Contract(
        subject=subject.name,
        number=number,
        schema=schema,
        keys=subject.about.keys,
        event_time=subject.about.event_time,
    )


def read_later(
    writer: SubjectVersion, datum: bytes, reader: SubjectVersion, registry: Registry
) -> dict[str, Any]:
    """Read a datum of a later version as `reader`. Raises SchemaViolation.

    Where the subject's mode does not promise it, the record must come back unchanged when it is
    read as `reader` and as the later version again; else newer_version.
    """
    full = writer.decode(datum)
    try:
        record = writer.avro.resolve(datum, reader.avro)
    except SchemaViolation as fault:
        # A symbol or a branch that only the newer version has.
        detail = "carries what only the newer version can say"
        raise SchemaViolation(NEWER_VERSION, fault.violation.path, detail) from None
    mode = registry.subject(writer.subject).compatibility.removesuffix("_TRANSITIVE")
    if Direction.FORWARD in DIRECTIONS[mode]:
        return record
    try:
        again = reader.avro.resolve(reader.avro.encode(record), writer.avro)
    except SchemaViolation:
        again = {}
    if again != full:
        detail = f"{reader.label} would lose what {writer.label} says"
        raise SchemaViolation(NEWER_VERSION, "", detail)
    return record
