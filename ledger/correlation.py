"""Which contract each event of a party belongs to, and what has to wait because it is not known.

Pure and order-proof: a function of the set of events. Nothing is guessed; contradicting claims
wait for a correction at their source. The rules are in `ledger.places`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ledger import events
from ledger.correlation_index import Index
from ledger.crm_contracts import CrmView
from ledger.events import Event
from ledger.legal_entities import Disputed, LegalEntities
from ledger.ownership import account_conflicts
from ledger.places import PLACING, Place, Places
from ledger.policies import BooksConfig
from ledger.reasons import Reason
from ledger.results import OwnershipConflict, Pending
from ledger.waiting import pending_of


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """The events of a party by contract; lists keep the order of the events given."""

    contracts: dict[str, list[Event]]
    entities: dict[str, str | None] = {}
    """Contract -> the legal entity that CRM or the account states."""
    disputed: dict[str, list[Disputed]] = {}
    """Contract -> what billing says of its legal entity against CRM."""
    pending: tuple[Pending, ...] = ()
    conflicts: tuple[OwnershipConflict, ...] = ()


def correlate(
    party_id: str,
    party_events: Sequence[Event],
    crm: CrmView,
    config: BooksConfig,
    as_of_micros: int,
) -> Correlation:
    """Give every event of a party its contract and legal entity.

    `party_events` are sorted by (time, event id) and include those assembled from CRM records.
    """
    index = Index(party_events, crm.aliases)
    places = Places(party_id, index, crm, config)
    contracts: dict[str, list[Event]] = {}
    held: list[tuple[Event, Place, Reason]] = []
    for event in party_events:
        placing = PLACING.get(type(event))
        if placing is None:
            continue
        place = placing(places, event)
        if place.reason is not None:
            held.append((event, place, place.reason))
            continue
        if place.standalone or place.invoice_id is not None:
            event = _told_more(event, place)
        known = contracts.get(place.contract_id)
        if known is None:
            contracts[place.contract_id] = [event]
        else:
            known.append(event)
    entities = LegalEntities(party_id, index, crm)
    for contract_id, contract_events in contracts.items():
        entities.settle(contract_id, contract_events)
    return Correlation(
        contracts={contract_id: contracts[contract_id] for contract_id in sorted(contracts)},
        entities={contract_id: entities.of_contract(contract_id) for contract_id in contracts},
        disputed=entities.disputed,
        pending=tuple(
            pending_of(
                event,
                reason,
                place.waits_for,
                config,
                as_of_micros,
                entity=entities.at_stake(place.contract_id, event),
            )
            for event, place, reason in held
        ),
        conflicts=(*entities.conflicts, *account_conflicts(party_id, index.account_changes, crm)),
    )


def _told_more(event: Event, place: Place) -> Event:
    """The event with what other events say of it: its invoice, or that it has none."""
    if isinstance(event, events.PaymentSucceeded):
        if place.standalone:
            return msgspec.structs.replace(event, linkage="standalone")
        return msgspec.structs.replace(event, linkage="invoice", invoice_id=place.invoice_id)
    return msgspec.structs.replace(event, invoice_id=place.invoice_id)
