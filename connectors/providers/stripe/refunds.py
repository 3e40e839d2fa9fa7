"""Refunds -> money given back, from the refund itself or from its charge.

Until 2022-11-15 a charge carried its refunds; since then `charge.refunded` only says how
much has been refunded in all, and `refund.*` tells each refund.
"""

from __future__ import annotations

from typing import Any

from connectors.decoding import Rejected
from connectors.providers.stripe.amounts import currency_code, micros
from connectors.providers.stripe.delivery import Delivery, Mapped, belongs, optional_customer_of
from connectors.providers.stripe.linking import ids_of, source_id, stated_links
from connectors.providers.stripe.settlement import refund_settlement
from connectors.providers.stripe.shapes import Charge, ChargeRef, PaymentIntentRef, Refund
from ledger.events import RefundIssued
from ledger.reasons import Reason

_SUBJECT = "payments.refund_issued"
_UNDONE = frozenset({"failed", "canceled"})
_STATUS = {None: "succeeded", "requires_action": "pending"}
"""Old refunds have no status: they had succeeded. One that waits for the customer's bank
details has left the balance like a pending one."""


def map_refund(delivery: Delivery, refund: Refund) -> Mapped:
    """`refund.created`, `refund.updated`, `refund.failed`, `charge.refund.updated`."""
    charge, intent = refund.charge, refund.payment_intent
    if refund.currency is None:
        raise Rejected(Reason.MISSING_FIELD, "currency is absent at $.data.object")
    customer = source_id(
        refund.customer
        or (charge.customer if type(charge) is ChargeRef else None)
        or (intent.customer if type(intent) is PaymentIntentRef else None)
    )
    refs = ids_of(charge, intent)
    status = "failed" if delivery.type == "refund.failed" else _status(refund)
    event = RefundIssued(
        **delivery.about(_SUBJECT, customer, stated_links(delivery.keys, refund.metadata)),
        payment_refs=refs,
        currency=currency_code(refund.currency),
        invoice_id=source_id(charge.invoice) if type(charge) is ChargeRef else None,
        **_facts(refund, status),
    )
    own = "stripe:" + refund.id
    if customer is not None:
        return Mapped(events=[event], party_ref=customer, links=belongs((own, *refs), customer))
    if refs:
        return Mapped(events=[event], link_refs=refs, links=belongs((own, *refs[1:]), refs[0]))
    return Mapped(events=[event], party_ref=own)


def _status(refund: Refund) -> str:
    return _STATUS.get(refund.status, refund.status or "succeeded")


def _facts(refund: Refund, status: str) -> dict[str, Any]:
    return {
        "refund_id": "stripe:" + refund.id,
        "amount_minor": refund.amount,
        "status": status,
        **refund_settlement(refund.balance_transaction),
    }


def map_charge_refunded(delivery: Delivery, charge: Charge) -> Mapped:
    """`charge.refunded`: each refund that the charge carries, and the total where it says more."""
    customer = optional_customer_of(charge)
    refs = ids_of(charge, charge.payment_intent)
    invoice = source_id(charge.invoice) if charge.invoice else None
    listed = charge.refunds.data if charge.refunds else []
    common: dict[str, Any] = {
        "payment_refs": refs,
        "currency": currency_code(charge.currency),
        "invoice_id": invoice,
    }
    told = [(_facts(refund, _status(refund)), micros(refund.created)) for refund in listed]
    total = charge.amount_refunded or 0
    if total > sum([each.amount for each in listed if each.status not in _UNDONE]):
        whole = {"refund_id": refs[0], "amount_minor": total, "evidence": "charge_total"}
        told.append((whole, None))
    links = stated_links(delivery.keys, charge.metadata)
    events = [
        RefundIssued(
            **delivery.about(_SUBJECT, customer, links, number=number, occurred_at_micros=when),
            **common,
            **facts,
        )
        for number, (facts, when) in enumerate(told, start=1)
    ]
    if customer is not None:
        return Mapped(events=list(events), party_ref=customer, links=belongs(refs, customer))
    return Mapped(events=list(events), link_refs=(invoice, *refs) if invoice else refs)
