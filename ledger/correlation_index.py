"""What the events of a party say about each other: the links, read once, in any order.

Only states what is linked with what; which contract follows is decided in `ledger.places`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from ledger import events
from ledger.events import Event


class Claims(dict[str, str]):
    """Values per key; an entry of the dict while a key has one value, so that this is cheap."""

    def __init__(self) -> None:
        super().__init__()
        self._more: dict[str, set[str]] | None = None

    def add(self, key: str, value: str) -> None:
        """Add a value to those of a key."""
        known = self.setdefault(key, value)
        if known != value:
            if self._more is None:
                self._more = {}
            self._more.setdefault(key, {known}).add(value)

    def of(self, key: str) -> Collection[str]:
        """The values of a key; empty when there are none."""
        if self._more is not None and key in self._more:
            return self._more[key]
        return (self[key],) if key in self else ()

    def single(self, key: str) -> str | None:
        """The value of a key; None when it has none, or several."""
        return None if self._more is not None and key in self._more else self.get(key)


class Index:
    """Links among the events of one party.

    `party_events` are sorted by (time, event id). `aliases` turns other names of a CRM contract
    into its id, so that all claims speak of ids.
    """

    __slots__ = (
        "_aliases", "_moved", "_roots", "account_changes", "accrual_claims", "accrual_invoices",
        "accrual_subscriptions", "collected", "grant_claims", "grant_invoices", "grant_payments",
        "grant_subscriptions", "invoice_claims", "invoice_customers", "invoice_subscriptions",
        "note_invoices", "paid", "payment_claims", "payment_invoices",
        "payment_subscriptions", "refund_invoices", "standalone", "subscription_claims", "terms",
        "tied",
    )  # fmt: skip

    def __init__(self, party_events: Iterable[Event], aliases: Mapping[str, str]) -> None:
        self._aliases = aliases
        self._roots: dict[str, str] = {}
        self._moved = False
        self.subscription_claims = Claims()
        """Subscription -> contracts it is said to run."""
        self.invoice_claims = Claims()
        self.invoice_subscriptions = Claims()
        self.invoice_customers = Claims()
        """Issued invoice -> customer, '' for none. Its keys are the invoices that were seen."""
        self.payment_claims = Claims()
        """Payment, by one of its ids -> contracts."""
        self.payment_invoices = Claims()
        self.payment_subscriptions = Claims()
        self.accrual_claims = Claims()
        self.accrual_invoices = Claims()
        self.accrual_subscriptions = Claims()
        self.grant_claims = Claims()
        """Grant of credit -> contracts it is claimed for."""
        self.grant_invoices = Claims()
        """Grant of credit -> invoice that sold it."""
        self.grant_payments = Claims()
        self.grant_subscriptions = Claims()
        self.note_invoices: dict[str, str] = {}
        self.refund_invoices: dict[str, str] = {}
        self.paid: set[str] = set()
        """Payments that succeeded."""
        self.tied: set[str] = set()
        """Payments of which some event of their own states the invoice."""
        self.standalone: set[str] = set()
        """Payments of which some event states that they have no invoice."""
        self.collected: set[str] = set()
        """Payments of which some event states the legal entity."""
        self.terms: list[events.ContractTerms] = []
        self.account_changes: list[events.CustomerAccountChanged] = []
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

    def _read_account(self, event: events.CustomerAccountChanged) -> None:
        self.account_changes.append(event)

    def _read_terms(self, event: events.ContractTerms) -> None:
        self.terms.append(event)
        self._read_subscription(event)

    def _read_subscription(self, event: Event) -> None:
        if event.contract_id is not None and event.subscription_id is not None:
            self.subscription_claims.add(event.subscription_id, self.contract_of(event) or "")

    def _read_invoice(self, event: events.InvoiceIssued) -> None:
        invoice_id = event.invoice_id
        self._read_of_invoice(event)
        self.invoice_customers.add(invoice_id, event.customer_id or "")
        for line in event.lines:
            billed = line.subscription_id
            if billed is not None and billed != event.subscription_id:
                self.invoice_subscriptions.add(invoice_id, billed)
            if line.accrual_id is not None:
                self.accrual_invoices.add(line.accrual_id, invoice_id)

    def _read_of_invoice(self, event: _OfInvoice) -> None:
        invoice_id = event.invoice_id
        assert invoice_id is not None
        claim, billed = event.contract_id, event.subscription_id
        if claim is not None:
            self.invoice_claims.add(invoice_id, self._aliases.get(claim, claim))
        if billed is not None:
            self.invoice_subscriptions.add(invoice_id, billed)

    def _read_note(self, event: events.CreditNoteIssued) -> None:
        self._read_of_invoice(event)
        self.note_invoices[event.credit_note_id] = event.invoice_id
        for refund_id in event.refund_ids:
            self.refund_invoices[refund_id] = event.invoice_id

    def _read_payment(self, event: events.PaymentSucceeded) -> None:
        payment = self._read_attempt(event)
        if payment is None:
            return
        self.paid.add(payment)
        if event.invoice_id is not None:
            self.tied.add(payment)
        if event.linkage == "standalone":
            self.standalone.add(payment)
        if event.entity is not None:
            self.collected.add(payment)

    def _read_attempt(
        self, event: events.PaymentSucceeded | events.PaymentFailed | events.RefundIssued
    ) -> str | None:
        payment = self._read_movement(event)
        if event.invoice_id is not None:
            if payment is not None:
                self.payment_invoices.add(payment, event.invoice_id)
            if event.contract_id is not None or event.subscription_id is not None:
                self._read_of_invoice(event)
        return payment

    def _read_movement(self, event: _Movement) -> str | None:
        """Join all ids of a payment and note what it claims."""
        refs = event.payment_refs
        if not refs:
            return None
        root = self._root(refs[0]) if len(refs) == 1 else self._join(refs)
        claim, billed = event.contract_id, event.subscription_id
        if claim is not None:
            self.payment_claims.add(root, self._aliases.get(claim, claim))
            self._read_subscription(event)
        if billed is not None:
            self.payment_subscriptions.add(root, billed)
        return root

    def _join(self, refs: tuple[str, ...]) -> str:
        """Make all these ids one payment. What is known already keeps its name, if it can."""
        roots = self._roots
        known = [self._root(ref) for ref in refs if ref in roots]
        root = known[0] if known else refs[0]
        for ref in refs:
            roots.setdefault(ref, root)
        for other in known[1:]:
            if other != root:
                roots[other] = root
                self._moved = True
        return root

    def _read_accrual(
        self, event: events.ItemAccrued | events.ItemDeleted | events.UsageReported
    ) -> None:
        if event.contract_id is not None:
            self.accrual_claims.add(event.accrual_id, self.contract_of(event) or "")
            self._read_subscription(event)
        if event.subscription_id is not None:
            self.accrual_subscriptions.add(event.accrual_id, event.subscription_id)

    def _read_grant(self, event: events.CreditGranted) -> None:
        grant = event.grant_id
        if event.contract_id is not None:
            self.grant_claims.add(grant, self.contract_of(event) or "")
        if event.invoice_id is not None:
            self.grant_invoices.add(grant, event.invoice_id)
        if event.payment_ref is not None:
            self.grant_payments.add(grant, event.payment_ref)
        if event.subscription_id is not None:
            self.grant_subscriptions.add(grant, event.subscription_id)

    def _root(self, ref: str) -> str:
        roots = self._roots
        root = roots.setdefault(ref, ref)
        while root != (above := roots[root]):
            root = above
        return root

    # --- settling ------------------------------------------------------------------------

    def _settle(self) -> None:
        """Bring what was read under names that changed later, and claims to what they run."""
        if self._moved:
            self.payment_claims = self._by_payment(self.payment_claims)
            self.payment_invoices = self._by_payment(self.payment_invoices)
            self.payment_subscriptions = self._by_payment(self.payment_subscriptions)
            self.standalone = {self._root(ref) for ref in self.standalone}
            self.collected = {self._root(ref) for ref in self.collected}
            self.paid = {self._root(ref) for ref in self.paid}
            self.tied = {self._root(ref) for ref in self.tied}
        for payment in self.payment_claims:
            paid_invoice = self.payment_invoices.single(payment)
            if paid_invoice is not None:
                for claim in self.payment_claims.of(payment):
                    self.invoice_claims.add(paid_invoice, claim)
        for invoice_id in self.invoice_claims:
            billed = self.invoice_subscriptions.single(invoice_id)
            if billed is not None:
                for claim in self.invoice_claims.of(invoice_id):
                    self.subscription_claims.add(billed, claim)

    def _by_payment(self, claims: Claims) -> Claims:
        settled = Claims()
        for ref in claims:
            for value in claims.of(ref):
                settled.add(self._root(ref), value)
        return settled


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
    events.CustomerAccountChanged: Index._read_account,
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
    events.CreditGranted: Index._read_grant,
    events.PaymentSucceeded: Index._read_payment,
    events.PaymentFailed: Index._read_attempt,
    events.RefundIssued: Index._read_attempt,
    events.DisputeOpened: Index._read_movement,
    events.DisputeWon: Index._read_movement,
    events.DisputeLost: Index._read_movement,
}
