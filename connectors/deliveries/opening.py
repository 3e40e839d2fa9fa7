"""Opens the delivery that a command line names, with the settings of an ERP file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.deliveries.delivery import Delivery, ErpUnusable
from connectors.deliveries.http_journal import HttpJournal
from connectors.deliveries.journal_files import JournalFiles
from connectors.deliveries.settings import (
    ErpSettings,
    FileSettings,
    HttpSettings,
    KafkaSettings,
    PubSubSettings,
    TrytonSettings,
    secret,
)
from connectors.deliveries.topic_delivery import TopicDelivery
from connectors.deliveries.tryton import TrytonDelivery
from connectors.deliveries.tryton_rpc import TrytonRpc
from connectors.topics.opening import kafka_topic, pubsub_topic
from connectors.topics.topic import BodyFormat, Topic, TopicUnusable
from ledger.trace_context import Spans


@contextmanager
def opened_delivery(
    settings: ErpSettings, kind: str, spans: Spans | None = None
) -> Iterator[Delivery]:
    """Give the delivery of a kind, one of the names of ErpSettings; closed at the end.

    Connects to nothing yet. Raises ErpUnusable when the file has no such settings, a secret is
    missing from the environment, or a client is not installed.
    """
    if settings.tryton is not None and kind == "tryton":
        delivery, close = _tryton(settings.tryton)
    elif settings.http is not None and kind == "http":
        delivery, close = _http(settings.http, spans)
    elif settings.files is not None and kind == "files":
        delivery, close = _files(settings.files)
    elif settings.kafka is not None and kind == "kafka":
        delivery, close = _published(_kafka(settings.kafka), settings.kafka.body, spans)
    elif settings.pubsub is not None and kind == "pubsub":
        delivery, close = _published(_pubsub(settings.pubsub), settings.pubsub.body, spans)
    else:
        raise ErpUnusable(f"the ERP file has no settings for {kind!r}", f"add `{kind}:` to it")
    try:
        yield delivery
    finally:
        close()


Opened = tuple[Delivery, Callable[[], None]]


def _tryton(settings: TrytonSettings) -> Opened:
    rpc = TrytonRpc(settings, secret(settings.password_env))
    return TrytonDelivery(settings, rpc), rpc.close


def _http(settings: HttpSettings, spans: Spans | None) -> Opened:
    variable = settings.authorization_env
    journal = HttpJournal(settings, secret(variable) if variable is not None else None, spans)
    return journal, journal.close


def _files(settings: FileSettings) -> Opened:
    return JournalFiles(settings), lambda: None


def _published(topic: Topic, body: BodyFormat, spans: Spans | None) -> Opened:
    return TopicDelivery(topic, body, spans), topic.close


def _kafka(settings: KafkaSettings) -> Topic:
    options = {**settings.settings, "bootstrap.servers": settings.brokers}
    if settings.password_env is not None:
        options["sasl.password"] = secret(settings.password_env)
    try:
        return kafka_topic(options, settings.topic, settings.timeout_seconds)
    except TopicUnusable as error:
        raise ErpUnusable(error.words, error.mend) from error


def _pubsub(settings: PubSubSettings) -> Topic:
    try:
        return pubsub_topic(settings.topic, settings.timeout_seconds)
    except TopicUnusable as error:
        raise ErpUnusable(error.words, error.mend) from error
