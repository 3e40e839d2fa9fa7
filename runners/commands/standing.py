"""`crossfoot standing`: which invoices are not posted, who is not provisioned, what is at risk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from connectors.store import Conservation, LedgerStore
from connectors.store.questions import RenewalAtRisk, UnpostedInvoice, UnprovisionedContract
from ledger.instants import iso_day, iso_instant
from ledger.mending import how_to_mend
from runners import arguments
from runners.commands.exceptions_report import AtRisk, exception_queue, print_at_risk
from runners.display import money, print_json, print_lines, print_table
from runners.problems import Findings
from runners.stores import opened_store

SHOWN = 20
"""Rows of each answer that a terminal shows."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to the standing questions; field names are the JSON output."""

    as_of: str
    """Exclusive, ISO 8601, UTC: deadlines before it are past."""
    events: Conservation
    """Where every event that the store knows ended."""
    invoices_not_posted: tuple[UnpostedInvoice, ...]
    paid_not_provisioned: tuple[UnprovisionedContract, ...]
    renewals_at_risk: tuple[RenewalAtRisk, ...]
    exceptions: tuple[AtRisk, ...]
    """Per reason and currency; `crossfoot exceptions list` has them one by one."""


def standing(
    store: arguments.Store,
    as_of: arguments.AsOf = None,
    tenant: arguments.AnyTenant = None,
    strict: arguments.Strict = False,
    as_json: arguments.AsJson = False,
) -> None:
    """Answer the standing questions, each with its reasons and its money.

    Which invoices are not posted, which customers paid and are not
    provisioned, which renewals are at risk, which exceptions hold how much
    money. With --strict any of them gives exit code 3.

    Example:

      crossfoot standing --store sqlite:///books.db --as-of 2026-03-31
    """
    moment = arguments.micros(arguments.as_of_instant(as_of, datetime.now(UTC)))
    with opened_store(store) as books:
        report = standing_report(books, moment, tenant)
    if as_json:
        print_json(report)
    else:
        print_standing(report)
    if strict and _needs_attention(report):
        raise Findings


def standing_report(store: LedgerStore, as_of_micros: int, tenant: str | None) -> Standing:
    """Ask the store the standing questions."""
    return Standing(
        as_of=iso_instant(as_of_micros),
        events=store.conservation(as_of_micros, tenant),
        invoices_not_posted=tuple(store.unposted_invoices(tenant)),
        paid_not_provisioned=tuple(store.unprovisioned(tenant)),
        renewals_at_risk=tuple(store.renewals_at_risk(tenant)),
        exceptions=exception_queue(store.exceptions(as_of_micros, tenant)).at_risk,
    )


def _needs_attention(report: Standing) -> bool:
    return bool(
        report.invoices_not_posted
        or report.paid_not_provisioned
        or report.renewals_at_risk
        or report.exceptions
    )


def print_standing(report: Standing) -> None:
    """Print one table per question."""
    events = report.events
    print_lines(
        f"as of {report.as_of} (exclusive)",
        f"{events.total} events known = {events.posted} posted + {events.recorded} recorded"
        f" + {events.pending} pending ({events.expired} past their deadline)"
        f" + {events.dead_lettered} dead-lettered",
        "",
    )
    _print_unposted(report.invoices_not_posted)
    _print_unprovisioned(report.paid_not_provisioned)
    _print_renewals(report.renewals_at_risk)
    print_at_risk(report.exceptions)


def _print_unposted(invoices: Sequence[UnpostedInvoice]) -> None:
    print_table(
        "invoices not posted",
        ["invoice", "customer", "total", "currency", "period", "why", "waits for", "until"],
        [
            [
                invoice.invoice_id,
                invoice.customer_id,
                money(invoice.total_minor, invoice.currency),
                invoice.currency,
                invoice.period,
                ", ".join(invoice.reasons) or "no reason given",
                ", ".join(invoice.waits_for),
                iso_day(invoice.deadline_micros),
            ]
            for invoice in invoices
        ],
        right=["total"],
        at_most=SHOWN,
    )
    for reason in sorted({reason for invoice in invoices for reason in invoice.reasons}):
        print_lines(f"  {reason}: {how_to_mend(reason)}")
    if invoices:
        print_lines("")


def _print_unprovisioned(contracts: Sequence[UnprovisionedContract]) -> None:
    print_table(
        "customers who paid and are not provisioned",
        ["contract", "customer", "entity", "paid", "currency", "subscriptions"],
        [
            [
                contract.contract_id,
                contract.customer_id,
                contract.entity,
                money(contract.paid_minor, contract.currency),
                contract.currency or "",
                ", ".join(contract.subscription_ids) or "none activated",
            ]
            for contract in contracts
        ],
        right=["paid"],
        at_most=SHOWN,
    )


def _print_renewals(renewals: Sequence[RenewalAtRisk]) -> None:
    print_table(
        "renewals at risk",
        ["contract", "customer", "entity", "term ends", "owed", "currency", "why"],
        [
            [
                renewal.contract_id,
                renewal.customer_id,
                renewal.entity,
                iso_day(renewal.term_end_micros),
                money(renewal.open_minor, renewal.currency),
                renewal.currency or "",
                ", ".join(renewal.reasons),
            ]
            for renewal in renewals
        ],
        right=["owed"],
        at_most=SHOWN,
    )
