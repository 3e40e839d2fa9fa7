"""From a webhook over Kafka through the live job to the ERP: one trace leads to the next."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx

from connectors.store import StoreError, open_store
from tests.connectors.deliveries.services import journal_service
from tests.connectors.webhooks.conftest import Gateway
from tests.servers.kafka_server import KafkaServer
from tests.telemetry.collector import Collector, collecting
from tests.telemetry.way import CANARY, ROOT, charge, crossfoot, environment, erp_files, traced

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
ADDRESS = re.compile(r"metrics at (http://\S+)")
BOOKED_WITHIN_SECONDS = 600.0


class Job:
    """A live job that logs all it has to say."""

    def __init__(self, directory: Path, source: str, store: str, *options: str) -> None:
        self.log = directory / "job.log"
        self._store = store
        command = [sys.executable, "-m", "runners.crossfoot", "--verbose", "run"]
        command += ["order-to-cash-live", "--runner", "prism", "--from", source]
        command += ["--store", store, "--as-of", "2026-03-31", *options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment(), stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_booked(self, number: int) -> None:
        """Wait until so many postings are in the store."""
        until = time.monotonic() + BOOKED_WITHIN_SECONDS
        while time.monotonic() < until:
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            if booked(self._store) >= number:
                return
            time.sleep(0.5)
        raise AssertionError(self.log.read_text()[-3000:])

    def scrape(self) -> str:
        """What it serves to Prometheus."""
        found = ADDRESS.search(self.log.read_text())
        assert found is not None, self.log.read_text()[-3000:]
        return httpx.get(found[1], timeout=60).text

    def kill(self) -> None:
        """Kill it and what it started."""
        os.killpg(self._process.pid, 9)
        self._process.wait()


def booked(store: str) -> int:
    try:
        with open_store(store, create=False) as books:
            return sum(1 for _ in books.postings())
    except StoreError:
        return 0


def received(gateway: Gateway, collector: Collector) -> dict[str, str]:
    """Deliver two events, one with a trace of its caller; return their trace ids by span id."""
    gateway.start()
    assert gateway.send(charge("ch_called"), traceparent=CALLER).status_code == 200
    assert gateway.send(charge("ch_alone")).status_code == 200
    gateway.stop()
    return {span.span_id: span.trace_id for span in collector.wait_for("webhook.receive", 2)}


def test_every_span_leads_back_to_the_webhook(
    kafka: KafkaServer, prism_option: str, tmp_path: Path
) -> None:
    topic, store = kafka.make_topic("traced"), f"sqlite:///{tmp_path}/live.db"
    source = f"kafka:{kafka.address}/{topic}"
    with collecting() as collector, journal_service(tmp_path) as service:
        where = ("--to", source, "--state", str(tmp_path / "state"), "--otlp", collector.url)
        gateway = Gateway(tmp_path, *where)
        webhooks = received(gateway, collector)
        assert TRACE in webhooks.values() and len(set(webhooks.values())) == 2

        options = (prism_option, "--otlp", collector.url, "--metrics", "127.0.0.1:0")
        job = Job(tmp_path, source, store, *options)
        try:
            job.wait_until_booked(2)
            decoded = collector.wait_for("order_to_cash.decode", 2)
            assert {span.parent_id: span.trace_id for span in decoded} == webhooks
            figures = wait_for_figures(job)
            assert 'crossfoot_messages{outcome="posted"} 2.0' in figures
            collector.wait_until(lambda: committed(collector) == set(webhooks))
        finally:
            job.kill()

        erp = erp_files(tmp_path, service)
        delivered = crossfoot("deliver", "--store", store, *erp, "--otlp", collector.url)
        assert delivered.returncode == 0, delivered.stderr
        (delivery,) = collector.wait_for("deliver.batch")
        assert dict(zip(delivery.linked_spans, delivery.links, strict=True)) == webhooks
        (request,) = service.told()["requests"]
        assert request["traceparent"].startswith(f"00-{delivery.trace_id}-{delivery.span_id}-")
        assert {p["trace_id"] for p in traced(store, "evt_ch_called")["postings"]} == {TRACE}
        logs = job.log.read_text() + gateway.log.read_text() + delivered.stderr
        assert CANARY not in logs + figures and CANARY.encode() not in collector.raw


def wait_for_figures(job: Job) -> str:
    """Scrape until the engine has told the job's counters; return the page."""
    until = time.monotonic() + BOOKED_WITHIN_SECONDS
    while 'crossfoot_job_total{counter="posted"} 2.0' not in (page := job.scrape()):
        assert time.monotonic() < until, page
        time.sleep(0.5)
    return page


def committed(collector: Collector) -> set[str]:
    """Spans that the commits seen so far are linked to."""
    commits = collector.named("order_to_cash.fold_and_commit")
    return {link for commit in commits for link in commit.linked_spans}
