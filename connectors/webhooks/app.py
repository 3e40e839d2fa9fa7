"""The web service: `POST /webhooks/SOURCE`, `GET /healthz`, `/readyz` and `/metrics`.

200 means durable. 400 a bad signature, 404 an unknown source, 413 too large, 415 encoded content,
503 not durable: the sender tries again (Stripe for three days).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors.webhooks.deliveries import delivery_of
from connectors.webhooks.keeping import DurableLog, Keeping, NotDurable
from connectors.webhooks.signatures import InvalidSignature, Signatures
from ledger.trace_context import NoSpans, Spans, TraceContext, trace_context

MAX_BODY_BYTES = 1024 * 1024
"""Four times the largest event that Stripe documents (256 KB)."""

_log = structlog.get_logger("crossfoot.webhooks")


class TooLarge(Exception):
    """A body is larger than the limit; it was not read to its end."""


class Gateway:
    """What the routes share. Logs and metrics carry sources, ids and reasons, never bodies."""

    def __init__(
        self,
        sources: Mapping[str, Signatures],
        log: DurableLog,
        max_body_bytes: int,
        spans: Spans,
    ) -> None:
        self.sources = dict(sources)
        self.keeping = Keeping(log)
        self.spans = spans
        self.max_body_bytes = max_body_bytes
        self.registry = CollectorRegistry()
        self.answers = Counter(
            "crossfoot_webhooks_total",
            "Webhooks answered, by source and what became of them.",
            ("source", "verdict"),
            registry=self.registry,
        )
        self.durable = Histogram(
            "crossfoot_webhook_durable_seconds",
            "Seconds from a whole body to its durable copy.",
            registry=self.registry,
        )

    async def receive(self, request: Request) -> Response:
        """Take one delivery; as a span of the trace that the request belongs to, or begins."""
        headers = request.headers
        caller = trace_context(headers.get("traceparent"), headers.get("tracestate"))
        with self.spans.span("webhook.receive", "server", parent=caller) as note:
            response = await self._receive(request, caller)
            note("http.response.status_code", response.status_code)
        return response

    async def _receive(self, request: Request, caller: TraceContext) -> Response:
        source = request.path_params["source"]
        signatures = self.sources.get(source)
        if signatures is None:
            return self._answer("unknown", "unknown_source", 404)
        if request.headers.get("content-encoding", "identity") != "identity":
            return self._answer(source, "encoded", 415)
        try:
            body = await _body_of(request, self.max_body_bytes)
            event_id = signatures.check(request.headers, body)
        except TooLarge:
            return self._answer(source, "too_large", 413)
        except ClientDisconnect:
            return self._answer(source, "disconnected", 400)
        except InvalidSignature as error:
            _log.warning("webhook_refused", source=source, reason=str(error))
            return self._answer(source, "bad_signature", 400)
        opened = self.spans.context()
        trace = opened if opened.parent else caller
        delivery = delivery_of(source, signatures.scheme, body, event_id, trace)
        started = time.perf_counter()
        try:
            verdict = await self.keeping.keep(delivery)
        except NotDurable as error:
            _log.error("webhook_not_durable", source=source, reason=str(error))
            return self._answer(source, "not_durable", 503)
        self.durable.observe(time.perf_counter() - started)
        _log.info("webhook_kept", source=source, event_id=delivery.event_id, verdict=verdict.value)
        return self._answer(source, verdict.value, 200)

    def _answer(self, source: str, verdict: str, status: int) -> Response:
        self.answers.labels(source, verdict).inc()
        headers = {"Retry-After": "5"} if status == 503 else None
        return JSONResponse({"verdict": verdict}, status, headers)

    async def healthy(self, request: Request) -> Response:
        """Answer that the process runs."""
        return PlainTextResponse("ok\n")

    async def ready(self, request: Request) -> Response:
        """Answer whether deliveries can be kept."""
        problem = self.keeping.problem
        return PlainTextResponse(f"{problem or 'ok'}\n", 503 if problem else 200)

    async def metrics(self, request: Request) -> Response:
        """Answer with Prometheus' text format."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


async def _body_of(request: Request, limit: int) -> bytes:
    """Read a body of no more than `limit` bytes. Raises TooLarge, ClientDisconnect."""
    stated = request.headers.get("content-length", "0")
    if not stated.isdigit() or int(stated) > limit:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge
    return bytes(body)


def webhook_app(
    sources: Mapping[str, Signatures],
    log: DurableLog,
    *,
    max_body_bytes: int = MAX_BODY_BYTES,
    spans: Spans | None = None,
) -> Starlette:
    """Build the service; it owns `log` from its start to its end."""
    gateway = Gateway(sources, log, max_body_bytes, spans or NoSpans())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        gateway.keeping.start()
        try:
            yield
        finally:
            gateway.keeping.stop()
            # Here: the server ends the process by the signal that it was given.
            gateway.spans.close()

    return Starlette(
        routes=[
            Route("/webhooks/{source}", gateway.receive, methods=["POST"]),
            Route("/healthz", gateway.healthy),
            Route("/readyz", gateway.ready),
            Route("/metrics", gateway.metrics),
        ],
        lifespan=lifespan,
    )
