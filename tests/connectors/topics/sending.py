"""Publishers with a clock and a chance of the test's own, and the words of commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from typer.testing import CliRunner, Result

from connectors.deliveries.patience import CircuitBreaker, Patience
from connectors.deliveries.trying import Surroundings
from connectors.store import LedgerStore, open_store
from connectors.topics.opening import opened_topic
from connectors.topics.publishing import Published, Publisher
from connectors.topics.topic import BodyFormat, Topic
from ledger.accounts import AccountRole
from ledger.trace_context import NoSpans
from runners.crossfoot import app
from tests.connectors.store.store_builders import TENANT, entry, folded, message

PATIENCE = Patience(attempts=3, cool_down_seconds=30)
COMMAND = (sys.executable, "-m", "runners.crossfoot")


def run(*words: str) -> Result:
    """Run a command as users do."""
    return CliRunner().invoke(app, list(words))


def publisher(
    store: LedgerStore,
    topic: Topic,
    *,
    tenant: str = TENANT,
    body: BodyFormat = "avro",
    sleep: Callable[[float], None] = lambda _: None,
    clock: Callable[[], float] = lambda: 0.0,
    batch_size: int = 500,
) -> Publisher:
    """A publisher that waits for nothing."""
    return Publisher(
        store.delivery_desk.updates,
        topic,
        tenant=tenant,
        body=body,
        patience=PATIENCE,
        breaker=CircuitBreaker(PATIENCE, clock),
        surroundings=Surroundings(lambda: 0, sleep, lambda: 1.0, lambda: False),
        spans=NoSpans(),
        batch_size=batch_size,
    )


def publish_once(store: LedgerStore, where: str, body: BodyFormat = "avro") -> Published:
    """Publish what waits."""
    with opened_topic(where) as topic:
        return publisher(store, topic, body=body, batch_size=3).publish()


def books_with_postings(url: str, count: int, first: int = 0) -> list[str]:
    """Give so many new customers one posting each; return all posting ids of the books."""
    with open_store(url) as store:
        for number in range(first, first + count):
            name = f"evt_{number}"
            customer = message(name, f"stripe:cus_{number}")
            store.commit([folded([customer], [entry(f"in_{number}", by=name)])])
        return [posted.posting_id for posted in store.postings()]


def deliver_words(folder: Path, url: str, where: str, **more: object) -> list[str]:
    """The words of `crossfoot deliver` to a topic; `more`: of its settings."""
    kind, _, place = where.partition(":")
    brokers, _, name = place.rpartition("/")
    topic = {"brokers": brokers, "topic": name} if kind == "kafka" else {"topic": place}
    settings = {"batch_size": 3, kind: {**topic, **more}}
    (folder / "erp.yaml").write_text(yaml.safe_dump(settings))
    defaults = {role.value: f"gl_{role.value}" for role in AccountRole}
    mapping = {"name": "test", "version": 1, "defaults": defaults}
    (folder / "gl.yaml").write_text(yaml.safe_dump(mapping))
    words = ["deliver", "--store", url, "--erp", f"{folder}/erp.yaml", "--mapping"]
    return [*words, f"{folder}/gl.yaml", "--to", kind, "--tenant", TENANT, "--json"]
