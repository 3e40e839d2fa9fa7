"""Topics and subscriptions that a job reads or a sender writes: there, and open to this user.

Nothing is created: asking for a topic by its name alone would make it on some brokers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

from connectors.topics.opening import TOPIC_FORM
from runners.doctor.engines import SECONDS, reachable
from runners.doctor.findings import Finding, Status, ok, problem

SOURCE_FORM = "kafka:BROKERS/TOPIC[,TOPIC] or pubsub:projects/P/subscriptions/S"
_KAFKA = re.compile(r"kafka:(?P<brokers>[^/]+)/(?P<topics>[\w.,-]+)")
_SUBSCRIPTION = re.compile(r"pubsub:(?P<name>projects/[^/]+/subscriptions/[^/]+)")
_TOPIC = re.compile(r"pubsub:(?P<name>projects/[^/]+/topics/[^/]+)")
_LOG_IN = "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"

Use = Literal["read", "write"]


def look_at_source(origin: str) -> list[Finding]:
    """Look at what a live job is to read (`--from`)."""
    if (kafka := _KAFKA.fullmatch(origin)) is not None:
        return _kafka(kafka["brokers"], kafka["topics"].split(","), "read")
    if (pubsub := _SUBSCRIPTION.fullmatch(origin)) is not None:
        return [_subscription(pubsub["name"])]
    return [problem("source", f"{origin!r} is no source", f"write {SOURCE_FORM}")]


def look_at_target(where: str) -> list[Finding]:
    """Look at the topic that postings or updates are to go to (`--to`)."""
    kafka, pubsub = _KAFKA.fullmatch(where), _TOPIC.fullmatch(where)
    if kafka is not None and "," not in kafka["topics"]:
        return _kafka(kafka["brokers"], [kafka["topics"]], "write")
    if pubsub is not None:
        return [_topic(pubsub["name"])]
    return [problem("target", f"{where!r} is no topic", f"write {TOPIC_FORM}")]


# --- Kafka ----------------------------------------------------------------------------------


def _kafka(brokers: str, topics: list[str], use: Use) -> list[Finding]:
    option = "--from" if use == "read" else "--to"
    mend = f"start the broker, or correct {option}"
    found = [reachable("kafka", broker, mend) for broker in brokers.split(",")]
    if all(one.status is not Status.OK for one in found):
        return found
    return [*found, *(_kafka_topic(brokers, topic, use) for topic in topics)]


def _kafka_topic(brokers: str, topic: str, use: Use) -> Finding:
    check = f"topic {topic}"
    try:
        from confluent_kafka import KafkaError, KafkaException, TopicCollection
        from confluent_kafka.admin import AdminClient
    except ImportError as error:
        return problem(check, f"{error.name} is not installed", "pip install 'crossfoot[kafka]'")
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    asked = admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=SECONDS
    )
    try:
        told = asked[topic].result()
    except KafkaException as error:
        reason = error.args[0]
        words = f"the broker says: {reason.str()}"
        if reason.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            mend = f"kafka-topics.sh --create --topic {topic} --bootstrap-server {brokers}"
            return problem(check, words, mend)
        if reason.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return problem(check, words, f"let this user describe and {use} the topic")
        return problem(check, words, "see the broker's log; its client gave up waiting")
    return _described(check, told, use)


def _described(check: str, told: Any, use: Use) -> Finding:
    """`told`: the client's TopicDescription; without a list of operations the broker keeps none."""
    may = {operation.name for operation in told.authorized_operations or ()}
    if may and not may & {use.upper(), "ALL", "ANY"}:
        words = f"this user may not {use} it, only {', '.join(sorted(may)).lower()}"
        return problem(check, words, f"kafka-acls.sh --add --operation {use.capitalize()} for it")
    headless = [part.id for part in told.partitions if part.leader is None or part.leader.id < 0]
    if headless:
        words = f"partitions without a leader: {', '.join(map(str, headless))}"
        return problem(check, words, "start the brokers that hold them")
    return ok(check, f"{len(told.partitions)} partitions, may be {_PAST[use]}")


_PAST: dict[Use, str] = {"read": "read", "write": "written to"}


# --- Pub/Sub --------------------------------------------------------------------------------


def _subscription(name: str) -> Finding:
    from google.cloud.pubsub_v1 import SubscriberClient

    def look(client: Any) -> Finding:
        told = client.get_subscription(subscription=name, timeout=SECONDS, retry=None)
        if told.topic == "_deleted-topic_":
            return problem("subscription", f"the topic of {name} was deleted", "make both anew")
        lease = f"messages are leased for {told.ack_deadline_seconds} s"
        return ok("subscription", f"{name} of {told.topic}; {lease}")

    permission = ("pubsub.subscriptions.consume", "roles/pubsub.subscriber")
    make = f"gcloud pubsub subscriptions create {name} --topic=TOPIC"
    return _asked("subscription", name, SubscriberClient, look, permission, make)


def _topic(name: str) -> Finding:
    from google.cloud.pubsub_v1 import PublisherClient

    def look(client: Any) -> Finding:
        client.get_topic(topic=name, timeout=SECONDS, retry=None)
        return ok("topic", f"{name} is there")

    permission = ("pubsub.topics.publish", "roles/pubsub.publisher")
    make = f"gcloud pubsub topics create {name}"
    return _asked("topic", name, PublisherClient, look, permission, make)


def _asked(
    check: str,
    name: str,
    client_of: Callable[[], AbstractContextManager[Any]],
    look: Callable[[Any], Finding],
    permission: tuple[str, str],
    make: str,
) -> Finding:
    """Ask the service; what it refuses is told in its own words. `make`: how to make the thing."""
    from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, Unauthenticated
    from google.auth.exceptions import GoogleAuthError

    grant = f"give this account {permission[1]} on {name}"
    try:
        with client_of() as client:
            found = look(client)
            if found.status is Status.OK and not _permitted(client, name, permission[0]):
                return problem(check, f"this account lacks {permission[0]}", grant)
            return found
    except NotFound as error:
        return problem(check, f"Pub/Sub says: {_line(error)}", make)
    except Unauthenticated as error:
        return problem(check, f"Pub/Sub says: {_line(error)}", _LOG_IN)
    except Forbidden as error:
        return problem(check, f"Pub/Sub says: {_line(error)}", grant)
    except GoogleAPICallError as error:
        mend = "see that pubsub.googleapis.com can be reached; PUBSUB_EMULATOR_HOST names a double"
        return problem(check, f"Pub/Sub does not answer: {_line(error)}", mend)
    except GoogleAuthError as error:
        return problem(check, f"no Google credentials: {_line(error)}", _LOG_IN)


def _permitted(client: Any, name: str, permission: str) -> bool:
    """Whether the service grants it; a test double that knows no permissions refuses nothing."""
    from google.api_core.exceptions import MethodNotImplemented

    request = {"resource": name, "permissions": [permission]}
    try:
        told = client.test_iam_permissions(request=request, timeout=SECONDS)
    except MethodNotImplemented:
        return True
    return permission in told.permissions


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
