"""The life of one contract: deal, subscription, periods, renewal or end.

A `Life` tells events in the order of the story, not of time; what would happen at or after
`end` is not told. What happens to a single invoice is in `episodes.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from generator import stripe_past, stripe_present
from generator.billing import Item, Line, Standing, SubscriptionStanding
from generator.deal import OLD_2017, Deal
from generator.ids import Mint
from generator.months import add_months, day_of
from generator.plan import Habits
from generator.rates import RateTable
from generator.salesforce import ChangeStream

Object = dict[str, Any]


class Told(msgspec.Struct, frozen=True):
    """One event as its source publishes it."""

    source: str
    """stripe, salesforce or canonical."""
    at_micros: int
    kind: str
    """Stripe's event type, Salesforce's entity name, or the subject."""
    message_id: str
    body: Object


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What the faults have in store for a contract (see `faults.py`)."""

    calm: bool = False
    """Nothing out of the ordinary happens besides the fault."""
    last_payment_fails: bool = False
    """The last invoice before the end of the story stays open."""


class BalanceMove(msgspec.Struct, frozen=True):
    """A movement of the processor's balance that payouts will cover."""

    entity: str
    currency: str
    at: int
    net_minor: int


class Life:
    """State of the story of one contract while it is told."""

    def __init__(
        self,
        deal: Deal,
        rng: Random,
        mint: Mint,
        habits: Habits,
        rates: RateTable,
        seed: int,
        end: int,
        fate: Fate,
        tell: Callable[[Told], None],
        move: Callable[[BalanceMove], None],
    ) -> None:
        self.deal = deal
        self.rng = rng
        self.mint = mint
        self.habits = habits
        self.rates = rates
        self.end = end
        self.fate = fate
        self.shapes = stripe_present if deal.present else stripe_past
        self.changes = ChangeStream(seed, deal)
        self.items: tuple[Item, ...] = deal.items
        self.pending_lines: list[Line] = []
        self.credits: list[tuple[int, int]] = []
        """Customer balance granted: (at, minor units), not yet spent."""
        self.troubled = False
        """The last invoice's first payment failed."""
        self.invoices = 0
        self._tell = tell
        self._move = move

    @property
    def issues_on_created(self) -> bool:
        """2017-08-15 tells no `invoice.finalized`."""
        return self.deal.api_version == OLD_2017

    def chance(self, share: float) -> bool:
        """Draw once; a calm life has no surprises."""
        return self.rng.random() < share and not self.fate.calm

    def stripe(
        self,
        at: int,
        kind: str,
        subject: Object,
        before: Object | None = None,
        event_id: str | None = None,
    ) -> str:
        """Tell a Stripe event and return its id.

        `before` are the previous values of what an update changed.
        """
        event_id = event_id or self.mint.stripe("evt")
        if at >= self.end:
            return event_id
        data: Object = {"object": subject}
        if before is not None:
            data["previous_attributes"] = before
        body = {
            "id": event_id,
            "object": "event",
            "api_version": self.deal.api_version,
            "created": at,
            "data": data,
            "livemode": True,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self._tell(Told("stripe", at * 1_000_000, kind, f"stripe:{event_id}", body))
        return event_id

    def crm(
        self,
        at: int,
        entity: str,
        record_id: str,
        change_type: str,
        fields: Object,
        sequence: int = 1,
    ) -> None:
        """Tell a CRM change; self-serve customers are not in CRM."""
        if at >= self.end or self.deal.self_serve:
            return
        body = self.changes.change(entity, record_id, change_type, at * 1_000, fields, sequence)
        self._tell(Told("salesforce", at * 1_000_000, entity, f"salesforce:{body['id']}", body))

    def moves_balance(self, at: int, currency: str, net_minor: int) -> None:
        """Remember a movement of the processor's balance for the payouts."""
        if at < self.end:
            self._move(BalanceMove(self.deal.entity.code, currency, at, net_minor))

    def subscription(
        self, at: int, kind: str, standing: SubscriptionStanding, **before: Any
    ) -> None:
        """Tell a subscription event."""
        body = self.shapes.subscription(self.deal, standing)
        self.stripe(at, f"customer.subscription.{kind}", body, before or None)

    def invoice(self, at: int, kind: str, bill: Any, standing: Standing) -> None:
        """Tell an invoice event."""
        self.stripe(at, f"invoice.{kind}", self.shapes.invoice(self.deal, bill, standing))

    def standing(self, status: str, start: int, end: int, **more: Any) -> SubscriptionStanding:
        """The subscription as it stands in the period from `start` to `end`."""
        return SubscriptionStanding(
            status=status, created=self.deal.start, items=self.items, period_start=start,
            period_end=end, **more,
        )  # fmt: skip

    def rate_to_settlement(self, at: int) -> Any:
        """The processor's rate of the day, or None when it settles in the same currency."""
        deal = self.deal
        if deal.settlement_currency == deal.currency:
            return None
        return self.rates[deal.currency, deal.settlement_currency, day_of(at)]

    def period_from(self, start: int, number: int) -> tuple[int, int]:
        """Begin and end of billing period `number` counted from `start`."""
        months = self.deal.interval_months
        return add_months(start, number * months), add_months(start, (number + 1) * months)
