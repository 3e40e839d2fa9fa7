"""Which outer registry a pipeline may ask, and how it is reached."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from connectors.registries.asking import FoundSchema
from connectors.registries.confluent import ConfluentRegistry
from connectors.registries.learning import LearnedWriters
from schemas.registry import Registry

USER_INFO_VARIABLE = "CROSSFOOT_SCHEMA_REGISTRY_USER_INFO"
"""Environment variable with `name:password`: secrets travel in no settings and no command line."""


class OuterRegistry(msgspec.Struct, frozen=True, kw_only=True):
    """A registry that speaks Confluent's API."""

    name: str
    """As the lock names it."""
    url: str | None = None
    """None: it is never asked; the name only says whose ids messages carry."""
    recorded: str | None = None
    """File in which ids that had to be asked for are recorded."""


def writers_of(outer: OuterRegistry, registry: Registry) -> LearnedWriters:
    """Build what finds writers by id; nothing is asked yet. Raises LearningDamaged, OSError."""
    recorded = Path(outer.recorded) if outer.recorded is not None else None
    return LearnedWriters(registry, outer.name, LazyRegistry(outer.url), time.monotonic, recorded)


class LazyRegistry:
    """Makes the client when the first id is asked for: most runs never ask."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._registry: ConfluentRegistry | None = None

    def find(self, schema_id: int) -> FoundSchema | None:
        """Raises RegistryUnreachable."""
        if self._url is None:
            return None
        if self._registry is None:
            self._registry = reached(self._url)
        return self._registry.find(schema_id)


def reached(url: str) -> ConfluentRegistry:
    """The registry at a URL, with the user that the environment names. Raises
    RegistryUnreachable."""
    return ConfluentRegistry(url, os.environ.get(USER_INFO_VARIABLE))
