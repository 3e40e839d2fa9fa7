"""A real Apicurio registry in memory, with Confluent's API, started from Maven's archive."""

from __future__ import annotations

import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.servers.downloads import MINUTES, downloads, free_port, needs

VERSION = "2.6.13.Final"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
UP_WITHIN_SECONDS = 120.0


def unpacked() -> Path:
    """The folder of the server; skips the test when Maven cannot have it."""
    target = downloads() / f"apicurio-{VERSION}"
    done = target / ".complete"
    if done.exists():
        return target
    maven = needs("mvn", "it downloads Apicurio")
    command = [maven, "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}"]
    command += [f"-DoutputDirectory={target}"]
    try:
        subprocess.run(command, check=True, timeout=MINUTES * 60, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"Maven could not download Apicurio: {error.stdout.strip()[:300]}")
    (archive,) = target.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    archive.unlink()
    done.touch()
    return target


class ApicurioServer:
    """One registry that forgets everything when it stops."""

    def __init__(self, directory: Path) -> None:
        java = needs("java", "Apicurio runs on it")
        folder = unpacked()
        self._log = directory / "apicurio.log"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        (jar,) = folder.glob("*-runner.jar")
        settings = {"QUARKUS_HTTP_PORT": str(port), "QUARKUS_HTTP_HOST": "127.0.0.1"}
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [java, "-Xmx512m", "-jar", str(jar)],
                cwd=directory,
                env={**os.environ, **settings},
                stdout=output,
                stderr=output,
            )

    def wait(self) -> None:
        """Return when it answers."""
        until = time.monotonic() + UP_WITHIN_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/subjects", timeout=10).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.25)
        raise RuntimeError(self._log.read_text()[-2000:])

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
