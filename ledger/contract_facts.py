"""What happened on one contract, told once: the facts that lifecycle rules and states read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from ledger import events
from ledger.accounting.result import AccountingResult, FailedPaymentFact, PaymentFact
from ledger.events import Event
from ledger.results import InvoiceState


class Cause(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The moment and the event that made something true."""

    at_micros: int
    event_id: str
    source_event_id: str


class Run(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A stretch in which a subscription ran; a side that was not told is None."""

    activated: events.SubscriptionActivated | None = None
    cancelled: events.SubscriptionCancelled | None = None
    ends_at_micros: int | None = None
    """When the service ends, known only once it was cancelled."""


class SubscriptionFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A subscription as it stands, and every stretch in which it ran; never without one."""

    subscription_id: str
    latest: events.SubscriptionState
    states: tuple[events.SubscriptionState, ...]
    """As it was told, by time."""
    runs: tuple[Run, ...]

    def runs_at(self, micros: int) -> bool:
        """Tell whether it was activated and has not ended at `micros`."""
        last = self.runs[-1]
        if last.activated is None:
            return False
        return last.ends_at_micros is None or last.ends_at_micros > micros


class OverdueInvoice(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The attempts to collect an invoice that failed before it was closed."""

    invoice_id: str
    attempts: tuple[tuple[int, FailedPaymentFact], ...]
    """(step, attempt) from 1, each step once."""
    status: str
    """How it ended: paid, voided, uncollectible; open while it has not."""
    closed: Cause | None = None

    def open_at(self, micros: int) -> bool:
        """Tell whether money was overdue after a failed attempt at `micros`."""
        started = self.attempts[0][1].at_micros <= micros
        return started and (self.closed is None or self.closed.at_micros > micros)


class DisputeFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A dispute: opened, and how it went."""

    dispute_id: str
    opened: events.DisputeOpened
    won: bool = False
    lost: bool = False


class BillingFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What billing charged for: invoices that count, and items that wait for theirs."""

    invoices: tuple[events.InvoiceIssued, ...] = ()
    """By time; as first told, without those voided."""
    items: tuple[events.ItemAccrued, ...] = ()
    metered: frozenset[str] = frozenset()
    """Accruals of which usage was reported."""


class ContractFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One contract, after its accounting."""

    tenant: str
    customer_id: str
    contract_id: str
    entity: str | None
    accounting: AccountingResult
    signed: events.ContractSigned | None = None
    terms: tuple[events.ContractTerms, ...] = ()
    """Signed, amended and renewed, by time."""
    cancelled: events.ContractCancelled | None = None
    """The earliest end."""
    subscriptions: tuple[SubscriptionFacts, ...] = ()
    overdue: tuple[OverdueInvoice, ...] = ()
    disputes: tuple[DisputeFacts, ...] = ()
    billing: BillingFacts = BillingFacts()


class _Notes:
    """What is noted while the events are read, in order of time."""

    __slots__ = ("cancellations", "closings", "disputes", "invoices", "items", "lost", "metered",
                 "subscriptions", "terms", "won")  # fmt: skip

    def __init__(self) -> None:
        self.terms: list[events.ContractTerms] = []
        self.cancellations: list[events.ContractCancelled] = []
        self.subscriptions: dict[str, list[events.SubscriptionState]] = {}
        self.closings: dict[tuple[str, str], Cause] = {}
        self.disputes: dict[str, events.DisputeOpened] = {}
        self.won: set[str] = set()
        self.lost: set[str] = set()
        self.invoices: dict[str, events.InvoiceIssued] = {}
        self.items: dict[str, events.ItemAccrued] = {}
        self.metered: set[str] = set()


def gather_facts(
    tenant: str,
    customer_id: str,
    contract_id: str,
    contract_events: Sequence[Event],
    accounting: AccountingResult,
    entity: str | None = None,
) -> ContractFacts:
    """Read the facts of a contract; `contract_events` sorted by (time, event id).

    `entity` is its legal entity where CRM states it; else the first that an event states.
    """
    notes = _Notes()
    for event in contract_events:
        noting = _NOTING.get(type(event))
        if noting is not None:
            noting(event, notes)
    signed = [terms for terms in notes.terms if isinstance(terms, events.ContractSigned)]
    return ContractFacts(
        tenant=tenant,
        customer_id=customer_id,
        contract_id=contract_id,
        entity=entity or next((event.entity for event in contract_events if event.entity), None),
        accounting=accounting,
        signed=signed[0] if signed else None,
        terms=tuple(notes.terms),
        cancelled=min(notes.cancellations, key=_end_of_contract, default=None),
        subscriptions=tuple(
            _subscription(subscription_id, notes.subscriptions[subscription_id])
            for subscription_id in sorted(notes.subscriptions)
        ),
        overdue=_overdue(accounting, notes.closings) if accounting.failed_payments else (),
        disputes=tuple(_dispute(notes, dispute_id) for dispute_id in sorted(notes.disputes)),
        billing=_billing(notes) if notes.terms or notes.subscriptions else BillingFacts(),
    )


def _note_subscription(event: events.SubscriptionState, notes: _Notes) -> None:
    if event.subscription_id is not None:
        notes.subscriptions.setdefault(event.subscription_id, []).append(event)


def _note_terms(event: events.ContractTerms, notes: _Notes) -> None:
    notes.terms.append(event)


def _note_cancellation(event: events.ContractCancelled, notes: _Notes) -> None:
    notes.cancellations.append(event)


def _note_void(event: events.InvoiceVoided, notes: _Notes) -> None:
    notes.closings.setdefault((event.invoice_id, "voided"), cause_of(event))


def _note_write_off(event: events.InvoiceMarkedUncollectible, notes: _Notes) -> None:
    notes.closings.setdefault((event.invoice_id, "uncollectible"), cause_of(event))


def _note_invoice(event: events.InvoiceIssued, notes: _Notes) -> None:
    notes.invoices.setdefault(event.invoice_id, event)


def _note_item(event: events.ItemAccrued, notes: _Notes) -> None:
    notes.items[event.accrual_id] = event


def _note_deletion(event: events.ItemDeleted, notes: _Notes) -> None:
    notes.items.pop(event.accrual_id, None)


def _note_usage(event: events.UsageReported, notes: _Notes) -> None:
    notes.metered.add(event.accrual_id)


def _note_credit(event: events.CreditNoteIssued, notes: _Notes) -> None:
    notes.closings[event.invoice_id, "paid"] = cause_of(event)


def _note_dispute(event: events.DisputeOpened, notes: _Notes) -> None:
    notes.disputes.setdefault(event.dispute_id, event)


def _note_won(event: events.DisputeWon, notes: _Notes) -> None:
    notes.won.add(event.dispute_id)


def _note_lost(event: events.DisputeLost, notes: _Notes) -> None:
    notes.lost.add(event.dispute_id)


_NOTING: dict[type[Event], Callable[..., None]] = {
    events.SubscriptionActivated: _note_subscription,
    events.SubscriptionChanged: _note_subscription,
    events.SubscriptionCancelled: _note_subscription,
    events.ContractSigned: _note_terms,
    events.ContractAmended: _note_terms,
    events.ContractRenewed: _note_terms,
    events.ContractCancelled: _note_cancellation,
    events.InvoiceIssued: _note_invoice,
    events.ItemAccrued: _note_item,
    events.ItemDeleted: _note_deletion,
    events.UsageReported: _note_usage,
    events.InvoiceVoided: _note_void,
    events.InvoiceMarkedUncollectible: _note_write_off,
    events.CreditNoteIssued: _note_credit,
    events.DisputeOpened: _note_dispute,
    events.DisputeWon: _note_won,
    events.DisputeLost: _note_lost,
}
"""Payments are not here: the accounting tells of them."""


def cause_of(event: Event) -> Cause:
    """An event as the cause of something."""
    return Cause(event.occurred_at_micros, event.event_id, event.source_event_id)


def _end_of_contract(event: events.ContractCancelled) -> tuple[int, str]:
    return event.effective_at_micros, event.event_id


def _subscription(
    subscription_id: str, states: list[events.SubscriptionState]
) -> SubscriptionFacts:
    """Within one moment it starts before it changes and changes before it ends."""
    if len(states) > 1:
        states.sort(key=lambda state: (state.occurred_at_micros, _RANK[type(state)]))
    runs: list[Run] = []
    for state in states:
        running = runs[-1] if runs and runs[-1].cancelled is None else None
        if isinstance(state, events.SubscriptionActivated) and running is None:
            runs.append(Run(state))
        elif isinstance(state, events.SubscriptionCancelled) and (running or not runs):
            ended = Run(running.activated if running else None, state, _service_end(state))
            runs[-1:] = [ended]
    return SubscriptionFacts(
        subscription_id=subscription_id,
        latest=states[-1],
        states=tuple(states),
        runs=tuple(runs) or (Run(),),
    )


_RANK: dict[type[Event], int] = {
    events.SubscriptionActivated: 0,
    events.SubscriptionChanged: 1,
    events.SubscriptionCancelled: 2,
}


def _service_end(ended: events.SubscriptionCancelled) -> int:
    """At once, unless it was cancelled to the end of its period."""
    if ended.ended_at_micros is not None:
        return ended.ended_at_micros
    if ended.cancel_at_period_end and ended.period_end_micros is not None:
        return ended.period_end_micros
    return ended.occurred_at_micros


def _billing(notes: _Notes) -> BillingFacts:
    """Only what a comparison with CRM needs; an item that was billed is on its invoice."""
    standing = [
        invoice
        for invoice_id, invoice in notes.invoices.items()
        if (invoice_id, "voided") not in notes.closings
    ]
    billed = {line.accrual_id for invoice in standing for line in invoice.lines}
    return BillingFacts(
        invoices=tuple(standing),
        items=tuple(item for name, item in notes.items.items() if name not in billed),
        metered=frozenset(notes.metered),
    )


def _dispute(notes: _Notes, dispute_id: str) -> DisputeFacts:
    return DisputeFacts(
        dispute_id=dispute_id,
        opened=notes.disputes[dispute_id],
        won=dispute_id in notes.won,
        lost=dispute_id in notes.lost,
    )


# --- collecting ---------------------------------------------------------------------------


def _overdue(
    accounting: AccountingResult, closings: dict[tuple[str, str], Cause]
) -> tuple[OverdueInvoice, ...]:
    """Failed attempts per invoice; those told after the invoice was closed are of no interest."""
    states = {invoice.invoice_id: invoice for invoice in accounting.invoices}
    failed: dict[str, list[FailedPaymentFact]] = {}
    for attempt in accounting.failed_payments:
        failed.setdefault(attempt.invoice_id or attempt.event_id, []).append(attempt)
    found = []
    for invoice_id in sorted(failed):
        state = states.get(invoice_id)
        closed = _closing(state, accounting.payments, closings) if state else None
        attempts = [
            attempt
            for attempt in failed[invoice_id]
            if closed is None or attempt.at_micros <= closed.at_micros
        ]
        if attempts:
            found.append(
                OverdueInvoice(
                    invoice_id=invoice_id,
                    attempts=_steps(attempts),
                    status=state.status if state and closed else "open",
                    closed=closed,
                )
            )
    return tuple(found)


def _closing(
    state: InvoiceState,
    payments: Iterable[PaymentFact],
    closings: dict[tuple[str, str], Cause],
) -> Cause | None:
    """What closed an invoice: the last payment or credit note, the void, the write-off."""
    if state.status not in ("paid", "voided", "uncollectible"):
        return None
    found = (
        [closings[state.invoice_id, state.status]]
        if ((state.invoice_id, state.status) in closings)
        else []
    )
    if state.status == "paid":
        found += [
            Cause(paid.at_micros, paid.event_id, paid.source_event_id)
            for paid in payments
            if paid.invoice_id == state.invoice_id
        ]
    return max(found, key=lambda cause: (cause.at_micros, cause.event_id), default=None)


def _steps(attempts: list[FailedPaymentFact]) -> tuple[tuple[int, FailedPaymentFact], ...]:
    """Number the attempts as the source counts them, else by time.

    Several events tell one attempt (the invoice's and the payment's): where any states a count,
    the others add nothing; without counts, events of the same moment are one attempt.
    """
    counted: dict[int, FailedPaymentFact] = {}
    for attempt in attempts:
        if attempt.attempt_count is not None:
            counted.setdefault(attempt.attempt_count, attempt)
    if counted:
        return tuple(sorted(counted.items(), key=lambda step: step[0]))
    by_time: dict[int, FailedPaymentFact] = {}
    for attempt in attempts:
        by_time.setdefault(attempt.at_micros, attempt)
    return tuple(enumerate((by_time[at] for at in sorted(by_time)), start=1))
