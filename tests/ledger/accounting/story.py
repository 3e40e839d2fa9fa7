"""Tells what happened to a customer in days and major units, and reads the books it gives.

`Story().invoice("2019-01-01", "90", service=("2019-01-01", "2019-04-01")).pay("2019-01-01", "90")`
makes canonical events; `months()` gives the change of each account role per calendar month, as the
published examples print it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import yaml

import ledger
from ledger import events as told
from ledger.accounting.result import AccountingResult
from ledger.accounts import on_normal_side
from ledger.fold import fold_contract
from ledger.journal import JournalEntry
from ledger.money import major_to_minor, minor_to_major
from ledger.policies import BooksConfig, EntityConfig, PolicyPack

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_CONFIG = BooksConfig()
IN_DOLLARS = BooksConfig(entities={"MAIN": EntityConfig(functional_currency="USD")})


def micros(text: str) -> int:
    """`2026-03-01` or `2026-03-01T12:00` (UTC) in micros."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def pack(name: str = "stripe-contra", **changes: Any) -> PolicyPack:
    """A pack as shipped, with choices changed."""
    text = (Path(ledger.__file__).parent / "packs" / f"{name}.yaml").read_text()
    return msgspec.structs.replace(msgspec.convert(yaml.safe_load(text), PolicyPack), **changes)


