"""What billing says of prepaid credit: granted, drawn, reinstated, expired, voided.

A *grant* is one lot of credit; every other event names the grant it concerns, so the order in
which a customer's grants are used is the source's to decide. Amounts are credit at face value.
"""

from __future__ import annotations

from ledger.events.envelope import Event


class CreditGranted(Event, frozen=True, kw_only=True, tag="billing.credit_granted"):
    """A customer got credit to spend on later usage. The latest event says when it expires."""

    grant_id: str
    currency: str
    amount_minor: int
    """Face value."""
    category: str = "paid"
    """paid: sold, so money came in for it. promotional: given away, it only lowers what is
    invoiced later."""
    invoice_id: str | None = None
    """The invoice that sold it, where stated."""
    invoice_line_id: str | None = None
    """The line that sold it."""
    payment_ref: str | None = None
    """The payment that bought it, where no invoice did."""
    effective_at_micros: int | None = None
    """When it can first be used, where that is not when it was granted."""
    expires_at_micros: int | None = None
    priority: int | None = None
    """The source's order among the customer's grants, lowest first; for information."""
    product: str | None = None


class CreditMovement(Event, frozen=True, kw_only=True):
    """Credit of a grant that moved by a stated amount."""

    transaction_id: str
    """The movement itself; events that share it tell the same."""
    grant_id: str
    currency: str
    amount_minor: int
    invoice_id: str | None = None
    """The invoice it was applied to."""
    invoice_line_id: str | None = None


class CreditDrawn(CreditMovement, frozen=True, kw_only=True, tag="billing.credit_drawn"):
    """Credit was spent on an invoice, whose lines are net of it."""


class CreditReinstated(CreditMovement, frozen=True, kw_only=True, tag="billing.credit_reinstated"):
    """Credit came back because the invoice it was spent on was voided."""


class CreditEnd(Event, frozen=True, kw_only=True):
    """Credit of a grant that can no longer be used."""

    grant_id: str
    currency: str
    amount_minor: int | None = None
    """None: all that is left."""
    transaction_id: str | None = None


class CreditExpired(CreditEnd, frozen=True, kw_only=True, tag="billing.credit_expired"):
    """Credit was not used in time."""


class CreditVoided(CreditEnd, frozen=True, kw_only=True, tag="billing.credit_voided"):
    """Credit was taken back by the seller; money that is given back for it is a refund."""
