"""Billing credits -> grants of prepaid credit and what happens to them.

A grant does not say which invoice or payment sold it: its metadata may (`invoice_id`,
`invoice_line_id`, `payment_intent_id`; the names are configuration). A transaction names its grant
and no customer. Source: https://docs.stripe.com/api/billing/credit-grant and
https://docs.stripe.com/api/billing/credit-balance-transaction.
"""

from __future__ import annotations

from typing import Any

from connectors.decoding import MetadataKeys, Rejected
from connectors.providers.stripe.amounts import currency_code, micros
from connectors.providers.stripe.credit_shapes import (
    CreditAmount,
    CreditApplication,
    CreditGrant,
    CreditTransaction,
    Monetary,
)
from connectors.providers.stripe.delivery import Delivery, Mapped, belongs, optional_customer_of
from connectors.providers.stripe.linking import NO_LINKS, ids_of, source_id, stated_links
from connectors.providers.stripe.shapes import Metadata
from ledger.events import (
    CanonicalEvent,
    CreditDrawn,
    CreditExpired,
    CreditGranted,
    CreditReinstated,
    CreditVoided,
)
from ledger.reasons import Reason


def map_grant(delivery: Delivery, grant: CreditGrant) -> Mapped:
    """`billing.credit_grant.created`, `billing.credit_grant.updated`; a void one is void too."""
    customer = optional_customer_of(grant)
    (grant_id,) = ids_of(grant)
    money = _money(grant.amount, "amount")
    links = stated_links(delivery.keys, grant.metadata)
    about = delivery.about("billing.credit_granted", customer, links)
    currency = currency_code(money.currency)
    events: list[CanonicalEvent] = [
        CreditGranted(
            **about,
            grant_id=grant_id,
            currency=currency,
            amount_minor=money.value,
            category=_category(grant),
            **_sale(delivery.keys, grant.metadata),
            effective_at_micros=micros(grant.effective_at),
            expires_at_micros=micros(grant.expires_at),
            priority=grant.priority,
        )
    ]
    if grant.voided_at is not None:
        when = micros(grant.voided_at)
        about = delivery.about("billing.credit_voided", customer, links, occurred_at_micros=when)
        events.append(CreditVoided(**about, grant_id=grant_id, currency=currency))
    if customer is None:
        return Mapped(events=events, link_refs=(grant_id,))
    return Mapped(events=events, party_ref=customer, links=belongs((grant_id,), customer))


def _money(amount: CreditAmount | None, path: str) -> Monetary:
    """The amount in money. Raises Rejected(invalid_value) for credit in units of anything else."""
    if amount is None or amount.monetary is None:
        raise Rejected(Reason.INVALID_VALUE, f"credit that is no money at $.data.object.{path}")
    return amount.monetary


def _category(grant: CreditGrant) -> str:
    if grant.category not in ("paid", "promotional"):
        detail = "category is neither paid nor promotional at $.data.object"
        raise Rejected(Reason.INVALID_VALUE, detail)
    return grant.category


def _sale(keys: MetadataKeys, metadata: Metadata) -> dict[str, Any]:
    """What metadata says of the sale, by field; nothing where it says nothing."""
    stated = {name: _first(names, metadata) for name, names in keys.sale_fields()}
    invoice, payment = stated["invoice_id"], stated["payment_ref"]
    return {
        "invoice_id": source_id(invoice),
        "invoice_line_id": stated["invoice_line_id"],
        "payment_ref": None if invoice else source_id(payment),
    }


def _first(names: tuple[str, ...], metadata: Metadata) -> str | None:
    values = ((metadata or {}).get(name, "").strip() for name in names)
    return next((value for value in values if value), None)


def map_credit_transaction(delivery: Delivery, moved: CreditTransaction) -> Mapped:
    """`billing.credit_balance_transaction.created`; the first funding is the grant's own event."""
    (own,) = ids_of(moved)
    (grant_id,) = ids_of(moved.credit_grant)
    expanded = moved.credit_grant
    customer = optional_customer_of(expanded) if isinstance(expanded, CreditGrant) else None
    kind = moved.debit.type if moved.debit else moved.credit.type if moved.credit else None
    mapped = Mapped(link_refs=(grant_id,), links=((own, grant_id),))
    if customer is not None:
        mapped = Mapped(party_ref=customer, links=belongs((own, grant_id), customer))
    if kind != "credits_granted":
        mapped.events = [_movement(delivery, moved, kind, customer)]
    return mapped


def _movement(
    delivery: Delivery, moved: CreditTransaction, kind: str | None, customer: str | None
) -> CanonicalEvent:
    """The event of a transaction by its type. Raises Rejected(invalid_value) for another one."""
    side = moved.debit or moved.credit
    money = _money(
        side.amount if side else None, "debit.amount" if moved.debit else "credit.amount"
    )
    own, grant_id = ids_of(moved, moved.credit_grant)
    when = micros(moved.effective_at)
    stated: dict[str, Any] = {
        "grant_id": grant_id,
        "currency": currency_code(money.currency),
        "amount_minor": money.value,
        "transaction_id": own,
    }

    def about(subject: str) -> dict[str, Any]:
        return delivery.about(subject, customer, NO_LINKS, occurred_at_micros=when)

    if kind == "credits_expired":
        return CreditExpired(**about("billing.credit_expired"), **stated)
    if kind == "credits_voided":
        return CreditVoided(**about("billing.credit_voided"), **stated)
    if kind == "credits_applied" and moved.debit is not None:
        stated |= _applied_to(moved.debit.credits_applied)
        return CreditDrawn(**about("billing.credit_drawn"), **stated)
    if kind == "credits_application_invoice_voided" and moved.credit is not None:
        stated |= _applied_to(moved.credit.credits_application_invoice_voided)
        return CreditReinstated(**about("billing.credit_reinstated"), **stated)
    raise Rejected(Reason.INVALID_VALUE, "a type of transaction not known here at $.data.object")


def _applied_to(application: CreditApplication | None) -> dict[str, str | None]:
    """The invoice and line that credit was spent on, by field."""
    if application is None:
        return {}
    return {
        "invoice_id": source_id(application.invoice),
        "invoice_line_id": application.invoice_line_item,
    }
