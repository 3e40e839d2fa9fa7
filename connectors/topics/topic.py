"""What every topic must do: take records in order, and say where each is once it is durable.

Publishing is at least once: when a call fails nobody knows which of its records the topic has, so
all of them come again, and readers recognise them by the id of their CloudEvent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from connectors.deliveries.trying import Away

BodyFormat = Literal["avro", "json"]
"""`avro`: a single object, which begins with the fingerprint of its schema in the registry;
`json`: an object with the same fields, for people and for systems without Avro."""


class TopicRecord(NamedTuple):
    """What to publish."""

    key: str
    """Records of one key keep their order."""
    body: bytes
    attributes: Mapping[str, str]
    """Of a CloudEvent in binary mode, without prefix; `datacontenttype` is the body's."""


class TopicAway(Away):
    """The topic did not take records, or nobody knows; they may be published again."""


class TopicUnusable(Exception):
    """The topic will not take records as things are; a person must mend it."""

    def __init__(self, words: str, mend: str) -> None:
        """What is wrong and how to mend it, each a sentence without personal data."""
        super().__init__(words)
        self.words = words
        self.mend = mend


class Topic(Protocol):
    """One topic of one broker."""

    @property
    def name(self) -> str:
        """What people call it, `kafka:localhost:9092/postings`; no credentials."""

    def publish(self, records: Sequence[TopicRecord]) -> list[str]:
        """Publish in order; return where each record is, once all of them are durable.

        Raises TopicAway, TopicUnusable.
        """

    def close(self) -> None:
        """Let go of the connection."""


def bound_attributes(attributes: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Name attributes as a transport does.

    Source: CloudEvents 1.0.2, Kafka and Pub/Sub bindings. W3C trace context comes under its own
    name too, where tools of the transport look for it.
    """
    bound = {f"{prefix}{name}": value for name, value in attributes.items()}
    content_type = bound.pop(f"{prefix}datacontenttype", None)
    if content_type is not None:
        bound["content-type"] = content_type
    return bound | {name: attributes[name] for name in _TRACE if name in attributes}


_TRACE = ("traceparent", "tracestate")
