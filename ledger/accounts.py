"""Account roles: what a journal line means, before the ERP's own codes are known."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """The side on which an account role grows."""

    DEBIT = "debit"
    CREDIT = "credit"


class AccountRole(StrEnum):
    """What a journal line means. The GL mapping turns a role into an ERP account code."""

    ACCOUNTS_RECEIVABLE = "accounts_receivable"
    """Invoiced and not yet paid."""
    UNBILLED_RECEIVABLE = "unbilled_receivable"
    """Earned (usage, proration) and not yet invoiced."""
    CASH_CLEARING = "cash_clearing"
    """Money held by the payment processor until it pays out."""
    EXTERNAL_CASH = "external_cash"
    """Money received outside the payment processor."""
    DEFERRED_FEES = "deferred_fees"
    """Processor fees spread over the service they belong to (policy fee_timing `invoice`)."""
    BANK = "bank"
    """Money paid out to the company's bank account."""
    DISPUTES_RECEIVABLE = "disputes_receivable"
    """Money withdrawn by an open dispute that may come back (policy `receivable`)."""
    DUE_FROM = "due_from"
    """Claim on another legal entity of the group."""
    DUE_TO = "due_to"
    """Debt to another legal entity of the group."""
    DEFERRED_REVENUE = "deferred_revenue"
    """Invoiced service that is still to be delivered."""
    TAX_PAYABLE = "tax_payable"
    """Tax collected for an authority."""
    CUSTOMER_BALANCE = "customer_balance"
    """Credit the customer can spend on later invoices."""
    EXTERNAL_CUSTOMER_BALANCE = "external_customer_balance"
    """Credit owed to the customer outside the billing system."""
    REVENUE = "revenue"
    """Service delivered."""
    RECOVERABLES = "recoverables"
    """Revenue won back after it had been written off or disputed."""
    EXCLUSION = "exclusion"
    """Amounts a policy leaves out of revenue."""
    REFUNDS = "refunds"
    """Contra revenue: recognised revenue given back by refunds."""
    DISPUTES = "disputes"
    """Contra revenue: recognised revenue taken back by disputes."""
    CREDIT_NOTES = "credit_notes"
    """Contra revenue: recognised revenue given back by credit notes."""
    VOIDS = "voids"
    """Contra revenue: recognised revenue of voided invoices."""
    UNBILLED_VOIDS = "unbilled_voids"
    """Contra revenue: accrued lines deleted before they were invoiced."""
    BAD_DEBT = "bad_debt"
    """Recognised revenue that will not be collected."""
    PROCESSING_FEES = "processing_fees"
    """What the payment processor keeps."""
    DISPUTE_LOSSES = "dispute_losses"
    """Money and fees lost to disputes (policy `receivable`)."""
    OTHER_LOSS = "other_loss"
    """Taken back beyond what was ever paid for."""
    FX_GAIN_LOSS = "fx_gain_loss"
    """Realised exchange difference; a debit is a loss."""
    FX_UNREALISED = "fx_unrealised"
    """Exchange difference of a revaluation at a period's end, reversed the day after; a debit is a
    loss."""
    CURRENCY_CONVERSION = "currency_conversion"
    """Bridge between the currency of a claim and the one its money settled in. Each conversion is
    worth nothing in the functional currency: docs/decisions/0007-settlement-currency.md."""
    ROUNDING = "rounding"
    """Small payment differences within the tolerance of the policy."""


CREDIT_NORMAL = frozenset(
    {
        AccountRole.DUE_TO,
        AccountRole.DEFERRED_REVENUE,
        AccountRole.TAX_PAYABLE,
        AccountRole.CUSTOMER_BALANCE,
        AccountRole.EXTERNAL_CUSTOMER_BALANCE,
        AccountRole.REVENUE,
        AccountRole.RECOVERABLES,
        AccountRole.EXCLUSION,
    }
)


def normal_side(role: AccountRole) -> Side:
    """Return the side on which `role` grows."""
    return Side.CREDIT if role in CREDIT_NORMAL else Side.DEBIT


def on_normal_side(role: AccountRole, debit_minor: int) -> int:
    """Turn a signed debit amount into an increase on the role's normal side."""
    return -debit_minor if role in CREDIT_NORMAL else debit_minor
