"""Connections to the store belong to workers: none while a graph is built or travels."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import apache_beam as beam
import pytest
from apache_beam.internal import pickler

from connectors.store import StoreAway
from ledger.messages import Payload
from pipelines.books import open_live_books
from pipelines.options import check_options
from pipelines.order_to_cash_live import order_to_cash_live
from pipelines.settings import RunSettings, settings_of
from tests.pipelines.runs import AS_OF
from transforms.fold_and_take import FoldAndTake

CONNECTED_WITHIN_SECONDS = 120.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where a database would be; it only sees who comes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def settings(listener: socket.socket) -> RunSettings:
    """Settings of a job whose store is there."""
    options = check_options(
        input=("none.jsonl",),
        store=f"postgresql://127.0.0.1:{listener.getsockname()[1]}/books",
        store_wait_seconds=1,
        as_of=AS_OF,
    )
    return settings_of(options)


def test_building_and_sending_a_job_connects_to_nobody(
    listener: socket.socket, settings: RunSettings
) -> None:
    pipeline = beam.Pipeline()
    payloads = pipeline | beam.Create([Payload(b"{}", "here@1")])
    order_to_cash_live(payloads, settings)
    assert pipeline.to_runner_api().SerializeToString()
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_step_that_arrived_connects_when_its_worker_sets_it_up(
    listener: socket.socket, settings: RunSettings
) -> None:
    sent = pickler.dumps(FoldAndTake(settings.fold, open_live_books(settings))._fold)
    step = pickler.loads(sent)
    listener.settimeout(CONNECTED_WITHIN_SECONDS)
    with ThreadPoolExecutor(1) as worker:
        setting_up = worker.submit(step.setup)
        listener.accept()[0].close()
        listener.close()
        with pytest.raises(StoreAway):
            setting_up.result(CONNECTED_WITHIN_SECONDS)
