"""Pub/Sub's test double by Google, written in Go, as a process of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from tests.servers.downloads import downloads, go_binary

PROJECT = "projects/test"
CODE = Path(__file__).parent / "pubsub"


class PubSubServer:
    """A server without memory: what it holds is gone when it ends."""

    def __init__(self, port: int = 0) -> None:
        """`port`: where it listens; 0 for any that is free."""
        target = downloads() / "bin" / "pubsubfake"
        command = ["build", "-o", str(target), "."]
        binary = go_binary("pubsubfake", command, CODE, {})
        self._process = subprocess.Popen(
            [str(binary), f"-port={port}"], stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout is None:
            raise RuntimeError("no output to read the address from")
        self.address = self._process.stdout.readline().strip()
        os.environ["PUBSUB_EMULATOR_HOST"] = self.address

    def close(self) -> None:
        """End the server."""
        os.environ.pop("PUBSUB_EMULATOR_HOST", None)
        self._process.kill()
        self._process.wait()

    def make_topic(self, name: str) -> tuple[str, str]:
        """Make a topic with one subscription; return both paths."""
        topic, subscription = f"{PROJECT}/topics/{name}", f"{PROJECT}/subscriptions/{name}"
        PublisherClient().create_topic(name=topic)
        with SubscriberClient() as client:
            client.create_subscription(name=subscription, topic=topic, ack_deadline_seconds=10)
        return topic, subscription

    def publish(self, topic: str, bodies: Iterable[bytes]) -> None:
        """Publish messages with a CloudEvents id each."""
        client = PublisherClient()
        futures = [
            client.publish(topic, body, **{"ce-id": f"evt_{number}"})
            for number, body in enumerate(bodies)
        ]
        for future in futures:
            future.result(120)

    def unacknowledged(self, subscription: str) -> int:
        """How many messages a subscriber would be given now or when their leases run out."""
        with SubscriberClient() as client:
            found = client.pull(subscription=subscription, max_messages=1000, timeout=60)
            return len(found.received_messages)
