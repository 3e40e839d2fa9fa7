"""Taking messages in: each once, by its id; what contradicts an id that stands is a dead letter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from ledger.messages import DeadLetter, Message, dead_letter_id
from ledger.reasons import Reason
from ledger.results import Refusal
from ledger.waiting import amount_of

_TAKING_ORDER = attrgetter("message_id", "digest", "body")
_BY_TIME = attrgetter("occurred_at_micros", "message_id", "body")


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of a party, sorted out."""

    standing: dict[str, Message]
    """Every message that counts, old and new, by id; in order of (time, id)."""
    new: tuple[Message, ...]
    """Those that were not in the history, by (time, id)."""
    duplicates: tuple[Message, ...]
    dead_letters: tuple[DeadLetter, ...]
    """Messages whose id stands with another meaning."""


def take_in(history: Sequence[Message], incoming: Iterable[Message]) -> Intake:
    """Sort out what came: what stands in `history` wins, among newcomers the smallest digest.

    The order of `incoming` is immaterial.
    """
    new = sorted(incoming, key=_BY_TIME)
    standing = {message.message_id: message for message in new}
    if history or len(standing) < len(new):
        return _sort_out(history, new)
    return Intake(
        standing=standing,
        new=tuple(new),
        duplicates=(),
        dead_letters=(),
    )


def _sort_out(history: Sequence[Message], incoming: Sequence[Message]) -> Intake:
    known = {message.message_id: message for message in history}
    refused: dict[tuple[str, str], Message] = {}
    new: list[Message] = []
    duplicates: list[Message] = []
    for message in sorted(incoming, key=_TAKING_ORDER):
        stands = known.get(message.message_id)
        if stands is None:
            known[message.message_id] = message
            new.append(message)
        elif _same(stands, message) or (message.message_id, message.digest) in refused:
            duplicates.append(message)
        else:
            refused[message.message_id, message.digest] = message
    return Intake(
        standing={message.message_id: message for message in sorted(known.values(), key=_BY_TIME)},
        new=tuple(sorted(new, key=_BY_TIME)),
        duplicates=tuple(sorted(duplicates, key=_BY_TIME)),
        dead_letters=tuple(_conflict(message) for message in refused.values()),
    )


def _same(stands: Message, message: Message) -> bool:
    """Same meaning, or the very same bytes read by another release of an adapter."""
    return stands.digest == message.digest or stands.body == message.body != b""


def dead_letter_of(message: Message, step: str, refusals: Sequence[Refusal]) -> DeadLetter:
    """The one dead letter of a message with refused events; the first refusal names the reason."""
    first = refusals[0]
    return DeadLetter(
        dead_letter_id=dead_letter_id(message.tenant, message.source, message.body),
        tenant=message.tenant,
        source=message.source,
        step=step,
        reason=first.reason,
        detail="; ".join(dict.fromkeys(refusal.detail for refusal in refusals)),
        position=message.message_id,
        message_id=message.message_id,
        body=message.body,
        amount_minor=first.amount_minor,
        currency=first.currency,
        entity=first.entity,
        occurred_at_micros=message.occurred_at_micros,
    )


def _conflict(message: Message) -> DeadLetter:
    told = next((event for event in message.events if amount_of(event) is not None), None)
    refusal = Refusal(
        source_event_id=message.message_id,
        event_id=message.message_id,
        reason=Reason.EVENT_ID_CONFLICT.value,
        detail="an event with this id and another meaning was taken before",
        amount_minor=None if told is None else amount_of(told),
        currency=getattr(told, "currency", None),
        entity=None if told is None else told.entity,
    )
    return dead_letter_of(message, "CorrelateByContract", [refusal])
