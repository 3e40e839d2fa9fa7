"""DecodeEvents: source bytes -> sealed messages, dead letters and what links ids to customers.

Elements are blocks: one file range (or a batch of payloads) in, one block of sealed messages out,
so that Beam's cost per element is paid per block (docs/decisions/0002-blocks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from ledger.messages import DeadLetter, Message
from transforms.counting import MESSAGES_READ, counter
from transforms.packing import BlockPacker

LINKS = "links"
REJECTED = "rejected"

SEALED_BYTES = 16 * 1024 * 1024
"""Most of what one block of sealed messages holds, before it is compressed."""

Block = TypeVar("Block")

Decode = Callable[[Block], Iterable[Message | DeadLetter]]
"""Reads one block and gives a message or a dead letter for every event in it, in order."""


class SealedMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message still encoded, with what routing needs to know of it."""

    party_ref: str | None
    link_refs: tuple[str, ...]
    encoded: msgspec.Raw
    """`ledger.messages.Message` as MessagePack; a view of the block it was unpacked from."""


class LinkBlock(msgspec.Struct, frozen=True, array_like=True):
    """What some messages teach about who belongs to whom; distinct and sorted."""

    links: tuple[tuple[str, str], ...] = ()
    """(id, id or party it belongs to)."""
    account_links: tuple[tuple[str, str], ...] = ()
    """(customer, CRM account)."""
    parties: tuple[str, ...] = ()
    """Ids that messages name as their party: where following links may end."""


class Learning:
    """Collects what messages teach, one after the other."""

    def __init__(self) -> None:
        self._links: set[tuple[str, str]] = set()
        self._accounts: set[tuple[str, str]] = set()
        self._parties: set[str] = set()

    def take(self, message: Message) -> None:
        """Add what a message teaches."""
        self._links.update(message.links)
        self._accounts.update(message.account_links)
        if message.party_ref is not None:
            self._parties.add(message.party_ref)

    def block(self) -> LinkBlock:
        """Return what was collected."""
        return LinkBlock(
            tuple(sorted(self._links)), tuple(sorted(self._accounts)), tuple(sorted(self._parties))
        )


def links_of(messages: Iterable[Message]) -> LinkBlock:
    """Collect what `messages` teach."""
    learning = Learning()
    for message in messages:
        learning.take(message)
    return learning.block()


class DecodedBlock(NamedTuple):
    """What decoding gave, up to `SEALED_BYTES` of it."""

    sealed: list[SealedMessage]
    links: LinkBlock
    rejected: list[DeadLetter]


class DecodedEvents(NamedTuple):
    """Result of DecodeEvents; all three as bounded or unbounded as the input."""

    accepted: PCollection
    """bytes: packed block of SealedMessage."""
    links: PCollection
    """bytes: packed LinkBlock."""
    rejected: PCollection
    """list[DeadLetter]."""


def decode_block(results: Iterable[Message | DeadLetter]) -> Iterator[DecodedBlock]:
    """Sort the results of decoding into sealed messages, links and dead letters.

    A message is encoded as soon as it is decoded: seconds later it would have left the
    processor's caches, and encoding it cost four times as much. A range of a compressed file is
    the whole file, so what it gives is handed on in parts.
    """
    encode = msgspec.msgpack.Encoder().encode
    sealed: list[SealedMessage] = []
    rejected: list[DeadLetter] = []
    learning, size = Learning(), 0
    for result in results:
        if isinstance(result, DeadLetter):
            rejected.append(result)
            size += len(result.body)
        else:
            encoded = encode(result)
            sealed.append(SealedMessage(result.party_ref, result.link_refs, msgspec.Raw(encoded)))
            learning.take(result)
            size += len(encoded)
        if size >= SEALED_BYTES:
            yield DecodedBlock(sealed, learning.block(), rejected)
            sealed, rejected, learning, size = [], [], Learning(), 0
    yield DecodedBlock(sealed, learning.block(), rejected)


class DecodeEvents(beam.PTransform, Generic[Block]):
    """PCollection of blocks -> DecodedEvents, by the decoder that the pipeline hands in."""

    def __init__(self, decode: Decode[Block]) -> None:
        super().__init__()
        self._decode = decode

    def expand(self, blocks: PCollection) -> DecodedEvents:
        outputs = blocks | "DecodeBlock" >> beam.ParDo(_DecodeBlockFn(self._decode)).with_outputs(
            LINKS, REJECTED, main="accepted"
        )
        return DecodedEvents(outputs["accepted"], outputs[LINKS], outputs[REJECTED])


class _DecodeBlockFn(beam.DoFn, Generic[Block]):
    def __init__(self, decode: Decode[Block]) -> None:
        self._decode = decode
        self._read = counter(MESSAGES_READ)

    def setup(self) -> None:
        self._messages = BlockPacker(list[SealedMessage])
        self._links = BlockPacker(LinkBlock)

    def process(self, block: Block) -> Iterator[object]:
        for sealed, links, rejected in decode_block(self._decode(block)):
            self._read.inc(len(sealed) + len(rejected))
            if sealed:
                yield self._messages.pack(sealed)
                yield beam.pvalue.TaggedOutput(LINKS, self._links.pack(links))
            if rejected:
                yield beam.pvalue.TaggedOutput(REJECTED, rejected)
