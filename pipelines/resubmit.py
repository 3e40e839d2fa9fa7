"""resubmit: decode and fold again what could not be taken, after something was mended.

The same decoders, fold and commit as `order_to_cash`, in one process: exceptions are few. What is
accepted now leaves the exception queue; what is still refused stays in it, with its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from connectors.decoding_any import decode_event
from connectors.store import LedgerStore
from ledger.messages import Message, dead_letter_id
from pipelines.books import StoreBooks
from pipelines.settings import RunSettings
from transforms.fold_and_take import fold_and_take
from transforms.write_books import CommitCounts

CHUNK = "resubmit"


class Resubmission(NamedTuple):
    """Bytes to take again, and the exception they are kept under."""

    exception_id: str
    body: bytes
    position: str


class StillRefused(msgspec.Struct, frozen=True, kw_only=True):
    """An exception that stays one, and why now."""

    exception_id: str
    reason: str
    detail: str


class Resubmitted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a resubmission; units: exceptions, entries, updates."""

    tried: int
    accepted: tuple[str, ...] = ()
    """Exceptions that are none any more."""
    refused: tuple[StillRefused, ...] = ()
    new_entries: int = 0
    reversals: int = 0
    lifecycle_updates: int = 0
    sent_again: int = 0
    """Postings that the ERP had not taken, in the outbox again."""


def resubmit(
    wanted: Sequence[Resubmission], store: LedgerStore, settings: RunSettings
) -> Resubmitted:
    """Take the bytes again and say of each exception whether it still is one.

    Raises ValueError for settings without a store, StaleParty when others commit the same parties
    all the time.
    """
    messages, refused = _decode(wanted, settings)
    counts = _take(list(chain.from_iterable(messages.values())), settings)
    _close_renamed(messages, store, settings)
    for row in store.exceptions(settings.fold.as_of_micros, settings.fold.tenant):
        if row.exception_id in messages:
            refused[row.exception_id] = StillRefused(
                exception_id=row.exception_id, reason=row.reason, detail=row.detail
            )
    return Resubmitted(
        tried=len(wanted),
        accepted=tuple(sorted(messages.keys() - refused.keys())),
        refused=tuple(refused[key] for key in sorted(refused)),
        new_entries=counts.new_entries,
        reversals=counts.reversals,
        lifecycle_updates=counts.lifecycle_updates,
    )


def _decode(
    wanted: Sequence[Resubmission], settings: RunSettings
) -> tuple[dict[str, list[Message]], dict[str, StillRefused]]:
    context = settings.decoding.context()
    messages: dict[str, list[Message]] = {}
    refused: dict[str, StillRefused] = {}
    for item in wanted:
        for decoded in decode_event(item.body, item.position, context):
            if isinstance(decoded, Message):
                messages.setdefault(item.exception_id, []).append(decoded)
            else:
                refused[item.exception_id] = StillRefused(
                    exception_id=item.exception_id, reason=decoded.reason, detail=decoded.detail
                )
    return messages, refused


def _take(messages: list[Message], settings: RunSettings) -> CommitCounts:
    if not messages:
        return CommitCounts()
    if settings.store is None:
        raise ValueError("exceptions live in a ledger store; the settings name none")
    books = StoreBooks(settings.store, settings.fold.tenant, settings.fold.books)
    return fold_and_take(messages, CHUNK, books, settings.fold)


def _close_renamed(
    messages: dict[str, list[Message]], store: LedgerStore, settings: RunSettings
) -> None:
    """Close dead letters whose bytes were taken under another source than they were refused.

    Bytes that could not be read at all were kept as of an unknown source, so the store cannot
    know that they are the ones that were accepted now.
    """
    open_ids = {letter.dead_letter_id for letter in store.open_dead_letters(settings.fold.tenant)}
    renamed = []
    for exception_id, (message, *_) in messages.items():
        own_id = dead_letter_id(message.tenant, message.source, message.body)
        if exception_id in open_ids and own_id != exception_id and own_id not in open_ids:
            renamed.append(exception_id)
    if renamed:
        store.resolve_dead_letters(sorted(renamed))
