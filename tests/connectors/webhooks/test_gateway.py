"""The service over real HTTP: what it answers, and what it loses when it is killed: nothing."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec

KILLS = 3
SENDERS = 4
EVENTS = 60
"""Per sender."""
GIVEN_UP_SECONDS = 120.0


def event(number: int, email: str = "") -> bytes:
    """A Stripe event with an id of its own."""
    return msgspec.json.encode(
        {"id": f"evt_{number}", "type": "customer.created", "data": {"email": email}}
    )


def test_what_is_answered_with_200_is_in_the_spool(gateway: Callable) -> None:
    server = gateway()
    server.start()
    assert server.send(event(1)).json() == {"verdict": "new"}
    assert server.send(event(1)).json() == {"verdict": "duplicate"}
    assert server.send(event(1, "other")).json() == {"verdict": "conflict"}
    server.stop()
    assert server.lines() == [event(1), event(1, "other")]


def test_others_are_turned_away_and_counted(gateway: Callable) -> None:
    server = gateway("--max-body", "100")
    server.start()
    assert server.send(event(1), "whsec_of_another").status_code == 400
    assert server.send(event(1, "x" * 100)).status_code == 413
    url = f"{server.url}/webhooks"
    assert httpx.post(f"{url}/other", content=b"{}").status_code == 404
    assert httpx.get(f"{url}/stripe").status_code == 405
    zipped = {"content-encoding": "gzip"}
    assert httpx.post(f"{url}/stripe", content=b"{}", headers=zipped).status_code == 415

    def chunks() -> object:
        for _ in range(50):
            yield b"x" * 10

    assert httpx.post(f"{url}/stripe", content=chunks()).status_code == 413  # type: ignore[arg-type]
    metrics = httpx.get(f"{server.url}/metrics").text
    assert 'crossfoot_webhooks_total{source="stripe",verdict="too_large"} 2.0' in metrics
    assert 'crossfoot_webhooks_total{source="stripe",verdict="bad_signature"} 1.0' in metrics
    server.stop()
    assert server.lines() == []


def test_logs_and_metrics_name_events_never_people(gateway: Callable) -> None:
    server = gateway()
    server.start()
    server.send(event(1, "canary@example.com"))
    server.send(event(2, "canary@example.com"), "whsec_of_another")
    metrics = httpx.get(f"{server.url}/metrics").text
    server.stop()
    log = server.log.read_text()
    assert "evt_1" in log and "webhook_refused" in log
    assert "canary" not in log + metrics


def test_while_the_spool_cannot_be_written_nothing_is_acknowledged(
    gateway: Callable, tmp_path: Path
) -> None:
    server = gateway()
    server.start()
    moved = tmp_path / "moved"
    server.spool.rename(moved)
    server.spool.write_text("in the way")
    refused = server.send(event(1))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "NotADirectory" in httpx.get(f"{server.url}/readyz").text

    server.spool.unlink()
    moved.rename(server.spool)
    assert server.send(event(1)).json() == {"verdict": "new"}
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    server.stop()
    assert server.lines() == [event(1)]


class Sender(threading.Thread):
    """Delivers events and tries again until each is acknowledged, as Stripe does."""

    def __init__(self, server: object, numbers: range) -> None:
        super().__init__()
        self.server = server
        self.numbers = numbers
        self.acknowledged: list[str] = []

    def run(self) -> None:
        until = time.monotonic() + GIVEN_UP_SECONDS
        for number in self.numbers:
            while not self._delivered(number):
                if time.monotonic() > until:
                    return
                time.sleep(0.02)
            self.acknowledged.append(f"evt_{number}")

    def _delivered(self, number: int) -> bool:
        try:
            return self.server.send(event(number)).status_code == 200  # type: ignore[attr-defined]
        except httpx.TransportError:
            return False


def test_killed_under_load_it_loses_nothing_and_doubles_nothing(gateway: Callable) -> None:
    server = gateway()
    server.start()
    senders = [Sender(server, range(n * EVENTS, (n + 1) * EVENTS)) for n in range(SENDERS)]
    for sender in senders:
        sender.start()
    moments = random.Random(5)
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.05, 0.4))
        server.kill()
        server.start()
    for sender in senders:
        sender.join()
    server.stop()
    assert sum(len(sender.acknowledged) for sender in senders) == SENDERS * EVENTS
    kept = Counter(msgspec.json.decode(line)["id"] for line in server.lines())
    assert set(kept) == {each for sender in senders for each in sender.acknowledged}
    assert set(kept.values()) == {1}
