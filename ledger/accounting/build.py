"""The accounting of one contract: from its events to the entries that should stand.

The result depends on the set of events, not on their arrival: they are sorted first, joined into
facts, and each claim (invoice or standalone payment) is worked through in the order in which
things happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from ledger.accounting.accruals import Billing, Settlements, accrue_item
from ledger.accounting.billed import Seller, billed_by, give_to_sellers, seller_of
from ledger.accounting.books import Book
from ledger.accounting.evidence import (
    InvoiceFact,
    by_id,
    first_of_each,
    merge_disputes,
    merge_invoices,
    merge_notes,
    merge_refunds,
)
from ledger.accounting.grants import Sales, find_sales, open_wallets, wait_for_payment
from ledger.accounting.issue import accept_invoice, issue, post_issue
from ledger.accounting.kinds import Kinds, sort_out
from ledger.accounting.linking import Claim, Linker
from ledger.accounting.payment_evidence import Payment, merge_payments
from ledger.accounting.payments import pay_standalone
from ledger.accounting.payouts import book_payouts
from ledger.accounting.poster import Poster
from ledger.accounting.recognise import recognise
from ledger.accounting.result import AccountingResult, FailedPaymentFact, PaymentFact
from ledger.accounting.timeline import wait_with, work_through
from ledger.accounting.totals import explain_refund_totals
from ledger.accounting.usage import accrue_meter
from ledger.accounting.wallets import watch
from ledger.events import Event, PaymentFailed
from ledger.policies import BooksConfig, PolicyPack
from ledger.reasons import Reason
from ledger.results import InvoiceState

_E = TypeVar("_E", bound=Event)


def fold_accounting(
    tenant: str,
    customer_id: str,
    contract_id: str,
    events: Sequence[Event],
    policy: PolicyPack,
    config: BooksConfig,
    as_of_micros: int,
) -> AccountingResult:
    """Return everything that should be posted for the events of one contract.

    Events may come in any order and more than once. Recognition goes up to `as_of_micros`; what
    events book at once is not limited by it. Nothing in the data raises: it waits or is refused.
    """
    poster = Poster(tenant, customer_id, contract_id, policy, config, as_of_micros)
    kinds = sort_out(poster, events)
    issued, sold_by = billed_by(kinds.invoices)
    invoices = merge_invoices(issued, poster) if issued else []
    states: list[InvoiceState] = []
    sellers: dict[str, Seller] = {}
    accepted, waiting = _accept(poster, invoices, states, sold_by, sellers)
    settled: Settlements = {}
    if kinds.items or kinds.usage:
        _accrue(poster, kinds, accepted, settled)
    linker = _link(poster, kinds, accepted, waiting)
    sales = _prepaid(poster, kinds, accepted, linker)
    paid = _work(poster, accepted, settled, linker, states, sales)
    book_payouts(poster, kinds.payouts, kinds.payouts_failed)
    poster.entries.sort(key=lambda entry: (entry.accounting_date, entry.entry_key))
    if sellers:
        poster.entries = give_to_sellers(poster.entries, sellers)
        poster.entries.sort(key=lambda entry: (entry.accounting_date, entry.entry_key))
    return AccountingResult(
        entries=tuple(poster.entries),
        pending=tuple(sorted(poster.pending, key=lambda one: (one.event_id, one.reason))),
        refusals=tuple(sorted(poster.refusals, key=lambda one: (one.event_id, one.reason))),
        invoices=tuple(sorted(states, key=lambda one: (one.issued_at_micros, one.invoice_id))),
        payments=tuple(sorted(paid, key=lambda one: (one.at_micros, one.event_id))),
        failed_payments=_failed(kinds.failed),
    )


def _accept(
    poster: Poster,
    invoices: list[InvoiceFact],
    states: list[InvoiceState],
    sold_by: dict[str, str],
    sellers: dict[str, Seller],
) -> tuple[list[tuple[InvoiceFact, int]], dict[str, Reason]]:
    """Return the invoices that can be booked with their worth, and why others cannot.

    `sellers` is filled with the rate of who sold what another entity bills.
    """
    accepted: list[tuple[InvoiceFact, int]] = []
    waiting: dict[str, Reason] = {}
    for fact in invoices:
        worth = accept_invoice(poster, fact)
        sold = sold_by.get(fact.content.invoice_id)
        if sold is not None and worth is not None:
            seller = seller_of(poster, fact, sold)
            if seller is None:
                worth = None
            else:
                sellers[fact.content.invoice_id] = seller
        if worth is not None:
            accepted.append((fact, worth))
            continue
        content = fact.content
        waits = poster.pending and poster.pending[-1].event_id == fact.cause.event_id
        waiting[content.invoice_id] = Reason.MISSING_RATE if waits else Reason.UNMATCHED_INVOICE
        states.append(
            InvoiceState(
                invoice_id=content.invoice_id,
                currency=content.currency,
                total_minor=content.total_minor,
                paid_minor=0,
                credited_minor=0,
                status="pending",
                posted=False,
                issued_at_micros=fact.issued_at,
                due_at_micros=fact.due_at,
            )
        )
    return accepted, waiting


def _accrue(
    poster: Poster,
    kinds: Kinds,
    accepted: list[tuple[InvoiceFact, int]],
    settled: Settlements,
) -> None:
    """Book what is earned before its invoice, and what of it each invoice line settles.

    It is earned by the entity that invoices it first; invoices of another one settle nothing of it.
    """
    billed: dict[str, list[Billing]] = {}
    earner: dict[str, str] = {}
    for fact, _ in sorted(accepted, key=lambda one: (one[0].issued_at, one[0].content.invoice_id)):
        content = fact.content
        for line in content.lines:
            if line.accrual_id is not None:
                entity = poster.entity_of(fact.cause)
                if earner.setdefault(line.accrual_id, entity) != entity:
                    continue
                bill = Billing(fact.issued_at, content.invoice_id, line, content.currency)
                billed.setdefault(line.accrual_id, []).append(bill)
    deleted = {event.accrual_id: event for event in reversed(kinds.items_deleted)}
    for accrual_id, items in by_id(kinds.items, "accrual_id").items():
        items = _earned_by(earner.get(accrual_id), items)
        accrue_item(poster, items, deleted.get(accrual_id), billed.get(accrual_id, []), settled)
    for accrual_id, reports in by_id(kinds.usage, "accrual_id").items():
        reports = _earned_by(earner.get(accrual_id), reports)
        accrue_meter(poster, reports, billed.get(accrual_id, []), settled)


def _earned_by(entity: str | None, told: list[_E]) -> list[_E]:
    """Return what was earned as the entity's own; as it was told where no invoice asks for it."""
    if entity is None:
        return told
    return [
        event if event.entity == entity else msgspec.structs.replace(event, entity=entity)
        for event in told
    ]


