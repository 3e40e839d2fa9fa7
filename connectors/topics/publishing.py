"""Empties the outbox of lifecycle updates into a topic: batches in order, each recorded once the
broker has it.

A process that dies between publishing and recording publishes a batch again, under the same ids.
When the topic is away the round ends, and what is left waits for the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from connectors.deliveries.patience import CircuitBreaker, Patience
from connectors.deliveries.trying import Away, Surroundings, Trying
from connectors.store.publishing import WaitingUpdate
from connectors.store.update_desk import UpdateDesk
from connectors.topics.cloud_events import update_record
from connectors.topics.topic import BodyFormat, Topic, TopicRecord, TopicUnusable
from ledger.trace_context import Spans
from schemas.rules import SchemaViolation

BATCH = 500
_log = structlog.get_logger("crossfoot.topics")


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was done; unit: updates."""

    published: int = 0
    away: str | None = None
    """Why the topic could not be reached; None when everything that waited was published."""


class Publisher:
    """Publishes one tenant's updates to one topic."""

    def __init__(
        self,
        desk: UpdateDesk,
        topic: Topic,
        *,
        tenant: str,
        body: BodyFormat,
        patience: Patience,
        breaker: CircuitBreaker,
        surroundings: Surroundings,
        spans: Spans,
        batch_size: int = BATCH,
    ) -> None:
        self._desk = desk
        self._topic = topic
        self._tenant = tenant
        self._body: BodyFormat = body
        self._breaker = breaker
        self._around = surroundings
        self._trying = Trying(patience, breaker, surroundings)
        self._spans = spans
        self._batch_size = batch_size

    def publish(self) -> Published:
        """Publish what waits, until it is done or somebody asks for the end.

        Raises DelivererBusy when another process publishes, TopicUnusable when nothing can be
        published as things are configured.
        """
        done = 0
        with self._desk.only_publisher() as assert_alone:
            while not self._around.stopping():
                waiting = self._desk.next_updates(self._tenant, self._batch_size)
                if not waiting:
                    break
                assert_alone()
                try:
                    self._publish_traced(waiting)
                except Away as away:
                    return Published(published=done, away=away.words)
                done += len(waiting)
        return Published(published=done)

    def seconds_until_probe(self) -> float:
        """Return how long a topic that was away is left alone."""
        return self._breaker.seconds_left()

    def _publish_traced(self, waiting: Sequence[WaitingUpdate]) -> None:
        """Publish a batch, as a span that is linked to the requests which caused it."""
        links = [each.trace for each in waiting if each.trace is not None]
        with self._spans.span("publish.batch", "client", links=links) as note:
            note("crossfoot.updates", len(waiting))
            records = [self._record(each) for each in waiting]
            places = self._trying(lambda: self._topic.publish(records), self._topic.name)
            named = [f"{self._topic.name}#{place}" for place in places]
            numbers = [each.position for each in waiting]
            self._desk.record(dict(zip(numbers, named, strict=True)))
        _log.info("published", to=self._topic.name, updates=len(waiting))

    def _record(self, waiting: WaitingUpdate) -> TopicRecord:
        try:
            return update_record(waiting, self._body)
        except SchemaViolation as violation:
            words = f"update {waiting.update.update_id} is no valid lifecycle.update: {violation}"
            raise TopicUnusable(words, "publish with --body json, which takes it") from violation
