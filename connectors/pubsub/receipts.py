"""Acknowledging messages of a subscription once they are durable."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from google.api_core import retry
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import SubscriberClient

AT_ONCE = 500
_SECONDS = 60.0
_log = structlog.get_logger("crossfoot.pubsub")


class PubSubReceipts:
    """Receipts of one subscription. Any process may hand them in."""

    def __init__(self, subscription: str) -> None:
        self._subscription = subscription
        self._client = SubscriberClient()

    def acknowledge(self, tokens: Sequence[str]) -> None:
        """Tell Pub/Sub. What cannot be told is logged, comes again, and is recognised."""
        for start in range(0, len(tokens), AT_ONCE):
            some = list(tokens[start : start + AT_ONCE])
            try:
                self._client.acknowledge(
                    subscription=self._subscription,
                    ack_ids=some,
                    retry=retry.Retry(timeout=_SECONDS),
                )
            except (GoogleAPICallError, RetryError) as error:
                _log.warning("not_acknowledged", messages=len(some), error=type(error).__name__)
