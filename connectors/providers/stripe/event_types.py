"""What each event type means: a mapping, nothing (recorded), or unknown (refused).

A type is listed as meaningless only when it neither moves money that these books follow nor
changes a customer's standing. Types that move money in ways without a mapping (Connect
transfers, issuing, treasury, top-ups, cash balances) are in neither table, so that they are
refused and seen rather than lost.
Source: https://docs.stripe.com/api/events/types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from connectors.providers.stripe import credit_shapes, invoice_shapes, shapes
from connectors.providers.stripe.credit_grants import map_credit_transaction, map_grant
from connectors.providers.stripe.credit_notes import map_credit_note
from connectors.providers.stripe.customers import map_customer
from connectors.providers.stripe.delivery import Delivery, Mapped
from connectors.providers.stripe.disputes import (
    map_dispute_closed,
    map_dispute_opened,
    map_funds_reinstated,
)
from connectors.providers.stripe.invoices import map_invoice
from connectors.providers.stripe.items import map_item, map_item_deleted
from connectors.providers.stripe.payments import (
    map_charge_failed,
    map_charge_paid,
    map_intent_failed,
    map_intent_succeeded,
    map_invoice_payment,
)
from connectors.providers.stripe.payouts import map_payout_failed, map_payout_paid
from connectors.providers.stripe.refunds import map_charge_refunded, map_refund
from connectors.providers.stripe.subscriptions import map_subscription


class Mapping(msgspec.Struct, frozen=True):
    """How an object is read and what it becomes."""

    decoder: msgspec.json.Decoder[Any]
    map: Callable[[Delivery, Any], Mapped]


def _table() -> dict[str, Mapping]:
    by_function: list[tuple[type, Callable[[Delivery, Any], Mapped], str]] = [
        (shapes.Customer, map_customer, "customer: created updated deleted"),
        (
            shapes.Subscription,
            map_subscription,
            "customer.subscription: created updated deleted paused resumed pending_update_applied",
        ),
        (
            invoice_shapes.Invoice,
            map_invoice,
            "invoice: created updated finalized paid payment_succeeded payment_failed voided "
            "marked_uncollectible overdue overpaid payment_action_required "
            "payment_attempt_required",
        ),
        (shapes.InvoicePayment, map_invoice_payment, "invoice_payment: paid"),
        (invoice_shapes.InvoiceItem, map_item, "invoiceitem: created updated"),
        (invoice_shapes.InvoiceItem, map_item_deleted, "invoiceitem: deleted"),
        (invoice_shapes.CreditNote, map_credit_note, "credit_note: created updated voided"),
        (credit_shapes.CreditGrant, map_grant, "billing.credit_grant: created updated"),
        (
            credit_shapes.CreditTransaction,
            map_credit_transaction,
            "billing.credit_balance_transaction: created",
        ),
        (shapes.Charge, map_charge_paid, "charge: succeeded captured updated"),
        (shapes.Charge, map_charge_failed, "charge: failed"),
        (shapes.Charge, map_charge_refunded, "charge: refunded"),
        (shapes.Refund, map_refund, "charge.refund: updated"),
        (shapes.Refund, map_refund, "refund: created updated failed"),
        (shapes.Dispute, map_dispute_opened, "charge.dispute: created funds_withdrawn"),
        (shapes.Dispute, map_dispute_closed, "charge.dispute: closed"),
        (shapes.Dispute, map_funds_reinstated, "charge.dispute: funds_reinstated"),
        (shapes.PaymentIntent, map_intent_succeeded, "payment_intent: succeeded"),
        (shapes.PaymentIntent, map_intent_failed, "payment_intent: payment_failed"),
        (shapes.Payout, map_payout_paid, "payout: paid"),
        (shapes.Payout, map_payout_failed, "payout: failed"),
    ]
    table = {}
    for shape, function, types in by_function:
        family, _, names = types.partition(": ")
        for name in names.split():
            table[f"{family}.{name}"] = Mapping(msgspec.json.Decoder(shape), function)
    return table


MAPPINGS = _table()
"""Event type -> how it is mapped."""

WITHOUT_MEANING = frozenset(
    """
    balance.available balance_settings.updated capability.updated
    charge.dispute.updated charge.expired charge.pending
    customer.subscription.pending_update_expired customer.subscription.trial_will_end
    invoice.deleted invoice.finalization_failed invoice.sent invoice.upcoming invoice.will_be_due
    invoice_payment.canceled invoice_payment.detached invoice_payment.open
    payment_intent.amount_capturable_updated payment_intent.canceled payment_intent.created
    payment_intent.partially_funded payment_intent.processing payment_intent.requires_action
    payout.canceled payout.created payout.reconciliation_completed payout.updated
    ping sigma.scheduled_query_run.created
    """.split()
)
"""Types that are only recorded."""

FAMILIES_WITHOUT_MEANING = tuple(
    """
    account. apps. billing.alert. billing.meter. billing_portal. checkout.session. coupon.
    customer.bank_account. customer.card. customer.discount. customer.source. customer.tax_id.
    entitlements. file. financial_connections. identity. mandate. payment_link. payment_method.
    person. plan. price. product. promotion_code. quote. radar. recipient. reporting. review.
    setup_intent. sku. source. subscription_schedule. tax. tax_rate. terminal. test_helpers.
    three_d_secure. v1.billing.meter. v2.core.
    """.split()
)
"""Prefixes of types that are only recorded."""


def has_no_meaning(event_type: str) -> bool:
    """Tell whether a type is known to be without accounting or lifecycle meaning."""
    return event_type in WITHOUT_MEANING or event_type.startswith(FAMILIES_WITHOUT_MEANING)
