"""Where events belong: contract of subscriptions, invoices, payments and what follows them.

The rules, most telling first:

| Event | Contract |
|---|---|
| contract terms, cancellations | the one they name |
| subscription events | claimed for the subscription by any event; else the subscription itself |
| invoices, voids, credit notes | claimed for the invoice; of its subscription; else `direct` |
| payments, attempts, refunds, disputes | of the invoice, stated or found by shared ids |
| payments of no invoice | claimed for them; of their subscription; else `direct` |
| prepaid credit | of the invoice or payment that sold its grant; claimed; of its subscription |
| usage, pending items | claimed; of their subscription; of the invoice that bills them |

What several contracts share is `direct`. Claims that contradict each other wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec

from ledger import events
from ledger.correlation_index import Index
from ledger.crm_contracts import CrmView
from ledger.events import Event
from ledger.policies import BooksConfig
from ledger.reasons import Reason

DIRECT = "direct"
"""Contract of what a customer buys without contract or subscription."""


class Place(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The contract of an event, or what it waits for."""

    contract_id: str
    reason: Reason | None = None
    waits_for: str = ""
    invoice_id: str | None = None
    """The invoice of a payment of which no event states it, found by ids shared with others."""
    standalone: bool = False
    """A payment of which nothing says so, but that can belong to no invoice."""


class Places:
    """Where subscriptions, invoices and payments belong; each is decided once."""

    def __init__(self, party_id: str, index: Index, crm: CrmView, config: BooksConfig) -> None:
        self._index = index
        self._strict = config.links == "strict"
        self._contracts = {index.contract_of(terms) for terms in index.terms}
        self._contracts.update(crm.contracts)
        self._party_seen = party_id in crm.accounts
        self._customers_seen = {changed.customer_id for changed in index.account_changes}
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
        if payment in self._index.tied:
            invoice_id = self._index.payment_invoices.single(payment)
            if invoice_id is not None:
                return self._of_invoice(invoice_id)
        place = self._of_payment_group(payment)
        if place.standalone and event.linkage == "standalone":
            return _bare(place)
        return place

    def of_failed_payment(self, event: events.PaymentFailed) -> Place:
        """An attempt to collect; needs no partner."""
        if event.invoice_id is not None:
            return self._of_invoice(event.invoice_id)
        payment = self._index.payment_of(event.payment_refs)
        if payment is None:
            return self.of_subscription_event(event)
        invoice_id = self._index.payment_invoices.single(payment)
        if invoice_id is not None:
            return _of_found_invoice(self._of_invoice(invoice_id), invoice_id)
        return self._without_invoice(payment)

    def of_refund(self, event: events.RefundIssued) -> Place:
        """Money back: of the payment, else of the invoice or credit note it names."""
        payment = self._index.payment_of(event.payment_refs)
        if payment is not None and payment in self._index.paid:
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

    def of_credit(self, event: events.CreditGranted) -> Place:
        """Prepaid credit and what happens to it: where its grant was sold, so that both meet."""
        index, grant = self._index, event.grant_id
        invoices = index.grant_invoices.of(grant)
        if invoices:
            return self._common([self._of_invoice(found) for found in sorted(invoices)])
        payments = index.grant_payments.of(grant)
        if payments:
            roots = {index.payment_of((found,)) or found for found in payments}
            return self._common([self._of_movement(found) for found in sorted(roots)])
        claimed = self._decide(index.grant_claims.of(grant), grant)
        if claimed is not None:
            return claimed
        return self._common(self._of_subscriptions(index.grant_subscriptions.of(grant)))

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
        if stranger is not None:
            return Place(DIRECT, Reason.UNMATCHED_CUSTOMER, stranger)
        billed = self._index.invoice_subscriptions.single(invoice_id)
        if billed is not None:
            # What is claimed for the invoice is claimed for its only subscription too.
            return self._of_subscription(billed)
        places = self._of_subscriptions(self._index.invoice_subscriptions.of(invoice_id))
        contradicted = [one for one in places if one.reason is Reason.AMBIGUOUS_CONTRACT]
        claimed = self._decide(self._index.invoice_claims.of(invoice_id), invoice_id)
        if claimed is not None:
            return claimed if claimed.reason or not contradicted else contradicted[0]
        return self._common(places)

    def _of_subscriptions(self, subscription_ids: Collection[str]) -> list[Place]:
        return [self._of_subscription(found) for found in sorted(subscription_ids)]

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
        invoice_id = self._index.payment_invoices.single(payment)
        if invoice_id is not None:
            return _of_found_invoice(self._of_invoice(invoice_id), invoice_id)
        invoices = self._index.payment_invoices.of(payment)
        if invoices:
            shared = self._common([self._of_invoice(found) for found in sorted(invoices)])
            return Place(shared.contract_id, Reason.UNMATCHED_PAYMENT, min(invoices))
        place = self._without_invoice(payment)
        if payment in self._index.standalone or not self._index.invoice_customers:
            return Place(place.contract_id, place.reason, place.waits_for, standalone=True)
        return Place(place.contract_id, Reason.UNMATCHED_PAYMENT, payment)

    def _of_movement(self, payment: str) -> Place:
        """Contract of what follows a payment; it states its own ids, so nothing is added."""
        if payment in self._index.paid:
            return _bare(self._of_payment_group(payment))
        invoices = self._index.payment_invoices.of(payment)
        if invoices:
            return self._common([self._of_invoice(found) for found in sorted(invoices)])
        return self._without_invoice(payment)

    def _without_invoice(self, payment: str) -> Place:
        claimed = self._decide(self._index.payment_claims.of(payment), payment)
        if claimed is not None:
            return claimed
        return self._common(self._of_subscriptions(self._index.payment_subscriptions.of(payment)))

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


def _of_found_invoice(place: Place, invoice_id: str) -> Place:
    """The place of an invoice, for a payment that other events link to it."""
    return Place(place.contract_id, place.reason, place.waits_for, invoice_id)


def _bare(place: Place) -> Place:
    """The place without what it adds to a payment."""
    return Place(place.contract_id, place.reason, place.waits_for)


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
    events.CreditGranted: Places.of_credit,
    events.CreditDrawn: Places.of_credit,
    events.CreditReinstated: Places.of_credit,
    events.CreditExpired: Places.of_credit,
    events.CreditVoided: Places.of_credit,
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
