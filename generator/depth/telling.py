"""Tells the canonical events of one customer: envelope, ids, times, totals that add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from generator.life import Told
from generator.months import DAY, HOUR, add_months, day_of
from generator.rates import RateTable
from ledger.money import convert

Fields = dict[str, Any]

SOURCE = "backoffice"
"""Publishing system of all these events."""
FILES = "canonical"
"""Their files: `canonical-YYYY-MM.jsonl`."""
MICROS = 1_000_000


class Telling:
    """One customer and what is told of it. What would happen at or after `end` is not told.

    Amounts are minor units; times are seconds since the epoch until an event is made of them.
    """

    def __init__(
        self,
        name: str,
        opening: int,
        end: int,
        rng: Random,
        rates: RateTable,
        tell: Callable[[Told], None],
    ) -> None:
        self.name = name
        """Unique in the company, part of every id."""
        self.rng = rng
        self._opening = opening
        self._end = end
        self._rates = rates
        self._tell = tell
        self._number = 0
        self.entity = "US01"
        self.currency = "USD"
        self.contract: str | None = None

    def books_in(self, entity: str, currency: str) -> Telling:
        """Set the entity that sells and the currency in which it does."""
        self.entity, self.currency = entity, currency
        return self

    def at(self, month: int, day: int, hour: int = 12) -> int:
        """A moment in the `month`-th month of the story (from 0), in seconds."""
        return add_months(self._opening, month) + (day - 1) * DAY + hour * HOUR

    def service(self, month: int, months: int = 1) -> tuple[int, int]:
        """Start and end (exclusive) of a service of whole months."""
        return self.at(month, 1, 0), self.at(month + months, 1, 0)

    def id(self, kind: str, name: object = "") -> str:
        """`backoffice:inv_…`, the same for the same name."""
        return f"{SOURCE}:{kind}_{self.name}{f'_{name}' if name != '' else ''}"

    def convert(self, amount_minor: int, currency: str, into: str, at: int) -> int:
        """An amount at the rate on file of that day."""
        if currency == into:
            return amount_minor
        return convert(amount_minor, currency, self._rates[currency, into, day_of(at)], into)

    def settled(
        self, minor: int, currency: str, into: str, at: int, percent: int = 99
    ) -> dict[str, Any]:
        """Settlement fields of money that the processor exchanged, less its margin."""
        settlement = self.convert(minor, currency, into, at) * percent // 100
        return {"settlement_currency": into, "settlement_minor": settlement}

    def tell(self, subject: str, at: int, *, delivered: int | None = None, **fields: Any) -> None:
        """Tell one event; `delivered`: when its file has it, if later than it happened."""
        self._number += 1
        message_id = f"{SOURCE}:{self.name}-{self._number:03d}"
        if at >= self._end:
            return
        whose = {"customer_id": self.id("cus"), "entity": self.entity}
        if self.contract is not None:
            whose["contract_id"] = self.contract
        event: Fields = {
            "subject": subject,
            "event_id": f"{message_id}/{subject}",
            "source_event_id": message_id,
            "source": SOURCE,
            "occurred_at_micros": at * MICROS,
            **whose,
            **fields,
        }
        body = {name: value for name, value in event.items() if value is not None}
        when = max(at, delivered or at) * MICROS
        self._tell(Told(FILES, when, subject, event["event_id"], body))

    def customer(self, country: str = "US") -> None:
        """The customer is known from the first day on; CRM knows it as an account."""
        self.tell(
            "crm.customer_account_changed",
            self.at(0, 1, 1),
            entity=None,
            account_id=self.id("acc"),
            attributes_set=["name", "country", "currency"],
            name=f"Customer {self.name}",
            country=country,
            currency=self.currency,
        )

    def line(
        self,
        name: object,
        minor: int,
        service: tuple[int, int] | None = None,
        *,
        taxes: Sequence[Fields] = (),
        accrual: str | None = None,
        product: str = "PRO-SEAT",
        **more: Any,
    ) -> Fields:
        """An invoice line; without a service it is delivered at once."""
        found: Fields = {
            "line_id": f"{self.name}-l{name}",
            "amount_minor": minor,
            "product": product,
            **more,
        }
        if service is not None:
            found["service_start_micros"] = service[0] * MICROS
            found["service_end_micros"] = service[1] * MICROS
        if accrual is not None:
            found["accrual_id"] = accrual
        if taxes:
            found["taxes"] = list(taxes)
        return found

    def invoice(self, name: object, at: int, lines: Sequence[Fields], **more: Any) -> int:
        """An invoice over the lines; returns its total."""
        total: int = sum(line["amount_minor"] for line in lines) + sum(
            tax["amount_minor"]
            for taxed in (*lines, more)
            for tax in taxed.get("taxes", ())
            if not tax.get("inclusive")
        )
        self.tell(
            "billing.invoice_issued",
            at,
            invoice_id=self.id("inv", name),
            number=f"{self.name}-{name}",
            currency=self.currency,
            total_minor=total,
            lines=list(lines),
            issued_at_micros=at * MICROS,
            due_at_micros=(at + 30 * DAY) * MICROS,
            **more,
        )
        return total

    def pay(self, name: object, at: int, minor: int, of: object, **more: Any) -> None:
        """A payment `name` of the invoice `of`."""
        self.tell(
            "payments.payment_succeeded",
            at,
            payment_refs=[self.id("pay", name)],
            currency=more.pop("currency", self.currency),
            amount_minor=minor,
            invoice_id=self.id("inv", of),
            linkage="invoice",
            **more,
        )

    def refund(self, name: object, at: int, minor: int, payment: object, **more: Any) -> None:
        """Part or all of a payment given back."""
        self.tell(
            "payments.refund_issued",
            at,
            refund_id=self.id("ref", name),
            payment_refs=[self.id("pay", payment)],
            currency=self.currency,
            amount_minor=minor,
            **more,
        )

    def dispute(
        self, what: str, name: object, at: int, minor: int, payment: object, **more: Any
    ) -> None:
        """`opened`, `won` or `lost`."""
        self.tell(
            f"payments.dispute_{what}",
            at,
            dispute_id=self.id("dis", name),
            payment_refs=[self.id("pay", payment)],
            currency=self.currency,
            amount_minor=minor,
            **more,
        )

    def credit_note(self, name: object, at: int, minor: int, of: object, **more: Any) -> None:
        """A credit note; where it goes is in `more`."""
        self.tell(
            "billing.credit_note_issued",
            at,
            credit_note_id=self.id("cn", name),
            invoice_id=self.id("inv", of),
            currency=self.currency,
            total_minor=minor,
            **more,
        )


def tax(minor: int, jurisdiction: str, *, inclusive: bool = False) -> Fields:
    """Tax as the source states it."""
    stated: Fields = {"amount_minor": minor, "jurisdiction": jurisdiction}
    return stated | {"inclusive": True} if inclusive else stated


def percent(minor: int, hundredths: int) -> int:
    """A share in hundredths of a percent, rounded down: the source's own rounding."""
    return minor * hundredths // 10_000
