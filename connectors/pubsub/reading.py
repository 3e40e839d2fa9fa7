"""ReadFromPubSub: messages of a subscription, each with the receipt to acknowledge it by.

For every engine but Dataflow, whose own read is better there. Beam's built-in read acknowledges
before it emits elsewhere, and a bundle of Prism is final when its output is in memory: both lose
what is in hand when the process dies. So the job acknowledges (`PubSubReceipts`) what its books
have. Delivery is at least once, as Pub/Sub's: an event that comes again is recognised by its id.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import structlog
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp
from google.api_core.exceptions import (
    Aborted,
    BadGateway,
    DeadlineExceeded,
    GatewayTimeout,
    GoogleAPICallError,
    InternalServerError,
    ServiceUnavailable,
    TooManyRequests,
)
from google.cloud.pubsub_v1 import SubscriberClient

from connectors.endless import EndlessTracker, follow
from ledger.messages import Payload

AT_ONCE = 500
BUNDLE_SECONDS = 0.5
PULL_SECONDS = 1.0
HELD_SECONDS = 60
"""How long a message is held back from redelivery until it is acknowledged. Longer, and a job
that died waits longer for what it had in hand; shorter, and a job that lags reads twice."""
READERS = 2
AWAY_SECONDS = 2.0
"""The longest pause before a service that is away is asked again."""
_AWAY = (
    Aborted,
    BadGateway,
    GatewayTimeout,
    InternalServerError,
    ServiceUnavailable,
    TooManyRequests,
)
"""What the service says when it is to be asked again later."""
_log = structlog.get_logger("crossfoot.pubsub")


class ReadFromPubSub(beam.PTransform):
    """PBegin -> PCollection[Payload], timestamped with the publish time. Unbounded.

    `subscription` is `projects/P/subscriptions/S`. Raises GoogleAPICallError when the job is built
    and the subscription cannot be read.
    """

    def __init__(self, subscription: str, readers: int = READERS) -> None:
        super().__init__()
        self._subscription = subscription
        self._readers = readers

    def expand(self, begin: PBegin) -> PCollection:
        with SubscriberClient() as client:
            client.get_subscription(subscription=self._subscription)
        return (
            begin
            | "Readers" >> beam.Create(range(self._readers), reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "Pull" >> beam.ParDo(_PullFn(self._subscription))
        )


class _Pulls(RestrictionProvider):
    """The subscription keeps the position; the restriction only counts pulls."""

    def initial_restriction(self, element: int) -> OffsetRange:
        return OffsetRange(0, 2**62)

    def create_tracker(self, restriction: OffsetRange) -> EndlessTracker:
        return EndlessTracker(restriction)

    def restriction_size(self, element: int, restriction: OffsetRange) -> int:
        return 1

    def truncate(self, element: int, restriction: OffsetRange) -> None:
        """A job that drains stops pulling; what is not acknowledged stays in the subscription."""


_PULLS: Any = beam.DoFn.RestrictionParam(_Pulls())
_WATERMARK: Any = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


class _PullFn(beam.DoFn):
    def __init__(self, subscription: str) -> None:
        self._subscription = subscription

    def setup(self) -> None:
        self._client = SubscriberClient()
        self._missed_at: float | None = None

    def teardown(self) -> None:
        self._client.close()

    @beam.DoFn.unbounded_per_element()
    def process(  # type: ignore[override]
        self,
        element: int,
        tracker: Any = _PULLS,
        watermark: Any = _WATERMARK,
    ) -> Iterator[TimestampedValue]:
        pulls = tracker.current_restriction().start
        until = time.monotonic() + BUNDLE_SECONDS
        while time.monotonic() < until and tracker.try_claim(pulls):
            pulls += 1
            received = self._pull()
            if received is None:
                # The watermark stays: what was published meanwhile is not late.
                continue
            for each in received:
                at = Timestamp(each.message.publish_time.timestamp())
                yield TimestampedValue(self._payload(each), at)
            _advance(watermark, received)
        tracker.defer_remainder(Duration(0))

    def _pull(self) -> list[Any] | None:
        """Return what the subscription has now; None when the service is away."""
        try:
            received = self._asked()
        except _AWAY as error:
            self._miss(error)
            time.sleep(AWAY_SECONDS * random.uniform(0.5, 1.0))
            return None
        self._found()
        return received

    def _miss(self, error: GoogleAPICallError) -> None:
        """Say once per outage that the service is away."""
        if self._missed_at is None:
            self._missed_at = time.monotonic()
            _log.warning("pubsub_away", error=type(error).__name__)

    def _found(self) -> None:
        if self._missed_at is not None:
            waited = time.monotonic() - self._missed_at
            self._missed_at = None
            _log.warning("pubsub_back", waited_seconds=round(waited))

    def _asked(self) -> list[Any]:
        """Return what the subscription has now; nothing when it has nothing."""
        request = {"subscription": self._subscription, "max_messages": AT_ONCE}
        try:
            response = self._client.pull(request=request, timeout=PULL_SECONDS, retry=None)
        except DeadlineExceeded:
            return []
        received = list(response.received_messages)
        if received:
            self._client.modify_ack_deadline(
                subscription=self._subscription,
                ack_ids=[each.ack_id for each in received],
                ack_deadline_seconds=HELD_SECONDS,
            )
        return received

    def _payload(self, received: Any) -> Payload:
        message = received.message
        position = f"{self._subscription}@{message.message_id}"
        attributes = tuple(sorted(message.attributes.items()))
        return Payload(message.data, position, attributes, received.ack_id)


def _advance(watermark: Any, received: list[Any]) -> None:
    """Follow the publish times, or the clock when there is nothing: nobody is held back."""
    now = time.time()
    latest = max((each.message.publish_time.timestamp() for each in received), default=now)
    follow(watermark, min(latest, now))
