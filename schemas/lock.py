"""`registry.lock`: what was published, one JSON object per line, append-only and chained.

A line is a version with its identities, or the id that an outer registry gave to one. Each
line's `chain` is a SHA-256 over the line before it and its own content, so that no line can be
changed, moved or taken out without the next one telling. `schemas.publishing` writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from schemas.files import PACKAGE_ROOT

LOCK_NAME = "registry.lock"


class LockedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A published version; fields that later releases add are left alone here."""

    subject: str
    version: int
    rabin: str
    """Avro's CRC-64 fingerprint, 16 hex digits."""
    sha256: str
    """Over the full canonical form: logical types, defaults, aliases, rules, tags; no docs."""


class LockedId(msgspec.Struct, frozen=True, kw_only=True):
    """The id that an outer registry gave to a published version."""

    subject: str
    version: int
    registry: str
    """What we call that registry."""
    id: int | str
    """Confluent: the number in the wire format. Pub/Sub: `<schema>@<revision>`."""


class LockLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line as it stands in the file."""

    content: LockedVersion | LockedId
    text: str
    """All of the line but its chain, in the form that is hashed."""
    chain: str
    """64 hex digits; empty when the line has none."""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """The lock in file order."""

    lines: tuple[LockLine, ...] = ()

    @property
    def versions(self) -> tuple[LockedVersion, ...]:
        """The published versions."""
        return tuple(x.content for x in self.lines if isinstance(x.content, LockedVersion))

    @property
    def ids(self) -> tuple[LockedId, ...]:
        """The ids in outer registries."""
        return tuple(x.content for x in self.lines if isinstance(x.content, LockedId))

    def with_added(self, added: Iterable[LockedVersion | LockedId]) -> Lock:
        """The lock with lines chained to its end."""
        texts = [_canonical(msgspec.to_builtins(content)) for content in added]
        return Lock(lines=(*self.lines, *_chained(texts, self.end)))

    @property
    def end(self) -> str:
        """The chain of the last line; empty for an empty lock."""
        return self.lines[-1].chain if self.lines else ""

    def encode(self) -> bytes:
        """The file's bytes."""
        return b"".join(_encode(line) for line in self.lines)


class LockDamaged(Exception):
    """A line cannot be read; the message names it."""


class LockState(msgspec.Struct, frozen=True, kw_only=True):
    """How files and lock stand to each other."""

    wrong: tuple[str, ...]
    """What may never be: changed and vanished versions, a broken chain, ids of nothing."""
    unlocked: tuple[LockedVersion, ...]
    """Versions that are not published yet."""


def read_lock(root: Path = PACKAGE_ROOT) -> Lock:
    """Read the lock; empty when there is none. Raises LockDamaged."""
    path = root / LOCK_NAME
    return parse_lock(path.read_bytes()) if path.exists() else Lock()


def parse_lock(data: bytes) -> Lock:
    """Read the bytes of a lock. Raises LockDamaged."""
    lines = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                lines.append(_parse_line(line))
            except (ValueError, msgspec.ValidationError) as error:
                raise LockDamaged(f"line {number}: {error}") from None
    return Lock(lines=tuple(lines))


def _parse_line(line: bytes) -> LockLine:
    tree = json.loads(line)
    if not isinstance(tree, dict):
        raise ValueError("is no object")
    chain = tree.pop("chain", "")
    kind: type[LockedId] | type[LockedVersion] = LockedId if "registry" in tree else LockedVersion
    return LockLine(
        content=msgspec.convert(tree, kind),
        text=_canonical(tree),
        chain=msgspec.convert(chain, str),
    )


def compare_lock(expected: Sequence[LockedVersion], lock: Lock) -> LockState:
    """Say where the files (`expected`: the identities they have now) and the lock differ."""
    now = {(line.subject, line.version): line for line in expected}
    then = {(line.subject, line.version): line for line in lock.versions}
    wrong = [
        f"{subject}@{number} changed after it was locked: make v{number + 1}.avsc instead"
        for (subject, number), line in then.items()
        if (subject, number) in now and now[subject, number] != line
    ]
    wrong += [f"{s}@{n} is locked and has no file" for s, n in then if (s, n) not in now]
    if len(then) != len(lock.versions):
        wrong.append("the lock names a version twice")
    wrong += _check_ids(lock, then.keys())
    wrong += check_chain(lock)
    unlocked = tuple(line for key, line in now.items() if key not in then)
    return LockState(wrong=tuple(wrong), unlocked=unlocked)


def _check_ids(lock: Lock, known: Iterable[tuple[str, int]]) -> list[str]:
    """An id means one version, and a version that was published."""
    meaning: dict[tuple[str, int | str], tuple[str, int]] = {}
    published = set(known)
    wrong = []
    for line in lock.ids:
        version = (line.subject, line.version)
        if version not in published:
            wrong.append(
                f"{line.registry} id {line.id} names {version[0]}@{version[1]}, not locked"
            )
        if meaning.setdefault((line.registry, line.id), version) != version:
            wrong.append(f"{line.registry} id {line.id} names two versions")
    return wrong


def check_chain(lock: Lock) -> list[str]:
    """Name the first line whose chain is not the one that follows from the lines before it."""
    texts = [line.text for line in lock.lines]
    for number, (line, right) in enumerate(zip(lock.lines, _chained(texts), strict=True), 1):
        if line.chain != right.chain:
            what = "does not follow from the lines before it" if line.chain else "has no chain"
            return [
                f"line {number} of the lock {what}: a line was changed, moved or taken out, or two "
                "branches added lines"
            ]
    return []


def starts_with(lock: Lock, earlier: Lock) -> bool:
    """True when the lock only grew since `earlier`, whose lines may not have had chains."""
    before = [(line.text, line.chain) for line in earlier.lines]
    after = [
        (line.text, line.chain if old.chain else "")
        for line, old in zip(lock.lines, earlier.lines, strict=False)
    ]
    return before == after


def rebuilt(lock: Lock, published: Lock) -> Lock:
    """Chain anew what is not in `published`, after the lines that are.

    For branches that both added lines: what others have already stays as it is and comes first.
    Raises LockDamaged when a line of `published` is missing.
    """
    texts = [line.text for line in lock.lines]
    missing = [line.text for line in published.lines if line.text not in texts]
    if missing:
        raise LockDamaged(f"a published line is missing: {missing[0]}")
    known = {line.text for line in published.lines}
    added = list(dict.fromkeys(text for text in texts if text not in known))
    chained = published.lines
    if check_chain(published):
        chained = _chained([line.text for line in published.lines])
    return Lock(lines=(*chained, *_chained(added, chained[-1].chain if chained else "")))


def _chained(texts: Iterable[str], end: str = "") -> tuple[LockLine, ...]:
    lines = []
    for text in texts:
        end = hashlib.sha256(f"{end}\n{text}".encode()).hexdigest()
        line = _parse_line(text.encode())
        lines.append(msgspec.structs.replace(line, chain=end))
    return tuple(lines)


def _canonical(tree: Any) -> str:
    """JSON with sorted keys and no spaces: the form that is hashed."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _encode(line: LockLine) -> bytes:
    """The line for people: what it is about first, the chain last; later fields stay."""
    tree = json.loads(line.text)
    first = [name for name in line.content.__struct_fields__ if name in tree]
    ordered = {name: tree[name] for name in (*first, *(n for n in tree if n not in first))}
    return msgspec.json.encode(ordered | {"chain": line.chain}) + b"\n"
