"""Small makers of messages, entries and folded parties; every default can be overridden."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from ledger.accounts import AccountRole
from ledger.events import PaymentSucceeded
from ledger.journal import JournalEntry, JournalLine
from ledger.messages import DeadLetter, Message, Outcome, dead_letter_id
from ledger.results import (
    ContractState,
    FoldedParty,
    FoldResult,
    InvoiceState,
    LifecycleUpdate,
    OwnershipConflict,
    Pending,
)

TENANT = "acme"
JANUARY = 1_767_225_600_000_000
"""2026-01-01T00:00Z in microseconds."""
DAY = 86_400_000_000


def message(name: str, party_ref: str | None = "stripe:cus_1", **changes: Any) -> Message:
    """A message `stripe:<name>` of a customer, with one payment event."""
    message_id = f"stripe:{name}"
    tenant = changes.get("tenant", TENANT)
    event = PaymentSucceeded(
        event_id=f"{message_id}/payments.payment_succeeded",
        source_event_id=message_id,
        source="stripe",
        tenant=tenant,
        occurred_at_micros=JANUARY,
        customer_id=party_ref,
        payment_refs=(f"stripe:ch_{name}",),
        currency="USD",
        amount_minor=1000,
    )
    body = b'{"id": "%s", "object": "event", "data": "%s"}' % (name.encode(), b"x" * 300)
    values: dict[str, Any] = {
        "message_id": message_id,
        "tenant": tenant,
        "source": "stripe",
        "provider_type": "charge.succeeded",
        "schema_version": "payments.payment_succeeded@1",
        "occurred_at_micros": JANUARY,
        "party_ref": party_ref,
        "digest": hashlib.sha256(body).hexdigest()[:32],
        "body": body,
        "events": (event,),
    }
    return Message(**(values | changes))


def line(role: str, amount: int, **changes: Any) -> JournalLine:
    """A line whose functional amount is its amount."""
    values: dict[str, Any] = {"functional_minor": amount}
    return JournalLine(role=AccountRole(role), amount_minor=amount, **(values | changes))


def entry(key: str, amount: int = 1000, *, by: str = "evt_1", **changes: Any) -> JournalEntry:
    """A balanced entry `stripe:<key>` caused by message `stripe:<by>`: receivable to revenue."""
    values: dict[str, Any] = {
        "entry_key": f"stripe:{key}",
        "tenant": TENANT,
        "entity": "MAIN",
        "currency": "USD",
        "functional_currency": "USD",
        "accounting_date": "2026-01-15",
        "rule": "invoice_issued",
        "policy": "stripe-contra@1",
        "source_event_id": f"stripe:{by}",
        "event_id": f"stripe:{by}/billing.invoice_issued",
        "customer_id": "stripe:cus_1",
        "contract_id": "stripe:sub_1",
        "invoice_id": "stripe:in_1",
        "lines": (line("accounts_receivable", amount), line("revenue", -amount)),
    }
    return JournalEntry(**(values | changes))


def update(update_id: str, *, by: str = "evt_1", **changes: Any) -> LifecycleUpdate:
    """A provision_entitlement update."""
    values: dict[str, Any] = {
        "update_id": update_id,
        "tenant": TENANT,
        "kind": "provision_entitlement",
        "target": "entitlements",
        "reason": "subscription_activated",
        "effective_at_micros": JANUARY,
        "customer_id": "stripe:cus_1",
        "contract_id": "stripe:sub_1",
        "cause_event_id": f"stripe:{by}/billing.subscription_activated",
        "source_event_id": f"stripe:{by}",
        "details": {"product": "pro", "count": "3"},
    }
    return LifecycleUpdate(**(values | changes))


def waiting(name: str, **changes: Any) -> Pending:
    """A payment `stripe:<name>` that waits for invoice in_9 until day 3, with 10.00 USD."""
    values: dict[str, Any] = {
        "source_event_id": f"stripe:{name}",
        "event_id": f"stripe:{name}/payments.payment_succeeded",
        "reason": "unmatched_invoice",
        "waits_for": "stripe:in_9",
        "deadline_micros": JANUARY + 3 * DAY,
        "amount_minor": 1000,
        "currency": "USD",
        "entity": "MAIN",
        "period": "2026-01",
    }
    return Pending(**(values | changes))


def contract(*invoices: InvoiceState, **changes: Any) -> ContractState:
    """A signed contract of cus_1."""
    values: dict[str, Any] = {
        "tenant": TENANT,
        "customer_id": "stripe:cus_1",
        "contract_id": "stripe:sub_1",
        "entity": "MAIN",
        "currency": "USD",
        "signed": True,
        "subscription_ids": ("stripe:sub_1",),
        "invoices": invoices,
    }
    return ContractState(**(values | changes))


def invoice(name: str, **changes: Any) -> InvoiceState:
    """An open, posted invoice of 10.00."""
    values: dict[str, Any] = {
        "invoice_id": f"stripe:{name}",
        "currency": "USD",
        "total_minor": 1000,
        "paid_minor": 0,
        "credited_minor": 0,
        "status": "open",
        "posted": True,
        "issued_at_micros": JANUARY,
    }
    return InvoiceState(**(values | changes))


def conflict(name: str, attribute: str = "name") -> OwnershipConflict:
    """An attempt of stripe to set an attribute that CRM owns."""
    return OwnershipConflict(
        source_event_id=f"stripe:{name}",
        event_id=f"stripe:{name}/crm.customer_account_changed",
        customer_id="stripe:cus_1",
        attribute=attribute,
        owner="salesforce",
        claimed_by="stripe",
    )


def letter(name: str, reason: str = "not_json", **changes: Any) -> DeadLetter:
    """A dead letter with bytes of its own."""
    body = changes.pop("body", b"{broken " + name.encode())
    tenant = changes.get("tenant", TENANT)
    values: dict[str, Any] = {
        "dead_letter_id": dead_letter_id(tenant, "stripe", body),
        "tenant": tenant,
        "source": "stripe",
        "step": "DecodeEvents",
        "reason": reason,
        "detail": "byte 1: not JSON",
        "position": "events.jsonl:1",
        "message_id": None,
        "body": body,
    }
    return DeadLetter(**(values | changes))


def refused(archived: Message, reason: str = "over_credited") -> DeadLetter:
    """The dead letter of a message that the fold refuses."""
    return letter(
        "", reason, body=archived.body, step="FoldContracts", message_id=archived.message_id
    )


def folded(
    new: Sequence[Message] = (),
    entries: Iterable[JournalEntry] = (),
    *,
    party_id: str | None = None,
    refs: Sequence[str] | None = None,
    seen: dict[str, int] | None = None,
    outcomes: dict[str, Outcome] | None = None,
    duplicates: Sequence[Message] = (),
    dead: Sequence[DeadLetter] = (),
    tenant: str = TENANT,
    **result: Any,
) -> FoldedParty:
    """A folded party; by default its id is the party of its first new message, else cus_1.

    New messages count as posted unless `outcomes` (by message id) says else; `seen` are the
    revisions its fold was based on.
    """
    party_id = party_id or next((m.party_ref for m in new if m.party_ref), "stripe:cus_1")
    party_refs = tuple(sorted(refs or {m.party_ref or party_id for m in new} or {party_id}))
    stated = {m.message_id: Outcome.POSTED for m in new} | (outcomes or {})
    return FoldedParty(
        tenant=tenant,
        party_id=party_id,
        party_refs=party_refs,
        based_on={ref: (seen or {}).get(ref, 0) for ref in party_refs},
        new_messages=tuple(new),
        duplicates=tuple(duplicates),
        dead_letters=tuple(dead),
        outcomes=stated,
        result=FoldResult(entries=tuple(entries), **result),
    )
