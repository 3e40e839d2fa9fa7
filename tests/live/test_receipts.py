"""Payloads for several customers leave the subscription once the books have all of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from google.cloud.pubsub_v1 import SubscriberClient

from connectors.pubsub.receipts import PubSubReceipts
from connectors.store import open_store
from ledger.messages import Payload
from pipelines.books import prepare_books
from pipelines.options import check_options
from pipelines.order_to_cash_live import order_to_cash_live
from pipelines.settings import settings_of
from tests.pipelines.runs import AS_OF
from tests.pipelines.test_receipts import bulk
from tests.servers.pubsub_server import PubSubServer

CUSTOMERS = 5
PAYLOADS = 12


def pulled(subscription: str) -> list[Payload]:
    """Everything in the subscription, leased for long."""
    found: list[Payload] = []
    with SubscriberClient() as client:
        while len(found) < PAYLOADS:
            for each in client.pull(subscription=subscription, max_messages=100).received_messages:
                found.append(Payload(each.message.data, each.message.message_id, (), each.ack_id))
        tokens = [payload.receipt for payload in found]
        client.modify_ack_deadline(
            subscription=subscription, ack_ids=tokens, ack_deadline_seconds=600
        )
    return found


def given_back(subscription: str, payloads: list[Payload]) -> None:
    """End the leases: what is not acknowledged is given again at once."""
    with SubscriberClient() as client:
        client.modify_ack_deadline(
            subscription=subscription,
            ack_ids=[payload.receipt for payload in payloads],
            ack_deadline_seconds=0,
        )


@pytest.mark.parametrize("mode", ["multi_threading", "multi_processing"])
def test_whichever_workers_committed_the_parts_nothing_is_left(
    pubsub: PubSubServer, tmp_path: Path, mode: str
) -> None:
    topic, subscription = pubsub.make_topic("receipts")
    pubsub.publish(topic, [bulk(number, CUSTOMERS) for number in range(PAYLOADS)])
    store = f"sqlite:///{tmp_path}/live.db"
    settings = settings_of(check_options(input=("-",), store=store, as_of=AS_OF))
    prepare_books(settings)
    payloads = pulled(subscription)
    workers = PipelineOptions(["--direct_num_workers=3", f"--direct_running_mode={mode}"])
    pipeline = beam.Pipeline(FnApiRunner(), workers)
    source = pipeline | beam.Create(payloads)
    order_to_cash_live(
        source,
        settings,
        window_seconds=86_400,
        early_seconds=None,
        open_receipts=partial(PubSubReceipts, subscription),
    )
    pipeline.run().wait_until_finish()
    with open_store(store, create=False) as books:
        assert books.conservation(0).total == PAYLOADS * CUSTOMERS
    given_back(subscription, payloads)
    assert pubsub.unacknowledged(subscription) == 0


def test_what_the_books_do_not_have_is_given_again(pubsub: PubSubServer) -> None:
    """The test above would see what is not acknowledged."""
    topic, subscription = pubsub.make_topic("forgotten")
    pubsub.publish(topic, [bulk(number, CUSTOMERS) for number in range(PAYLOADS)])
    payloads = pulled(subscription)
    PubSubReceipts(subscription).acknowledge([payload.receipt for payload in payloads[1:]])
    given_back(subscription, payloads)
    assert pubsub.unacknowledged(subscription) == 1
