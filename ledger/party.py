"""A party folded: all messages of one resolved customer -> what should stand in the books.

The one entrance to the core for pipelines. A pure function of the set of messages: their order,
their repetition and their split into history and newcomers change nothing but what is called new.

    messages -> intake -> CRM records -> correlation -> per contract: accounting, lifecycle, state
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

import msgspec

from ledger.contract_facts import gather_facts
from ledger.contracts import contract_state
from ledger.correlation import correlate
from ledger.crm_contracts import CrmView, assemble_crm
from ledger.drift import deal_of, drifts_of
from ledger.events import Event, RecordChanged
from ledger.fold import fold_contract, settle_exchange
from ledger.intake import Intake, dead_letter_of, take_in
from ledger.journal import JournalEntry
from ledger.legal_entities import Disputed
from ledger.lifecycle import lifecycle_updates
from ledger.messages import DeadLetter, Message, Outcome
from ledger.periods import calendar_of
from ledger.policies import BooksConfig, PolicyPack
from ledger.reasons import Reason
from ledger.regions import Regions
from ledger.renewals import renewal_of
from ledger.results import (
    ContractState,
    FoldedParty,
    FoldResult,
    LifecycleUpdate,
    OwnershipConflict,
    Pending,
    Refusal,
)
from ledger.waiting import pending_of

_BY_TIME = attrgetter("occurred_at_micros", "event_id")
_ENTRY_ORDER = attrgetter("accounting_date", "entry_key")
_UPDATE_ORDER = attrgetter("effective_at_micros", "update_id")
_PENDING_ORDER = attrgetter("deadline_micros", "event_id", "reason")
_REFUSAL_ORDER = attrgetter("event_id", "reason")
_CONFLICT_ORDER = attrgetter("event_id", "attribute")

_NOT_AMBIGUOUS: Mapping[str, tuple[str, ...]] = {}


class _Books(msgspec.Struct, frozen=True, kw_only=True):
    """What a fold needs besides events."""

    tenant: str
    party_id: str
    policy: PolicyPack
    config: BooksConfig
    as_of_micros: int


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the contracts of a party gave so far; filled while they are folded."""

    entries: list[JournalEntry]
    lifecycle: list[LifecycleUpdate]
    pending: list[Pending]
    refusals: list[Refusal]
    conflicts: list[OwnershipConflict]
    contracts: list[ContractState]


def assemble_party(
    tenant: str,
    party_id: str,
    party_refs: Sequence[str],
    based_on: Mapping[str, int],
    history: Sequence[Message],
    incoming: Iterable[Message],
    policy: PolicyPack,
    config: BooksConfig,
    as_of_micros: int,
    ambiguous: Mapping[str, tuple[str, ...]] = _NOT_AMBIGUOUS,
) -> FoldedParty:
    """Fold a party over its history and what came in.

    `party_id` is resolved by `ledger.identity`; `ambiguous` are the customers (of any party) that
    are linked to several accounts. Nothing of such a party is booked until somebody decides.
    `as_of_micros` is exclusive. Raises UnbalancedEntry for a defect of the posting rules; nothing
    about the data raises.
    """
    intake = take_in(history, incoming)
    books = _Books(
        tenant=tenant,
        party_id=party_id,
        policy=policy,
        config=config,
        as_of_micros=as_of_micros,
    )
    result = _fold(intake.standing.values(), books, _is_ambiguous(intake, books, ambiguous))
    refused = _refused_letters(intake, result)
    return FoldedParty(
        tenant=tenant,
        party_id=party_id,
        party_refs=tuple(sorted(party_refs)),
        based_on={ref: based_on[ref] for ref in sorted(based_on)},
        new_messages=intake.new,
        duplicates=intake.duplicates,
        dead_letters=(*intake.dead_letters, *refused.values()),
        outcomes=_outcomes(intake, result, refused),
        result=result,
        as_of_micros=as_of_micros,
    )


def _is_ambiguous(intake: Intake, books: _Books, ambiguous: Mapping[str, tuple[str, ...]]) -> bool:
    """A customer that stays its own party although its events state an account has several."""
    party_id = books.party_id
    if party_id in books.config.identity:
        return False
    return party_id in ambiguous or any(
        customer == party_id and account != party_id
        for message in intake.standing.values()
        for customer, account in message.account_links
    )


# --- folding ------------------------------------------------------------------------------


def _fold(messages: Collection[Message], books: _Books, is_ambiguous: bool) -> FoldResult:
    found = _Found(entries=[], lifecycle=[], pending=[], refusals=[], conflicts=[], contracts=[])
    if is_ambiguous:
        held = [event for message in messages for event in message.events]
        found.pending.extend(_hold(held, Reason.AMBIGUOUS_CUSTOMER, books))
        return _result(found)
    told, changes = _known_events(messages, books, found)
    crm = assemble_crm(changes, books.config, books.as_of_micros) if changes else CrmView()
    found.pending.extend(crm.pending)
    found.refusals.extend(crm.refusals)
    party_events = sorted([*told, *crm.events], key=_BY_TIME)
    correlation = correlate(books.party_id, party_events, crm, books.config, books.as_of_micros)
    found.pending.extend(correlation.pending)
    found.conflicts.extend(correlation.conflicts)
    stated = books.config.regions
    regions = Regions(books.party_id, party_events, crm, stated) if stated else None
    for contract_id, contract_events in correlation.contracts.items():
        entity = correlation.entities[contract_id]
        disputed = correlation.disputed.get(contract_id, ())
        _fold_contract(contract_id, contract_events, entity, disputed, regions, books, found)
    settled = settle_exchange(found.entries, books.policy, books.config, books.as_of_micros)
    found.entries[:] = settled.entries if regions is None else regions.place(settled.entries)
    found.pending.extend(settled.pending)
    return _result(found)


