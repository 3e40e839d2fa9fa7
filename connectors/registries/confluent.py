"""Any registry that speaks Confluent's API, through confluent-kafka's client.

The client is an extra (`pip install crossfoot[registries]`) and loaded when first asked.
Every error of it comes out as RegistryRefused (the registry said no) or RegistryUnreachable.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from connectors.registries.asking import FoundSchema, RegistryRefused, RegistryUnreachable

Json = Any
TIMEOUT_SECONDS = 10
_NOT_FOUND = 404
_REFUSALS = (409, 422)
REFERENCES_DEPTH = 16


class Reference(msgspec.Struct, frozen=True):
    """A named type that a schema refers to, and where it is registered."""

    name: str
    subject: str
    version: int


class Registered(msgspec.Struct, frozen=True):
    """A schema as the registry has it under a subject."""

    schema_id: int
    version: int


class ConfluentRegistry:
    """One registry. `user_info`: `name:password`, where it asks for them."""

    def __init__(
        self, url: str, user_info: str | None = None, timeout_seconds: int = TIMEOUT_SECONDS
    ) -> None:
        """Raises RegistryUnreachable when the client is not installed or the URL is none."""
        settings: dict[str, Any] = {"url": url, "timeout": timeout_seconds, "max.retries": 1}
        if user_info is not None:
            settings["basic.auth.user.info"] = user_info
        with _told_apart():
            from confluent_kafka.schema_registry import SchemaRegistryClient

            self._client = SchemaRegistryClient(settings)

    def find(self, schema_id: int) -> FoundSchema | None:
        """Return what is registered under an id, with the types it refers to; None if nothing.

        Raises RegistryUnreachable, also where the registry refuses to tell.
        """
        try:
            with _told_apart(absent=None):
                schema = self._client.get_schema(schema_id)
                where = self._client.get_schema_versions(schema_id)
                common: dict[str, Json] = {}
                self._collect(schema.references or [], common, REFERENCES_DEPTH)
                return FoundSchema(
                    text=schema.schema_str or "",
                    kind=schema.schema_type or "AVRO",
                    common=common,
                    registered_as=tuple((w.subject or "", w.version or 0) for w in where),
                )
        except _Absent:
            return None
        except RegistryRefused as refused:
            raise RegistryUnreachable(str(refused)) from refused

    def _collect(self, references: Sequence[Any], into: dict[str, Json], depth: int) -> None:
        """The definitions of the types referred to, and of those that they refer to."""
        if depth == 0:
            raise RegistryUnreachable("references without end")
        for reference in references:
            if reference.name not in into:
                found = self._client.get_version(reference.subject, reference.version).schema
                into[reference.name] = json.loads(found.schema_str or "")
                self._collect(found.references or [], into, depth - 1)

    def versions(self, subject: str) -> list[int]:
        """Numbers of the versions registered under a subject; none when it is not there."""
        try:
            with _told_apart(absent=None):
                return sorted(self._client.get_versions(subject))
        except _Absent:
            return []

    def registered(
        self, subject: str, schema: Json, references: Sequence[Reference]
    ) -> Registered | None:
        """Find a schema under a subject; None when it is not registered there."""
        try:
            with _told_apart(absent=None):
                found = self._client.lookup_schema(
                    subject, _schema(schema, references), normalize_schemas=True
                )
        except _Absent:
            return None
        return Registered(found.schema_id or 0, found.version or 0)

    def register(self, subject: str, schema: Json, references: Sequence[Reference]) -> Registered:
        """Register a schema as the next version. Raises RegistryRefused, RegistryUnreachable."""
        with _told_apart():
            self._client.register_schema(
                subject, _schema(schema, references), normalize_schemas=True
            )
        found = self.registered(subject, schema, references)
        if found is None:
            raise RegistryRefused(f"{subject} was registered and is not found again")
        return found

    def accepts(self, subject: str, schema: Json, references: Sequence[Reference]) -> bool:
        """Ask whether the latest version there may be followed by this one."""
        with _told_apart():
            return bool(self._client.test_compatibility(subject, _schema(schema, references)))

    def compatibility(self, subject: str) -> str | None:
        """The mode set for a subject; None where only the registry's own holds."""
        try:
            with _told_apart(absent=None):
                level = self._client.get_compatibility(subject)
        except _Absent:
            return None
        return str(getattr(level, "value", level))

    def set_compatibility(self, subject: str, mode: str) -> None:
        """Set the mode of a subject. Raises RegistryRefused, RegistryUnreachable."""
        with _told_apart():
            self._client.set_compatibility(subject, mode)


class _Absent(Exception):
    """The registry has no such subject, version or id."""


def _schema(schema: Json, references: Sequence[Reference]) -> Any:
    from confluent_kafka.schema_registry import Schema, SchemaReference

    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    refers = [SchemaReference(r.name, r.subject, r.version) for r in references]
    return Schema(text, "AVRO", refers)


@contextmanager
def _told_apart(**absent: None) -> Iterator[None]:
    """Turn the client's errors into ours; with `absent=None`, a 404 into _Absent."""
    try:
        from confluent_kafka.schema_registry.error import SchemaRegistryError
    except ImportError as error:
        hint = "install crossfoot[registries] to talk to a schema registry"
        raise RegistryUnreachable(f"{hint} ({error})") from error
    broken: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, *_transport_errors())
    try:
        yield
    except SchemaRegistryError as error:
        status = error.http_status_code
        if status == _NOT_FOUND and absent:
            raise _Absent from error
        if status in (_NOT_FOUND, *_REFUSALS):
            raise RegistryRefused(str(error.error_message)) from error
        raise RegistryUnreachable(f"status {status}: {error.error_message}") from error
    except broken as error:
        raise RegistryUnreachable(f"{type(error).__name__}: {error}") from error


def _transport_errors() -> tuple[type[Exception], ...]:
    """What the client's HTTP library raises; which one it is depends on the client's release."""
    found: list[type[Exception]] = []
    for name in ("httpx2", "httpx"):
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        found += [library.HTTPError, library.InvalidURL]
    return tuple(found)
