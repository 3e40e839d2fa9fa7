"""A live job tells what it reads and writes, and that somebody ended it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.live.test_telemetry import booked
from tests.live.watching import wait_until
from tests.servers.kafka_server import KafkaServer
from tests.telemetry.way import CANARY, ROOT, charge, environment


def test_a_job_that_is_stopped_was_aborted(
    kafka: KafkaServer, prism_option: str, tmp_path: Path
) -> None:
    topic, told, database = kafka.make_topic("lineage"), tmp_path / "lineage.jsonl", "books.db"
    store = f"sqlite:///{tmp_path}/{database}"
    kafka.write(topic, [charge("ch_live")])
    command = [sys.executable, "-m", "runners.crossfoot", "run", "order-to-cash-live", prism_option]
    command += ["--from", f"kafka:{kafka.address}/{topic}", "--store", store]
    command += ["--as-of", "2026-03-31", "--lineage", str(told)]
    with (tmp_path / "job.log").open("wb") as log:
        job = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(lambda: booked(store) > 0)
        job.send_signal(signal.SIGTERM)
        assert job.wait(600) == -signal.SIGTERM
    finally:
        # The engine's program is in the group of its own that the job began.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
        job.wait()
    events = [json.loads(line) for line in told.read_text().splitlines()]
    states = [event["eventType"] for event in events]
    assert (states[0], states[-1]) == ("START", "ABORT")
    assert {*states[1:-1]} <= {"RUNNING"}
    (read,) = [one for one in events[0]["inputs"] if one["name"] == topic]
    assert read["namespace"] == f"kafka://{kafka.address}"
    assert events[0]["job"]["facets"]["jobType"]["processingType"] == "STREAMING"
    assert f"{tmp_path}/{database}.main.journal_lines" in {
        one["name"] for one in events[0]["outputs"]
    }
    assert CANARY not in told.read_text()
