"""Lifecycle updates and postings in topics: all, in order per customer, recognisable by id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.store import DelivererBusy, LedgerStore, open_store
from connectors.topics.opening import opened_topic
from connectors.topics.publishing import Published
from connectors.topics.topic import TopicAway, TopicRecord, TopicUnusable
from ledger.trace_context import TraceContext
from runners.exit_codes import ExitCode
from tests.connectors.store.store_builders import TENANT, entry, folded, message, update
from tests.connectors.topics.conftest import Place, books_with_updates, issue
from tests.connectors.topics.sending import (
    books_with_postings,
    deliver_words,
    publish_once,
    publisher,
    run,
)
from tests.servers.kafka_server import KafkaServer

TRACE = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1")


def test_updates_go_once_in_order_and_are_told_again_when_withdrawn(
    store: LedgerStore, place: Place
) -> None:
    for customer in range(4):
        issue(store, customer, 0, f"lcu_{customer}_a", f"lcu_{customer}_b")
    assert publish_once(store, place.where) == Published(published=8)
    assert publish_once(store, place.where) == Published()
    issue(store, 2, 1, "lcu_2_b")
    assert publish_once(store, place.where) == Published(published=1)
    counts = store.delivery_desk.updates.counts(TENANT)
    assert (counts.waiting, counts.published) == (0, 9)
    told = [each for each in place.read(9) if each.key == "stripe:cus_2"]
    assert [(each.id, each.attributes["type"]) for each in told] == [
        ("lcu_2_a/1", "lifecycle.update"),
        ("lcu_2_b/1", "lifecycle.update"),
        ("lcu_2_a/2", "lifecycle.update.withdrawn"),
    ]
    assert [each.content()["update_id"] for each in told] == ["lcu_2_a", "lcu_2_b", "lcu_2_a"]
    assert told[0].content()["details"] == {"product": "pro", "count": "3"}
    assert {each.attributes["content-type"] for each in told} == {"application/avro"}
    assert told[0].attributes["partitionkey"] == "stripe:cus_2"


def test_bodies_may_be_json(store: LedgerStore, place: Place) -> None:
    issue(store, 1, 0, "lcu_a")
    publish_once(store, place.where, body="json")
    (told,) = place.read(1)
    assert told.attributes["content-type"] == "application/json"
    assert json.loads(told.body)["update_id"] == "lcu_a"


def test_an_update_leads_back_to_the_request_that_caused_it(
    store: LedgerStore, place: Place
) -> None:
    store.commit([folded([message("evt_1", trace=TRACE)], lifecycle=(update("lcu_a"),))])
    publish_once(store, place.where)
    (told,) = place.read(1)
    assert told.attributes["traceparent"] == TRACE.parent
    assert told.attributes["tracestate"] == TRACE.state


def test_a_posting_leads_back_to_the_request_that_caused_it(tmp_path: Path, place: Place) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    with open_store(url) as store:
        store.commit([folded([message("evt_1", trace=TRACE)], [entry("in_1", by="evt_1")])])
    told = json.loads(run(*deliver_words(tmp_path, url, place.where)).stdout)
    assert told["accepted"] == 1, told
    (record,) = place.read(1)
    assert record.attributes["traceparent"] == TRACE.parent


def test_updates_of_another_tenant_stay(store: LedgerStore, kafka: KafkaServer) -> None:
    issue(store, 1, 0, "lcu_a")
    with opened_topic(f"kafka:{kafka.address}/nowhere") as topic:
        assert publisher(store, topic, tenant="globex").publish() == Published()
    assert store.delivery_desk.updates.counts(TENANT).waiting == 1


def test_one_process_publishes_at_a_time_and_may_beside_a_deliverer(store: LedgerStore) -> None:
    desk = store.delivery_desk
    with (
        desk.updates.only_publisher(),
        desk.only_deliverer(),
        pytest.raises(DelivererBusy, match="publishes updates"),
        desk.updates.only_publisher(),
    ):
        pass


class Unsteady:
    """A topic that is away for some attempts."""

    name = "memory:topic"

    def __init__(self, away: int) -> None:
        self.away = away
        self.attempts = 0
        self.found: list[str] = []

    def publish(self, records: Sequence[TopicRecord]) -> list[str]:
        self.attempts += 1
        if self.attempts <= self.away:
            raise TopicAway("nobody answers")
        self.found += [record.attributes["id"] for record in records]
        return [str(number) for number in range(len(records))]

    def close(self) -> None:
        """Nothing is held."""


def test_a_topic_that_is_away_for_a_moment_is_tried_again(store: LedgerStore) -> None:
    issue(store, 1, 0, "lcu_a")
    topic, slept = Unsteady(away=2), []
    done = publisher(store, topic, sleep=slept.append).publish()
    assert (done, topic.found) == (Published(published=1), ["lcu_a/1"])
    assert slept == [1.0, 2.0]


def test_a_topic_that_stays_away_is_left_alone_and_tried_once_later(store: LedgerStore) -> None:
    issue(store, 1, 0, "lcu_a")
    topic, now = Unsteady(away=4), 0.0
    sender = publisher(store, topic, clock=lambda: now)
    assert sender.publish().away == "nobody answers"
    assert (topic.attempts, sender.seconds_until_probe()) == (3, 30.0)
    assert sender.publish().away == "it was away a moment ago"
    assert topic.attempts == 3
    now = 31.0
    assert sender.publish().away == "nobody answers"
    assert (topic.attempts, sender.seconds_until_probe()) == (4, 60.0)
    now = 100.0
    assert sender.publish() == Published(published=1)
    assert store.delivery_desk.updates.counts(TENANT).waiting == 0


def test_a_topic_that_does_not_exist_is_said(kafka: KafkaServer, pubsub: object) -> None:
    from connectors.kafka.writing import KafkaTopic
    from connectors.pubsub.writing import PubSubTopic

    # The client waits for a topic that was only just made, 30 seconds unless told else.
    settings = {**kafka.settings, "topic.metadata.propagation.max.ms": "500"}
    record = TopicRecord("k", b"{}", {"id": "1"})
    for topic in (KafkaTopic(settings, "nowhere"), PubSubTopic("projects/test/topics/nowhere")):
        with pytest.raises(TopicUnusable) as told:
            topic.publish([record])
        assert "create the topic" in told.value.mend
        topic.close()


def test_what_is_no_topic_is_said() -> None:
    for where in ("kafka:localhost", "pubsub:topic", "spool:x"):
        with pytest.raises(TopicUnusable, match="is no topic"), opened_topic(where):
            pass


def test_the_command_publishes_and_says_what_waits(tmp_path: Path, place: Place) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    books_with_updates(url, 2)
    words = ("publish", "--store", url, "--to", place.where, "--tenant", TENANT, "--json")
    first = json.loads(run(*words).stdout)
    assert (first["published"], first["outbox"]) == (2, {"waiting": 0, "published": 2})
    assert json.loads(run(*words).stdout)["published"] == 0
    wrong = run("publish", "--store", url, "--to", "kafka:nowhere")
    assert wrong.exit_code == ExitCode.ENVIRONMENT
    assert "kafka:BROKERS/TOPIC" in wrong.stderr


@pytest.mark.parametrize("body", ["avro", "json"])
def test_postings_are_delivered_to_a_topic_once(tmp_path: Path, place: Place, body: str) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    ids = books_with_postings(url, 7)
    words = deliver_words(tmp_path, url, place.where, body=body)
    told = json.loads(run(*words).stdout)
    assert (told["accepted"], told["refused"], told["to"]) == (7, 0, place.where)
    assert json.loads(run(*words).stdout)["accepted"] == 0
    found = place.read(7)
    assert sorted(each.id for each in found) == sorted(ids)
    assert {each.attributes["type"] for each in found} == {"erp.posting"}
    assert {each.attributes["content-type"] for each in found} == {f"application/{body}"}
    for each in found:
        assert each.content()["posting_id"] == each.id
        assert each.key == each.content()["customer_id"]
        assert each.content()["lines"][0]["gl_account"].startswith("gl_")


def test_settings_of_topics_that_cannot_be_are_said(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.db"
    books_with_postings(url, 1)
    for where, more, words in (
        ("kafka:localhost:1/a b", {}, "no name of a topic"),
        ("kafka:localhost:1/a", {"settings": {"sasl.password": "x"}}, "no secrets here"),
        ("pubsub:topics/a", {}, "projects/P/topics/T"),
    ):
        wrong = run(*deliver_words(tmp_path, url, where, **more))
        assert wrong.exit_code != 0 and words in wrong.stderr
