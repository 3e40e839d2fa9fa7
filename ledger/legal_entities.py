"""Legal entity of events: the contract's in CRM, the event's, the account's; else the default.

Money is moved by the payment processor, which owns where it was collected: what a payment, refund
or dispute states stands also beside another entity of its contract (that is intercompany). Where
it states nothing it follows its invoice or payment, so nothing is filled in.
"""

from __future__ import annotations

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


class Disputed(msgspec.Struct, frozen=True):
    """An event of billing that states another legal entity than the contract's in CRM."""

    event: events.InvoiceIssued | events.SubscriptionState
    stated: str
    owner: str


class LegalEntities:
    """Gives the events of a party their legal entity."""

    def __init__(self, party_id: str, index: Index, crm: CrmView) -> None:
        self.conflicts: list[OwnershipConflict] = []
        self.disputed: dict[str, list[Disputed]] = {}
        """By contract; in the order of its events."""
        self._party_id = party_id
        self._index = index
        self._of_contract: dict[str, tuple[str, str]] = {
            contract_id: (contract.entity, contract.source)
            for contract_id, contract in crm.contracts.items()
            if contract.entity is not None
        }
        for terms in index.terms:
            if terms.entity is not None:
                contract_id = index.contract_of(terms) or DIRECT
                self._of_contract.setdefault(contract_id, (terms.entity, terms.source))
        account = crm.accounts.get(party_id)
        stated = (changed.entity for changed in index.account_changes if changed.entity)
        self._of_account = account.entity if account and account.entity else next(stated, None)

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
                if isinstance(event, events.InvoiceIssued | events.SubscriptionState):
                    disputed = Disputed(event, event.entity, stated)
                    self.disputed.setdefault(contract_id, []).append(disputed)
                contract_events[position] = msgspec.structs.replace(event, entity=stated)

    def _is_alone(self, event: Event) -> bool:
        """A payment of no invoice, of which no event says where it was collected."""
        if not isinstance(event, events.PaymentSucceeded) or event.linkage != "standalone":
            return False
        return self._index.payment_of(event.payment_refs) not in self._index.collected

    def _conflict(self, event: Event, owner: str) -> OwnershipConflict:
        return OwnershipConflict(
            source_event_id=event.source_event_id,
            event_id=event.event_id,
            customer_id=self._party_id,
            attribute="entity",
            owner=owner,
            claimed_by=event.source,
        )
