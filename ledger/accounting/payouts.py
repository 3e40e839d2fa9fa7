"""Money sent from the processor to the bank, and back when a payout fails."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.accounting.evidence import by_id
from ledger.accounting.poster import Poster, raw
from ledger.accounts import AccountRole
from ledger.events import PayoutFailed, PayoutPaid
from ledger.policies import DAY_MICROS
from ledger.rates import rated


def book_payouts(
    poster: Poster, paid: Iterable[PayoutPaid], failed: Iterable[PayoutFailed]
) -> None:
    """Book each payout once, and its failure on the day it came back."""
    for told in by_id(paid, "payout_id").values():
        _book(poster, told, "payout_paid", 1)
    for came_back in by_id(failed, "payout_id").values():
        _book(poster, came_back, "payout_failed", -1)


def _book(
    poster: Poster, told: list[PayoutPaid] | list[PayoutFailed], rule: str, sign: int
) -> None:
    event = told[0]
    amount = event.amount_minor
    cause = poster.cause(event, event.currency, None, poster.others(told, event))
    day = event.occurred_at_micros // DAY_MICROS
    found = rated(poster.config, amount, event.currency, cause.functional, day)
    if found is None:
        poster.wait_for_rate(event, event.currency, cause.functional, day, amount)
        return
    worth, cause.memo = found
    poster.post(
        f"{event.payout_id}:{rule}",
        day,
        rule,
        cause,
        [
            raw(AccountRole.BANK, sign * amount, sign * worth),
            raw(AccountRole.CASH_CLEARING, -sign * amount, -sign * worth),
        ],
    )
