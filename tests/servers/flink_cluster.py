"""A real Flink session cluster and Beam's job server for it, on free ports of this machine.

Flink comes from the source distribution of `apache-flink-libraries`, which holds the jars but
neither start scripts nor configuration; the job server from Maven.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import pytest
import tenacity
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from tests.servers.downloads import MINUTES, downloads, free_port, java_libraries, needs

FLINK = "1.19.3"
BEAM = "2.62.0"
POM = Path(__file__).parent / "flink" / "pom.xml"
UP_WITHIN_SECONDS = 240.0
ANSWERS_WITHIN_SECONDS = 60.0
"""A busy JobManager takes its time: it asks every job before it answers."""
SLOTS = 4
_RESULT = "BASH_JAVA_UTILS_EXEC_RESULT:"
_OPENED = "util lang net io nio lang.reflect text time lang.invoke util.concurrent".split()
_OPENS = [
    *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in _OPENED),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
]
"""What Java 17 must open to Flink and Beam."""


def flink_distribution() -> Path:
    """The directory of Flink's jars; skips the test when pip cannot have them."""
    target = downloads() / f"apache-flink-libraries-{FLINK}"
    if (target / ".complete").exists():
        return target / "deps"
    needs("java", "Flink runs on it")
    wanted = f"apache-flink-libraries=={FLINK}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation"]
    command += ["--no-binary", ":all:", "-d", str(downloads()), wanted]
    try:
        subprocess.run(command, check=True, timeout=MINUTES * 60, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"pip could not download {wanted}: {error.stderr.strip()[-300:]}")
    packed = target.with_name(f"{target.name}.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(downloads(), filter="data")
    packed.unlink()
    (target / ".complete").touch()
    return target / "deps"


_patiently = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(OSError),
    wait=tenacity.wait_fixed(1.0),
    stop=tenacity.stop_after_delay(UP_WITHIN_SECONDS),
    reraise=True,
)
"""Calls a function again while a cluster that recovers has no answer."""


