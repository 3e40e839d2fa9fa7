"""Disputes -> money withdrawn by the customer's bank, and how it ended.

`charge.dispute.created` and `charge.dispute.funds_withdrawn` tell one opening, `closed` and
`funds_reinstated` one win. An inquiry (`warning_…`) moves no money.
"""

from __future__ import annotations

from typing import Any

from connectors.providers.stripe.amounts import currency_code
from connectors.providers.stripe.delivery import Delivery, Mapped, belongs
from connectors.providers.stripe.linking import ids_of, source_id, stated_links
from connectors.providers.stripe.settlement import moved
from connectors.providers.stripe.shapes import ChargeRef, Dispute, PaymentIntentRef
from ledger.events import DisputeLost, DisputeOpened, DisputeWon


def map_dispute_opened(delivery: Delivery, dispute: Dispute) -> Mapped:
    """`charge.dispute.created` and `funds_withdrawn`: only the latter proves an inquiry's money."""
    inquiry = (dispute.status or "").startswith("warning_")
    mapped, facts = _common(delivery, dispute, "payments.dispute_opened")
    mapped.events = [
        DisputeOpened(
            **facts,
            funds_withdrawn=delivery.type.endswith("funds_withdrawn") or not inquiry,
            **moved(dispute.balance_transactions, out=True),
        )
    ]
    return mapped


def map_funds_reinstated(delivery: Delivery, dispute: Dispute) -> Mapped:
    """`charge.dispute.funds_reinstated`."""
    mapped, facts = _common(delivery, dispute, "payments.dispute_won")
    mapped.events = [DisputeWon(**facts, **moved(dispute.balance_transactions, out=False))]
    return mapped


def map_dispute_closed(delivery: Delivery, dispute: Dispute) -> Mapped:
    """`charge.dispute.closed`: won, lost, or an inquiry that came to nothing."""
    if dispute.status == "won":
        return map_funds_reinstated(delivery, dispute)
    mapped, facts = _common(delivery, dispute, "payments.dispute_lost")
    if dispute.status == "lost":
        mapped.events = [DisputeLost(**facts)]
    return mapped


def _common(delivery: Delivery, dispute: Dispute, subject: str) -> tuple[Mapped, dict[str, Any]]:
    """Whose dispute it is and the fields all its events share."""
    charge, intent = dispute.charge, dispute.payment_intent
    refs = ids_of(charge, intent)
    customer = source_id(
        (charge.customer if type(charge) is ChargeRef else None)
        or (intent.customer if type(intent) is PaymentIntentRef else None)
    )
    own = "stripe:" + dispute.id
    facts = {
        **delivery.about(subject, customer, stated_links(delivery.keys, dispute.metadata)),
        "dispute_id": own,
        "payment_refs": refs,
        "currency": currency_code(dispute.currency),
        "amount_minor": dispute.amount,
    }
    if customer is not None:
        return Mapped(party_ref=customer, links=belongs((own, *refs), customer)), facts
    if refs:
        return Mapped(link_refs=refs, links=belongs((own, *refs[1:]), refs[0])), facts
    return Mapped(party_ref=own), facts
