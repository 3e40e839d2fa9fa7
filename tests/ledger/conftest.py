"""Telling what happened: short ways to write events and messages of the core, in days of 2026."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import ledger
from ledger import events
from ledger.events import Event, subject_of
from ledger.messages import Message
from ledger.policies import PolicyPack

ACCOUNT = "salesforce:001A"
CUSTOMER = "stripe:cus_1"


class Telling:
    """Writes events of one customer (`stripe:cus_1`) whose CRM account is `salesforce:001A`."""

    account = ACCOUNT
    customer = CUSTOMER

    @staticmethod
    def day(text: str) -> int:
        """`2026-03-01` or `2026-03-01T12:00` (UTC) in micros."""
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def event(self, kind: type[Event], number: str, on: str, **fields: Any) -> Any:
        """An event of `kind` in the message `stripe:evt_<number>`."""
        fields.setdefault("source", "stripe")
        fields.setdefault("customer_id", CUSTOMER)
        message_id = f"{fields['source']}:evt_{number}"
        return kind(
            event_id=f"{message_id}/{kind.__struct_config__.tag}",
            source_event_id=message_id,
            tenant="acme",
            occurred_at_micros=self.day(on),
            **fields,
        )

    def invoice(
        self, number: str, on: str, invoice: str = "stripe:in_1", total: int = 1200, **fields: Any
    ) -> events.InvoiceIssued:
        """An invoice over one delivered line."""
        line = events.InvoiceLine(line_id=f"{invoice}/line", amount_minor=total)
        given = {"currency": "EUR", "lines": (line,), "issued_at_micros": self.day(on)} | fields
        return self.event(
            events.InvoiceIssued, number, on, invoice_id=invoice, total_minor=total, **given
        )

    def payment(
        self, number: str, on: str, refs: tuple[str, ...], amount: int = 1200, **fields: Any
    ) -> events.PaymentSucceeded:
        """A payment; of an invoice when `invoice_id` is given."""
        if "invoice_id" in fields:
            fields.setdefault("linkage", "invoice")
        return self.event(
            events.PaymentSucceeded, number, on, payment_refs=refs, currency="EUR",
            amount_minor=amount, **fields,
        )  # fmt: skip

    def failure(self, number: str, on: str, **fields: Any) -> events.PaymentFailed:
        """A failed attempt to collect 12.00 EUR."""
        return self.event(
            events.PaymentFailed, number, on, currency="EUR", amount_minor=1200, **fields
        )

    def subscription(
        self,
        number: str,
        on: str,
        kind: str = "activated",
        sub: str = "stripe:sub_1",
        **fields: Any,
    ) -> events.SubscriptionState:  # fmt: skip
        """A subscription activated, changed or cancelled."""
        kinds = {
            "activated": (events.SubscriptionActivated, "active"),
            "changed": (events.SubscriptionChanged, "active"),
            "cancelled": (events.SubscriptionCancelled, "canceled"),
        }
        state, status = kinds[kind]
        return self.event(state, number, on, subscription_id=sub, **({"status": status} | fields))

    def customer_seen(self, number: str = "cus", on: str = "2026-01-01", **fields: Any) -> Any:
        """Billing shows the customer."""
        return self.event(events.CustomerAccountChanged, number, on, **fields)

    def signed(self, contract: str, number: str, on: str, **fields: Any) -> events.ContractSigned:
        """A contract of a year, told whole (not as CRM changes)."""
        terms = {
            "currency": "EUR",
            "term_start_micros": self.day(on),
            "term_end_micros": self.day(on) + 365 * 86_400_000_000,
            "customer_id": ACCOUNT,
            "source": "salesforce",
        }
        return self.event(
            events.ContractSigned, number, on, contract_id=contract, **(terms | fields)
        )

    def change(
        self, record: str, commit: int, on: str, change: str = "UPDATE", of: str = "Contract",
        sequence: int = 1, number: str | None = None, **values: Any,
    ) -> events.RecordChanged:  # fmt: skip
        """A change of a CRM record; dates as days, numbers as numbers."""
        return self.event(
            events.RecordChanged,
            number or f"{record}-{commit}-{sequence}",
            on,
            source="salesforce",
            customer_id=None,
            entity_name=of,
            record_id=record,
            change_type=change,
            commit_number=commit,
            sequence_number=sequence,
            values={name: self._text(value) for name, value in values.items()},
        )

    def _text(self, value: object) -> str | None:
        if isinstance(value, str) and len(value) == 10 and value[4] == "-":
            return str(self.day(value))
        if isinstance(value, bool):
            return "true" if value else "false"
        return None if value is None else str(value)

    def message(self, *told: Event, digest: str | None = None, **fields: Any) -> Message:
        """The message that carries events of one `source_event_id`."""
        first = told[0]
        body = msgspec.json.encode(told)
        given = {
            "message_id": first.source_event_id,
            "tenant": "acme",
            "source": first.source,
            "provider_type": subject_of(first),
            "schema_version": f"{subject_of(first)}@1",
            "occurred_at_micros": first.occurred_at_micros,
            "party_ref": first.customer_id,
            "digest": digest or hashlib.sha256(body).hexdigest()[:32],
            "body": body,
            "events": told,
        }
        return Message(**(given | fields))

    def messages(self, told: Iterable[Event]) -> list[Message]:
        """One message per event."""
        return [self.message(event) for event in told]


@pytest.fixture(scope="session")
def tell() -> Telling:
    """Writes events and messages."""
    return Telling()


@pytest.fixture(scope="session")
def load_pack() -> Callable[[str], PolicyPack]:
    """Reads a policy pack that comes with the product."""

    def load(name: str) -> PolicyPack:
        path = Path(ledger.__file__).parent / "packs" / f"{name}.yaml"
        return msgspec.convert(yaml.safe_load(path.read_text()), PolicyPack)

    return load
