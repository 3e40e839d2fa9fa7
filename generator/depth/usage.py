"""Metered use: out of order, corrected before and after its invoice, told late, in tiers."""

from __future__ import annotations

from typing import Any

from generator.depth.telling import MICROS, Fields, Telling


def _report(
    telling: Telling,
    name: object,
    used_at: int,
    quantity: int,
    month: int,
    *,
    reported: int | None = None,
    delivered: int | None = None,
    **more: Any,
) -> None:
    """`quantity` units used in a month; `reported` when billing heard of it."""
    start, end = telling.service(month)
    fields = {"unit_amount": "12.5", "aggregation": "sum", "product": "API-CALLS"} | more
    telling.tell(
        "billing.usage_reported",
        reported or used_at,
        delivered=delivered,
        usage_id=telling.id("use", name),
        accrual_id=telling.id("meter"),
        currency=telling.currency,
        quantity=str(quantity),
        used_at_micros=used_at * MICROS,
        period_start_micros=start * MICROS,
        period_end_micros=end * MICROS,
        **fields,
    )


def _bill(telling: Telling, name: object, month: int, *minors: int) -> None:
    """The invoice over a month of use, paid twelve days later."""
    lines = [
        telling.line(
            f"{name}{number}",
            minor,
            telling.service(month),
            accrual=telling.id("meter"),
            product="API-CALLS",
        )
        for number, minor in enumerate(minors)
    ]
    at = telling.at(month + 1, 1, 6)
    total = telling.invoice(name, at, lines)
    if total:
        telling.pay(name, telling.at(month + 1, 13), total, name)


def corrected(telling: Telling) -> None:
    """Out of order in January, one report corrected before its invoice, another after it."""
    telling.customer()
    base = telling.rng.randrange(20, 400) * 2
    third = telling.at(0, 20)
    _report(telling, "c", third, base * 3, 0, reported=third)
    _report(telling, "a", telling.at(0, 5), base, 0, reported=third + 60)
    _report(telling, "b", telling.at(0, 9), base * 9, 0)
    _report(telling, "b", telling.at(0, 9), base * 2, 0, reported=telling.at(0, 25))
    _bill(telling, "jan", 0, base * 6 * 25 // 2)
    _report(telling, "c", third, base * 4, 0, reported=telling.at(1, 6))
    _report(telling, "d", telling.at(1, 10), base, 1)
    _bill(telling, "feb", 1, base * 2 * 25 // 2)


def late(telling: Telling) -> None:
    """January's use becomes known in March, after January's invoice: it stays January's."""
    telling.books_in("DE01", "EUR").customer("DE")
    base = telling.rng.randrange(10, 200) * 2
    _report(telling, "a", telling.at(0, 8), base, 0)
    _bill(telling, "jan", 0, base * 25 // 2)
    april = telling.at(3, 2)
    _report(telling, "b", telling.at(0, 30), base * 2, 0, reported=april)
    _report(telling, "c", telling.at(1, 14), base, 1, delivered=telling.at(2, 20))
    _bill(telling, "feb", 1, base * 25 // 2)


def peaks(telling: Telling) -> None:
    """The highest value counts, or the last one; January's peak is told after its invoice."""
    telling.customer()
    kind: Fields = {
        "aggregation": telling.rng.choice(("max", "last_during_period")),
        "unit_amount": "100",
    }
    base = telling.rng.randrange(5, 50)
    _report(telling, "a", telling.at(0, 8), base, 0, **kind)
    _report(telling, "b", telling.at(0, 20), base + 4, 0, **kind)
    _bill(telling, "jan", 0, (base + 4) * 100)
    _report(telling, "c", telling.at(0, 26), base + 6, 0, reported=telling.at(1, 4), **kind)
    _report(telling, "d", telling.at(1, 11), base, 1, **kind)
    _bill(telling, "feb", 1, (base + 2) * 100)


def tiers(telling: Telling) -> None:
    """Accrued at one price, billed in two tiers and a flat part; a month rated by the source."""
    telling.books_in("JP01", "JPY").customer("JP")
    units = telling.rng.randrange(150, 900)
    _report(telling, "a", telling.at(0, 12), units, 0, unit_amount="10")
    _bill(telling, "jan", 0, 1_000, (units - 100) * 6, 500)
    _report(telling, "b", telling.at(1, 12), units, 1, amount_minor=units * 7)
    _bill(telling, "feb", 1, units * 7)


def unbilled(telling: Telling) -> None:
    """Use in a currency of three decimals that the entity does not keep its books in, not invoiced
    until two months later."""
    telling.books_in("DE01", "KWD").customer("KW")
    units = telling.rng.randrange(100, 900)
    _report(telling, "a", telling.at(1, 17), units, 1, unit_amount="15.25")
    _report(telling, "b", telling.at(1, 27), units, 1, unit_amount="15.25")
    line = telling.line(
        "all", units * 61 // 2, telling.service(1), accrual=telling.id("meter"), product="API-CALLS"
    )
    telling.invoice("all", telling.at(3, 3), [line])
