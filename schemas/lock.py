"""`registry.lock`: the identities of every version, one JSON object per line, append-only.

A version that is locked may not change any more: what was written with it must be read the
same for ever. `python -m schemas.lock` adds the versions that are not locked yet and refuses
when a locked one changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from schemas.registry import PACKAGE_ROOT, Registry, RegistryError, load_registry

LOCK_NAME = "registry.lock"


class LockedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the lock; fields that later releases add are left alone here."""

    subject: str
    version: int
    rabin: str
    """Avro's CRC-64 fingerprint, 16 hex digits."""
    sha256: str
    """Over the full canonical form: logical types, defaults, aliases, rules, tags; no docs."""


_LINE = msgspec.json.Decoder(LockedVersion)


def read_lock(root: Path = PACKAGE_ROOT) -> list[LockedVersion]:
    """Read the lock, in file order; empty when there is none. Raises msgspec.DecodeError."""
    path = root / LOCK_NAME
    if not path.exists():
        return []
    return [_LINE.decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def expected_lock(registry: Registry) -> list[LockedVersion]:
    """What the files say now, by subject and version."""
    return [
        LockedVersion(
            subject=version.subject,
            version=version.number,
            rabin=version.rabin,
            sha256=version.sha256,
        )
        for _, subject in sorted(registry.subjects.items())
        for version in subject.versions
    ]


def check_lock(registry: Registry, locked: list[LockedVersion]) -> list[str]:
    """Say where files and lock differ: changed, vanished and not yet locked versions."""
    return compare_lock(expected_lock(registry), locked)


def compare_lock(expected: list[LockedVersion], locked: list[LockedVersion]) -> list[str]:
    """As `check_lock`, given the identities that the files have now."""
    now = {(line.subject, line.version): line for line in expected}
    then = {(line.subject, line.version): line for line in locked}
    problems = [
        f"{subject}@{number} changed after it was locked: make v{number + 1}.avsc instead"
        for (subject, number), line in then.items()
        if (subject, number) in now and now[subject, number] != line
    ]
    problems += [f"{s}@{n} is locked and has no file" for s, n in then if (s, n) not in now]
    problems += [f"{s}@{n} is not locked yet" for s, n in now if (s, n) not in then]
    if len(then) != len(locked):
        problems.append("the lock names a version twice")
    return problems


def append_to_lock(registry: Registry, root: Path = PACKAGE_ROOT) -> list[LockedVersion]:
    """Add the versions that are not locked yet and return them.

    Raises RegistryError, and writes nothing, when a locked version changed or vanished.
    """
    locked = read_lock(root)
    wrong = [problem for problem in check_lock(registry, locked) if "not locked yet" not in problem]
    if wrong:
        raise RegistryError(wrong)
    known = {(line.subject, line.version) for line in locked}
    added = [line for line in expected_lock(registry) if (line.subject, line.version) not in known]
    with (root / LOCK_NAME).open("ab") as file:
        file.writelines(msgspec.json.encode(line) + b"\n" for line in added)
    return added


def main() -> int:
    """Lock what is new; exit code 1 when the registry or its lock is wrong."""
    try:
        added = append_to_lock(load_registry())
    except RegistryError as error:
        print(error, file=sys.stderr)
        return 1
    for line in added:
        print(f"locked {line.subject}@{line.version} {line.rabin}")
    print(f"{len(added)} versions added")
    return 0


if __name__ == "__main__":
    sys.exit(main())
