"""DecodeLive: payloads of a live source -> messages in event time, and dead letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from ledger.messages import DeadLetter, Message, Part, Payload, part_of
from ledger.trace_context import NO_CONTEXT, NoSpans, Spans, context_beside
from transforms.counting import MESSAGES_READ, counter
from transforms.decode_events import REJECTED
from transforms.receipts import LiveLetter, LiveMessage

Attributes = tuple[tuple[str, str | bytes | None], ...]
Decode = Callable[[bytes, str, Attributes], Sequence[Message | DeadLetter]]
"""Reads one payload (bytes, position, attributes) and gives its messages, nearly always one, or a
dead letter."""

FEW_PARTS = 16
"""So many parts of a payload know of each other: at about 120 bytes each, 2 KB in every part."""


class DecodedLive(NamedTuple):
    """Result of DecodeLive, unbounded."""

    accepted: PCollection
    """bytes: LiveMessage as MessagePack, timestamped with when it happened."""
    rejected: PCollection
    """LiveLetter."""


class DecodeLive(beam.PTransform):
    """PCollection[Payload] -> DecodedLive, by the decoder that the pipeline hands in."""

    def __init__(self, decode: Decode, open_spans: Callable[[], Spans] = NoSpans) -> None:
        super().__init__()
        self._decode = decode
        self._open_spans = open_spans

    def expand(self, payloads: PCollection) -> DecodedLive:
        outputs = payloads | "DecodePayload" >> beam.ParDo(
            _DecodePayloadFn(self._decode, self._open_spans)
        ).with_outputs(REJECTED, main="accepted")
        return DecodedLive(outputs["accepted"], outputs[REJECTED])


def receipts_of(
    payload: Payload, found: Sequence[Message | DeadLetter]
) -> list[tuple[str, tuple[Part, ...]]]:
    """Return what each part of a payload carries: the receipt, and the parts it stands for.

    Each of a few knows all the others, so that whichever is durable last hands the receipt in. Of
    many only the last does: they would be too large together. Others may be durable after it;
    then the payload comes again, and is complete.
    """
    if len(found) <= 1 or not payload.receipt:
        return [(payload.receipt, ())] * len(found)
    parts = tuple(part_of(each) for each in found)
    if len(parts) <= FEW_PARTS:
        return [(payload.receipt, parts)] * len(parts)
    return [("", ())] * (len(parts) - 1) + [(payload.receipt, parts)]


class _DecodePayloadFn(beam.DoFn):
    def __init__(self, decode: Decode, open_spans: Callable[[], Spans]) -> None:
        self._decode = decode
        self._open_spans = open_spans
        self._read = counter(MESSAGES_READ)

    def setup(self) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._spans = self._open_spans()

    def process(self, payload: Payload) -> Iterator[object]:
        found = self._decoded(payload)
        for decoded, (receipt, parts) in zip(found, receipts_of(payload, found), strict=True):
            self._read.inc()
            if isinstance(decoded, DeadLetter):
                letter = LiveLetter(decoded, receipt, parts)
                yield beam.pvalue.TaggedOutput(REJECTED, letter)
            else:
                live = LiveMessage(decoded, receipt, parts)
                at = Timestamp(micros=decoded.occurred_at_micros)
                yield TimestampedValue(self._encode(live), at)

    def _decoded(self, payload: Payload) -> Sequence[Message | DeadLetter]:
        """Decode; as a span of the trace that brought the event, where one did and it is told."""
        trace = context_beside(payload.attributes) if self._spans.recording else NO_CONTEXT
        if not trace.parent:
            return self._decode(payload.body, payload.position, payload.attributes)
        with self._spans.span("order_to_cash.decode", "consumer", parent=trace) as note:
            found = self._decode(payload.body, payload.position, payload.attributes)
            refused = sum(isinstance(each, DeadLetter) for each in found)
            note("crossfoot.messages", len(found) - refused)
            note("crossfoot.dead_letters", refused)
        return found
