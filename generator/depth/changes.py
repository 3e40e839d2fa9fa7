"""Running contracts that change: amendments that billing follows or not, pauses, ends."""

from __future__ import annotations

from typing import Any

from generator.depth.telling import MICROS, Telling
from generator.months import DAY

SEATS = "PRO-SEAT"


def _terms(
    telling: Telling, what: str, at: int, service: tuple[int, int], *lines: tuple[str, int, int]
) -> None:
    """`signed`, `amended` or `renewed`; lines as (name, quantity, price in minor units)."""
    telling.tell(
        f"crm.contract_{what}",
        at,
        account_id=telling.id("acc"),
        currency=telling.currency,
        term_start_micros=service[0] * MICROS,
        term_end_micros=service[1] * MICROS,
        auto_renew=True,
        lines=[
            {
                "line_id": telling.id("sold", name),
                "product": SEATS,
                "quantity": str(quantity),
                "unit_amount": f"{price // 100}.{price % 100:02d}",
                "service_start_micros": service[0] * MICROS,
                "service_end_micros": service[1] * MICROS,
            }
            for name, quantity, price in lines
        ],
    )


def _subscription(
    telling: Telling, what: str, at: int, month: int, seats: int, price: int, **more: Any
) -> None:
    """`activated`, `changed` or `cancelled`, with what is subscribed from then on."""
    start, end = telling.service(month)
    fields = {"status": "active", "currency": telling.currency} | more
    telling.tell(
        f"billing.subscription_{what}",
        at,
        subscription_id=telling.id("sub"),
        period_start_micros=start * MICROS,
        period_end_micros=end * MICROS,
        items=[
            {
                "item_id": telling.id("item"),
                "product": SEATS,
                "quantity": str(seats),
                "unit_amount": str(price),
                "interval": "month",
            }
        ],
        **fields,
    )


def _item(telling: Telling, name: str, at: int, until: int, minor: int) -> str:
    """A proration that waits for the next invoice; returns its id."""
    accrual = telling.id("acr", name)
    telling.tell(
        "billing.item_accrued",
        at,
        subscription_id=telling.id("sub"),
        accrual_id=accrual,
        currency=telling.currency,
        amount_minor=minor,
        service_start_micros=at * MICROS,
        service_end_micros=until * MICROS,
        product=SEATS,
        proration=True,
    )
    return accrual


def _begin(telling: Telling, seats: int, price: int) -> None:
    """Signed for a year, subscribed, the first month invoiced and paid."""
    telling.customer()
    telling.contract = telling.id("con")
    _terms(telling, "signed", telling.at(0, 1, 2), telling.service(0, 12), ("a", seats, price))
    _subscription(telling, "activated", telling.at(0, 1, 3), 0, seats, price)
    _month(telling, 0, seats * price)


def _month(telling: Telling, month: int, minor: int, *prorations: dict[str, Any]) -> None:
    """The invoice of a month in advance, with what waited for it, and its payment."""
    line = telling.line(
        month, minor, telling.service(month), subscription_id=telling.id("sub"), product=SEATS
    )
    total = telling.invoice(
        month, telling.at(month, 1, 4), [line, *prorations], subscription_id=telling.id("sub")
    )
    telling.pay(month, telling.at(month, 6), total, month)


