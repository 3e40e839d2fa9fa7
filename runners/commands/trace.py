"""`crossfoot trace`: explain an id, from posting to bytes and from bytes to postings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ledger.gl_accounts import AppliedLine
from ledger.instants import iso_day
from ledger.reasons import Reason
from runners import arguments
from runners.commands.trace_report import TracedPosting, TraceReport, trace_report
from runners.display import money, print_json, print_lines, print_table
from runners.stores import opened_store


def trace(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Invoice, contract, customer, event, posting, lifecycle update or dead letter; "
            "`in_1` finds `stripe:in_1`.",
        ),
    ],
    store: arguments.Store,
    show_bytes: Annotated[
        bool,
        typer.Option("--bytes", help="Show the bytes of every event, not only of one asked for."),
    ] = False,
    tenant: arguments.AnyTenant = None,
    as_json: arguments.AsJson = False,
) -> None:
    """Explain an id: events and their bytes, schema, rule, policy, lines, delivery, updates.

    Works in both directions: from a posting to the event that caused it, and
    from an event, invoice, contract or customer to everything it led to. The
    bytes are those of the source, personal data included.

    Example:

      crossfoot trace in_1Pgc6tB7WZ01 --store sqlite:///books.db
    """
    with opened_store(store) as books:
        report = trace_report(books.trace(wanted, tenant))
    if as_json:
        print_json(report)
    else:
        print_trace(report, show_bytes=show_bytes)


def print_trace(report: TraceReport, *, show_bytes: bool) -> None:
    """Print the trace as tables; bytes of one event where one was asked for."""
    print_lines(f"{report.kind.replace('_', ' ')} {report.id}", "")
    print_table(
        "events",
        ["occurred", "event", "type", "schema version", "outcome"],
        [[e.occurred_at, e.message_id, e.type, e.schema_version, e.outcome] for e in report.events],
    )
    for event in report.events:
        if event.trace_id is not None:
            print_lines(f"trace of {event.message_id}: {event.trace_id}", "")
    if show_bytes or report.kind in ("message", "event"):
        for event in report.events:
            print_lines(f"bytes of {event.message_id}:", *_bytes_lines(event), "")
    _print_postings(report.postings)
    print_table(
        "lifecycle updates",
        ["effective", "kind", "target", "reason", "caused by", "action"],
        [
            [
                iso_day(traced.update.effective_at_micros),
                traced.update.kind,
                traced.update.target,
                traced.update.reason,
                traced.update.source_event_id,
                traced.action,
            ]
            for traced in report.lifecycle
        ],
    )
    _print_standing(report)
    for letter in report.dead_letters:
        print_lines(
            f"dead letter {letter.dead_letter_id} ({letter.status}): {letter.reason}",
            f"  {letter.detail}",
            f"  to mend: {letter.mend}",
        )
        if show_bytes or report.kind == "dead_letter":
            print_lines(*_bytes_lines(letter))


def _bytes_lines(shown: Any) -> list[str]:
    """The bytes as they are; base64 says so."""
    if shown.body is not None:
        return str(shown.body).splitlines()
    return [f"base64:{shown.body_base64}"]


def _print_postings(postings: Sequence[TracedPosting]) -> None:
    for posting in postings:
        took_back = f" of {posting.reverses}" if posting.reverses else ""
        late = f" (of {posting.original_period})" if posting.original_period else ""
        print_lines(
            f"{posting.kind} {posting.posting_id}{took_back}, revision {posting.revision}",
            f"  {posting.date}, booked in {posting.period}{late}, {posting.entity}, "
            f"rule {posting.rule}, policy {posting.policy}",
            f"  caused by {posting.event_id} ({posting.schema_version or 'schema not archived'})",
            *(f"  shaped by {other}" for other in posting.evidence),
            *([f"  rate {posting.memo}"] if posting.memo else []),
            f"  delivery {_delivery_line(posting)}",
            *([f"  trace {posting.trace_id}"] if posting.trace_id else []),
        )
        print_table("", *_line_table(posting), right=["debit", "credit", "functional"])
    if not postings:
        print_lines("postings: none")


def _delivery_line(posting: TracedPosting) -> str:
    """How the way to the ERP stands: `accepted by tryton:erp/books as 42`, `refused …: words`."""
    words = [posting.delivery]
    if posting.delivery_reason == Reason.UNMAPPED_ACCOUNT.value:
        words.append(f"{posting.delivery_reason}: {posting.erp_words}")
    elif posting.external_id is not None:
        words.append(f"by {posting.delivered_to} as {posting.external_id}")
    elif posting.delivered_to is not None:
        words.append(f"{posting.delivery_reason} by {posting.delivered_to}")
        words.append(f"after {posting.delivery_attempts} attempts: {posting.erp_words}")
    elif posting.delivery_reason is not None:
        words.append(posting.delivery_reason)
    return " ".join(words)


def _line_table(posting: TracedPosting) -> tuple[list[str], list[list[str]]]:
    translated = posting.currency != posting.functional_currency
    columns = ["role", "currency", "debit", "credit", *(["functional"] if translated else [])]
    if posting.accounts:
        columns.append("account")
    rows = []
    accounts = [_account(one) for one in posting.accounts] or [""] * len(posting.lines)
    for line, account in zip(posting.lines, accounts, strict=True):
        amount = money(line.amount_minor, posting.currency)
        both = [amount, ""] if line.side == "debit" else ["", amount]
        functional = f"{line.functional_amount} {posting.functional_currency}"
        more = [functional] if translated else []
        more += [account] if account else []
        other = f" ({line.counterparty})" if line.counterparty else ""
        rows.append([f"{line.role.value}{other}", posting.currency, *both, *more])
    return columns, rows


def _account(applied: AppliedLine) -> str:
    """`4100 / 200 / SaaS by acme@3 row 4`: account, department, class, and what gave them."""
    codes = (applied.account, applied.department, applied.gl_class)
    row = f"row {applied.row}" if applied.row else "default"
    return f"{' / '.join(code for code in codes if code)} by {applied.mapping} {row}"


def _print_standing(report: TraceReport) -> None:
    print_table(
        "contracts as they stand",
        [
            "contract",
            "customer",
            "term",
            "a month",
            "currency",
            "paid",
            "provisioned",
            "paused",
            "past due",
            "renewal at risk",
        ],
        [
            [
                c["contract_id"],
                c["customer_id"],
                _term(c),
                money(c["mrr_minor"], c["currency"]),
                c["currency"] or "",
                *("yes" if c[name] else "no" for name in _CONTRACT_FLAGS),
            ]
            for c in report.contracts
        ],
    )
    print_table(
        "invoices as they stand",
        ["invoice", "status", "posted", "currency", "total", "paid", "credited"],
        [
            [
                i["invoice_id"],
                i["status"],
                "yes" if i["posted"] else "no",
                i["currency"],
                *(money(i[name], i["currency"]) for name in _INVOICE_AMOUNTS),
            ]
            for i in report.invoices
        ],
        right=["total", "paid", "credited"],
    )
    print_table(
        "CRM and billing disagree",
        ["contract", "on", "product", "sold", "billed", "difference", "currency", "from", "until"],
        [
            [
                d["contract_id"],
                d["attribute"],
                d["product"] or "",
                d["sold"],
                d["billed"],
                money(d["difference_minor"], d["currency"]),
                d["currency"],
                iso_day(d["from_micros"]),
                iso_day(d["to_micros"]),
            ]
            for d in report.drifts
        ],
        right=["difference"],
    )
    print_table(
        "waiting",
        ["event", "reason", "waits for", "until"],
        [
            [p["event_id"], p["reason"], p["waits_for"], iso_day(p["deadline_micros"])]
            for p in report.pending
        ],
    )


def _term(contract: dict[str, Any]) -> str:
    """From and until (exclusive); open where no end is stated."""
    if contract["term_start_micros"] is None:
        return ""
    start = iso_day(contract["term_start_micros"])
    return f"{start} to {iso_day(contract['term_end_micros'])}".strip()


_CONTRACT_FLAGS = ("paid", "provisioned", "paused", "past_due", "renewal_at_risk")
_INVOICE_AMOUNTS = ("total_minor", "paid_minor", "credited_minor")
