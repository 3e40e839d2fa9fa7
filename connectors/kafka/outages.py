"""Whether the broker of a partition answers: what a job says while it is away.

The client waits for a broker that is away and tells of it beside the messages, once, and also of
connections that only were idle. So what it tells is a suspicion; the partition is asked then, and
as long as it does not answer the broker is away. Said once per outage and process, however many
partitions wait.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import NamedTuple

import structlog
from apache_beam.metrics import Metrics
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

ANSWER_SECONDS = 2.0
"""How long a partition that is asked may take, and the pause before it is asked again."""
OUTAGES = "kafka_outages"
"""Beam counter: how often a broker went away, per worker process."""
_log = structlog.get_logger("crossfoot.kafka")


class _Outage(NamedTuple):
    since: float
    waiting: set[tuple[str, int]]
    """Partitions that did not answer when they were asked last."""


_lock = Lock()
_outages: dict[str, _Outage] = {}
"""By address of the brokers. A partition's next bundle may be another reader's in the process."""


class BrokerWatch:
    """Watches the broker of one partition for one consumer."""

    def __init__(self, brokers: str, topic: str, partition: int) -> None:
        self._brokers = brokers
        self._at = TopicPartition(topic, partition)
        self._key = (topic, partition)
        self._suspicion: str | None = None
        self._asked_at = 0.0

    def suspect(self, error: KafkaError) -> None:
        """Take note of an error that need not mean anything; the client's `error_cb`."""
        if self._suspicion is None:
            self._suspicion = error.name()

    def answers(self, consumer: Consumer) -> bool:
        """Tell whether the partition can be read, as far as is known.

        Asks it when there is reason to, which takes ANSWER_SECONDS at most.
        """
        if self._suspicion is None and not self._is_missed():
            return True
        if time.monotonic() < self._asked_at + ANSWER_SECONDS:
            return False
        try:
            consumer.get_watermark_offsets(self._at, ANSWER_SECONDS, cached=False)
        except KafkaException as error:
            self._miss(self._suspicion or error.args[0].name())
        else:
            self._suspicion = None
            self._found()
        self._asked_at = time.monotonic()
        return False

    def _is_missed(self) -> bool:
        with _lock:
            outage = _outages.get(self._brokers)
            return outage is not None and self._key in outage.waiting

    def _miss(self, error: str) -> None:
        with _lock:
            outage = _outages.get(self._brokers)
            if outage is not None:
                outage.waiting.add(self._key)
                return
            _outages[self._brokers] = _Outage(time.monotonic(), {self._key})
        Metrics.counter("crossfoot", OUTAGES).inc()
        _log.warning("kafka_away", brokers=self._brokers, error=error)

    def _found(self) -> None:
        with _lock:
            outage = _outages.get(self._brokers)
            if outage is None:
                return
            outage.waiting.discard(self._key)
            if outage.waiting:
                return
            del _outages[self._brokers]
        waited = round(time.monotonic() - outage.since)
        _log.warning("kafka_back", brokers=self._brokers, waited_seconds=waited)
