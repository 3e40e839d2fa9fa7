"""The versions as files, for registries that are filled by other tools: types inlined, one file
per version, and a manifest with their fingerprints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from connectors.registries.steps import Action, Step, locked_versions
from schemas.lock import Lock
from schemas.registry import Subject

MANIFEST = "subjects.json"


def file_steps(
    folder: Path, subjects: Iterable[Subject], lock: Lock, *, naming: str, applying: bool
) -> Iterator[Step]:
    """Yield what is written, or would be. Raises OSError."""
    manifest = {}
    for subject in subjects:
        name = naming.replace("{subject}", subject.name)
        for version in locked_versions(subject, lock):
            at = f"{name}/v{version.number}.avsc"
            manifest[at] = {
                "subject": subject.name,
                "version": version.number,
                "compatibility": subject.compatibility,
                "rabin": version.rabin,
                "sha256": version.sha256,
            }
            text = json.dumps(version.schema, indent=2, ensure_ascii=False) + "\n"
            yield _write(folder / at, text, subject.name, version.number, applying)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    yield _write(folder / MANIFEST, text, "", None, applying)


def _write(path: Path, text: str, subject: str, version: int | None, applying: bool) -> Step:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        action, what = Action.KEEP, "is as it must be"
    else:
        action, what = Action.WRITE, "changed" if path.exists() else "new"
        if applying:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return Step(action=action, subject=subject, version=version, name=str(path), what=what)
