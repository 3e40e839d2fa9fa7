"""`crossfoot publish`: lifecycle updates to the teams that act on them, through a topic."""

from __future__ import annotations

import threading
import time
from typing import Annotated

import msgspec
import typer

from connectors.deliveries.patience import CircuitBreaker, Patience
from connectors.store import DelivererBusy
from connectors.store.publishing import UpdateCounts
from connectors.store.update_desk import UpdateDesk
from connectors.topics.opening import TOPIC_FORM, opened_topic
from connectors.topics.publishing import Published, Publisher
from connectors.topics.topic import BodyFormat, Topic, TopicUnusable
from ledger.trace_context import Spans
from runners import arguments
from runners.display import print_json, print_lines, say
from runners.exit_codes import ExitCode
from runners.problems import Problem
from runners.sending import store_wait_seconds, surroundings_until
from runners.stopping import stopping
from runners.stores import opened_store
from runners.telemetry import spans_of


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was published; field names are the JSON output. Unit: updates."""

    to: str
    published: int
    away: str | None
    """Why the topic could not be reached in the end."""
    outbox: UpdateCounts


def publish(
    store: arguments.Store,
    to: Annotated[str, typer.Option(metavar="TOPIC", help=f"{TOPIC_FORM}.")],
    tenant: arguments.Tenant = "default",
    body: Annotated[
        BodyFormat,
        typer.Option(help="avro: single objects of lifecycle.update; json: the same as objects."),
    ] = "avro",
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until stopped (SIGINT, SIGTERM).")
    ] = False,
    every: Annotated[
        int, typer.Option(metavar="SECONDS", min=1, help="With --follow: pause between looks.")
    ] = 5,
    store_wait: arguments.FollowedStoreWait = None,
    otlp: arguments.Otlp = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Publish lifecycle updates as CloudEvents, in order per customer.

    Each issued and each withdrawn update goes once; after a crash some may go
    again, with the same id (`update id/revision`). While the topic is away they
    wait: the exit code is 4, or with --follow they are tried again.

    Example:

      crossfoot publish --store sqlite:///books.db --to kafka:localhost:9092/lifecycle
    """
    spans = spans_of(otlp)
    wait_seconds = store_wait_seconds(store_wait, follow=follow)
    try:
        with (
            stopping() as stop,
            opened_store(store, wait_seconds=wait_seconds, ending=stop) as opened,
            opened_topic(to) as topic,
        ):
            desk = opened.delivery_desk.updates
            publisher = _publisher(desk, topic, tenant, body, stop, spans)
            done = _follow(publisher, stop, every) if follow else publisher.publish()
            outcome = Outcome(
                to=topic.name,
                published=done.published,
                away=done.away,
                outbox=desk.counts(tenant),
            )
    except TopicUnusable as error:
        raise Problem(error.words, error.mend, ExitCode.ENVIRONMENT) from error
    _report(outcome, as_json, follow=follow)


def _publisher(
    desk: UpdateDesk,
    topic: Topic,
    tenant: str,
    body: BodyFormat,
    stop: threading.Event,
    spans: Spans,
) -> Publisher:
    return Publisher(
        desk,
        topic,
        tenant=tenant,
        body=body,
        patience=Patience(),
        breaker=CircuitBreaker(Patience(), time.monotonic),
        surroundings=surroundings_until(stop),
        spans=spans,
    )


def _follow(publisher: Publisher, stop: threading.Event, every_seconds: int) -> Published:
    """Publish again and again; the sum of all."""
    total = Published()
    while not stop.is_set():
        try:
            done = publisher.publish()
        except DelivererBusy as busy:
            say(f"{busy}; trying again")
            done = Published()
        if done.away is not None:
            say(f"the topic is away: {done.away}")
        total = Published(published=total.published + done.published, away=done.away)
        stop.wait(max(every_seconds, publisher.seconds_until_probe()))
    return total


def _report(outcome: Outcome, as_json: bool, *, follow: bool) -> None:
    if as_json:
        print_json(outcome)
    else:
        counts = outcome.outbox
        print_lines(
            f"{outcome.published} updates published to {outcome.to}",
            f"outbox: {counts.waiting} wait, {counts.published} published",
        )
    if outcome.away is not None and not follow:
        raise Problem(
            f"the topic is away: {outcome.away}",
            "nothing is lost: run it again, or keep it running with --follow",
            ExitCode.ENVIRONMENT,
        )
