"""Options of the live order_to_cash: where events come from, how soon they are booked."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from pipelines.options import JobOptions

SOURCE_PATTERNS = (
    r"kafka:(?P<brokers>[^/]+)/(?P<topics>[\w.,-]+)",
    r"pubsub:(?P<subscription>projects/[^/]+/subscriptions/[^/]+)",
)
"""How a source is written."""

_KAFKA, _PUBSUB = (re.compile(pattern) for pattern in SOURCE_PATTERNS)


class LiveOptions(JobOptions):
    """What a live job needs to know besides what every job does."""

    source: Annotated[
        str,
        Field(
            description="kafka:BROKERS/TOPIC[,TOPIC] or pubsub:projects/P/subscriptions/S.",
        ),
    ]
    window_seconds: Annotated[
        int, Field(description="Event-time window of the join, in seconds.", ge=1, le=86_400)
    ] = 60
    early_seconds: Annotated[
        int, Field(description="How long an event may wait for company.", ge=1, le=3600)
    ] = 1

    @field_validator("source")
    @classmethod
    def _is_a_source(cls, value: str) -> str:
        if not (_KAFKA.fullmatch(value) or _PUBSUB.fullmatch(value)):
            raise ValueError(
                "write kafka:BROKERS/TOPIC[,TOPIC] or pubsub:projects/P/subscriptions/S"
            )
        return value

    @model_validator(mode="after")
    def _has_a_store(self) -> LiveOptions:
        if self.store is None:
            raise ValueError("give --store URL: a live job remembers what came before")
        return self

    @property
    def kafka(self) -> tuple[str, tuple[str, ...]] | None:
        """Brokers and topics, when the source is Kafka."""
        found = _KAFKA.fullmatch(self.source)
        return (found["brokers"], tuple(found["topics"].split(","))) if found else None

    @property
    def pubsub(self) -> str | None:
        """The subscription, when the source is Pub/Sub."""
        found = _PUBSUB.fullmatch(self.source)
        return found["subscription"] if found else None
