"""Commits folded parties: one transaction, all or nothing, the same again adds nothing.

The order of steps is the order of locks, the same in every commit: periods, parties, archive,
books, standing picture, exceptions, outbox.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from connectors.store import (
    archive,
    dead_letters,
    outbox,
    planning,
    posting,
    publishing,
    standing,
    trace_contexts,
)
from connectors.store.archive import Filing
from connectors.store.backend import Backend, Row
from connectors.store.books_calendar import PostingPeriods, read_posting_periods
from connectors.store.party_rows import (
    PartyRow,
    TenantRef,
    lock_parties,
    new_identities,
    refuse_stale,
    write_parties,
)
from connectors.store.posting_rights import PostingRight, opened_period
from connectors.store.report import CommitReport
from connectors.store.rows import storable
from connectors.store.tables import lifecycle_updates
from ledger.messages import DeadLetter, Outcome
from ledger.results import FoldedParty, ends_of


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What stood of the parties before the commit, by party_no; empty for new ones."""

    numbers: list[int]
    """Parties that were known."""
    posted: Mapping[int, list[planning.Posted]]
    updates: Mapping[int, list[standing.KnownUpdate]]
    outcomes: Mapping[int, dict[str, str]]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a party's rows belong."""

    numbers: list[int]
    """party_no of each of its refs, in order."""
    home: int
    """party_no for what no message of the party accounts for."""
    filing: Filing
    """party_no of every message, old and new."""


def commit_folded(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    careful: bool,
    right: PostingRight | None = None,
) -> CommitReport:
    """Commit in the connection's transaction. Raises StaleHistory when a fold is out of date.

    `right`: the soft-closed period into which this commit may post; raises StoreError when it does
    not have it.

    `careful`: look for keys that others have taken before inserting; needed only after an
    attempt that failed on one.
    """
    periods = read_posting_periods(connection, backend)
    if right is not None:
        opened = opened_period(connection, right)
        periods = read_posting_periods(connection, backend, opened)
    rows = lock_parties(connection, backend, folded)
    refuse_stale(folded, rows)
    if careful:
        archive.refuse_refiling(connection, backend, folded)
    before = _read_before(connection, backend, folded, rows)
    filings = _file(connection, backend, folded, rows)
    places = [
        _place_of(party, filing, rows, before)
        for party, filing in zip(folded, filings, strict=True)
    ]
    written, plan = _post(connection, backend, folded, places, before, periods, careful)
    updates = _issue(connection, backend, folded, places, before, careful)
    standing.replace_picture(
        connection,
        backend,
        folded,
        [place.filing for place in places],
        [place.home for place in places],
        before.numbers,
    )
    changes = _change_outcomes(connection, backend, folded, places, before)
    report = _keep_exceptions(connection, backend, folded)
    outbox.enqueue(connection, backend, written.posting_numbers)
    publishing.enqueue(connection, backend, [(row[0], row[1]) for row in updates])
    return msgspec.structs.replace(
        report,
        outcome_changes=changes,
        new_entries=len(plan.bookings),
        reversals=len(plan.reversals),
        journal_lines=written.lines,
        updates_issued=sum(row[2] == standing.ISSUED for row in updates),
        updates_withdrawn=sum(row[2] == standing.WITHDRAWN for row in updates),
    )


def _read_before(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    rows: Mapping[TenantRef, PartyRow],
) -> Before:
    named = [rows[(party.tenant, ref)] for party in folded for ref in party.party_refs]
    known = sorted(row.party_no for row in named if not row.is_new)
    if not known:
        return Before(numbers=[], posted={}, updates={}, outcomes={})
    return Before(
        numbers=known,
        posted=posting.read_posted(connection, backend, known),
        updates=standing.read_updates(connection, backend, known),
        outcomes=archive.read_outcomes(connection, backend, known),
    )


def _file(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    rows: dict[TenantRef, PartyRow],
) -> list[Filing]:
    """Write parties, messages and links; return where each party's new messages are filed."""
    homes = [archive.homes_of(connection, backend, party) for party in folded]
    identities = new_identities(connection, backend, folded)
    growth = archive.growth_of(folded, homes, identities)
    write_parties(connection, backend, folded, rows, growth)
    filings = archive.file_messages(connection, backend, folded, homes, rows)
    archive.write_links(connection, backend, folded, homes, identities)
    trace_contexts.keep_contexts(connection, backend, folded)
    return filings


