"""A folder as it was at an earlier commit, for as long as it is compared with."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runners.exit_codes import ExitCode
from runners.problems import Problem


@contextmanager
def folder_at(folder: Path, ref: str) -> Iterator[Path]:
    """Give a copy of `folder` as git has it at `ref`; empty when it was not there yet.

    Raises Problem when there is no git, no repository or no such commit (a shallow clone has few).
    """
    verify = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    commit = _git(folder, *verify, f"{ref}^{{commit}}")
    if commit is None:
        raise Problem(
            f"--against: there is no commit {ref!r} here",
            "name a branch, tag or commit of the repository that holds the registry; in a "
            "shallow clone fetch it first",
        )
    prefix = _told(folder, "rev-parse", "--show-prefix")
    # In a subfolder git would look for that subfolder inside the tree that is named.
    top = Path(_told(folder, "rev-parse", "--show-toplevel"))
    packed = _git(top, "archive", "--format=tar", f"{commit.decode().strip()}:{prefix}")
    with tempfile.TemporaryDirectory(prefix="crossfoot-") as copy:
        if packed is not None:
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extractall(copy, filter="data")
        yield Path(copy)


def _told(folder: Path, *words: str) -> str:
    return (_git(folder, *words) or b"").decode().rstrip("\n")


def _git(folder: Path, *words: str) -> bytes | None:
    """What git answers in `folder`; None when it says no."""
    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Problem(
            "git is not installed", "install it, or leave --against out", ExitCode.ENVIRONMENT
        ) from error
    return done.stdout if done.returncode == 0 else None
