"""Spans by OpenTelemetry, sent in batches to an OTLP/HTTP receiver.

A provider of our own, not the process's global one, so that libraries which trace themselves tell
nothing through it. Errors are told by their type alone: their words could name a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import structlog

from connectors.telemetry.settings import TelemetrySettings, can_send
from ledger.trace_context import (
    NO_CONTEXT,
    NoSpans,
    Note,
    SpanKind,
    Spans,
    TraceContext,
    trace_context,
)

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Link

SERVICE = "crossfoot"

_log = structlog.get_logger("crossfoot.telemetry")


@cache
def open_spans(settings: TelemetrySettings | None) -> Spans:
    """Return the recorder of these settings, one per process; what is left is sent at its exit."""
    if settings is None:
        return NoSpans()
    if not can_send():
        _log.warning("spans_not_sent", reason="install crossfoot[telemetry]")
        return NoSpans()
    return OpenTelemetrySpans(_provider(settings), trace_context(settings.parent))


class OpenTelemetrySpans:
    """Records spans with a provider."""

    recording = True

    def __init__(self, provider: TracerProvider, parent: TraceContext = NO_CONTEXT) -> None:
        """`parent`: of spans that have no other."""
        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE)
        self._parent = parent

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        *,
        parent: TraceContext = NO_CONTEXT,
        links: Iterable[TraceContext] = (),
    ) -> Iterator[Note]:
        """Record what is done inside; see `ledger.trace_context.Spans`."""
        from opentelemetry.trace import SpanKind as Kind
        from opentelemetry.trace import Status, StatusCode

        with self._tracer.start_as_current_span(
            name,
            context=_remote(parent if parent.parent else self._own_parent()),
            kind=Kind[kind.upper()],
            links=_links(links),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span.set_attribute
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def _own_parent(self) -> TraceContext:
        """A span that is open here comes before the run's."""
        return NO_CONTEXT if self.context().parent else self._parent

    def context(self) -> TraceContext:
        """The context of the span that is open; none when there is none."""
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        return trace_context(carrier.get("traceparent"), carrier.get("tracestate", ""))

    def close(self) -> None:
        """Send what is left; nothing is recorded afterwards."""
        self._provider.shutdown()


def _remote(parent: TraceContext) -> Context | None:
    """The context of a span elsewhere; None: whatever is open here."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if not parent.parent:
        return None
    carrier = {"traceparent": parent.parent, "tracestate": parent.state}
    return TraceContextTextMapPropagator().extract(carrier)


def _links(contexts: Iterable[TraceContext]) -> list[Link]:
    """Links to distinct contexts, in the order given; the SDK limits their number."""
    from opentelemetry.trace import Link, get_current_span

    spans = (get_current_span(_remote(each)) for each in dict.fromkeys(contexts) if each.parent)
    return [Link(span.get_span_context()) for span in spans]


def _provider(settings: TelemetrySettings) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = SERVICE_NAME in OTELResourceDetector().detect().attributes
    resource = Resource.create({} if named else {SERVICE_NAME: SERVICE})
    provider = TracerProvider(sampler=_sampler(settings), resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint)))
    return provider


def _sampler(settings: TelemetrySettings) -> Sampler:
    """The sampler of a name and argument as the variables give them. Raises ValueError."""
    from opentelemetry.sdk.trace.sampling import (
        ALWAYS_OFF,
        ALWAYS_ON,
        ParentBased,
        TraceIdRatioBased,
    )

    name = settings.sampler.removeprefix("parentbased_")
    if name == "traceidratio":
        root: Sampler = TraceIdRatioBased(float(settings.sampler_argument or 1))
    else:
        root = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF}[name]
    return root if name == settings.sampler else ParentBased(root)
