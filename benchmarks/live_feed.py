"""A generated company for live jobs: what is fed to Kafka, and when it is seen in the books."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from confluent_kafka import Producer
from sqlalchemy import func, select

from connectors.event_files import EventDecoder
from connectors.store.session import Session
from connectors.store.tables import messages
from generator.company import write_company
from generator.months import add_months, seconds
from generator.plan import CompanyPlan, no_faults
from ledger.messages import Message
from pipelines.options import check_options
from pipelines.settings import settings_of

SEED = 20_260_101
MONTHS = 3
EVENTS_PER_CONTRACT = 14
"""Fewer than are generated, so that there are enough."""
PARTITIONS = 3


class Event(NamedTuple):
    """One message of the company."""

    message_id: str
    body: bytes


class Company(NamedTuple):
    """A company and its events in the order in which they happened."""

    directory: Path
    as_of: str
    events: list[Event]


def make_company(directory: Path, events: int) -> Company:
    """Generate a company without faults: every message is there once and can be told apart.

    `events`: how many are returned at most; a little more are generated.
    """
    plan = CompanyPlan(
        seed=SEED,
        contracts=max(events // EVENTS_PER_CONTRACT, 10),
        months=MONTHS,
        faults=no_faults(),
    )
    write_company(directory, plan)
    as_of = datetime.fromtimestamp(add_months(seconds(plan.start), MONTHS + 3), UTC).isoformat()
    options = check_options(
        input=(), output=directory, books=directory / "company.yaml", as_of=as_of
    )
    decode = EventDecoder(settings_of(options).decoding)
    found: dict[str, tuple[int, Event]] = {}
    for path in sorted(directory.glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines()):
            for message in decode(line, f"{path.name}:{number}"):
                if isinstance(message, Message):
                    event = Event(message.message_id, line)
                    found.setdefault(message.message_id, (message.occurred_at_micros, event))
    ordered = sorted(found.values(), key=lambda item: (item[0], item[1].message_id))
    return Company(directory, as_of, [event for _, event in ordered[:events]])


class Feed:
    """Hands events to Kafka at a steady rate, in a thread of its own."""

    def __init__(self, brokers: str, topic: str, events: Sequence[Event], rate: int | None) -> None:
        """`rate`: events per second; None for all at once."""
        self._producer = Producer(
            {"bootstrap.servers": brokers, "linger.ms": 0, "queue.buffering.max.messages": 500_000}
        )
        self._topic = topic
        self._events = events
        self._rate = rate
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent_at: dict[str, float] = {}
        """When each message was handed over, by its id; seconds of the monotonic clock."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Everything is with the broker."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        begin = time.monotonic()
        for number, event in enumerate(self._events):
            if self._rate is not None:
                time.sleep(max(0.0, begin + number / self._rate - time.monotonic()))
            self.sent_at[event.message_id] = time.monotonic()
            where = {"partition": number % PARTITIONS}
            self._producer.produce(self._topic, event.body, event.message_id.encode(), **where)
            self._producer.poll(0)
        self._producer.flush(60)


class Seen(msgspec.Struct, frozen=True):
    """A message as it was first seen in the books."""

    at: float
    """Seconds of the monotonic clock, after the query that found it: never too early."""
    outcome: str


class Watch:
    """Asks the store which messages it has, as any reader could."""

    def __init__(self, store: str) -> None:
        self._session = Session(store)
        self.seen: dict[str, Seen] = {}

    def look(self, feed: Feed) -> None:
        """Note what has come into the books since the last look."""
        waiting = [one for one in list(feed.sent_at) if one not in self.seen]
        if not waiting:
            return
        wanted = self._session.backend.among(messages.c.message_id, waiting)
        query = select(messages.c.message_id, messages.c.outcome).where(wanted)
        with self._session.reading() as connection:
            rows = connection.execute(query).all()
        now = time.monotonic()
        for message_id, outcome in rows:
            self.seen[message_id] = Seen(now, outcome)

    def count(self) -> int:
        """How many messages are in the books."""
        with self._session.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(messages)).scalar_one())