def _link(
    poster: Poster,
    kinds: Kinds,
    accepted: list[tuple[InvoiceFact, int]],
    waiting: dict[str, Reason],
) -> Linker:
    """Give every event to the claim it concerns."""
    linker = Linker(poster, waiting)
    for fact, _ in accepted:
        linker.claims[fact.content.invoice_id] = Claim(fact.content.currency)
    if kinds.payments:
        linker.link_payments(merge_payments(kinds.payments, poster))
    if kinds.refunds:
        _link_refunds(poster, kinds, linker)
    if kinds.disputes or kinds.disputes_won or kinds.disputes_lost:
        for dispute in merge_disputes(
            poster, kinds.disputes, kinds.disputes_won, kinds.disputes_lost
        ):
            linker.link_dispute(dispute)
    if kinds.notes or kinds.notes_voided or kinds.given_up or kinds.voids:
        _link_adjustments(poster, kinds, linker)
    return linker


def _prepaid(
    poster: Poster, kinds: Kinds, accepted: list[tuple[InvoiceFact, int]], linker: Linker
) -> Sales:
    """Find what was sold as prepaid credit; credit that was given away is only watched."""
    if not (kinds.grants or kinds.drawn or kinds.reinstated or kinds.expired or kinds.credit_voids):
        return {}
    wallets = open_wallets(poster, kinds)
    facts = {fact.content.invoice_id: fact for fact, _ in accepted}
    sales = find_sales(poster, wallets, facts, linker)
    for wallet in wallets:
        if wallet.grant.event.category != "paid":
            watch(poster, wallet)
    return sales


