"""The waterfall: which revenue that is deferred at a time is recognised when.

The schedule is the fold itself, looked at from the end of the last service, over what had happened
by the end of the period: nothing is computed twice in two ways, and refunds, credit notes and
policies count as they do in the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ledger.accounts import AccountRole
from ledger.closing.figures import PlannedLine
from ledger.events import Event
from ledger.journal import JournalEntry
from ledger.messages import Message
from ledger.party import assemble_party
from ledger.periods import Calendar
from ledger.policies import DAY_MICROS, BooksConfig, PolicyPack
from ledger.recognition import LAST_MICROS
from ledger.waiting import accounting_micros

UNSCHEDULED = "unscheduled"
"""In place of a period: deferred, and nobody can say until when."""

_STANDING = ("crm.", "billing.subscription")
"""Subjects that say what was agreed; they move no money and place what does."""


def schedule(
    party_id: str,
    messages: Sequence[Message],
    *,
    tenant: str,
    entity: str,
    calendar: Calendar,
    last_date: str,
    policy: PolicyPack,
    books: BooksConfig,
    until_micros: int,
) -> list[PlannedLine]:
    """Return what leaves the deferred revenue of one party and entity after `last_date`.

    What has no date comes last, as of the period `unscheduled`.

    `until_micros` (exclusive) is the end of the period: money events after it do not count.
    """
    known = [_until(message, until_micros) for message in messages]
    folded = assemble_party(
        tenant=tenant,
        party_id=party_id,
        party_refs=(party_id,),
        based_on={party_id: 0},
        history=known,
        incoming=(),
        policy=policy,
        config=books,
        as_of_micros=max(_last_service_end(known), until_micros),
    )
    entries = [entry for entry in folded.result.entries if entry.entity == entity]
    planned = [
        PlannedLine(
            entry_key=entry.entry_key,
            rule=entry.rule,
            date=entry.accounting_date,
            period=calendar.label_of_date(entry.accounting_date),
            currency=entry.currency,
            amount_minor=line.amount_minor,
            source_event_id=entry.source_event_id,
        )
        for entry in entries
        if entry.accounting_date > last_date
        for line in entry.lines
        if line.role is AccountRole.DEFERRED_REVENUE
    ]
    return [*planned, *_unscheduled(entries)]


def _unscheduled(entries: Iterable[JournalEntry]) -> Iterator[PlannedLine]:
    """Yield, by contract, what no date is known for, as credit that waits for its use."""
    left: dict[tuple[str, str], int] = {}
    first: dict[tuple[str, str], JournalEntry] = {}
    for entry in entries:
        for line in entry.lines:
            if line.role is AccountRole.DEFERRED_REVENUE:
                key = (entry.contract_id, entry.currency)
                left[key] = left.get(key, 0) - line.amount_minor
                first.setdefault(key, entry)
    for (contract_id, currency), amount in sorted(left.items()):
        if amount:
            entry = first[contract_id, currency]
            yield PlannedLine(
                entry_key=f"{contract_id}:unscheduled",
                rule="unscheduled",
                date="",
                period=UNSCHEDULED,
                currency=currency,
                amount_minor=amount,
                source_event_id=entry.source_event_id,
            )


def _until(message: Message, until_micros: int) -> Message:
    kept = tuple(event for event in message.events if _counts(event, until_micros))
    return message if kept == message.events else msgspec.structs.replace(message, events=kept)


def _counts(event: Event, until_micros: int) -> bool:
    subject = str(event.__struct_config__.tag)
    return subject.startswith(_STANDING) or accounting_micros(event) < until_micros


def _last_service_end(messages: Iterable[Message]) -> int:
    """Return a time after everything that the messages name a time for: services, expiries."""
    ends = [0]
    for message in messages:
        for event in message.events:
            for told in (event, *getattr(event, "lines", ())):
                names = (name for name in told.__struct_fields__ if name.endswith("_micros"))
                times = (getattr(told, name) for name in names)
                ends.extend(min(time, LAST_MICROS) for time in times if time is not None)
    return max(ends) + DAY_MICROS
