"""What a canonical event must mean, beyond the shape and ranges its Avro schema can say.

These hold for every provider: sums that must add up, signs that go together, intervals that
must not run backwards. Each check returns a Violation or None and looks at one event only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ledger.events import (
    CanonicalEvent,
    ContractAmended,
    ContractRenewed,
    ContractSigned,
    CreditNoteIssued,
    InvoiceIssued,
    ItemAccrued,
    PaymentSucceeded,
    SubscriptionActivated,
    SubscriptionCancelled,
    SubscriptionChanged,
    TaxAmount,
    UsageReported,
)
from ledger.reasons import Reason
from schemas.rules import Violation


def check_meaning(event: CanonicalEvent) -> Violation | None:
    """Return what makes a well-formed event impossible in business terms, or None."""
    check = _CHECKS.get(type(event))
    return check(event) if check is not None else None


def exclusive_tax_minor(taxes: Iterable[TaxAmount]) -> int:
    """Sum of the taxes that come on top of the amount they belong to, in minor units."""
    return sum([tax.amount_minor for tax in taxes if not tax.inclusive])


def _check_invoice(event: InvoiceIssued) -> Violation | None:
    """Lines plus exclusive taxes give the total; only a credit to the balance is negative."""
    stated = exclusive_tax_minor(event.taxes) if event.taxes else 0
    for line in event.lines:
        stated += line.amount_minor
        if line.taxes:
            stated += exclusive_tax_minor(line.taxes)
    if stated != event.total_minor:
        return _fault(Reason.LINES_DO_NOT_ADD_UP, "total_minor", "differs from lines plus taxes")
    if event.total_minor < 0 and event.balance_applied_minor != event.total_minor:
        detail = "negative, and not credited to the customer's balance"
        return _fault(Reason.NEGATIVE_AMOUNT, "total_minor", detail)
    return _check_service_periods(event)


def _check_service_periods(event: InvoiceIssued) -> Violation | None:
    for index, line in enumerate(event.lines):
        start, end = line.service_start_micros, line.service_end_micros
        if start is None or end is None or end < start:
            fault = _check_interval(start, end, f"lines[{index}].service_end_micros")
            if fault is not None:
                return fault
    if len(event.lines) > 1 and len({line.line_id for line in event.lines}) != len(event.lines):
        return _fault(Reason.INVALID_VALUE, "lines", "two lines have the same line_id")
    return None


def _check_interval(start: int | None, end: int | None, path: str) -> Violation | None:
    """Both ends or neither, and the end not before the start."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        return _fault(Reason.MISSING_FIELD, path, "a period needs its start and its end")
    if end < start:
        return _fault(Reason.INVALID_VALUE, path, "ends before it starts")
    return None


def _check_credit_note(event: CreditNoteIssued) -> Violation | None:
    """Where the credit goes adds up to the total; so do the lines, where it has any."""
    parts = (
        event.to_receivable_minor
        + event.to_balance_minor
        + event.refunded_minor
        + event.out_of_band_minor
    )
    if parts != event.total_minor:
        detail = "differs from receivable plus balance plus refunded plus out of band"
        return _fault(Reason.LINES_DO_NOT_ADD_UP, "total_minor", detail)
    if event.tax_minor is not None and event.tax_minor > event.total_minor:
        return _fault(Reason.LINES_DO_NOT_ADD_UP, "tax_minor", "more tax than total")
    if not event.lines:
        return None
    stated = sum([x.amount_minor + exclusive_tax_minor(x.taxes) for x in event.lines])
    if stated != event.total_minor:
        return _fault(Reason.LINES_DO_NOT_ADD_UP, "lines", "lines plus taxes differ from total")
    return None


def _check_payment(event: PaymentSucceeded) -> Violation | None:
    """A payment needs a way to be recognised again and a settlement its currency."""
    if event.evidence == "invoice_total" and event.invoice_id is None:
        return _fault(Reason.MISSING_FIELD, "invoice_id", "evidence invoice_total needs it")
    if event.evidence == "payment" and not event.payment_refs:
        return _fault(Reason.MISSING_FIELD, "payment_refs", "evidence payment needs one")
    if event.linkage == "invoice" and event.invoice_id is None:
        return _fault(Reason.MISSING_FIELD, "invoice_id", "linkage invoice needs it")
    if event.settlement_minor is not None and event.settlement_currency is None:
        return _fault(Reason.MISSING_FIELD, "settlement_currency", "settlement_minor needs it")
    return None


def _check_terms(event: ContractSigned | ContractAmended | ContractRenewed) -> Violation | None:
    end = event.term_end_micros
    if end is not None and end < event.term_start_micros:
        return _fault(Reason.INVALID_VALUE, "term_end_micros", "ends before it starts")
    for index, line in enumerate(event.lines):
        start, end = line.service_start_micros, line.service_end_micros
        if start is not None and end is not None and end < start:
            path = f"lines[{index}].service_end_micros"
            return _fault(Reason.INVALID_VALUE, path, "ends before it starts")
    return None


def _check_accrual(event: ItemAccrued) -> Violation | None:
    start, end = event.service_start_micros, event.service_end_micros
    return _check_interval(start, end, "service_end_micros")


def _check_period(
    event: SubscriptionActivated | SubscriptionChanged | SubscriptionCancelled | UsageReported,
) -> Violation | None:
    start, end = event.period_start_micros, event.period_end_micros
    if start is not None and end is not None and end < start:
        return _fault(Reason.INVALID_VALUE, "period_end_micros", "ends before it starts")
    return None


def _fault(reason: Reason, path: str, detail: str) -> Violation:
    return Violation(reason=reason.value, path=path, detail=detail)


_CHECKS: dict[type, Callable[..., Violation | None]] = {
    InvoiceIssued: _check_invoice,
    CreditNoteIssued: _check_credit_note,
    PaymentSucceeded: _check_payment,
    ContractSigned: _check_terms,
    ContractAmended: _check_terms,
    ContractRenewed: _check_terms,
    ItemAccrued: _check_accrual,
    SubscriptionActivated: _check_period,
    SubscriptionChanged: _check_period,
    SubscriptionCancelled: _check_period,
    UsageReported: _check_period,
}
