"""Joins what the scripts remember of a company, and books it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.by_hand_facts import Change, Charge, Company, Invoice, Link
from benchmarks.by_hand_lifecycle import tell_lifecycle
from benchmarks.by_hand_rules import Books
from benchmarks.by_hand_terms import Contract, contract_of

DEFAULT_ENTITY = "US01"

Paid = tuple[Charge, Link | None]


def write_company(company: Company, as_of: int, directory: Path) -> None:
    """Book a company into files."""
    directory.mkdir(parents=True, exist_ok=True)
    with (
        (directory / "erp-postings.jsonl").open("wb") as postings,
        (directory / "lifecycle-updates.jsonl").open("wb") as updates,
    ):
        book_company(company, Books(as_of, postings.write, updates.write))


def book_company(company: Company, books: Books) -> None:
    """Everything that should stand at the as-of time, and what other teams must do."""
    contracts = contracts_of(company.contracts)
    payments = payments_of(company)
    first_payments: dict[str, Charge] = {}
    for invoice in company.invoices.values():
        contract = f"salesforce:{invoice.contract}" if invoice.contract else None
        if invoice.customer not in company.customers:
            books.pending += 1
            continue
        if contract is not None and contract not in contracts:
            books.pending += 1
            continue
        owner = owner_of(company, contracts, invoice, contract)
        book_invoice(books, invoice, payments.get(invoice.invoice_id, []), owner)
        for charge, _ in payments.get(invoice.invoice_id, ()):
            first = first_payments.get(owner[3])
            if first is None or (charge.at, charge.message_id) < (first.at, first.message_id):
                first_payments[owner[3]] = charge
    for payout in company.payouts:
        entity = payout.entity or DEFAULT_ENTITY
        books.post_payout(
            payout.payout_id, payout.at, payout.amount, payout.currency, entity, payout.message_id
        )
    tell_lifecycle(books, company, contracts, first_payments)


def contracts_of(changes: dict[str, list[Change]]) -> dict[str, Contract]:
    """Contracts whose creation was seen, as they stand after all changes."""
    found = {record: contract_of(record, deltas) for record, deltas in changes.items()}
    return {record: contract for record, contract in found.items() if contract is not None}


def payments_of(company: Company) -> dict[str, list[Paid]]:
    """Payments by invoice: old charges name it, for others the invoice payment does."""
    payments: dict[str, list[Paid]] = {}
    for intent, charge in company.charges.items():
        link = company.links.get(intent)
        invoice_id = charge.invoice_id or (link.invoice_id if link else None)
        if invoice_id is not None:
            payments.setdefault(invoice_id, []).append((charge, link))
    return payments


def owner_of(
    company: Company, contracts: dict[str, Contract], invoice: Invoice, contract: str | None
) -> tuple[str, str, str, str]:
    """(entity, currency, customer, contract) of an invoice's postings."""
    entity = contracts[contract].entity if contract else None
    customer = company.account_of.get(invoice.customer, invoice.customer)
    owned = contract or "direct"
    return entity or invoice.entity or DEFAULT_ENTITY, invoice.currency, customer, owned


def book_invoice(
    books: Books, invoice: Invoice, payments: list[Paid], owner: tuple[str, str, str, str]
) -> None:
    """The claim with its recognition, and every payment once."""
    cause = invoice.message_id, "billing.invoice_issued"
    books.post_invoice(
        invoice.invoice_id, invoice.total, invoice.issued_at, invoice.lines, invoice.taxes,
        cause, owner, invoice.evidence,
    )  # fmt: skip
    told = invoice.paid
    for charge, link in payments:
        evidence = [] if link is None else [link.message_id]
        if told is not None:
            evidence.append(told.message_id)
        books.post_payment(
            charge.charge_id, invoice.invoice_id, charge.at, charge.amount, charge.fee,
            charge.message_id, owner, evidence,
        )  # fmt: skip
    collected = sum([charge.amount for charge, _ in payments])
    if told is not None and told.amount > collected:
        books.post_payment(
            f"{invoice.invoice_id}:paid:{told.amount}", invoice.invoice_id, told.at,
            told.amount - collected, 0, told.message_id, owner, [],
        )  # fmt: skip
