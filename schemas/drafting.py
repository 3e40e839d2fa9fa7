"""Changing a subject's folder: the files of a next version, and the state in subject.yaml."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import msgspec

from schemas import files

_STATE_LINES = re.compile(r"^(state|sunset|successor):.*\n", re.MULTILINE)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was begun."""

    subject: str
    version: int
    files: tuple[str, ...]
    """What was written, relative to the registry's folder."""


class NotDrafted(Exception):
    """The folder does not allow it; nothing was written."""


def draft_version(root: Path, subject: str, latest: int, summary: str) -> Draft:
    """Copy the latest version's schema and examples to the next number and note it.

    The copy is the same contract until it is edited. Raises NotDrafted when its files are there.
    """
    folder, number = root / "subjects" / subject, latest + 1
    schema = folder / f"v{number}.avsc"
    examples = folder / "examples" / f"v{number}"
    if schema.exists() or examples.exists():
        raise NotDrafted(f"{subject} has files of v{number} already")
    shutil.copyfile(folder / f"v{latest}.avsc", schema)
    written = [schema]
    if (folder / "examples" / f"v{latest}").is_dir():
        shutil.copytree(folder / "examples" / f"v{latest}", examples)
        written.append(examples)
    written.append(_note(folder / "CHANGELOG.md", subject, number, summary))
    names = tuple(str(path.relative_to(root)) for path in written)
    return Draft(subject=subject, version=number, files=names)


def _note(path: Path, subject: str, number: int, summary: str) -> Path:
    """Put the newest version at the end, as the versions are numbered."""
    text = path.read_text(encoding="utf-8") if path.exists() else f"# {subject}\n"
    path.write_text(f"{text.rstrip()}\n\n## v{number}\n\n{summary.strip()}\n", encoding="utf-8")
    return path


def write_state(
    root: Path,
    subject: str,
    state: str,
    *,
    sunset: date | None = None,
    successor: str | None = None,
) -> None:
    """Write a state (with its sunset and successor) into subject.yaml; the rest stays as it is.

    Raises NotDrafted when the file would not be read as that afterwards.
    """
    path = root / "subjects" / subject / "subject.yaml"
    before = path.read_text(encoding="utf-8")
    lines = f"state: {state}\n"
    lines += f'sunset: "{sunset.isoformat()}"\n' if sunset is not None else ""
    lines += f"successor: {successor}\n" if successor is not None else ""
    first = _STATE_LINES.search(before)
    at = first.start() if first else len(before)
    after = _STATE_LINES.sub("", before[:at]) + lines + _STATE_LINES.sub("", before[at:])
    path.write_text(after, encoding="utf-8")
    problems: list[str] = []
    found = files.read_subject_folder(path.parent, problems).file
    if problems or found is None or found.state != state:
        path.write_text(before, encoding="utf-8")
        raise NotDrafted("; ".join(problems) or f"{path} cannot be edited by line")
