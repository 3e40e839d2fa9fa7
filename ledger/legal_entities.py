"""Legal entity of events: the contract's in CRM, the event's, the account's; else the default."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ledger import events
from ledger.correlation_index import Index
from ledger.crm_contracts import CrmView
from ledger.events import Event
from ledger.places import DIRECT
from ledger.results import OwnershipConflict


class LegalEntities:
    """Legal entity of events: the contract's in CRM, the event's, the account's; else default."""

    def __init__(
        self, party_id: str, party_events: Iterable[Event], crm: CrmView, index: Index
    ) -> None:
        self.conflicts: list[OwnershipConflict] = []
        self._party_id = party_id
        self._of_contract: dict[str, tuple[str, str]] = {
            contract_id: (contract.entity, contract.source)
            for contract_id, contract in crm.contracts.items()
            if contract.entity is not None
        }
        account = crm.accounts.get(party_id)
        self._of_account = account.entity if account else None
        for event in party_events:
            if isinstance(event, events.ContractTerms) and event.entity is not None:
                contract_id = index.contract_of(event) or DIRECT
                self._of_contract.setdefault(contract_id, (event.entity, event.source))
            elif type(event) is events.CustomerAccountChanged and event.entity is not None:
                self._of_account = self._of_account or event.entity

    def settle(self, contract_id: str, contract_events: list[Event]) -> None:
        """Give every event of a contract its entity, in place; note what contradicts CRM."""
        owned = self._of_contract.get(contract_id)
        if owned is None and self._of_account is None:
            return
        for position, event in enumerate(contract_events):
            if owned is not None and event.entity is not None and event.entity != owned[0]:
                self.conflicts.append(self._conflict(event, owned[1]))
            contract_events[position] = self.settled(contract_id, event)

    def settled(self, contract_id: str, event: Event) -> Event:
        """The event with its entity."""
        owned = self._of_contract.get(contract_id)
        entity = owned[0] if owned else event.entity or self._of_account
        if entity == event.entity:
            return event
        return msgspec.structs.replace(event, entity=entity)

    def _conflict(self, event: Event, owner: str) -> OwnershipConflict:
        return OwnershipConflict(
            source_event_id=event.source_event_id,
            event_id=event.event_id,
            customer_id=self._party_id,
            attribute="entity",
            owner=owner,
            claimed_by=event.source,
        )
