"""Weekly payouts per legal entity and currency: what came in less what was given back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from generator.deal import PRESENT
from generator.ids import Mint
from generator.life import BalanceMove, Told
from generator.months import DAY
from generator.stripe_common import payout

WEEK = 7 * DAY
ARRIVES_AFTER = 2 * DAY


class Balance:
    """The processor's balance, by week, so that payouts can cover exactly what moved."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._net: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def move(self, move: BalanceMove) -> None:
        """Add a movement to its week."""
        week = (move.at - self._start) // WEEK
        self._net[move.entity, move.currency][week] += move.net_minor

    def payouts(self, tag: str, end: int) -> Iterator[Told]:
        """A payout for each week that leaves something; a negative week is carried forward."""
        mint = Mint(tag, 0)
        for (entity, currency), by_week in sorted(self._net.items()):
            carried = 0
            for week in range(max(by_week) + 1):
                carried += by_week.get(week, 0)
                at = self._start + (week + 1) * WEEK + ARRIVES_AFTER
                if carried > 0 and at < end:
                    yield _told(mint, carried, currency, at, entity)
                    carried = 0


def _told(mint: Mint, amount_minor: int, currency: str, at: int, entity: str) -> Told:
    event_id = mint.stripe("evt")
    body = {
        "id": event_id,
        "object": "event",
        "api_version": PRESENT,
        "created": at,
        "data": {"object": payout(mint.stripe("po"), amount_minor, currency, at, entity)},
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "payout.paid",
    }
    return Told("stripe", at * 1_000_000, "payout.paid", f"stripe:{event_id}", body)