class FlinkCluster:
    """One JobManager, one TaskManager and a job server, each a process of its own."""

    def __init__(self, directory: Path) -> None:
        self._flink = flink_distribution()
        self._job_server_libraries = java_libraries(POM, f"flink-job-server-{BEAM}")
        self._directory = directory
        self._rest, self._rpc, self._blobs = free_port(), free_port(), free_port()
        self._job_port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.endpoint = f"localhost:{self._job_port}"
        """Where jobs are handed in."""
        (directory / "tmp").mkdir()
        (directory / "config.yaml").write_text(self._configuration())
        (directory / "log4j.properties").write_text(_LOGGING)

    def _configuration(self) -> str:
        settings = {
            "jobmanager.rpc.address": "localhost",
            "jobmanager.rpc.port": self._rpc,
            "jobmanager.bind-host": "localhost",
            "jobmanager.memory.process.size": "1024m",
            "taskmanager.host": "localhost",
            "taskmanager.bind-host": "localhost",
            "taskmanager.numberOfTaskSlots": SLOTS,
            "taskmanager.memory.process.size": "2048m",
            "taskmanager.memory.managed.fraction": 0.1,
            # Every attempt loads the job's classes anew; the default is used up after a dozen.
            "taskmanager.memory.jvm-metaspace.size": "640m",
            "rest.address": "localhost",
            "rest.bind-address": "localhost",
            "rest.port": self._rest,
            "blob.server.port": self._blobs,
            # Beam 2.62 leaks a state descriptor whenever a source gives the rest of its work
            # back: a column family each in RocksDB, a small object on the heap.
            "state.backend.type": "hashmap",
            "state.checkpoints.dir": f"file://{self._directory}/checkpoints",
            "state.savepoints.dir": f"file://{self._directory}/savepoints",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": 20,
            "restart-strategy.fixed-delay.delay": "2 s",
            "heartbeat.interval": 2000,
            # What dies is noticed by its connection; a slow machine is not dead.
            "heartbeat.timeout": 60000,
            "io.tmp.dirs": f"{self._directory}/tmp",
        }
        return "".join(f"{name}: {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Start everything and wait until jobs can be handed in."""
        self._start(
            "jobmanager", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        )
        self.start_task_manager()
        command = ["java", "-Xmx768m", *_OPENS, "-cp", f"{self._job_server_libraries}/*"]
        command += ["org.apache.beam.runners.flink.FlinkJobServerDriver"]
        command += [f"--flink-master=localhost:{self._rest}", "--job-host=localhost"]
        command += [f"--job-port={self._job_port}", "--artifact-port=0", "--expansion-port=0"]
        command += [f"--artifacts-dir={self._directory}/artifacts"]
        self._spawn("jobserver", command)
        self._wait(self._ready)

    def start_task_manager(self) -> None:
        """Start a TaskManager; it takes part as soon as it is up."""
        self._start("taskmanager", "org.apache.flink.runtime.taskexecutor.TaskManagerRunner")

    def kill_task_manager(self) -> None:
        """Kill the TaskManager as a machine that dies does."""
        process = self._processes.pop("taskmanager")
        process.kill()
        process.wait()

    def close(self) -> None:
        """End every process."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def running_jobs(self) -> list[str]:
        """Ids of the jobs that have not ended."""
        ended = {"FINISHED", "CANCELED", "FAILED"}
        jobs = self.ask("/jobs")["jobs"]
        return [job["id"] for job in jobs if job["status"] not in ended]

    def cancel_jobs(self) -> None:
        """Cancel what runs and wait until it has ended."""
        for job in self.running_jobs():
            self.ask(f"/jobs/{job}?mode=cancel", "PATCH")
        self._wait(lambda: not self.running_jobs())

    def stop_with_savepoint(self) -> str:
        """End the one job that runs; returns where its savepoint is."""
        [job] = self.running_jobs()
        asked = self.ask(f"/jobs/{job}/savepoints", "POST", {"cancel-job": True})
        page = f"/jobs/{job}/savepoints/{asked['request-id']}"
        self._wait(lambda: self.ask(page)["status"]["id"] == "COMPLETED")
        operation = self.ask(page)["operation"]
        if "location" not in operation:
            raise RuntimeError(str(operation)[:2000])
        self._wait(lambda: not self.running_jobs())
        return str(operation["location"])

    def checkpoints(self, count: str = "completed") -> int:
        """How many checkpoints of the running jobs are "completed", or how often "restored"."""
        jobs = self.ask("/jobs")["jobs"]
        # Jobs that are only coming up have no such page.
        running = [job["id"] for job in jobs if job["status"] == "RUNNING"]
        found = [self.ask(f"/jobs/{job}/checkpoints") for job in running]
        return sum(job["counts"][count] for job in found)

    def known_options(self) -> set[str]:
        """Names of the options that the job server says it knows."""
        with grpc.insecure_channel(self.endpoint) as channel:
            request = beam_job_api_pb2.DescribePipelineOptionsRequest()
            service = beam_job_api_pb2_grpc.JobServiceStub(channel)
            described = service.DescribePipelineOptions(request, timeout=300)
        return {option.name for option in described.options}

    def ask(self, path: str, method: str = "GET", body: dict[str, object] | None = None) -> Any:
        """What the JobManager's REST interface answers; a question is repeated for minutes.

        Raises:
            OSError: it answers with errors, or not at all.
        """
        if method == "POST":
            return self._ask_once(path, method, body)
        return _patiently(self._ask_once, path, method, body)

    def _ask_once(self, path: str, method: str, body: dict[str, object] | None) -> Any:
        request = urllib.request.Request(
            f"http://localhost:{self._rest}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN_SECONDS) as response:
            return json.loads(response.read() or b"{}")

    def _ready(self) -> bool:
        try:
            if self._ask_once("/overview", "GET", None)["slots-total"] < SLOTS:
                return False
            with socket.create_connection(("localhost", self._job_port), 1):
                return True
        except OSError:
            return False

    def _wait(self, done: Any) -> None:
        until = time.monotonic() + UP_WITHIN_SECONDS
        while time.monotonic() < until:
            if done():
                return
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended: {self._log(name).read_text()[-2000:]}")
            time.sleep(0.5)
        raise RuntimeError(f"Flink is not there after {UP_WITHIN_SECONDS} s: {self._directory}")

    def _start(self, name: str, main: str) -> None:
        heap, dynamic = self._resources("GET_JM" if name == "jobmanager" else "GET_TM")
        logging = f"-Dlog4j.configurationFile={self._directory}/log4j.properties"
        command = ["java", *heap, *_OPENS, logging, "-cp", f"{self._flink}/lib/*", main]
        self._spawn(name, [*command, "--configDir", str(self._directory), *dynamic])

    def _resources(self, kind: str) -> tuple[list[str], list[str]]:
        """Options of Java and of Flink that its own tool derives from the sizes configured."""
        [dist] = (self._flink / "lib").glob("flink-dist-*.jar")
        command = ["java", "-cp", f"{self._flink}/bin/bash-java-utils.jar:{dist}"]
        command += ["org.apache.flink.runtime.util.bash.BashJavaUtils"]
        command += [f"{kind}_RESOURCE_PARAMS", "--configDir", str(self._directory)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        lines = [line for line in told.stdout.splitlines() if line.startswith(_RESULT)]
        heap, dynamic = (shlex.split(line.removeprefix(_RESULT)) for line in lines)
        return heap, dynamic

    def _spawn(self, name: str, command: list[str]) -> None:
        places = {
            "FLINK_PLUGINS_DIR": f"{self._flink}/plugins",
            "FLINK_LIB_DIR": f"{self._flink}/lib",
            "FLINK_CONF_DIR": str(self._directory),
        }
        with self._log(name).open("ab") as output:
            self._processes[name] = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                cwd=self._directory,
                env={**os.environ, **places},
            )

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"


_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
"""
