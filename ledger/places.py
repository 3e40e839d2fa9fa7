"""Where events belong: contract of subscriptions, invoices, payments and what follows them.

The rules, most telling first:

| Event | Contract |
|---|---|
| contract terms, cancellations | the one they name |
| subscription events | claimed for the subscription by any event; else the subscription itself |
| invoices, voids, credit notes | claimed for the invoice; of its subscription; else `direct` |
| payments, attempts, refunds, disputes | of the invoice, stated or found by shared ids |
| payments of no invoice | claimed for them; of their subscription; else `direct` |
| usage, pending items | claimed; of their subscription; of the invoice that bills them |

What several contracts share is `direct`. Claims that contradict each other wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from ledger import events
from ledger.correlation_index import Index
from ledger.crm_contracts import CrmView
from ledger.events import Event
from ledger.policies import BooksConfig
from ledger.reasons import Reason

DIRECT = "direct"
"""Contract of what a customer buys without contract or subscription."""


class Place(NamedTuple):
    """The contract of an event, or what it waits for."""

    contract_id: str
    reason: Reason | None = None
    waits_for: str = ""
    invoice_id: str | None = None
    """The invoice of a payment that does not state it, found by shared ids."""
    standalone: bool = False
    """A payment of which nothing says so, but that can belong to no invoice."""


class Places:
    """Where subscriptions, invoices and payments belong; each is decided once."""

    def __init__(
        self,
        party_id: str,
        party_events: Sequence[Event],
        index: Index,
        crm: CrmView,
        config: BooksConfig,
    ) -> None:
        self._index = index
        self._strict = config.links == "strict"
        self._contracts = crm.contracts.keys() | self._index.signed
        self._party_seen = party_id in crm.accounts
        self._customers_seen = {
            event.customer_id
            for event in party_events
            if type(event) is events.CustomerAccountChanged
        }
        self._subscriptions: dict[str, Place] = {}
        self._invoices: dict[str, Place] = {}
        self._payments: dict[str, Place] = {}

    # --- by event ------------------------------------------------------------------------

    def of_terms(self, event: Event) -> Place:
        """A contract's own event."""
        contract_id = self._index.contract_of(event)
        return Place(DIRECT) if contract_id is None else self._claimed(contract_id)

    def of_subscription_event(self, event: Event) -> Place:
        """A subscription's own event."""
        if event.subscription_id is not None:
            return self._of_subscription(event.subscription_id)
        return self.of_terms(event)

    def of_invoice_event(self, event: events.InvoiceIssued) -> Place:
        """An invoice, or what is done to one."""
        return self._of_invoice(event.invoice_id)

    def of_payment(self, event: events.PaymentSucceeded) -> Place:
        """Money in: of its invoice, of the one that its ids lead to, or of none."""
        if event.invoice_id is not None:
            return self._of_invoice(event.invoice_id)
        payment = self._index.payment_of(event.payment_refs)
        if payment is None:
            return Place(DIRECT, Reason.UNMATCHED_PAYMENT, event.event_id)
        place = self._of_payment_group(payment)
        return place._replace(standalone=False) if event.linkage == "standalone" else place

    def of_failed_payment(self, event: events.PaymentFailed) -> Place:
        """An attempt to collect; needs no partner."""
        if event.invoice_id is not None:
            return self._of_invoice(event.invoice_id)
        payment = self._index.payment_of(event.payment_refs)
        if payment is None:
            return self.of_subscription_event(event)
        invoices = self._index.payment_invoices.of(payment)
        if len(invoices) == 1:
            (invoice_id,) = invoices
            return self._of_invoice(invoice_id)._replace(invoice_id=invoice_id)
        return self._without_invoice(payment)

    def of_refund(self, event: events.RefundIssued) -> Place:
        """Money back: of the payment, else of the invoice or credit note it names."""
        payment = self._index.payment_of(event.payment_refs)
        if payment is not None and payment in self._index.paid_groups:
            return self._of_movement(payment)
        invoice_id = event.invoice_id or self._index.refund_invoices.get(event.refund_id)
        if invoice_id is None and event.credit_note_id is not None:
            invoice_id = self._index.note_invoices.get(event.credit_note_id)
        if invoice_id is not None:
            return self._of_invoice(invoice_id)
        return self.of_subscription_event(event) if payment is None else self._of_movement(payment)

    def of_dispute(self, event: events.DisputeOpened) -> Place:
        """A dispute belongs to the payment it disputes."""
        payment = self._index.payment_of(event.payment_refs)
        return self.of_subscription_event(event) if payment is None else self._of_movement(payment)

    def of_accrual(self, event: events.ItemAccrued) -> Place:
        """Usage and pending items: of what is claimed, their subscription or their invoice."""
        index, accrual = self._index, event.accrual_id
        claims = index.accrual_claims.of(accrual)
        if len(claims) > 1:
            return Place(DIRECT, Reason.AMBIGUOUS_CONTRACT, accrual)
        if claims:
            return self._claimed(*claims)
        subscriptions = index.accrual_subscriptions.of(accrual)
        if event.subscription_id is not None:
            return self._of_subscription(event.subscription_id)
        if len(subscriptions) == 1:
            return self._of_subscription(*subscriptions)
        invoices = index.accrual_invoices.of(accrual)
        return self._common([self._of_invoice(found) for found in sorted(invoices)])

    def of_nobody(self, event: Event) -> Place:
        """What belongs to the company itself: payouts."""
        return Place(DIRECT)

    # --- by object -----------------------------------------------------------------------

    def _of_subscription(self, subscription_id: str) -> Place:
        place = self._subscriptions.get(subscription_id)
        if place is None:
            place = self._subscriptions[subscription_id] = self._decide(
                self._index.subscription_claims.of(subscription_id), subscription_id
            ) or Place(subscription_id)
        return place

    def _of_invoice(self, invoice_id: str) -> Place:
        place = self._invoices.get(invoice_id)
        if place is None:
            place = self._invoices[invoice_id] = self._decide_invoice(invoice_id)
        return place

    def _decide_invoice(self, invoice_id: str) -> Place:
        stranger = self._stranger(invoice_id)
        claimed = self._decide(self._index.invoice_claims.of(invoice_id), invoice_id)
        billed = sorted(self._index.invoice_subscriptions.of(invoice_id))
        places = [self._of_subscription(subscription_id) for subscription_id in billed]
        place = claimed if claimed is not None else self._common(places)
        if place.reason is None:
            contradicted = [one for one in places if one.reason is Reason.AMBIGUOUS_CONTRACT]
            place = contradicted[0] if contradicted else place
        return (
            place._replace(reason=Reason.UNMATCHED_CUSTOMER, waits_for=stranger)
            if (stranger is not None)
            else place
        )

    def _stranger(self, invoice_id: str) -> str | None:
        """The customer of an issued invoice whom neither billing nor CRM has shown yet."""
        if not self._strict or self._party_seen:
            return None
        customers = self._index.invoice_customers.of(invoice_id)
        if not customers or any(customer in self._customers_seen for customer in customers):
            return None
        return min(customers) or invoice_id

    def _of_payment_group(self, payment: str) -> Place:
        place = self._payments.get(payment)
        if place is None:
            place = self._payments[payment] = self._decide_payment(payment)
        return place

    def _decide_payment(self, payment: str) -> Place:
        invoices = self._index.payment_invoices.of(payment)
        if len(invoices) == 1:
            (invoice_id,) = invoices
            return self._of_invoice(invoice_id)._replace(invoice_id=invoice_id)
        if invoices:
            places = [self._of_invoice(invoice_id) for invoice_id in sorted(invoices)]
            return self._common(places)._replace(
                reason=Reason.UNMATCHED_PAYMENT, waits_for=min(invoices)
            )
        place = self._without_invoice(payment)
        if payment in self._index.standalone_groups or not self._index.invoice_customers.names():
            return place._replace(standalone=True)
        return place._replace(reason=Reason.UNMATCHED_PAYMENT, waits_for=payment)

    def _of_movement(self, payment: str) -> Place:
        """Contract of what follows a payment; it states its own ids, so nothing is added."""
        if payment in self._index.paid_groups:
            return self._of_payment_group(payment)._replace(invoice_id=None, standalone=False)
        invoices = self._index.payment_invoices.of(payment)
        if invoices:
            return self._common([self._of_invoice(found) for found in sorted(invoices)])
        return self._without_invoice(payment)

    def _without_invoice(self, payment: str) -> Place:
        claimed = self._decide(self._index.payment_claims.of(payment), payment)
        if claimed is not None:
            return claimed
        subscriptions = sorted(self._index.payment_subscriptions.of(payment))
        return self._common([self._of_subscription(found) for found in subscriptions])

    # --- deciding ------------------------------------------------------------------------

    def _decide(self, claims: Collection[str], claimed_for: str) -> Place | None:
        if not claims:
            return None
        if len(claims) > 1:
            return Place(DIRECT, Reason.AMBIGUOUS_CONTRACT, claimed_for)
        return self._claimed(*claims)

    def _claimed(self, contract_id: str) -> Place:
        if self._strict and contract_id not in self._contracts:
            return Place(contract_id, Reason.UNMATCHED_CONTRACT, contract_id)
        return Place(contract_id)

    @staticmethod
    def _common(places: list[Place]) -> Place:
        """The contract that all share; `direct` for what covers several, or none.

        While one of several waits, what covers them waits with it.
        """
        if not places:
            return Place(DIRECT)
        waiting = [place for place in places if place.reason is not None]
        if waiting:
            return waiting[0]
        contracts = {place.contract_id for place in places}
        return places[0] if len(contracts) == 1 else Place(DIRECT)


