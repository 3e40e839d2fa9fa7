"""ResolveOrphans: keyed state that joins what knows only an id with what teaches the id's owner.

A refund names a charge, an order item an order; the charge and the order name the customer. Both
sides meet under the id, in any order and however late: the owner is kept, orphans wait.
Unbounded; used by the live job only (the bounded one knows all links before it groups).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import apache_beam as beam
import msgspec
from apache_beam.coders import BytesCoder, StrUtf8Coder
from apache_beam.pvalue import PCollection
from apache_beam.transforms.userstate import (
    BagRuntimeState,
    BagStateSpec,
    ReadModifyWriteRuntimeState,
    ReadModifyWriteStateSpec,
)

from ledger.identity import NOBODY
from transforms.counting import TAKEN_AGAIN, counter
from transforms.receipts import LiveMessage

Pair = TypeVar("Pair")

OWNED = "owned"
"""Messages that need no join: they name their party."""


class TaughtOrWaiting(NamedTuple):
    """One side of the join under an id: the owner it is taught, or a message that waits."""

    owner: str | None
    message: bytes | None
    first: bool = True
    """The id is the first that the message names: under this one it is seen waiting."""


class ResolveOrphans(beam.PTransform):
    """PCollection[bytes: LiveMessage] -> PCollection[(party_ref, bytes: LiveMessage)].

    An orphan is emitted at once under its own id, so that it is seen waiting (pending in the
    store), and again under its owner when that is learnt. Folding is idempotent: the second
    emission moves it.
    """

    def expand(self, messages: PCollection) -> PCollection:
        split = messages | "SplitOrphans" >> beam.ParDo(_SplitOrphansFn()).with_outputs(
            OWNED, main="sides"
        )
        joined = (
            split["sides"]
            | "Sides" >> beam.Map(_as_is).with_output_types(tuple[str, TaughtOrWaiting])
            | "JoinOnId" >> beam.ParDo(_JoinOnIdFn()).with_output_types(tuple[str, bytes])
        )
        owned = split[OWNED] | "Owned" >> beam.Map(_as_is).with_output_types(tuple[str, bytes])
        return (owned, joined) | "OwnedAndJoined" >> beam.Flatten()


def _as_is(pair: Pair) -> Pair:
    """Outputs of a ParDo with tags carry no types; state and grouping need those of the keys."""
    return pair


class _SplitOrphansFn(beam.DoFn):
    def setup(self) -> None:
        self._decoder = msgspec.msgpack.Decoder(LiveMessage)

    def process(self, encoded: bytes) -> Iterator[object]:
        message = self._decoder.decode(encoded).message
        for link, owner in message.links:
            yield link, TaughtOrWaiting(owner, None)
        if message.party_ref is not None:
            yield beam.pvalue.TaggedOutput(OWNED, (message.party_ref, encoded))
        elif not message.link_refs:
            # Names neither a party nor an id: it belongs to nobody, as in a bounded run.
            yield beam.pvalue.TaggedOutput(OWNED, (NOBODY, encoded))
        else:
            for link in message.link_refs:
                yield link, TaughtOrWaiting(None, encoded, link == message.link_refs[0])


class _JoinOnIdFn(beam.DoFn):
    OWNER = ReadModifyWriteStateSpec("owner", StrUtf8Coder())
    WAITING = BagStateSpec("waiting", BytesCoder())

    def __init__(self) -> None:
        self._again = counter(TAKEN_AGAIN)

    def process(  # type: ignore[override]
        self,
        element: tuple[str, TaughtOrWaiting],
        owner: ReadModifyWriteRuntimeState = beam.DoFn.StateParam(OWNER),  # type: ignore[assignment]
        waiting: BagRuntimeState = beam.DoFn.StateParam(WAITING),  # type: ignore[assignment]
    ) -> Iterator[tuple[str, bytes]]:
        known = owner.read()
        link, side = element
        if side.message is not None:
            if known is not None or side.first:
                if not side.first:
                    self._again.inc()
                yield known or link, side.message
            if known is None:
                waiting.add(side.message)
        elif known is None and side.owner is not None:
            owner.write(side.owner)
            for message in waiting.read():
                self._again.inc()
                yield side.owner, message
            waiting.clear()