def _known_events(
    messages: Collection[Message], books: _Books, found: _Found
) -> tuple[list[Event], list[RecordChanged]]:
    """Canonical events and CRM changes; while no message names the party, nobody owns them."""
    told: list[Event] = [event for message in messages for event in message.events]
    changes = [event for event in told if type(event) is RecordChanged]
    if changes:
        told = [event for event in told if type(event) is not RecordChanged]
    if told and all(_is_orphan(message, books.party_id) for message in messages):
        found.pending.extend(_hold(told, Reason.UNMATCHED_PARTY, books))
        told = []
    return told, changes


def _is_orphan(message: Message, party_id: str) -> bool:
    """It stays under one of its own ids, because nothing seen leads from them to a party."""
    return party_id in message.link_refs and message.party_ref in (None, party_id)


def _hold(told: Iterable[Event], reason: Reason, books: _Books) -> list[Pending]:
    return [
        pending_of(event, reason, books.party_id, books.config, books.as_of_micros)
        for event in told
    ]


def _fold_contract(
    contract_id: str,
    contract_events: list[Event],
    entity: str | None,
    disputed: Sequence[Disputed],
    regions: Regions | None,
    books: _Books,
    found: _Found,
) -> None:
    accounting = fold_contract(
        books.tenant,
        books.party_id,
        contract_id,
        contract_events,
        books.policy,
        books.config,
        books.as_of_micros,
        False,
    )
    found.entries.extend(accounting.entries)
    if regions is not None:
        regions.learn(contract_id, contract_events, accounting.invoices)
    silent = (
        _silent(contract_events) if entity and (accounting.pending or accounting.refusals) else {}
    )
    found.pending.extend(
        _in_entity(one, entity, silent, books.config) for one in accounting.pending
    )
    found.refusals.extend(_with_entity(one, entity, silent) for one in accounting.refusals)
    facts = gather_facts(
        books.tenant, books.party_id, contract_id, contract_events, accounting, entity
    )
    renewal = renewal_of(facts, books.config, books.as_of_micros)
    deal = deal_of(facts, books.config)
    drifts = drifts_of(facts, deal, disputed, books.config, books.as_of_micros)
    found.lifecycle.extend(lifecycle_updates(facts, renewal, drifts, books.config))
    state = contract_state(facts, deal, drifts, renewal, books.config, books.as_of_micros)
    if state is not None:
        found.contracts.append(state)


def _silent(contract_events: Iterable[Event]) -> Mapping[str, Event]:
    """Events that leave their legal entity to the contract's, by their ids."""
    return {event.event_id: event for event in contract_events if event.entity is None}


_AtStake = TypeVar("_AtStake", Pending, Refusal)


def _once(waiting: Iterable[Pending]) -> tuple[Pending, ...]:
    """An event waits once for the same, also where two contracts of the party miss it."""
    kept: dict[tuple[str, str, str], Pending] = {}
    for pending in waiting:
        kept.setdefault((pending.event_id, pending.reason, pending.waits_for), pending)
    return tuple(kept.values())


def _in_entity(
    found: Pending, entity: str | None, silent: Mapping[str, Event], config: BooksConfig
) -> Pending:
    """A pending counts in a period of the entity in which it is shown."""
    shown = _with_entity(found, entity, silent)
    event = silent.get(found.event_id)
    if entity is None or event is None:
        return shown
    period = calendar_of(config, entity).label_at(event.occurred_at_micros)
    return msgspec.structs.replace(shown, period=period)


def _with_entity(found: _AtStake, entity: str | None, silent: Collection[str]) -> _AtStake:
    """Money at stake is shown in the contract's entity, unless its event states another."""
    if found.event_id not in silent:
        return found
    return msgspec.structs.replace(found, entity=entity)


def _result(found: _Found) -> FoldResult:
    """Everything in an order that does not depend on how it was found."""
    return FoldResult(
        entries=tuple(sorted(found.entries, key=_ENTRY_ORDER)),
        lifecycle=tuple(sorted(found.lifecycle, key=_UPDATE_ORDER)),
        pending=_once(sorted(found.pending, key=_PENDING_ORDER)),
        refusals=tuple(sorted(found.refusals, key=_REFUSAL_ORDER)),
        conflicts=tuple(sorted(found.conflicts, key=_CONFLICT_ORDER)),
        contracts=tuple(found.contracts),
    )


# --- outcomes -----------------------------------------------------------------------------


def _refused_letters(intake: Intake, result: FoldResult) -> dict[str, DeadLetter]:
    """One dead letter per message of which an event was refused, by message id."""
    refusals: dict[str, list[Refusal]] = {}
    for refusal in result.refusals:
        refusals.setdefault(refusal.source_event_id, []).append(refusal)
    return {
        message_id: dead_letter_of(intake.standing[message_id], "FoldContracts", found)
        for message_id, found in sorted(refusals.items())
    }


def _outcomes(
    intake: Intake, result: FoldResult, refused: Mapping[str, DeadLetter]
) -> dict[str, Outcome]:
    """Where every message ended, exactly one place each: refused before posted before pending."""
    outcomes = dict.fromkeys(intake.standing, Outcome.RECORDED)
    for pending in result.pending:
        outcomes[pending.source_event_id] = Outcome.PENDING
    posted = Outcome.POSTED
    for entry in result.entries:
        outcomes[entry.source_event_id] = posted
        for source_event_id in entry.evidence:
            outcomes[source_event_id] = posted
    for message_id in refused:
        outcomes[message_id] = Outcome.DEAD_LETTERED
    assert len(outcomes) == len(intake.standing), "an entry or pending of an unknown message"
    return outcomes
