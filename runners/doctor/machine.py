"""Folders that a job writes to: there, writable, closed to strangers, with room."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from runners.doctor.findings import Finding, ok, problem, warning

GIB = 1024**3


def look_at_folders(folders: Iterable[Path], least_free_gib: int) -> list[Finding]:
    """Look at folders that will hold events or books, and at the one for temporary files."""
    found = []
    for folder in dict.fromkeys(folders):
        found += [_writable(folder), _room(folder, least_free_gib)]
        found += _open_to_strangers(folder)
    temporary = Path(tempfile.gettempdir())
    return [*found, _writable(temporary), _room(temporary, least_free_gib)]


def look_at_file(file: Path) -> list[Finding]:
    """Look whether a file with books is closed to strangers; nothing when it is not there."""
    return _open_to_strangers(file) if file.exists() else []


def _writable(folder: Path) -> Finding:
    check = f"folder {folder}"
    if not folder.is_dir():
        told = "is no folder" if folder.exists() else "is not there"
        return problem(check, told, f"mkdir -p {folder}")
    try:
        # Asking for permission bits would not tell of read-only mounts and quotas.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        mend = "let the user that runs the job write there"
        return problem(check, f"cannot be written: {error.strerror}", mend)
    return ok(check, "can be written")


def _open_to_strangers(path: Path) -> list[Finding]:
    """Events and books hold personal data; /tmp and the like mark what is shared on purpose."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return []
    if mode & stat.S_IWOTH:
        return [problem(f"access {path}", "every user may change it", f"chmod o-rwx {path}")]
    if path.is_file() and mode & stat.S_IROTH and path.resolve().parent.stat().st_mode & 0o001:
        return [warning(f"access {path}", "every user may read it", f"chmod o-rwx {path}")]
    return []


def _room(folder: Path, least_free_gib: int) -> Finding:
    check = f"disk {folder}"
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return problem(check, f"cannot tell: {error.strerror}", "see that the folder is there")
    told = f"{free / GIB:.1f} GiB free"
    if free < least_free_gib * GIB:
        mend = f"make room: {least_free_gib} GiB are wanted (--least-free)"
        return problem(check, told, mend)
    return ok(check, told)
