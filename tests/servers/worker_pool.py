"""A pool of Beam workers in processes of its own, as a cluster has beside every TaskManager."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.servers.downloads import ROOT, free_port

UP_WITHIN_SECONDS = 240.0


class WorkerPool:
    """Starts a worker process whenever a TaskManager asks for one."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "workers.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"localhost:{free_port()}"

    def start(self) -> None:
        """Start the pool and wait until it listens."""
        port = self.address.rpartition(":")[2]
        command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main"]
        # The pool starts plain `python`, which must be the one that has our packages.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, f"--service_port={port}"],
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        until = time.monotonic() + UP_WITHIN_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("localhost", int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.25)
        raise RuntimeError(self._log.read_text()[-2000:])

    def close(self) -> None:
        """End the pool and its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
