"""Sends run events beside a run, in order, and never for longer than a run may wait.

A thread of its own sends; what goes wrong there, whatever it is, is told once in the log and ends
nothing. The client decides how: over HTTP, into a file, or as its own configuration says.
"""

from __future__ import annotations

import time
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from connectors.telemetry.lineage.settings import LineageSettings

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport import Transport

WAIT_SECONDS = 5.0
"""How long the end of a run waits for what is not sent yet."""
_ENDPOINT = "api/v1/lineage"
# Where a run starts is nothing of this program, so no repository is told.
_CONFIG = {"facets": {"source_code_location": {"disabled": True}}}

_log = structlog.get_logger("crossfoot.lineage")


class LineageSender:
    """Sends the events of one run."""

    def __init__(self, settings: LineageSettings, wait_seconds: float = WAIT_SECONDS) -> None:
        """Nothing is opened before the first event, and that in the thread that sends."""
        self._settings = settings
        self._wait_seconds = wait_seconds
        # Its thread does not keep the process alive, and hands on every error as a value.
        self._pool = ThreadPool(1)
        self._under_way: list[AsyncResult[None]] = []
        self._client: OpenLineageClient | None = None
        self._warned = False

    def send(self, event: RunEvent) -> None:
        """Have an event sent after those before it; returns at once."""
        self._add(self._emit, event)

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be sent."""
        return any(not one.ready() for one in self._under_way)

    def close(self) -> None:
        """Wait until all is sent, but no longer than a run may; nothing can be sent afterwards."""
        until = time.monotonic() + self._wait_seconds
        self._add(self._finish)
        self._pool.close()
        for one in self._under_way:
            one.wait(max(until - time.monotonic(), 0.0))
        if self.is_behind:
            self._warn("too slow")

    def _add(self, work: object, *arguments: object) -> None:
        self._under_way = [one for one in self._under_way if not one.ready()]
        failed = lambda error: self._warn(type(error).__name__)  # noqa: E731
        self._under_way.append(
            self._pool.apply_async(work, arguments, error_callback=failed)  # type: ignore[arg-type]
        )

    def _emit(self, event: RunEvent) -> None:
        if self._client is None:
            self._client = open_client(self._settings)
        self._client.emit(event)

    def _finish(self) -> None:
        if self._client is not None and not self._client.close(self._wait_seconds):
            self._warn("too slow")

    def _warn(self, reason: str) -> None:
        """Say once what kind of thing went wrong; its words could hold a key."""
        if not self._warned:
            self._warned = True
            _log.warning("lineage_not_sent", reason=reason, effect="none on the run")


def open_client(settings: LineageSettings) -> OpenLineageClient:
    """Return the client that sends; raises what its transports raise."""
    from openlineage.client import OpenLineageClient

    transport = _transport(settings.to) if settings.to is not None else None
    return OpenLineageClient(transport=transport, config=_CONFIG)  # type: ignore[arg-type]


def _transport(to: str) -> Transport:
    """Where an option says: over HTTP, tried twice at most, or added to a file."""
    import os

    parts = urlsplit(to)
    if parts.scheme not in ("http", "https"):
        from openlineage.client.transport.file import FileConfig, FileTransport

        return FileTransport(FileConfig(log_file_path=to, append=True))
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    path = parts.path.strip("/")
    told: dict[str, object] = {
        "url": f"{parts.scheme}://{parts.netloc}",
        "endpoint": path or os.environ.get("OPENLINEAGE_ENDPOINT", _ENDPOINT),
        "timeout": WAIT_SECONDS,
        "retry": {"total": 1, "connect": 1, "read": 1},
    }
    if key := os.environ.get("OPENLINEAGE_API_KEY"):
        told["auth"] = {"type": "api_key", "apiKey": key}
    return HttpTransport(HttpConfig.from_dict(told))