def _place_of(
    party: FoldedParty, filing: Filing, rows: Mapping[TenantRef, PartyRow], before: Before
) -> Place:
    numbers = [rows[(party.tenant, ref)].party_no for ref in party.party_refs]
    for number in numbers:
        for message_id in before.outcomes.get(number, ()):
            filing[message_id] = number
    return Place(numbers=numbers, home=numbers[0], filing=filing)


def _post(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    places: Sequence[Place],
    before: Before,
    periods: PostingPeriods,
    careful: bool,
) -> tuple[posting.Written, planning.Plan]:
    plan = planning.Plan([], [])
    for party, place in zip(folded, places, strict=True):
        posted = [old for number in place.numbers for old in before.posted.get(number, ())]
        if posted:
            changes = planning.plan_changes(party, posted, place.filing, place.home)
            plan.reversals.extend(changes.reversals)
            plan.bookings.extend(changes.bookings)
        else:
            plan.bookings.extend(planning.plan_first(party, place.filing, place.home))
    if careful:
        plan = posting.number_apart(connection, backend, plan)
    return posting.write_plan(connection, backend, plan, periods), plan


def _issue(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    places: Sequence[Place],
    before: Before,
    careful: bool,
) -> list[Row]:
    rows: list[Row] = []
    for party, place in zip(folded, places, strict=True):
        known = [old for number in place.numbers for old in before.updates.get(number, ())]
        rows.extend(standing.plan_updates(party, known, place.filing, place.home))
    if careful:
        rows = standing.number_updates_apart(connection, backend, rows)
    backend.insert(connection, lifecycle_updates, rows)
    return rows


def _change_outcomes(
    connection: Connection,
    backend: Backend,
    folded: Sequence[FoldedParty],
    places: Sequence[Place],
    before: Before,
) -> dict[str, int]:
    """Give older messages the outcome that the folds now see; count the changes."""
    changed = [
        (party.tenant, message_id, was, party.outcomes[message_id].value)
        for party, place in zip(folded, places, strict=True)
        for number in place.numbers
        for message_id, was in sorted(before.outcomes.get(number, {}).items())
        if party.outcomes[message_id].value != was
    ]
    archive.update_outcomes(connection, [(t, m, now) for t, m, _, now in changed])
    dead_letters.follow_outcomes(connection, backend, changed)
    return dict(sorted(Counter(f"{old}>{now}" for _, _, old, now in changed).items()))


def _keep_exceptions(
    connection: Connection, backend: Backend, folded: Sequence[FoldedParty]
) -> CommitReport:
    """Keep dead letters and conflicts, and count what became of every message read."""
    taken: Counter[str] = Counter()
    accepted = []
    for party in folded:
        taken.update({outcome.value: count for outcome, count in ends_of(party).items()})
        accepted += [
            m
            for m in party.new_messages
            if party.outcomes[m.message_id] is not Outcome.DEAD_LETTERED
        ]
    letters = [letter for party in folded for letter in party.dead_letters]
    kept = dead_letters.keep_letters(connection, backend, letters)
    apart = _letters_apart(connection, backend, letters)
    taken[Outcome.DEAD_LETTERED.value] += sum(x.dead_letter_id in apart for x in kept.new)
    taken[Outcome.DUPLICATE.value] += sum(x.dead_letter_id in apart for x in kept.known)
    return CommitReport(
        messages={outcome: count for outcome, count in sorted(taken.items()) if count},
        dead_letters_new=len(kept.new),
        dead_letters_known=len(kept.known),
        dead_letters_mended=dead_letters.mend_accepted(connection, backend, accepted),
        conflicts_new=dead_letters.keep_conflicts(connection, backend, folded),
    )


def _letters_apart(
    connection: Connection, backend: Backend, letters: Sequence[DeadLetter]
) -> set[str]:
    """Ids of the dead letters whose bytes are not those of an archived message."""
    ids_of: dict[str, set[str]] = {}
    for letter in letters:
        ids_of.setdefault(letter.tenant, set()).add(storable(letter.message_id or ""))
    archived: set[str] = set()
    for tenant, message_ids in sorted(ids_of.items()):
        archived |= dead_letters.letter_ids_of_archived(connection, backend, tenant, message_ids)
    return {letter.dead_letter_id for letter in letters} - archived
