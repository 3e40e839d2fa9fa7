"""Legal entity of events: the contract's in CRM, the event's, the account's; else the default.

Money is moved by the payment processor, which owns where it was collected: what a payment, refund
or dispute states stands also beside another entity of its contract (that is intercompany). Where
it states nothing it follows its invoice or payment, so nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ledger import events
from ledger.correlation_index import Index
from ledger.crm_contracts import CrmView
from ledger.events import Event
from ledger.places import DIRECT
from ledger.results import OwnershipConflict

_MONEY = (
    events.PaymentSucceeded,
    events.RefundIssued,
    events.DisputeOpened,
    events.DisputeWon,
    events.DisputeLost,
)


class LegalEntities:
    """Gives the events of a party their legal entity."""

    def __init__(
        self, party_id: str, party_events: Iterable[Event], crm: CrmView, index: Index
    ) -> None:
        self.conflicts: list[OwnershipConflict] = []
        self._party_id = party_id
        self._index = index
        self._collected: set[str | None] = set()
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
            elif type(event) is events.PaymentSucceeded and event.entity is not None:
                self._collected.add(index.payment_of(event.payment_refs))

    def of_contract(self, contract_id: str) -> str | None:
        """The entity that CRM or the account states; None leaves it to each event."""
        owned = self._of_contract.get(contract_id)
        return owned[0] if owned else self._of_account

    def at_stake(self, contract_id: str, event: Event) -> str | None:
        """The entity of an event that is held; CRM wins, but for where money was collected."""
        stated = self.of_contract(contract_id)
        if contract_id in self._of_contract and not isinstance(event, _MONEY):
            return stated
        return event.entity or stated

    def settle(self, contract_id: str, contract_events: list[Event]) -> None:
        """Give every event of a contract its entity, in place; note what contradicts CRM."""
        owned = self._of_contract.get(contract_id)
        stated = owned[0] if owned else self._of_account
        if stated is None:
            return
        for position, event in enumerate(contract_events):
            if event.entity == stated:
                continue
            if isinstance(event, _MONEY):
                if event.entity is None and self._is_alone(event):
                    contract_events[position] = msgspec.structs.replace(event, entity=stated)
            elif event.entity is None:
                contract_events[position] = msgspec.structs.replace(event, entity=stated)
            elif owned is not None:
                self.conflicts.append(self._conflict(event, owned[1]))
                contract_events[position] = msgspec.structs.replace(event, entity=stated)

    def _is_alone(self, event: Event) -> bool:
        """A payment of no invoice, of which no event says where it was collected."""
        if not isinstance(event, events.PaymentSucceeded) or event.linkage != "standalone":
            return False
        return self._index.payment_of(event.payment_refs) not in self._collected

    def _conflict(self, event: Event, owner: str) -> OwnershipConflict:
        return OwnershipConflict(
            source_event_id=event.source_event_id,
            event_id=event.event_id,
            customer_id=self._party_id,
            attribute="entity",
            owner=owner,
            claimed_by=event.source,
        )