class Story:
    """Events in the order told; ids count up. `currency` is that of every amount."""

    def __init__(self, currency: str = "USD") -> None:
        self.currency = currency
        self.events: list[Any] = []

    def minor(self, amount: str | int) -> int:
        return major_to_minor(Decimal(amount), self.currency)

    def add(
        self, kind: type[told.Event], on: str, message: str | None = None, **fields: Any
    ) -> Story:
        """Add an event of `kind`, in a message of its own or the one named."""
        name = message or f"test:evt_{len(self.events):03d}"
        self.events.append(
            kind(
                event_id=f"{name}/{kind.__struct_config__.tag}",
                source_event_id=name,
                source="test",
                tenant="acme",
                occurred_at_micros=micros(on),
                customer_id="test:cus_1",
                **fields,
            )
        )
        return self

    def invoice(
        self,
        on: str,
        total: str,
        *,
        service: tuple[str, str] | None = None,
        lines: list[told.InvoiceLine] | None = None,
        invoice: str = "in_1",
        message: str | None = None,
        applied: str = "0",
        **fields: Any,
    ) -> Story:
        """An invoice over one line of its total, or over the lines given."""
        given = lines or [self.line(total, service=service)]
        return self.add(
            told.InvoiceIssued,
            on,
            message,
            invoice_id=invoice,
            currency=self.currency,
            total_minor=self.minor(total),
            lines=tuple(given),
            issued_at_micros=micros(on),
            balance_applied_minor=self.minor(applied),
            **fields,
        )

    def line(
        self,
        amount: str,
        *,
        service: tuple[str, str] | None = None,
        line: str = "il_1",
        tax: str | None = None,
        inclusive: bool = False,
        **fields: Any,
    ) -> told.InvoiceLine:
        taxes = () if tax is None else (self.tax(tax, inclusive=inclusive),)
        period = {}
        if service is not None:
            period = {
                "service_start_micros": micros(service[0]),
                "service_end_micros": micros(service[1]),
            }
        return told.InvoiceLine(
            line_id=line, amount_minor=self.minor(amount), taxes=taxes, **period, **fields
        )

    def tax(
        self, amount: str, *, inclusive: bool = False, place: str | None = None
    ) -> told.TaxAmount:
        return told.TaxAmount(
            amount_minor=self.minor(amount), inclusive=inclusive, jurisdiction=place
        )

    def pay(self, on: str, amount: str, **fields: Any) -> Story:
        """A payment of `in_1`, unless told otherwise."""
        given = {
            "payment_refs": ("ch_1",),
            "currency": self.currency,
            "amount_minor": self.minor(amount),
            "invoice_id": "in_1",
        } | fields
        return self.add(told.PaymentSucceeded, on, **given)

    def sell(self, on: str, amount: str, **fields: Any) -> Story:
        """A standalone payment."""
        return self.pay(on, amount, invoice_id=None, linkage="standalone", **fields)

    def refund(self, on: str, amount: str, refund: str = "re_1", **fields: Any) -> Story:
        given = {"payment_refs": ("ch_1",), "currency": self.currency} | fields
        return self.add(
            told.RefundIssued, on, refund_id=refund, amount_minor=self.minor(amount), **given
        )

    def dispute(self, on: str, amount: str, dispute: str = "dp_1", **fields: Any) -> Story:
        return self._dispute(told.DisputeOpened, on, amount, dispute, fields)

    def win(self, on: str, amount: str, dispute: str = "dp_1", **fields: Any) -> Story:
        return self._dispute(told.DisputeWon, on, amount, dispute, fields)

    def lose(self, on: str, amount: str, dispute: str = "dp_1", **fields: Any) -> Story:
        return self._dispute(told.DisputeLost, on, amount, dispute, fields)

    def _dispute(
        self, kind: type[told.Event], on: str, amount: str, dispute: str, fields: dict[str, Any]
    ) -> Story:
        given = {"payment_refs": ("ch_1",), "currency": self.currency} | fields
        return self.add(kind, on, dispute_id=dispute, amount_minor=self.minor(amount), **given)

    def void(self, on: str, invoice: str = "in_1") -> Story:
        return self.add(told.InvoiceVoided, on, invoice_id=invoice)

    def give_up(self, on: str, invoice: str = "in_1") -> Story:
        return self.add(told.InvoiceMarkedUncollectible, on, invoice_id=invoice)

    def credit(self, on: str, total: str, *, note: str = "cn_1", **ways: Any) -> Story:
        """A credit note; where it goes (`to_receivable`, `refunded`, …) in major units."""
        amounts = {
            f"{way}_minor": self.minor(ways.pop(way))
            for way in ("to_receivable", "to_balance", "refunded", "out_of_band", "tax")
            if way in ways
        }
        given = {"invoice_id": "in_1", "currency": self.currency} | ways
        return self.add(
            told.CreditNoteIssued,
            on,
            credit_note_id=note,
            total_minor=self.minor(total),
            **amounts,
            **given,
        )

    def void_credit(self, on: str, note: str = "cn_1") -> Story:
        return self.add(told.CreditNoteVoided, on, credit_note_id=note, invoice_id="in_1")

    def item(
        self, on: str, amount: str, item: str, service: tuple[str, str] | None = None
    ) -> Story:
        period = {}
        if service is not None:
            period = {
                "service_start_micros": micros(service[0]),
                "service_end_micros": micros(service[1]),
            }
        return self.add(
            told.ItemAccrued,
            on,
            accrual_id=item,
            currency=self.currency,
            amount_minor=self.minor(amount),
            **period,
        )

    def delete_item(self, on: str, item: str) -> Story:
        return self.add(told.ItemDeleted, on, accrual_id=item)

    def use(self, on: str, units: str, *, reported: str | None = None, **fields: Any) -> Story:
        """Units of a meter at one major unit each."""
        given = {
            "usage_id": f"mbur_{len(self.events)}",
            "accrual_id": "si_1",
            "currency": self.currency,
            "quantity": Decimal(units),
            "unit_amount": Decimal(100),
            "used_at_micros": micros(on),
        } | fields
        return self.add(told.UsageReported, reported or on, **given)

    def grant(self, on: str, amount: str, grant: str = "cg_1", **fields: Any) -> Story:
        """A paid grant of credit that `in_1` sold, unless told otherwise."""
        if "expires" in fields:
            fields["expires_at_micros"] = micros(fields.pop("expires"))
        if fields.get("category") != "promotional" and "payment_ref" not in fields:
            fields = {"invoice_id": "in_1"} | fields
        return self.add(
            told.CreditGranted,
            on,
            grant_id=grant,
            currency=self.currency,
            amount_minor=self.minor(amount),
            **fields,
        )

    def draw(self, on: str, amount: str, grant: str = "cg_1", **fields: Any) -> Story:
        return self._move(told.CreditDrawn, on, amount, grant, fields)

    def reinstate(self, on: str, amount: str, grant: str = "cg_1", **fields: Any) -> Story:
        return self._move(told.CreditReinstated, on, amount, grant, fields)

    def _move(
        self, kind: type[told.Event], on: str, amount: str, grant: str, fields: dict[str, Any]
    ) -> Story:
        given = {
            "transaction_id": f"tx_{len(self.events)}",
            "grant_id": grant,
            "currency": self.currency,
            "amount_minor": self.minor(amount),
        } | fields
        return self.add(kind, on, **given)

    def expire(
        self, on: str, amount: str | None = None, grant: str = "cg_1", **fields: Any
    ) -> Story:
        return self._end(told.CreditExpired, on, amount, grant, fields)

    def void_grant(
        self, on: str, amount: str | None = None, grant: str = "cg_1", **fields: Any
    ) -> Story:
        return self._end(told.CreditVoided, on, amount, grant, fields)

    def _end(
        self,
        kind: type[told.Event],
        on: str,
        amount: str | None,
        grant: str,
        fields: dict[str, Any],
    ) -> Story:
        given = {"grant_id": grant, "currency": self.currency} | fields
        if amount is not None:
            given["amount_minor"] = self.minor(amount)
        return self.add(kind, on, **given)

    def fold(
        self,
        policy: PolicyPack | None = None,
        config: BooksConfig = NO_CONFIG,
        as_of: str = "2040-01-01",
    ) -> AccountingResult:
        return fold_contract(
            "acme", "test:cus_1", "direct", self.events, policy or pack(), config, micros(as_of)
        )

    def months(
        self,
        policy: PolicyPack | None = None,
        config: BooksConfig = NO_CONFIG,
        as_of: str = "2040-01-01",
    ) -> dict[str, dict[str, str]]:
        """Change per month and role; fails when anything but usage waits, or is refused."""
        books = self.fold(policy, config, as_of)
        waiting = [one for one in books.pending if one.reason != "unbilled_usage"]
        assert not waiting, waiting
        assert not books.refusals, books.refusals
        return months_of(books.entries)


def months_of(entries: tuple[JournalEntry, ...]) -> dict[str, dict[str, str]]:
    """Change per month and role on the role's normal side, in major units of the books."""
    cells: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for entry in entries:
        for line in entry.lines:
            amount = on_normal_side(line.role, line.functional_minor)
            cells[entry.period][line.role.value] += minor_to_major(
                amount, entry.functional_currency
            )
    table = {
        month: {role: plain(amount) for role, amount in sorted(roles.items()) if amount}
        for month, roles in sorted(cells.items())
    }
    return {month: roles for month, roles in table.items() if roles}


def plain(amount: str | Decimal) -> str:
    """Write an amount the shortest way, so that `31.00` and `31` are the same."""
    return f"{Decimal(amount).normalize():f}"


def lines_of(entry: JournalEntry) -> list[tuple[str, str]]:
    """(role, signed debit in major units) of an entry, sorted."""
    return sorted(
        (line.role.value, plain(minor_to_major(line.amount_minor, entry.currency)))
        for line in entry.lines
    )