def _upgrade(telling: Telling, seats: int, more: int, price: int) -> list[dict[str, Any]]:
    """More seats from the 16th of the first month: two prorations, as lines of the next invoice."""
    at, until = telling.at(0, 16, 0), telling.at(1, 1, 0)
    days, whole = (until - at) // DAY, (until - telling.at(0, 1, 0)) // DAY
    minus, plus = (count * price * days // whole for count in (seats, seats + more))
    _subscription(telling, "changed", at, 0, seats + more, price)
    found = []
    for name, minor in (("minus", -minus), ("plus", plus)):
        accrual = _item(telling, name, at, until, minor)
        found.append(
            telling.line(name, minor, (at, until), accrual=accrual, proration=True, product=SEATS)
        )
    return found


def agreed(telling: Telling) -> None:
    """CRM and billing tell the same upgrade; the contract is renewed early, for another price."""
    seats, price = telling.rng.randrange(4, 30), 2_900
    _begin(telling, seats, price)
    since = telling.at(0, 16, 0)
    _terms(telling, "amended", since + 600, (since, telling.service(0, 12)[1]), ("b", 3, price))
    lines = _upgrade(telling, seats, 3, price)
    _month(telling, 1, (seats + 3) * price, *lines)
    _month(telling, 2, (seats + 3) * price)
    _terms(
        telling, "renewed", telling.at(2, 20), telling.service(3, 12), ("c", seats + 3, price + 200)
    )
    _subscription(telling, "changed", telling.at(3, 1, 0), 3, seats + 3, price + 200)
    _month(telling, 3, (seats + 3) * (price + 200))


def drifted(telling: Telling) -> None:
    """CRM sold two seats more, at another price, and billing never heard of it: contract drift."""
    telling.books_in("DE01", "EUR")
    seats, price = telling.rng.randrange(4, 30), 2_700
    _begin(telling, seats, price)
    since = telling.at(1, 1, 0)
    _terms(
        telling, "amended", since, (since, telling.service(0, 12)[1]), ("a", seats + 2, price + 300)
    )
    for month in (1, 2, 3):
        _month(telling, month, seats * price)


def cancelled(telling: Telling) -> None:
    """Cancelled at once in the second month on both sides; the unused part is credited."""
    seats, price = telling.rng.randrange(4, 30), 3_100
    _begin(telling, seats, price)
    _month(telling, 1, seats * price)
    at = telling.at(1, 15, 0)
    telling.tell(
        "crm.contract_cancelled", at, account_id=telling.id("acc"), effective_at_micros=at * MICROS
    )
    _subscription(
        telling, "cancelled", at, 1, seats, price, status="canceled", ended_at_micros=at * MICROS
    )
    unused = (
        seats * price * (telling.at(2, 1, 0) - at) // (telling.at(2, 1, 0) - telling.at(1, 1, 0))
    )
    telling.credit_note("end", at + 900, unused, 1, to_balance_minor=unused)


def paused(telling: Telling) -> None:
    """Collection is paused for a month, whose invoice is voided; then it goes on."""
    telling.books_in("JP01", "JPY")
    seats, price = telling.rng.randrange(4, 30), 4_300
    telling.customer("JP")
    _subscription(telling, "activated", telling.at(0, 1, 3), 0, seats, price)
    _month(telling, 0, seats * price)
    resumes = telling.at(2, 1, 0)
    _subscription(
        telling, "changed", telling.at(0, 25), 0, seats, price,
        pause_behavior="void", resumes_at_micros=resumes * MICROS,
    )  # fmt: skip
    line = telling.line(1, seats * price, telling.service(1), product=SEATS)
    telling.invoice(1, telling.at(1, 1, 4), [line], subscription_id=telling.id("sub"))
    telling.tell("billing.invoice_voided", telling.at(1, 1, 5), invoice_id=telling.id("inv", 1))
    _subscription(telling, "changed", resumes, 2, seats, price)
    _month(telling, 2, seats * price)


def reconsidered(telling: Telling) -> None:
    """A downgrade whose proration is deleted, half earned, and one that is invoiced."""
    telling.customer()
    seats, price = telling.rng.randrange(10, 30), 2_900
    _subscription(telling, "activated", telling.at(0, 1, 3), 0, seats, price)
    _month(telling, 0, seats * price)
    at, until = telling.at(0, 11, 0), telling.at(1, 1, 0)
    accrual = _item(telling, "gone", at, until, -3 * price * 21 // 31)
    telling.tell("billing.item_deleted", telling.at(0, 19), accrual_id=accrual)
    since = telling.at(0, 21, 0)
    minor = -2 * price * 11 // 31
    kept = _item(telling, "kept", since, until, minor)
    _subscription(telling, "changed", since, 0, seats - 2, price)
    line = telling.line("kept", minor, (since, until), accrual=kept, proration=True, product=SEATS)
    _month(telling, 1, (seats - 2) * price, line)