def _link_adjustments(poster: Poster, kinds: Kinds, linker: Linker) -> None:
    for note in merge_notes(kinds.notes, poster):
        if (claim := linker.invoice(note.event)) is not None:
            claim.notes.append(note)
    for undone in first_of_each(poster, kinds.notes_voided, "credit_note_id"):
        if (claim := linker.invoice(undone.event)) is not None:
            claim.notes_voided.append(undone)
    for given_up in first_of_each(poster, kinds.given_up, "invoice_id"):
        if (claim := linker.invoice(given_up.event)) is not None:
            claim.given_up.append(given_up)
    for voided in first_of_each(poster, kinds.voids, "invoice_id"):
        if (claim := linker.invoice(voided.event)) is not None:
            claim.voids.append(voided)


def _link_refunds(poster: Poster, kinds: Kinds, linker: Linker) -> None:
    totals = [event for event in kinds.refunds if event.evidence == "charge_total"]
    single = [event for event in kinds.refunds if event.evidence != "charge_total"]
    facts = merge_refunds(single, poster)
    for fact in [*facts, *explain_refund_totals(poster, linker, totals, facts)]:
        linker.link_refund(fact)


def _work(
    poster: Poster,
    accepted: list[tuple[InvoiceFact, int]],
    settled: Settlements,
    linker: Linker,
    states: list[InvoiceState],
    sales: Sales,
) -> list[PaymentFact]:
    """Work through every claim and recognise its revenue; return the payments booked."""
    paid: list[Payment] = []
    for fact, worth in accepted:
        book = issue(poster, fact, worth, settled, sales)
        claim = linker.claims[fact.content.invoice_id]
        paid += work_through(poster, book, claim)
        post_issue(poster, book)
        recognise(poster, book)
        states.append(_state(book))
    for payment in linker.standalone:
        claim = linker.claims[payment.key]
        standalone = pay_standalone(poster, payment, claim.wallets)
        if standalone is None:
            wait_with(poster, claim, payment)
            wait_for_payment(poster, claim.wallets, payment.key)
        else:
            work_through(poster, standalone, claim)
            paid.append(payment)
    return [_paid(payment) for payment in paid]


def _state(book: Book) -> InvoiceState:
    return InvoiceState(
        invoice_id=book.key,
        currency=book.cause.currency,
        total_minor=book.total,
        paid_minor=book.paid,
        credited_minor=book.credited,
        status="paid" if book.status == "open" and book.receivable.amount <= 0 else book.status,
        posted=True,
        issued_at_micros=book.issued_at,
        due_at_micros=book.due_at,
        owed_minor=book.receivable.amount,
    )


def _paid(payment: Payment) -> PaymentFact:
    return PaymentFact(
        at_micros=payment.at,
        event_id=payment.cause.event_id,
        source_event_id=payment.cause.source_event_id,
        currency=payment.currency,
        amount_minor=payment.amount,
        invoice_id=payment.invoice_id,
    )


def _failed(events: Sequence[PaymentFailed]) -> tuple[FailedPaymentFact, ...]:
    return tuple(
        FailedPaymentFact(
            at_micros=event.occurred_at_micros,
            event_id=event.event_id,
            source_event_id=event.source_event_id,
            currency=event.currency,
            amount_minor=event.amount_minor,
            invoice_id=event.invoice_id,
            failure_code=event.failure_code,
            attempt_count=event.attempt_count,
            next_attempt_at_micros=event.next_attempt_at_micros,
        )
        for event in events
    )
