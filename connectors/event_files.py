"""Decoding a range of a file: every line (or Avro record) gives messages or a dead letter."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from connectors.canonical import decode_container
from connectors.decoding import DecodeContext, Rejected, dead_letter, names_of
from connectors.decoding_any import decode_delivery, decode_event
from connectors.files.listing import FileFormat, FileRange
from connectors.files.reading import Damaged, Oversized, read_lines
from connectors.registries.outer import OuterRegistry, writers_of
from connectors.wire.attributes import Attributes
from ledger.messages import DeadLetter, Message
from ledger.policies import BooksConfig
from ledger.reasons import Reason
from schemas.registry import load_registry

FILE_SOURCE = "file"
"""Source of a dead letter whose bytes do not tell which system they are from."""


class DecodeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker needs to build its DecodeContext; plain data, so that it can be sent."""

    tenant: str
    books: BooksConfig = BooksConfig()
    outer: OuterRegistry | None = None
    """Where ids that the lock does not know are asked for; None: nowhere."""

    def context(self) -> DecodeContext:
        """Build the context, loading the schema registry of this machine."""
        keys, salesforce = names_of(self.books)
        registry = load_registry()
        writers = writers_of(self.outer, registry) if self.outer is not None else None
        return DecodeContext(
            tenant=self.tenant,
            books=self.books,
            registry=registry,
            metadata_keys=keys,
            salesforce=salesforce,
            writers=writers,
        )


class _LazyContext:
    """Sends settings between machines, and builds the context where it is first needed."""

    def __init__(self, settings: DecodeSettings) -> None:
        self._settings = settings
        self._built: DecodeContext | None = None

    def __getstate__(self) -> DecodeSettings:
        return self._settings

    def __setstate__(self, settings: DecodeSettings) -> None:
        self._settings = settings
        self._built = None

    @property
    def _context(self) -> DecodeContext:
        if self._built is None:
            self._built = self._settings.context()
        return self._built


class RangeDecoder(_LazyContext):
    """Callable: FileRange -> Iterator[Message | DeadLetter], in file order."""

    def __call__(self, part: FileRange) -> Iterator[Message | DeadLetter]:
        """Raises InputChanged when the file is no longer what was listed."""
        return decode_range(part, self._context)


class EventDecoder(_LazyContext):
    """Callable: bytes of one event, where they were read and what was beside them -> its messages
    or dead letter."""

    def __call__(
        self, body: bytes, position: str, attributes: Attributes = ()
    ) -> tuple[Message | DeadLetter, ...]:
        """Never raises on data; one message, or one for every customer the event concerns.

        `attributes`: headers or attributes beside the bytes.
        """
        return decode_delivery(body, attributes, position, self._context)


def decode_range(part: FileRange, context: DecodeContext) -> Iterator[Message | DeadLetter]:
    """Decode all events that start in this range; nothing is skipped but blank lines."""
    if part.format is FileFormat.AVRO:
        yield from decode_container(part.path, part.name, context)
        return
    for read in read_lines(part, context.max_event_bytes):
        if isinstance(read, Oversized):
            detail = f"{read.length_bytes} bytes; the limit is {context.max_event_bytes}"
            digest = read.digest.encode()
            yield _unread(Reason.TOO_LARGE, detail, read.head, read.position, context, digest)
        elif isinstance(read, Damaged):
            reason = Reason(read.reason)
            yield _unread(reason, read.detail, read.body, read.position, context)
        else:
            yield from decode_event(read.body, read.position, context)


def _unread(
    reason: Reason,
    detail: str,
    body: bytes,
    position: str,
    context: DecodeContext,
    whole: bytes | None = None,
) -> DeadLetter:
    return dead_letter(
        Rejected(reason, detail),
        body=body,
        position=position,
        context=context,
        source=FILE_SOURCE,
        whole=whole,
    )
