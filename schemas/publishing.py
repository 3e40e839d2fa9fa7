"""Publishing: new versions enter the lock after every check, and never otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from schemas.checking import UNLOCKED, check_registry, identity_of
from schemas.compatibility import is_breaking
from schemas.contracts import read_contracts
from schemas.files import PACKAGE_ROOT
from schemas.judging import Finding
from schemas.lock import (
    LOCK_NAME,
    Lock,
    LockedId,
    LockedVersion,
    compare_lock,
    read_lock,
    rebuilt,
)
from schemas.registry import load_registry


class NotPublished(Exception):
    """Nothing was written; `findings` say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{f.subject} {f.sentence}".strip() for f in findings))
        self.findings = tuple(findings)


def publish(root: Path = PACKAGE_ROOT) -> list[LockedVersion]:
    """Check the whole registry, then lock the versions that are not locked yet.

    Raises NotPublished when anything is breaking; RegistryError; LockDamaged.
    """
    contracts, lock = read_contracts(root), read_lock(root)
    findings = check_registry(contracts, lock)
    refused = [f for f in findings if is_breaking([f]) and f.cause != UNLOCKED]
    if refused:
        raise NotPublished(refused)
    load_registry(root)  # what ties the files together: names, keys, personal data
    versions = [version for history in contracts.histories.values() for version in history.versions]
    added = compare_lock([identity_of(version) for version in versions], lock).unlocked
    write_lock(root, lock.with_added(added))
    return list(added)


def record_ids(root: Path, ids: Iterable[LockedId]) -> list[LockedId]:
    """Add what outer registries called our versions, as far as the lock does not say it yet."""
    lock = read_lock(root)
    known = set(lock.ids)
    added = [line for line in dict.fromkeys(ids) if line not in known]
    write_lock(root, lock.with_added(added))
    return added


def rebuild_chain(root: Path, published: Lock) -> Lock:
    """Put the lines of `published` first and chain the others after them; see `lock.rebuilt`."""
    lock = rebuilt(read_lock(root), published)
    write_lock(root, lock)
    return lock


def write_lock(root: Path, lock: Lock) -> None:
    """Replace the file as a whole: it is never seen half written."""
    path = root / LOCK_NAME
    if path.exists() and path.read_bytes() == lock.encode():
        return
    draft = path.with_suffix(".new")
    draft.write_bytes(lock.encode())
    os.replace(draft, path)
