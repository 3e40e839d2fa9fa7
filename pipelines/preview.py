"""preview: what a run would post, without a store and without Beam.

The same decoders and the same fold as `order_to_cash`, in one process and in memory: a party is
folded over the messages given and nothing else. Bounded; pure but for the messages handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from connectors.event_files import DecodeSettings, RangeDecoder
from connectors.files.listing import FileRange
from ledger.folding import FoldSettings, fold_parties
from ledger.identity import Identity
from ledger.instants import iso_instant
from ledger.journal import JournalEntry, assert_balanced
from ledger.mending import how_to_mend
from ledger.messages import DeadLetter, Message, Outcome
from ledger.money import EXPONENT, format_major
from ledger.results import FoldedParty, conflicts_of, ends_of
from pipelines.preview_report import (
    Conservation,
    PreviewDeadLetter,
    PreviewReport,
    changes_by,
    preview_entry,
)


class PreviewSettings(FoldSettings, frozen=True, kw_only=True):
    """What a preview needs besides messages."""

    by: tuple[str, ...] = ("role", "month")
    """Names of `preview_report.DIMENSIONS`."""


def preview(decoded: Iterable[Message | DeadLetter], settings: PreviewSettings) -> PreviewReport:
    """Fold what was decoded and report what would be posted; the order of `decoded` is
    immaterial."""
    messages: list[Message] = []
    rejected: list[DeadLetter] = []
    for result in decoded:
        if isinstance(result, Message):
            messages.append(result)
        else:
            rejected.append(result)
    folded = fold_by_party(messages, settings)
    return _report(len(messages), rejected, folded, settings)


def preview_files(ranges: Iterable[FileRange], settings: PreviewSettings) -> PreviewReport:
    """Read, decode and preview file ranges. Raises InputChanged when a file vanished."""
    decode = RangeDecoder(DecodeSettings(tenant=settings.tenant, books=settings.books))
    return preview(chain.from_iterable(map(decode, ranges)), settings)


def fold_by_party(messages: Sequence[Message], settings: PreviewSettings) -> list[FoldedParty]:
    """Bring the messages of each party together and fold them; parties in sorted order."""
    identity = Identity(settings.books.identity)
    for message in messages:
        identity.add_links(message.links)
        identity.add_account_links(message.account_links)
        if message.party_ref is not None:
            identity.add_parties((message.party_ref,))
    parties: dict[str, list[Message]] = {}
    for message in messages:
        found = identity.party_of(message.party_ref, message.link_refs)
        if message.party_ref is None:
            message = msgspec.structs.replace(message, party_ref=found.party_ref)
        parties.setdefault(found.party_id, []).append(message)
    in_order = {party_id: parties[party_id] for party_id in sorted(parties)}
    return fold_parties(in_order, {}, settings, identity.ambiguous())


def _report(
    accepted: int,
    rejected: Sequence[DeadLetter],
    folded: Sequence[FoldedParty],
    settings: PreviewSettings,
) -> PreviewReport:
    entries = sorted(
        (assert_balanced(entry) for party in folded for entry in party.result.entries),
        key=_reading_order,
    )
    refused = [*rejected, *(letter for party in folded for letter in party.dead_letters)]
    letters = {letter.dead_letter_id: letter for letter in sorted(refused, key=_letter_order)}
    conservation = count_outcomes(accepted, rejected, folded)
    return PreviewReport(
        as_of=iso_instant(settings.as_of_micros),
        policy=settings.policy.label,
        conservation=conservation,
        adds_up=conservation.adds_up,
        entries=tuple(map(preview_entry, entries)),
        changes=changes_by(entries, settings.by),
        transaction_changes=changes_by(entries, settings.by, money="transaction"),
        lifecycle=tuple(
            sorted(
                (update for party in folded for update in party.result.lifecycle),
                key=lambda update: (update.effective_at_micros, update.update_id),
            )
        ),
        pending=tuple(
            sorted(
                (waiting for party in folded for waiting in party.result.pending),
                key=lambda waiting: (waiting.deadline_micros, waiting.event_id),
            )
        ),
        dead_letters=tuple(map(_dead_letter, letters.values())),
    )


def count_outcomes(
    accepted: int, rejected: Sequence[DeadLetter], folded: Sequence[FoldedParty]
) -> Conservation:
    """Count where every message ended; what adds up is counted, never derived from the rest.

    Bytes that were refused once and are read again are duplicates.
    """
    ended: Counter[Outcome] = Counter()
    apart = list(rejected)
    for party in folded:
        ended.update(ends_of(party))
        apart += conflicts_of(party)
    refused = len({letter.dead_letter_id for letter in apart})
    return Conservation(
        messages_read=accepted + len(rejected),
        posted=ended[Outcome.POSTED],
        recorded=ended[Outcome.RECORDED],
        pending=ended[Outcome.PENDING],
        dead_lettered=ended[Outcome.DEAD_LETTERED] + refused,
        duplicates=ended[Outcome.DUPLICATE] + len(apart) - refused,
    )


def _reading_order(entry: JournalEntry) -> tuple[str, str, str]:
    return entry.accounting_date, entry.entity, entry.entry_key


def _letter_order(letter: DeadLetter) -> tuple[str, str]:
    return letter.position, letter.dead_letter_id


def _dead_letter(letter: DeadLetter) -> PreviewDeadLetter:
    known = letter.amount_minor is not None and letter.currency in EXPONENT
    return PreviewDeadLetter(
        dead_letter_id=letter.dead_letter_id,
        reason=letter.reason,
        detail=letter.detail,
        mend=how_to_mend(letter.reason),
        position=letter.position,
        message_id=letter.message_id,
        amount=format_major(letter.amount_minor or 0, letter.currency or "") if known else None,
        amount_minor=letter.amount_minor,
        currency=letter.currency,
        entity=letter.entity,
    )
