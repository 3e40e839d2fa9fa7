"""What goes wrong between the systems, chosen by seed and written down.

A contract has at most one fault of its own. Faults of single deliveries (duplicates, disorder,
late) are in `delivery.py`, lines that cannot be read in `malformed.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from random import Random

import msgspec

from generator.billing import Standing
from generator.deal import PRESENT, Deal, contract_end
from generator.ids import Mint, salesforce_id
from generator.invoicing import next_invoice
from generator.life import Fate, Life, Told
from generator.months import DAY
from generator.plan import FaultMix


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One injected fault, as listed in `faults.json`."""

    kind: str
    expected_outcome: str
    """What a correct ledger does with the messages: an outcome, or for faults whose messages
    end differently, of those named here."""
    expected_reason: str | None = None
    """Reason code of the dead letter or pending."""
    customer_id: str | None = None
    account_id: str | None = None
    contract_id: str | None = None
    subscription_id: str | None = None
    invoice_id: str | None = None
    message_ids: tuple[str, ...] = ()
    file: str | None = None
    body_sha256: str | None = None
    """Of the line without its end."""


CONTRACT_FAULTS = (
    "missing_contract", "lost_activation", "lost_invoice", "two_accounts", "unknown_customer",
    "renewal_at_risk", "id_conflicts",
)  # fmt: skip
_NEEDS_CRM = frozenset({"missing_contract", "two_accounts", "renewal_at_risk"})


def choose_faults(seed: int, contracts: int, mix: FaultMix) -> dict[int, str]:
    """Contract number -> its fault; each kind hits at least one contract while there are enough."""
    order = list(range(1, contracts + 1))
    Random(f"{seed}/faults").shuffle(order)
    chosen: dict[int, str] = {}
    for kind in CONTRACT_FAULTS:
        rate = getattr(mix, kind)
        for _ in range(ceil(rate * contracts) if rate else 0):
            if order:
                chosen[order.pop()] = kind
    return chosen


def suited_deal(deal: Deal, kind: str | None, mint: Mint, opening: int, end: int) -> Deal:
    """The deal changed so that its fault can show: in CRM, billed monthly, long enough."""
    if kind is None:
        return deal
    early = opening + 9 * 3_600 + deal.index % 5 * DAY
    start = (early // DAY + 1) * DAY + deal.start % DAY
    term = next(n for n in range(1, 200) if contract_end(_with(deal, start, n)) > end)
    return msgspec.structs.replace(
        _with(deal, start, term if kind == "renewal_at_risk" else max(term + 3, 12)),
        signed_at=early,
        self_serve=False,
        api_version=PRESENT if kind == "lost_invoice" else deal.api_version,
        by_transfer=False,
        trial=False,
    )


def fate_of(kind: str | None) -> Fate:
    """How the story of a contract with this fault goes."""
    return Fate(calm=kind is not None, last_payment_fails=kind == "renewal_at_risk")


def lost_events(kind: str | None, deal: Deal) -> Callable[[Told], bool]:
    """Which events of a contract never arrive."""
    if kind == "missing_contract":
        return lambda told: told.kind in ("Contract", "Order", "OrderItem")
    if kind == "lost_activation":
        return lambda told: told.kind.startswith("customer.subscription.")
    if kind == "lost_invoice":
        number = f"CF{deal.index:06d}-0001"
        return lambda told: (
            told.kind.startswith("invoice.") and _object(told).get("number") in (number, None)
        )
    return lambda told: False


def add_events(kind: str | None, life: Life) -> tuple[str, ...]:
    """Tell what a fault adds to the story; returns the message ids or object ids it is about."""
    if kind == "two_accounts":
        return _second_account(life)
    if kind == "unknown_customer":
        return _invoice_to_nobody(life)
    if kind == "id_conflicts":
        return _customer_twice(life)
    return ()


def fault_of(kind: str, deal: Deal, about: tuple[str, ...]) -> Fault:
    """The entry in the manifest."""
    outcome, reason = _EXPECTED[kind]
    fault = Fault(
        kind=kind,
        expected_outcome=outcome,
        expected_reason=reason,
        customer_id=f"stripe:{deal.customer_id}",
        account_id=f"salesforce:{deal.account_id}",
        contract_id=f"salesforce:{deal.contract_id}",
        subscription_id=f"stripe:{deal.subscription_id}",
    )
    if kind == "unknown_customer":
        return Fault(
            kind=kind, expected_outcome=outcome, expected_reason=reason,
            customer_id=about[0], invoice_id=about[1], message_ids=about[2:],
        )  # fmt: skip
    return msgspec.structs.replace(fault, message_ids=about)


_EXPECTED = {
    "missing_contract": ("pending", "unmatched_contract"),
    "lost_activation": ("posted", None),
    "lost_invoice": ("pending", "unmatched_invoice"),
    "two_accounts": ("pending", "ambiguous_customer"),
    "unknown_customer": ("pending", "unmatched_customer"),
    "renewal_at_risk": ("posted", None),
    "id_conflicts": ("dead_lettered", "event_id_conflict"),
}


def _with(deal: Deal, start: int, term_months: int) -> Deal:
    items = deal.items
    return msgspec.structs.replace(deal, start=start, term_months=term_months, items=items)


def _object(told: Told) -> dict[str, object]:
    found: dict[str, object] = told.body["data"]["object"]
    return found


def _second_account(life: Life) -> tuple[str, ...]:
    """Someone links the customer to another account; both accounts exist."""
    deal = life.deal
    other = salesforce_id("001", deal.index * 1_000 + 999)
    at = deal.start + 2 * DAY
    fields = {"Name": deal.name, "Type": "Customer", "CurrencyIsoCode": deal.currency}
    life.crm(at, "Account", other, "CREATE", fields)
    linked = deal.customer_metadata | {"crm_account_id": other}
    body = life.shapes.customer(deal, deal.address, deal.start - 600, linked)
    before = {"metadata": {"crm_account_id": deal.account_id}}
    life.stripe(at + 60, "customer.updated", body, before)
    return ()


def _invoice_to_nobody(life: Life) -> tuple[str, ...]:
    """An invoice whose customer no system has ever sent."""
    stranger = msgspec.structs.replace(
        life.deal, customer_id=life.mint.stripe("cus"), subscription_id=life.mint.stripe("sub"),
        self_serve=True,
    )  # fmt: skip
    at = life.deal.start + 3 * DAY
    bill = next_invoice(life, at, life.period_from(at, 1)[0], first=True)
    body = life.shapes.invoice(stranger, bill, Standing())
    event_id = life.stripe(at, "invoice.finalized", body)
    return (f"stripe:{stranger.customer_id}", f"stripe:{bill.invoice_id}", f"stripe:{event_id}")


def _customer_twice(life: Life) -> tuple[str, ...]:
    """Two different events under one id."""
    deal = life.deal
    moved = msgspec.structs.replace(deal.address, street="2 Low Street")
    body = life.shapes.customer(deal, moved, deal.start - 600, deal.customer_metadata)
    before = {"address": {"line1": deal.address.street}}
    event_id = life.stripe(deal.start + DAY, "customer.updated", body, before)
    again = life.shapes.customer(
        deal, msgspec.structs.replace(moved, street="3 Low Street"), deal.start - 600,
        deal.customer_metadata,
    )  # fmt: skip
    life.stripe(deal.start + DAY, "customer.updated", again, before, event_id=event_id)
    return (f"stripe:{event_id}",)
