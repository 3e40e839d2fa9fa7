"""What is asked of an outer registry, and how its answers are told apart."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

Json = Any


class RegistryUnreachable(Exception):
    """The registry did not answer, or not as a registry does; the message says how."""


class RegistryRefused(Exception):
    """The registry answered that it does not take this; the message is its own."""


class FoundSchema(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry holds under an id."""

    text: str
    """The schema as it was registered, JSON."""
    kind: str
    """AVRO, JSON or PROTOBUF."""
    common: dict[str, Json] = {}
    """Named types that it refers to, by full name."""
    registered_as: tuple[tuple[str, int], ...] = ()
    """(subject there, version there) of every place where it is registered."""


class SchemasById(Protocol):
    """Finds a schema by its id."""

    def find(self, schema_id: int) -> FoundSchema | None:
        """None when there is none. Raises RegistryUnreachable."""
