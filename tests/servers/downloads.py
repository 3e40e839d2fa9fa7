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
