"""From a webhook to the ERP, over real HTTP: every span leads back to the request that began it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.deliveries.services import journal_service
from tests.connectors.webhooks.conftest import Gateway
from tests.telemetry.collector import Collector, collecting
from tests.telemetry.way import CANARY, charge, crossfoot, erp_files, traced

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
SERVER, CLIENT, CONSUMER = 2, 3, 5


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, collector: Collector) -> Iterator[Gateway]:
    """A gateway that records spans, stopped at the end."""
    made = Gateway(tmp_path, "--otlp", collector.url)
    made.start()
    yield made
    made.kill()


def test_delivery_and_posting_lead_back_to_the_webhook(
    gateway: Gateway, collector: Collector, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/books.db"
    gateway.send(charge("ch_called"), traceparent=CALLER, tracestate="acme=1")
    gateway.send(charge("ch_alone"))
    gateway.stop()
    received = {span.trace_id: span for span in collector.wait_for("webhook.receive", 2)}
    called = received.pop(TRACE)
    (alone,) = received.values()
    assert called.parent_id == "00f067aa0ba902b7" and alone.parent_id == ""
    assert called.kind == SERVER and called.service == "crossfoot"
    assert called.attributes == {"http.response.status_code": 200}

    run = crossfoot(
        *("run", "order-to-cash", "--input", f"{gateway.spool}/*.jsonl", "--store", store),
        *("--as-of", "2026-03-31", "--otlp", collector.url),
    )
    assert run.returncode == 0, run.stderr
    (whole,) = collector.wait_for("order_to_cash.run")
    commits = collector.wait_for("order_to_cash.commit", 1)
    assert whole.attributes["crossfoot.posted"] == 2
    assert {commit.trace_id for commit in commits} == {whole.trace_id}
    assert {commit.parent_id for commit in commits} == {whole.span_id}
    assert {link for commit in commits for link in commit.links} == {TRACE, alone.trace_id}
    linked = {span for commit in commits for span in commit.linked_spans}
    assert linked == {called.span_id, alone.span_id}

    with journal_service(tmp_path) as service:
        delivered = crossfoot(
            *("deliver", "--store", store, *erp_files(tmp_path, service)),
            *("--otlp", collector.url),
        )
        assert delivered.returncode == 0, delivered.stderr
        requests = service.told()["requests"]
    (delivery,) = collector.wait_for("deliver.batch")
    assert set(delivery.links) == {TRACE, alone.trace_id} and delivery.kind == CLIENT
    assert delivery.attributes["crossfoot.accepted"] == delivery.attributes["crossfoot.postings"]
    (request,) = requests
    assert request["traceparent"].startswith(f"00-{delivery.trace_id}-{delivery.span_id}-")

    told = traced(store, "evt_ch_called")
    assert [event["trace_id"] for event in told["events"]] == [TRACE]
    assert {posting["trace_id"] for posting in told["postings"]} == {TRACE}
    assert f"trace {TRACE}" in crossfoot("trace", "evt_ch_called", "--store", store).stdout
    logs = run.stderr + delivered.stderr + gateway.log.read_text()
    assert CANARY.encode() not in collector.raw and CANARY not in logs


def test_without_a_receiver_the_caller_s_trace_is_carried_and_nothing_is_added(
    tmp_path: Path,
) -> None:
    gateway = Gateway(tmp_path)
    gateway.start()
    try:
        assert gateway.send(charge("ch_plain")).json() == {"verdict": "new"}
        gateway.send(charge("ch_called"), traceparent=CALLER, tracestate="acme=1")
        gateway.send(charge("ch_spoilt"), traceparent=f"{CANARY}-{CALLER}")
        assert gateway.send(charge("ch_called")).json() == {"verdict": "duplicate"}
        gateway.stop()
    finally:
        gateway.kill()
    plain, called, spoilt = gateway.lines()
    assert (plain, spoilt) == (charge("ch_plain"), charge("ch_spoilt"))
    assert b'"traceparent":"%b","tracestate":"acme=1"' % CALLER.encode() in called
    store = f"sqlite:///{tmp_path}/books.db"
    run = crossfoot(
        *("run", "order-to-cash", "--input", f"{gateway.spool}/*.jsonl", "--store", store),
        *("--as-of", "2026-03-31"),
    )
    assert run.returncode == 0, run.stderr
    assert {p["trace_id"] for p in traced(store, "evt_ch_called")["postings"]} == {TRACE}
    assert all("trace_id" not in p for p in traced(store, "evt_ch_plain")["postings"])


def test_a_receiver_that_is_away_changes_nothing(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(charge("ch_1") + b"\n")
    run = crossfoot(
        *("run", "order-to-cash", "--input", str(events)),
        *("--store", f"sqlite:///{tmp_path}/books.db", "--as-of", "2026-03-31"),
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    assert run.returncode == 0, run.stderr
    assert "1 posted" in run.stdout and CANARY not in run.stderr
