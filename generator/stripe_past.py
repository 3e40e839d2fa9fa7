"""Stripe objects in the shapes of API versions 2017-08-15 and 2020-08-27.

`plan` and `price` side by side, `total_tax_amounts`, subscription and charge named on the
invoice, the invoice named on the charge, refunds embedded in it. What 2017-08-15 calls
differently (`date`, `billing`, `account_balance`, `paid` and `closed`) is in the functions
that end in `_2017`. Fields that Stripe added later without changing the version are there too.
"""

from generator.stripe_common import dispute, payout
from generator.stripe_past_billing import (
    credit_note,
    customer,
    invoice,
    invoice_item,
    subscription,
)
from generator.stripe_past_payments import (
    charge,
    failed_payment_intent,
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
    "payment_intent",
    "payout",
    "refund",
    "subscription",
)
