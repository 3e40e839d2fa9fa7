"""What the events of a party say about each other: the links, read once, in any order.

Only states what is linked with what; which contract follows is decided in `ledger.correlation`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from ledger import events
from ledger.events import Event


class Claims:
    """A set of values per key that costs one dict entry while a key has one value."""

    __slots__ = ("_first", "_more")

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._more: dict[str, set[str]] = {}

    def add(self, key: str, value: str) -> None:
        """Add a value to those of a key."""
        known = self._first.setdefault(key, value)
        if known != value:
            self._more.setdefault(key, {known}).add(value)

    def of(self, key: str) -> Collection[str]:
        """The values of a key; empty when there are none."""
        more = self._more.get(key)
        if more is not None:
            return more
        first = self._first.get(key)
        return () if first is None else (first,)

    def names(self) -> Collection[str]:
        """Every key that has a value."""
        return self._first.keys()


class Index:
    """Links among the events of one party.

    `aliases` turns other names of a CRM contract into its id, so that all claims speak of ids.
    """

    __slots__ = (
        "_aliases", "_roots", "accrual_claims", "accrual_invoices", "accrual_subscriptions",
        "invoice_claims", "invoice_customers", "invoice_subscriptions", "note_invoices",
        "paid_groups", "payment_claims", "payment_invoices", "payment_subscriptions",
        "refund_invoices", "signed", "standalone_groups", "subscription_claims",
    )  # fmt: skip

    def __init__(self, party_events: Iterable[Event], aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._roots: dict[str, str] = {}
        self.subscription_claims = Claims()
        """Subscription -> contracts it is said to run."""
        self.invoice_claims = Claims()
        self.invoice_subscriptions = Claims()
        self.invoice_customers = Claims()
        """Issued invoice -> customer, '' for none. Its names are the invoices that were seen."""
        self.payment_claims = Claims()
        """Payment (any of its ids) -> contracts."""
        self.payment_invoices = Claims()
        self.payment_subscriptions = Claims()
        self.accrual_claims = Claims()
        self.accrual_invoices = Claims()
        self.accrual_subscriptions = Claims()
        self.note_invoices: dict[str, str] = {}
        self.refund_invoices: dict[str, str] = {}
        self.signed: set[str] = set()
        """Contracts whose terms some event states."""
        self.standalone_groups: set[str] = set()
        self.paid_groups: set[str] = set()
        for event in party_events:
            read = _READERS.get(type(event))
            if read is not None:
                read(self, event)
        self._settle()

    def contract_of(self, event: Event) -> str | None:
        """The contract an event claims, by its CRM id."""
        claim = event.contract_id
        return None if claim is None else self._aliases.get(claim, claim)

    def payment_of(self, refs: tuple[str, ...]) -> str | None:
        """One id for the payment that all these ids, and those shared with them, name."""
        return self._root(refs[0]) if refs else None

    # --- reading -------------------------------------------------------------------------

    def _read_terms(self, event: Event) -> None:
        contract_id = self.contract_of(event)
        if contract_id is not None:
            self.signed.add(contract_id)
        self._read_subscription(event)

    def _read_subscription(self, event: Event) -> None:
        if event.contract_id is not None and event.subscription_id is not None:
            self.subscription_claims.add(event.subscription_id, self.contract_of(event) or "")

    def _read_invoice(self, event: events.InvoiceIssued) -> None:
        self._read_of_invoice(event)
        self.invoice_customers.add(event.invoice_id, event.customer_id or "")
        for line in event.lines:
            if line.subscription_id is not None:
                self.invoice_subscriptions.add(event.invoice_id, line.subscription_id)
            if line.accrual_id is not None:
                self.accrual_invoices.add(line.accrual_id, event.invoice_id)

    def _read_of_invoice(self, event: _OfInvoice) -> None:
        assert event.invoice_id is not None
        if event.contract_id is not None:
            self.invoice_claims.add(event.invoice_id, self.contract_of(event) or "")
        if event.subscription_id is not None:
            self.invoice_subscriptions.add(event.invoice_id, event.subscription_id)

    def _read_note(self, event: events.CreditNoteIssued) -> None:
        self._read_of_invoice(event)
        self.note_invoices[event.credit_note_id] = event.invoice_id
        for refund_id in event.refund_ids:
            self.refund_invoices[refund_id] = event.invoice_id

    def _read_payment(self, event: events.PaymentSucceeded) -> None:
        payment = self._read_attempt(event)
        if payment is not None:
            self.paid_groups.add(payment)
            if event.linkage == "standalone":
                self.standalone_groups.add(payment)

    def _read_attempt(
        self, event: events.PaymentSucceeded | events.PaymentFailed | events.RefundIssued
    ) -> str | None:
        payment = self._read_movement(event)
        if event.invoice_id is not None:
            if payment is not None:
                self.payment_invoices.add(payment, event.invoice_id)
            self._read_of_invoice(event)
        return payment

    def _read_movement(self, event: _Movement) -> str | None:
        """Join all ids of a payment and note what it claims."""
        refs = event.payment_refs
        if not refs:
            return None
        root = self._root(refs[0])
        for ref in refs[1:]:
            other = self._root(ref)
            if other != root:
                root, other = min(root, other), max(root, other)
                self._roots[other] = root
        if event.contract_id is not None:
            self.payment_claims.add(root, self.contract_of(event) or "")
            self._read_subscription(event)
        if event.subscription_id is not None:
            self.payment_subscriptions.add(root, event.subscription_id)
        return root

    def _read_accrual(
        self, event: events.ItemAccrued | events.ItemDeleted | events.UsageReported
    ) -> None:
        if event.contract_id is not None:
            self.accrual_claims.add(event.accrual_id, self.contract_of(event) or "")
        if event.subscription_id is not None:
            self.accrual_subscriptions.add(event.accrual_id, event.subscription_id)
        self._read_subscription(event)

    def _root(self, ref: str) -> str:
        roots = self._roots
        root = roots.setdefault(ref, ref)
        while root != roots[root]:
            root = roots[root]
        if roots[ref] != root:
            roots[ref] = root
        return root

    # --- settling ------------------------------------------------------------------------

    def _settle(self) -> None:
        """Bring what was read under names that changed later, and claims to what they run."""
        self.payment_claims = self._by_payment(self.payment_claims)
        self.payment_invoices = self._by_payment(self.payment_invoices)
        self.payment_subscriptions = self._by_payment(self.payment_subscriptions)
        self.standalone_groups = {self._root(ref) for ref in self.standalone_groups}
        self.paid_groups = {self._root(ref) for ref in self.paid_groups}
        for payment in self.payment_claims.names():
            invoices = self.payment_invoices.of(payment)
            if len(invoices) == 1:
                self._extend(self.invoice_claims, self.payment_claims.of(payment), *invoices)
        for invoice_id in self.invoice_claims.names():
            subscriptions = self.invoice_subscriptions.of(invoice_id)
            if len(subscriptions) == 1:
                claims = self.invoice_claims.of(invoice_id)
                self._extend(self.subscription_claims, claims, *subscriptions)

    def _by_payment(self, claims: Claims) -> Claims:
        if not claims.names():
            return claims
        settled = Claims()
        for ref in claims.names():
            self._extend(settled, claims.of(ref), self._root(ref))
        return settled

    @staticmethod
    def _extend(claims: Claims, values: Collection[str], key: str) -> None:
        for value in values:
            claims.add(key, value)


_OfInvoice = (
    events.InvoiceIssued
    | events.InvoiceVoided
    | events.InvoiceMarkedUncollectible
    | events.CreditNoteIssued
    | events.CreditNoteVoided
    | events.PaymentSucceeded
    | events.PaymentFailed
    | events.RefundIssued
)
_Movement = (
    events.PaymentSucceeded
    | events.PaymentFailed
    | events.RefundIssued
    | events.DisputeOpened
    | events.DisputeWon
    | events.DisputeLost
)

_READERS: dict[type[Event], Callable[..., object]] = {
    events.ContractSigned: Index._read_terms,
    events.ContractAmended: Index._read_terms,
    events.ContractRenewed: Index._read_terms,
    events.SubscriptionActivated: Index._read_subscription,
    events.SubscriptionChanged: Index._read_subscription,
    events.SubscriptionCancelled: Index._read_subscription,
    events.InvoiceIssued: Index._read_invoice,
    events.InvoiceVoided: Index._read_of_invoice,
    events.InvoiceMarkedUncollectible: Index._read_of_invoice,
    events.CreditNoteIssued: Index._read_note,
    events.CreditNoteVoided: Index._read_of_invoice,
    events.ItemAccrued: Index._read_accrual,
    events.ItemDeleted: Index._read_accrual,
    events.UsageReported: Index._read_accrual,
    events.PaymentSucceeded: Index._read_payment,
    events.PaymentFailed: Index._read_attempt,
    events.RefundIssued: Index._read_attempt,
    events.DisputeOpened: Index._read_movement,
    events.DisputeWon: Index._read_movement,
    events.DisputeLost: Index._read_movement,
}
