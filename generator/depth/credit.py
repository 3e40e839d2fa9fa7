"""Prepaid credit: sold, given away, drawn, given back, expired, voided and refunded."""

from __future__ import annotations

from typing import Any

from generator.depth.telling import MICROS, Telling

CREDIT = "API-CREDITS"


def _sell(telling: Telling, name: str, at: int, minor: int, **more: Any) -> None:
    """An invoice sells a grant and is paid at once."""
    telling.invoice(name, at, [telling.line(name, minor, product=CREDIT)])
    telling.pay(name, at + 3_600, minor, name)
    telling.tell(
        "billing.credit_granted",
        at + 60,
        grant_id=telling.id("grant", name),
        currency=telling.currency,
        amount_minor=minor,
        category="paid",
        invoice_id=telling.id("inv", name),
        product=CREDIT,
        **more,
    )


def _move(telling: Telling, what: str, name: str, at: int, minor: int, of: str) -> None:
    """`drawn` on or `reinstated` from the invoice `of`; both keep the name of the movement."""
    telling.tell(
        f"billing.credit_{what}",
        at,
        transaction_id=telling.id("move", f"{what}{of}"),
        grant_id=telling.id("grant", name),
        currency=telling.currency,
        amount_minor=minor,
        invoice_id=telling.id("inv", of),
    )


def _spend(telling: Telling, name: str, month: int, minor: int) -> None:
    """Use of a month that the grant pays: its invoice is over nothing, the credit is drawn."""
    invoice = f"m{month}"
    start, end = telling.service(month)
    telling.tell(
        "billing.usage_reported",
        telling.at(month, 15),
        usage_id=telling.id("use", invoice),
        accrual_id=telling.id("meter"),
        currency=telling.currency,
        quantity=str(minor),
        unit_amount="1",
        used_at_micros=telling.at(month, 15) * MICROS,
        period_start_micros=start * MICROS,
        period_end_micros=end * MICROS,
        product="API-CALLS",
    )
    line = telling.line(invoice, 0, (start, end), accrual=telling.id("meter"), product="API-CALLS")
    at = telling.at(month + 1, 1, 6)
    telling.invoice(invoice, at, [line])
    _move(telling, "drawn", name, at, minor, invoice)


def _end(telling: Telling, what: str, name: str, at: int, minor: int | None = None) -> None:
    """`expired` or `voided`; None: all that is left."""
    telling.tell(
        f"billing.credit_{what}",
        at,
        grant_id=telling.id("grant", name),
        currency=telling.currency,
        amount_minor=minor,
    )


def expired(telling: Telling) -> None:
    """Sold, drawn for two months of use, the rest expires: breakage."""
    telling.customer()
    minor = telling.rng.randrange(200, 900) * 100
    expires = telling.at(3, 1, 0)
    _sell(telling, "g", telling.at(0, 3), minor, expires_at_micros=expires * MICROS)
    _spend(telling, "g", 0, minor // 5)
    _spend(telling, "g", 1, minor // 3)
    _end(telling, "expired", "g", expires)


def refunded(telling: Telling) -> None:
    """Sold in a foreign currency, a part drawn, the rest voided and given back the same day."""
    telling.books_in("DE01", "USD").customer()
    minor = telling.rng.randrange(200, 900) * 100
    _sell(telling, "g", telling.at(0, 4), minor)
    _spend(telling, "g", 0, minor * 2 // 5)
    at, left = telling.at(2, 10), minor - minor * 2 // 5
    _end(telling, "voided", "g", at, left)
    telling.refund("g", at + 300, left, "g")


def given_back(telling: Telling) -> None:
    """The invoice that credit was spent on is voided: the credit comes back and is used later."""
    telling.books_in("KW01", "KWD").customer("KW")
    minor = telling.rng.randrange(200, 900) * 1_000
    _sell(telling, "g", telling.at(0, 2), minor)
    part = minor // 4
    line = telling.line("x", 1_500, telling.service(1))
    telling.invoice("x", telling.at(1, 1, 6), [line])
    _move(telling, "drawn", "g", telling.at(1, 1, 6), part, "x")
    telling.tell("billing.invoice_voided", telling.at(1, 20), invoice_id=telling.id("inv", "x"))
    _move(telling, "reinstated", "g", telling.at(1, 20), part, "x")
    _spend(telling, "g", 2, part * 2)


def promotional(telling: Telling) -> None:
    """Given away: lowers what is invoiced and books nothing itself, not even when it ends."""
    telling.customer()
    minor = telling.rng.randrange(50, 200) * 100
    telling.tell(
        "billing.credit_granted",
        telling.at(0, 2),
        grant_id=telling.id("grant", "g"),
        currency=telling.currency,
        amount_minor=minor,
        category="promotional",
        expires_at_micros=telling.at(2, 1, 0) * MICROS,
    )
    line = telling.line("a", minor, telling.service(1))
    telling.invoice("a", telling.at(1, 1, 6), [line])
    _move(telling, "drawn", "g", telling.at(1, 1, 6), minor // 2, "a")
    telling.pay("a", telling.at(1, 9), minor, "a")
    _end(telling, "expired", "g", telling.at(2, 1, 0), minor - minor // 2)
