"""Billing credits, as far as they carry meaning here: grants and balance transactions.

The same rules as in shapes.py: Stripe's names, everything else unread.
"""

from __future__ import annotations

from msgspec import Struct

from connectors.providers.stripe.shapes import Metadata, Ref


class Monetary(Struct, gc=False):
    """An amount of credit in money."""

    currency: str
    value: int


class CreditAmount(Struct, gc=False):
    """An amount of credit; `monetary` is empty when it is counted in another unit."""

    monetary: Monetary | None = None
    type: str | None = None


class CreditGrant(Struct, gc=False):
    """One lot of credit of a customer."""

    id: str
    amount: CreditAmount | None = None
    category: str | None = None
    customer: Ref = None
    customer_account: str | None = None
    effective_at: int | None = None
    expires_at: int | None = None
    metadata: Metadata = None
    priority: int | None = None
    voided_at: int | None = None


class CreditApplication(Struct, gc=False):
    """The invoice and line that credit was spent on."""

    invoice: Ref = None
    invoice_line_item: str | None = None


class CreditDebit(Struct, gc=False):
    """Credit that went: applied, expired or voided, by `type`."""

    amount: CreditAmount | None = None
    credits_applied: CreditApplication | None = None
    type: str | None = None


class CreditCredit(Struct, gc=False):
    """Credit that came: granted, or given back by a voided invoice, by `type`."""

    amount: CreditAmount | None = None
    credits_application_invoice_voided: CreditApplication | None = None
    type: str | None = None


class CreditTransaction(Struct, gc=False):
    """A movement of a grant; it names no customer."""

    id: str
    credit_grant: str | CreditGrant
    credit: CreditCredit | None = None
    debit: CreditDebit | None = None
    effective_at: int | None = None
