"""Finds to which claim each event belongs, and lets wait what has no partner yet."""

from __future__ import annotations

from ledger.accounting.evidence import DisputeFact, RefundFact, Told
from ledger.accounting.payment_evidence import Payment
from ledger.accounting.poster import Poster
from ledger.accounting.wallets import Wallet
from ledger.events import (
    CreditNoteIssued,
    CreditNoteVoided,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    InvoiceMarkedUncollectible,
    InvoiceVoided,
    PaymentSucceeded,
    RefundIssued,
)
from ledger.reasons import Reason

_Money = PaymentSucceeded | RefundIssued | DisputeOpened | DisputeWon | DisputeLost


class Claim:
    """Everything that concerns one invoice or one standalone payment."""

    __slots__ = (
        "currency",
        "disputes",
        "given_up",
        "notes",
        "notes_voided",
        "payments",
        "refunds",
        "voids",
        "wallets",
    )

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.payments: list[Payment] = []
        self.notes: list[Told[CreditNoteIssued]] = []
        self.notes_voided: list[Told[CreditNoteVoided]] = []
        self.refunds: list[tuple[RefundFact, Payment | None]] = []
        self.disputes: list[tuple[DisputeFact, Payment]] = []
        self.voids: list[Told[InvoiceVoided]] = []
        self.given_up: list[Told[InvoiceMarkedUncollectible]] = []
        self.wallets: list[Wallet] = []
        """What it sold as prepaid credit."""

    def is_only_paid(self) -> bool:
        """Tell whether nothing but payments happened to the claim."""
        return not (
            self.refunds
            or self.disputes
            or self.notes
            or self.notes_voided
            or self.voids
            or self.given_up
            or self.wallets
        )


class Linker:
    """Holds the claims by key: the invoice id, or the key of a standalone payment."""

    def __init__(self, poster: Poster, waiting: dict[str, Reason]) -> None:
        self.poster = poster
        self.claims: dict[str, Claim] = {}
        self.standalone: list[Payment] = []
        self.waiting = waiting
        """Invoices that were seen but are not booked, with the reason."""
        self._by_ref: dict[str, Payment] = {}

    def link_payments(self, payments: list[Payment]) -> None:
        """Give each payment to its invoice; one that has none stands by itself.

        Whether a payment of unknown linkage has an invoice is the party's question; here it waits
        as soon as the contract has any.
        """
        has_invoices = bool(self.claims or self.waiting)
        for payment in payments:
            key = payment.invoice_id
            if key is None:
                if payment.linkage != "standalone" and has_invoices:
                    self._wait_for(payment, Reason.UNMATCHED_PAYMENT, payment.key)
                    continue
                key = payment.key
                self.standalone.append(payment)
                self.claims[key] = Claim(payment.currency)
            claim = self.claims.get(key)
            if claim is None:
                self._wait_for(payment, self._reason(key), key)
            elif claim.currency != payment.currency:
                self._mismatch(payment.cause, claim)
            else:
                claim.payments.append(payment)
                for ref in payment.refs:
                    self._by_ref.setdefault(ref, payment)

    def _wait_for(self, payment: Payment, reason: Reason, waits_for: str) -> None:
        self.poster.wait(payment.cause, reason, waits_for, payment.amount, payment.currency)

    def _reason(self, invoice_id: str) -> Reason:
        return self.waiting.get(invoice_id, Reason.UNMATCHED_INVOICE)

    def _mismatch(self, event: _Money, claim: Claim) -> None:
        self.poster.refuse(
            event,
            Reason.CURRENCY_MISMATCH,
            f"what it belongs to is in {claim.currency}",
            event.amount_minor,
            event.currency,
        )

    def invoice(
        self,
        event: CreditNoteIssued | CreditNoteVoided | InvoiceVoided | InvoiceMarkedUncollectible,
    ) -> Claim | None:
        """Return the claim of the invoice an event names; without it the event waits."""
        claim = self.claims.get(event.invoice_id)
        if claim is None:
            note = event if isinstance(event, CreditNoteIssued) else None
            self.poster.wait(
                event,
                self._reason(event.invoice_id),
                event.invoice_id,
                note.total_minor if note is not None else None,
                note.currency if note is not None else None,
            )
        return claim

    def payment_of(self, refs: tuple[str, ...]) -> Payment | None:
        """Return the payment that any of the references names."""
        for ref in refs:
            payment = self._by_ref.get(ref)
            if payment is not None:
                return payment
        return None

    def claim_of(self, payment: Payment) -> Claim:
        """Return the claim a linked payment belongs to."""
        return self.claims[payment.invoice_id or payment.key]

    def link_refund(self, fact: RefundFact) -> None:
        """Give a refund to the claim of its payment, or of the invoice it names."""
        event = fact.event
        payment = self.payment_of(event.payment_refs)
        claim = None
        if payment is not None:
            claim = self.claim_of(payment)
        elif event.invoice_id is not None:
            claim = self.claims.get(event.invoice_id)
        if claim is None:
            self._wait(event, Reason.UNMATCHED_REFUND, event.payment_refs)
        elif claim.currency != event.currency:
            self._mismatch(event, claim)
        else:
            claim.refunds.append((fact, payment))

    def link_dispute(self, fact: DisputeFact) -> None:
        """Give a dispute to the claim of its payment; an outcome needs its opening too."""
        told = [event for event in (fact.opened, fact.won, fact.lost) if event is not None]
        payment = self.payment_of(told[0].payment_refs)
        if fact.opened is None or payment is None:
            refs = told[0].payment_refs if payment is None else (fact.dispute_id,)
            for event in told:
                self._wait(event, Reason.UNMATCHED_DISPUTE, refs)
            return
        claim = self.claim_of(payment)
        other = [event for event in told if event.currency != claim.currency]
        for event in other:
            self._mismatch(event, claim)
        if not other:
            claim.disputes.append((fact, payment))

    def _wait(
        self,
        event: RefundIssued | DisputeOpened | DisputeWon | DisputeLost,
        reason: Reason,
        refs: tuple[str, ...],
    ) -> None:
        waits_for = min(refs, default="")
        self.poster.wait(event, reason, waits_for, event.amount_minor, event.currency)
