"""Posting = target minus posted: what to add so that exactly the target stands.

Nothing posted is touched. An entry that should no longer stand gets a reversal with its negated
lines; one that should stand otherwise gets a reversal and a new revision. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ledger.journal import JournalEntry, assert_balanced, content_digest
from ledger.results import FoldedParty


class Posted(NamedTuple):
    """An entry in the books, standing or reversed."""

    posting_no: int
    party_no: int
    entry_key: str
    revision: int
    digest: str
    policy: str
    stands: bool


class Booking(NamedTuple):
    """An entry to be posted."""

    entry: JournalEntry
    digest: str
    revision: int
    party_no: int
    cause: str


class Reversal(NamedTuple):
    """A standing entry to be reversed."""

    posted: Posted
    cause: str


class Plan(NamedTuple):
    """What a commit adds to the books, in the order in which it is posted."""

    reversals: list[Reversal]
    bookings: list[Booking]


def plan_first(party: FoldedParty, filing: dict[str, int], home: int) -> list[Booking]:
    """Plan for a party that has nothing in the books: every entry is its first revision."""
    return [
        Booking(
            assert_balanced(entry),
            content_digest(entry),
            1,
            filing.get(entry.source_event_id, home),
            entry.source_event_id,
        )
        for entry in party.result.entries
    ]


def plan_changes(
    party: FoldedParty, posted: Sequence[Posted], filing: dict[str, int], home: int
) -> Plan:
    """Compare the target with what stands. Order of the plan: as the books and the fold have it."""
    standing: dict[str, list[Posted]] = defaultdict(list)
    revisions: dict[str, int] = {}
    for old in posted:
        revisions[old.entry_key] = max(old.revision, revisions.get(old.entry_key, 0))
        if old.stands:
            standing[old.entry_key].append(old)
    plan = Plan([], [])
    for entry in party.result.entries:
        digest = content_digest(entry)
        replaced = standing.pop(entry.entry_key, [])
        kept = next((old for old in replaced if old.digest == digest), None)
        cause = cause_of_change(party, entry, replaced)
        plan.reversals.extend(Reversal(old, cause) for old in replaced if old is not kept)
        if kept is None:
            revision = revisions.get(entry.entry_key, 0) + 1
            party_no = filing.get(entry.source_event_id, home)
            plan.bookings.append(Booking(assert_balanced(entry), digest, revision, party_no, cause))
    for vanished in standing.values():
        cause = cause_of_change(party, None, vanished)
        plan.reversals.extend(Reversal(old, cause) for old in vanished)
    return plan


def cause_of_change(
    party: FoldedParty, entry: JournalEntry | None, replaced: Sequence[Posted]
) -> str:
    """Name what brought this revision: a message, else another policy, else the fold itself.

    A first revision is caused by its source event. A change is caused by the newest new message
    among those that shaped the entry; when the entry names none of them, by the newest of all.
    Without new messages another policy may have been chosen (`policy:…`); what is left is a fold
    as of another time or under other settings (`refold`).
    """
    if entry is not None and not replaced:
        return entry.source_event_id
    new_ids = [message.message_id for message in party.new_messages]
    if entry is not None:
        shaping = {entry.source_event_id, *entry.evidence}
        new_ids = [new for new in new_ids if new in shaping] or new_ids
    if new_ids:
        return new_ids[-1]
    if entry is not None and any(old.policy != entry.policy for old in replaced):
        return f"policy:{entry.policy}"
    return "refold"
