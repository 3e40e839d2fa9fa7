"""Ids that the lock does not know yet: asked for once, kept in memory, and recorded in a file.

The file is read when a worker starts, so that the next one does not ask again, and
`crossfoot schemas lock --learned FILE` puts it into the lock. An id that the registry does not
know either, and a registry that does not answer, are asked again only after a while: a flood of
odd ids must not hold the stream up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from connectors.decoding import Rejected
from connectors.registries.asking import FoundSchema, Json, RegistryUnreachable, SchemasById
from ledger.reasons import Reason
from schemas.later_versions import parse_schema, registered_version
from schemas.lock import LockedId
from schemas.registry import Registry
from schemas.rules import SchemaViolation
from schemas.versions import SubjectVersion

ASK_AGAIN_SECONDS = 60.0
REFUSALS_KEPT = 10_000

log = logging.getLogger(__name__)


class LearnedId(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the file."""

    subject: str
    version: int
    registry: str
    id: int
    schema: Json = None
    """None but of a version that is ahead of this registry: its schema, inlined."""

    @property
    def label(self) -> str:
        """`<subject>@<version>`."""
        return f"{self.subject}@{self.version}"


_LINE = msgspec.json.Decoder(LearnedId)


class LearningDamaged(Exception):
    """The file of learned ids cannot be read; the message names the line."""


class LearnedWriters:
    """Finds writers by id for one outer registry; see `connectors.decoding.WritersById`."""

    def __init__(
        self,
        registry: Registry,
        registry_name: str,
        asked: SchemasById,
        clock: Callable[[], float],
        recorded: Path | None = None,
    ) -> None:
        """`clock`: seconds that only grow. Raises LearningDamaged, OSError."""
        self.registry_name = registry_name
        self._registry = registry
        self._asked = asked
        self._clock = clock
        self._recorded = recorded
        self._known: dict[int, SubjectVersion] = {}
        self._refused: dict[int, tuple[float, Reason, str]] = {}
        self._silent_until = 0.0
        for line in read_learned(recorded) if recorded is not None else []:
            if line.registry == registry_name:
                self._remember(line)

    def find(self, schema_id: int) -> SubjectVersion:
        """Return the writer's version. Raises Rejected."""
        known = self._known.get(schema_id)
        if known is not None:
            return known
        now = self._clock()
        until, reason, detail = self._refused.get(schema_id, (0.0, Reason.UNKNOWN_SCHEMA_ID, ""))
        if now < until:
            raise Rejected(reason, detail)
        if now < self._silent_until:
            raise Rejected(Reason.REGISTRY_UNREACHABLE, f"{self.registry_name} did not answer")
        try:
            version = self._ask(schema_id)
        except RegistryUnreachable as error:
            self._silent_until = self._clock() + ASK_AGAIN_SECONDS
            detail = f"{self.registry_name}: {error}"
            raise Rejected(Reason.REGISTRY_UNREACHABLE, detail) from None
        except Rejected as rejected:
            self._refuse(schema_id, rejected)
            raise
        self._known[schema_id] = version
        return version

    def _ask(self, schema_id: int) -> SubjectVersion:
        found = self._asked.find(schema_id)
        if found is None:
            detail = f"neither the lock nor {self.registry_name} has schema id {schema_id}"
            raise Rejected(Reason.UNKNOWN_SCHEMA_ID, detail)
        try:
            version = version_of(found, self._registry)
        except SchemaViolation as fault:
            seen = fault.violation
            detail = f"schema id {schema_id} of {self.registry_name}: {seen.detail}"
            reason = Reason(seen.reason)
            if reason is Reason.UNKNOWN_FINGERPRINT:
                reason = Reason.UNKNOWN_SCHEMA_ID
            raise Rejected(reason, detail) from None
        self._record(version, schema_id)
        return version

    def _refuse(self, schema_id: int, rejected: Rejected) -> None:
        if len(self._refused) >= REFUSALS_KEPT:
            self._refused.clear()
        until = self._clock() + ASK_AGAIN_SECONDS
        self._refused[schema_id] = (until, rejected.reason, rejected.detail)

    def _record(self, version: SubjectVersion, schema_id: int) -> None:
        """One write of one line: workers may share the file."""
        log.warning("schema id %s of %s is %s", schema_id, self.registry_name, version.label)
        if self._recorded is None:
            return
        line = LearnedId(
            subject=version.subject,
            version=version.number,
            registry=self.registry_name,
            id=schema_id,
            schema=version.schema if version.later else None,
        )
        with self._recorded.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(line) + b"\n")

    def _remember(self, line: LearnedId) -> None:
        """Take a recorded id; a version that is not as it was then is asked for again."""
        subject = self._registry.subjects.get(line.subject)
        if subject is not None and 0 < line.version <= subject.latest.number:
            self._known[line.id] = subject.versions[line.version - 1]
        elif line.schema is not None:
            try:
                schema = parse_schema(msgspec.json.encode(line.schema))
                self._known[line.id] = registered_version(schema, self._registry, line.label)
            except SchemaViolation:
                return


def version_of(found: FoundSchema, registry: Registry) -> SubjectVersion:
    """The version that a schema of an outer registry is. Raises SchemaViolation."""
    if found.kind != "AVRO":
        raise SchemaViolation(Reason.UNKNOWN_SCHEMA_ID.value, "", "is not Avro")
    schema = parse_schema(found.text, found.common)
    name = schema.get("name") if isinstance(schema, dict) else None
    subject = next((s for s in registry.subjects.values() if s.latest.full_name == name), None)
    numbers = sorted(number for _, number in found.registered_as)
    label = f"{subject.name}@{numbers[-1]}" if subject is not None and numbers else None
    return registered_version(schema, registry, label)


def read_learned(path: Path) -> list[LearnedId]:
    """Read the file; none when it is not there. Raises LearningDamaged, OSError."""
    if not path.exists():
        return []
    lines = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                lines.append(_LINE.decode(line))
            except msgspec.DecodeError as error:
                raise LearningDamaged(f"{path} line {number}: {error}") from None
    return lines


def learned_ids(path: Path, registry: Registry) -> list[LockedId]:
    """The recorded ids of versions that this registry has, for the lock. Raises as above."""
    return [
        LockedId(subject=x.subject, version=x.version, registry=x.registry, id=x.id)
        for x in read_learned(path)
        if x.subject in registry.subjects
        and 0 < x.version <= registry.subjects[x.subject].latest.number
    ]
