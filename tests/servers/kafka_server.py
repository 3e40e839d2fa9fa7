"""A real Kafka broker of one node, started from Maven's jars on free ports."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.servers.downloads import free_port, java_libraries

POM = Path(__file__).parent / "kafka" / "pom.xml"
UP_WITHIN_SECONDS = 240.0
CLUSTER = "Y3Jvc3Nmb290LWthZmthLQ"
"""Any 16 bytes in base64."""


class KafkaServer:
    """One broker; its data survive a restart."""

    def __init__(self, directory: Path) -> None:
        self._libraries = java_libraries(POM, "kafka-3.9.1")
        self._directory = directory
        self._port, self._controller = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._port}"
        self.settings = {"bootstrap.servers": self.address}
        self._properties = directory / "server.properties"
        self._properties.write_text(self._configuration())
        self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c")

    def _configuration(self) -> str:
        listeners = f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._controller}"
        return "\n".join(
            [
                "process.roles=broker,controller",
                "node.id=1",
                f"controller.quorum.voters=1@127.0.0.1:{self._controller}",
                f"listeners={listeners}",
                f"advertised.listeners=PLAINTEXT://{self.address}",
                "controller.listener.names=CONTROLLER",
                "inter.broker.listener.name=PLAINTEXT",
                f"log.dirs={self._directory / 'data'}",
                "auto.create.topics.enable=false",
                "offsets.topic.replication.factor=1",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                "",
            ]
        )

    def _command(self, main: str, *words: str) -> list[str]:
        log_level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        command = ["java", "-Xmx384m", log_level, "-cp", f"{self._libraries}/*", main]
        return [*command, *words, str(self._properties)]

    def _java(self, main: str, *words: str) -> None:
        subprocess.run(self._command(main, *words), check=True, timeout=300, capture_output=True)

    def start(self) -> None:
        """Start the broker and wait until it answers."""
        log = self._directory / "kafka.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka"), stdout=output, stderr=output
            )
        admin = AdminClient({**self.settings, "log_level": 0})
        until = time.monotonic() + UP_WITHIN_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                admin.list_topics(timeout=5)
                return
            except Exception:  # noqa: BLE001 - any failure means: not yet
                time.sleep(0.25)
        raise RuntimeError(log.read_text()[-2000:])

    def kill(self) -> None:
        """Kill the broker as a machine that dies does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def make_topic(self, name: str, partitions: int = 3) -> str:
        """Make a topic and return its name."""
        admin = AdminClient(self.settings)
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(120)
        return name

    def write(self, topic: str, bodies: Iterable[bytes], partition: int | None = None) -> None:
        """Write messages, spread over the partitions in turn unless one is named."""
        producer = Producer(self.settings)
        for number, body in enumerate(bodies):
            where = {} if partition is None else {"partition": partition}
            headers = [("ce_id", f"evt_{number}")]
            producer.produce(topic, body, str(number).encode(), headers=headers, **where)
            producer.poll(0)
        if left := producer.flush(300):
            raise RuntimeError(f"the broker did not take {left} messages")