PLACING: Mapping[type[Event], Callable[..., Place]] = {
    events.ContractSigned: Places.of_terms,
    events.ContractAmended: Places.of_terms,
    events.ContractRenewed: Places.of_terms,
    events.ContractCancelled: Places.of_terms,
    events.SubscriptionActivated: Places.of_subscription_event,
    events.SubscriptionChanged: Places.of_subscription_event,
    events.SubscriptionCancelled: Places.of_subscription_event,
    events.InvoiceIssued: Places.of_invoice_event,
    events.InvoiceVoided: Places.of_invoice_event,
    events.InvoiceMarkedUncollectible: Places.of_invoice_event,
    events.CreditNoteIssued: Places.of_invoice_event,
    events.CreditNoteVoided: Places.of_invoice_event,
    events.ItemAccrued: Places.of_accrual,
    events.ItemDeleted: Places.of_accrual,
    events.UsageReported: Places.of_accrual,
    events.PaymentSucceeded: Places.of_payment,
    events.PaymentFailed: Places.of_failed_payment,
    events.RefundIssued: Places.of_refund,
    events.DisputeOpened: Places.of_dispute,
    events.DisputeWon: Places.of_dispute,
    events.DisputeLost: Places.of_dispute,
    events.PayoutPaid: Places.of_nobody,
    events.PayoutFailed: Places.of_nobody,
}
"""Events that are not here (account changes, won deals, raw CRM changes) have no contract."""
