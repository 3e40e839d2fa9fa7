"""The trace context that events carry (W3C Trace Context), and what is asked of who records spans.

A context says which request brought an event. It travels with a message and is kept beside it; no
rule, key, digest or posting ever looks at it. Source: W3C Recommendation "Trace Context", sections
3.2 (traceparent) and 3.3 (tracestate).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, NamedTuple, Protocol


class TraceContext(NamedTuple):
    """A sound context as it travels; both empty when there is none."""

    parent: str = ""
    """`traceparent`, version 00: `00-<32 hex>-<16 hex>-<2 hex>`."""
    state: str = ""
    """`tracestate`: what vendors add; at most 512 characters."""

    @property
    def trace_id(self) -> str:
        """32 hex digits; empty when there is no context."""
        return self.parent[3:35]


NO_CONTEXT = TraceContext()

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBER = re.compile(
    r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_PREFIXES = ("", "ce_", "ce-")
_NAMES = frozenset(
    f"{prefix}{name}" for prefix in _PREFIXES for name in ("traceparent", "tracestate")
)
MAX_STATE = 512
MAX_MEMBERS = 32


def trace_context(parent: object, state: object = "") -> TraceContext:
    """Return the context that a source states; none when it is not sound, never an error.

    Checked strictly, so that nothing else travels in its place. A state that is not sound is left
    out, as the recommendation asks.
    """
    found = _PARENT.fullmatch(parent.strip()) if isinstance(parent, str) else None
    if found is None:
        return NO_CONTEXT
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not (int(trace_id, 16) * int(span_id, 16)):
        return NO_CONTEXT
    return TraceContext(f"00-{trace_id}-{span_id}-{flags}", _sound_state(state))


def context_beside(attributes: Iterable[tuple[str, str | bytes | None]]) -> TraceContext:
    """Return the context that headers or attributes beside an event state; none if not sound.

    The transport's own comes before that of a CloudEvent's distributed tracing extension, which
    has the prefix `ce_` on Kafka and `ce-` elsewhere.
    """
    told: dict[str, str] = {}
    for given, value in attributes:
        name = given.lower()
        if name in _NAMES and value is not None:
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            told.setdefault(name, text)
    for prefix in _PREFIXES if told else ():
        found = trace_context(told.get(f"{prefix}traceparent"), told.get(f"{prefix}tracestate"))
        if found.parent:
            return found
    return NO_CONTEXT


def _sound_state(state: object) -> str:
    if not isinstance(state, str) or not state or len(state) > MAX_STATE:
        return ""
    members = [member.strip() for member in state.split(",") if member.strip()]
    sound = len(members) <= MAX_MEMBERS and all(map(_MEMBER.fullmatch, members))
    return ",".join(members) if sound else ""


SpanKind = Literal["server", "consumer", "client", "internal"]
Note = Callable[[str, int | str], None]
"""Adds to a span: a count, or a word that the program chose; never what a source said."""


class Spans(Protocol):
    """Records what was done for which events; `connectors.telemetry` does it by OpenTelemetry."""

    @property
    def recording(self) -> bool:
        """Whether anybody looks: where not, contexts need not be collected."""

    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        *,
        parent: TraceContext = NO_CONTEXT,
        links: Iterable[TraceContext] = (),
    ) -> AbstractContextManager[Note]:
        """Record what is done inside; `links`: what brought the events it is done for."""

    def context(self) -> TraceContext:
        """The context of the span that is open; none when there is none."""

    def close(self) -> None:
        """Send what is left; nothing is recorded afterwards."""


class NoSpans:
    """Nobody looks."""

    recording = False

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = "internal",
        *,
        parent: TraceContext = NO_CONTEXT,
        links: Iterable[TraceContext] = (),
    ) -> Iterator[Note]:
        """Do what is inside."""
        yield _forget

    def context(self) -> TraceContext:
        """None."""
        return NO_CONTEXT

    def close(self) -> None:
        """Nothing is left."""


def _forget(name: str, value: int | str) -> None:
    """Nobody looks."""
