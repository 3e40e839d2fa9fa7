"""Stripe objects in the shapes of API version 2025-09-30.clover.

Field names follow Stripe's API reference: an invoice names its subscription under `parent`,
lines their price under `pricing`, taxes are `taxes` and `total_taxes`, and a charge no longer
names its invoice (invoice payments do).
"""

from generator.stripe_common import dispute, payout
from generator.stripe_present_billing import (
    credit_note,
    customer,
    invoice,
    invoice_item,
    subscription,
)
from generator.stripe_present_payments import (
    charge,
    failed_payment_intent,
    invoice_payment,
    payment_intent,
    refund,
)

__all__ = (
    "charge",
    "credit_note",
    "customer",
    "dispute",
    "failed_payment_intent",
    "invoice",
    "invoice_item",
    "invoice_payment",
    "payment_intent",
    "payout",
    "refund",
    "subscription",
)
