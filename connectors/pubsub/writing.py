"""PubSubTopic: messages with attributes and an ordering key, durable when they have their id."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    RetryError,
    Unauthenticated,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.publisher.exceptions import PublishToPausedOrderingKeyException
from google.cloud.pubsub_v1.types import PublisherOptions

from connectors.topics.topic import TopicAway, TopicRecord, TopicUnusable, bound_attributes

TIMEOUT_SECONDS = 60
_MEND = {
    NotFound: "create the topic, or correct its name",
    Forbidden: "give this account the role Pub/Sub Publisher on the topic",
    Unauthenticated: "`gcloud auth application-default login`, or name a service account",
    InvalidArgument: "see what Pub/Sub says: a name, an attribute or a message it does not take",
}
"""What waiting does not mend, and what does."""


class PubSubTopic:
    """One topic; see `connectors.topics.topic.Topic`. Used by one thread at a time."""

    def __init__(self, topic: str, timeout_seconds: int = TIMEOUT_SECONDS) -> None:
        """`topic` is `projects/P/topics/T`. Connects later."""
        self._topic = topic
        self._seconds = timeout_seconds
        self._client: PublisherClient | None = None
        self.name = f"pubsub:{topic}"

    def publish(self, records: Sequence[TopicRecord]) -> list[str]:
        """Publish and wait for all; see Topic."""
        until = time.monotonic() + self._seconds
        try:
            sent = self._send(records)
            return [future.result(timeout=max(until - time.monotonic(), 0.0)) for future in sent]
        except (NotFound, Forbidden, Unauthenticated, InvalidArgument) as error:
            self._forget()
            mend = next(told for kind, told in _MEND.items() if isinstance(error, kind))
            raise TopicUnusable(f"{self.name}: {_line(error)}", mend) from error
        except GoogleAuthError as error:
            raise TopicUnusable("no Google credentials here", _MEND[Unauthenticated]) from error
        except (
            GoogleAPICallError,
            RetryError,
            NoAnswer,
            PublishToPausedOrderingKeyException,
        ) as error:
            self._forget()
            raise TopicAway(f"{self.name}: {_line(error)}") from error

    def _send(self, records: Sequence[TopicRecord]) -> list[Any]:
        if self._client is None:
            options = PublisherOptions(enable_message_ordering=True)
            self._client = PublisherClient(publisher_options=options)
        return [
            self._client.publish(
                self._topic,
                record.body,
                record.key,
                **bound_attributes(record.attributes, "ce-"),
            )
            for record in records
        ]

    def _forget(self) -> None:
        """A client that failed holds its keys back for ever; the next call makes a new one."""
        if self._client is not None:
            self._client.stop()
            self._client = None

    def close(self) -> None:
        """Let go of the connection; everything published is durable already."""
        self._forget()


def _line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
