"""Fields of datasets: of subjects as the registry has them, of tables as the store has them."""

from __future__ import annotations

import hashlib
from functools import cache

from connectors.telemetry.lineage.facts import Column, Dataset
from schemas.changes import type_in_words
from schemas.lock import LOCK_NAME, LockDamaged, read_lock
from schemas.registry import Registry, RegistryError, load_registry
from schemas.versions import SubjectVersion

WRITTEN = ("erp.posting", "lifecycle.update", "ops.dead_letter")
"""Subjects that runs write; all others are read."""


def subjects_read() -> tuple[Column, ...]:
    """Return what events are read as: every subject with its fields; nothing of a damaged registry.

    A topic or a file holds events of many subjects, so each is one field that is a record.
    """
    registry = _registry()
    if registry is None:
        return ()
    return tuple(
        Column(name, "record", subject.about.purpose, _fields(subject.latest))
        for name, subject in sorted(registry.subjects.items())
        if name not in WRITTEN
    )


def subject_fields(name: str) -> tuple[Column, ...]:
    """Return the fields of a subject's newest version; nothing of a damaged registry."""
    registry = _registry()
    return _fields(registry.latest(name)) if registry is not None else ()


def table_fields(table: str) -> tuple[Column, ...]:
    """Return the columns of a table of the ledger store."""
    from connectors.store.tables import metadata

    return tuple(
        Column(column.name, str(column.type.compile()).split(" COLLATE")[0])
        for column in metadata.tables[table].columns
    )


def registry_lock(namespace: str) -> Dataset | None:
    """Return the registry that events are read by; its version is the digest of its lock.

    The digest is the lock's last chain, which is a hash over every line. None when it is damaged.
    """
    try:
        lock = read_lock()
    except LockDamaged:
        return None
    version = lock.end or hashlib.sha256(lock.encode()).hexdigest()
    return Dataset(namespace=namespace, name=f"schemas/{LOCK_NAME}", version=version)


def _fields(version: SubjectVersion) -> tuple[Column, ...]:
    return tuple(
        Column(field["name"], type_in_words(field["type"])) for field in version.schema["fields"]
    )


@cache
def _registry() -> Registry | None:
    """The registry; a run that cannot read it says so itself."""
    try:
        return load_registry()
    except RegistryError:
        return None
