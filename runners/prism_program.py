"""Where the Prism engine is: a Go program that Beam starts for live jobs on this machine."""

from __future__ import annotations

import mmap
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

OPTION = "--prism_location"
_BUILT_FROM = re.compile(rb"mod\tgithub\.com/apache/beam/sdks/v2\tv(\d+\.\d+\.\d+)[\t\n]")
"""How Go writes the module of a program into it."""


def option_value(options: Sequence[str], name: str) -> str | None:
    """Return what the last `name=value` or `name value` of some Beam options says."""
    found = None
    for index, option in enumerate(options):
        if option.startswith(f"{name}="):
            found = option.partition("=")[2]
        elif option == name and index + 1 < len(options):
            found = options[index + 1]
    return found


def find_prism(options: Sequence[str], sdk: str, environ: Mapping[str, str]) -> str | None:
    """Return the path or URL that the options name, else the program on PATH, else the one that was
    built into `.work/downloads/bin` (or CROSSFOOT_DOWNLOADS); None when there is none.

    `sdk` is the version of the Beam SDK.
    """
    if (named := option_value(options, OPTION)) is not None:
        return named
    if (on_path := shutil.which("prism", path=environ.get("PATH", ""))) is not None:
        return on_path
    folder = Path(environ.get("CROSSFOOT_DOWNLOADS", ".work/downloads"), "bin")
    for name in (f"prism-{sdk}", "prism"):
        if os.access(folder / name, os.X_OK) and (folder / name).is_file():
            return str((folder / name).resolve())
    return None


def prism_version(path: Path) -> str | None:
    """Read from the program which version of Beam it was built from; None if it does not say.

    Raises OSError when it cannot be read.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = _BUILT_FROM.search(content)
            return found[1].decode() if found else None
