"""Real servers for tests: where their files are kept, and why a test that needs one is skipped.

Files are downloaded once into `.work/downloads` of the checkout (git ignores it), or into the
directory that CROSSFOOT_DOWNLOADS names.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MINUTES = 15


def downloads() -> Path:
    """The directory of downloads; made if need be."""
    directory = Path(os.environ.get("CROSSFOOT_DOWNLOADS", ROOT / ".work" / "downloads"))
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def needs(program: str, why: str) -> str:
    """Path of a program; skips the test when it is not there."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed: {why}")
    return found


def java_libraries(pom: Path, name: str) -> Path:
    """The jars that a pom names, copied by Maven; skips the test when Maven cannot have them."""
    target = downloads() / name
    done = target / ".complete"
    if done.exists():
        return target
    needs("java", f"{name} runs on it")
    maven = needs("mvn", f"it copies the jars of {name}")
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        subprocess.run(command, check=True, timeout=MINUTES * 60, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"Maven could not copy the jars of {name}: {error.stdout.strip()[:300]}")
    done.touch()
    return target


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def go_binary(name: str, command: list[str], directory: Path, environment: dict[str, str]) -> Path:
    """A program built by Go once; skips the test when Go cannot have its sources."""
    target = downloads() / "bin" / name
    if target.exists():
        return target
    go = needs("go", f"it builds {name}")
    target.parent.mkdir(exist_ok=True)
    settings = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", **environment}
    try:
        subprocess.run(
            [go, *command],
            cwd=directory,
            env=settings,
            check=True,
            timeout=MINUTES * 60,
            capture_output=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        pytest.skip(f"Go could not build {name}: {error.stderr.strip()[-300:]}")
    return target
