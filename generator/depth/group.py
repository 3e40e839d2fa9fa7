"""Legal entities that sell, bill and collect for each other, and what they pay out."""

from __future__ import annotations

from generator.depth.telling import MICROS, Telling, percent, tax
from generator.months import DAY


def sold_billed_collected(telling: Telling) -> None:
    """US01 sells, DE01 bills with its tax, JP01 collects in yen and gives a part back."""
    telling.books_in("US01", "EUR").customer("DE")
    net = telling.rng.randrange(20_000, 90_000)
    line = telling.line("a", net, telling.service(0, 3), taxes=[tax(percent(net, 1_900), "DE")])
    total = telling.invoice("a", telling.at(0, 7), [line], billing_entity="DE01")
    paid, back = telling.at(0, 28), telling.at(2, 11)
    telling.pay(
        "a", paid, total, "a",
        entity="JP01", fee_minor=410, **telling.settled(total, "EUR", "JPY", paid),
    )  # fmt: skip
    part = total // 4
    telling.refund(
        "a", back, part, "a", entity="JP01", **telling.settled(part, "EUR", "JPY", back, 100)
    )


def billed_elsewhere_and_credited(telling: Telling) -> None:
    """DE01 sells, KW01 bills; a credit note before the payment and one after it."""
    telling.books_in("DE01", "USD").customer("KW")
    total = telling.invoice(
        "a",
        telling.at(0, 9),
        [telling.line("a", telling.rng.randrange(20_001, 90_001), telling.service(0, 2))],
        billing_entity="KW01",
    )
    early, late = total // 10, total // 7
    telling.credit_note("a", telling.at(0, 12), early, "a", to_receivable_minor=early)
    telling.pay("a", telling.at(1, 14), total - early, "a", entity="KW01")
    telling.credit_note("b", telling.at(2, 2), late, "a", to_balance_minor=late)


def collected_and_disputed(telling: Telling) -> None:
    """US01 sells and bills, DE01 collects; the customer disputes it at DE01 and wins."""
    telling.books_in("US01", "USD").customer()
    line = telling.line("a", telling.rng.randrange(20_001, 90_001), telling.service(0, 3))
    total = telling.invoice("a", telling.at(0, 10), [line])
    telling.pay("a", telling.at(0, 15), total, "a", entity="DE01", fee_minor=600)
    telling.dispute("opened", "a", telling.at(1, 18), total, "a", entity="DE01", fee_minor=1_500)
    telling.dispute("lost", "a", telling.at(2, 25), total, "a", entity="DE01")


def paid_out(telling: Telling) -> None:
    """Cash of an entity goes to the bank; one payout comes back and is sent again."""
    telling.books_in("DE01", "EUR").customer("DE")
    minor = telling.rng.randrange(40_000, 90_000)
    telling.invoice("a", telling.at(0, 4), [telling.line("a", minor, telling.service(0))])
    telling.pay("a", telling.at(0, 8), minor, "a", fee_minor=700)
    first, second = telling.id("po", 1), telling.id("po", 2)
    told = (("paid", first, 0, 12), ("failed", first, 0, 15), ("paid", second, 0, 30))
    for what, payout, month, day in told:
        telling.tell(
            f"payments.payout_{what}",
            telling.at(month, day),
            customer_id=None,
            payout_id=payout,
            currency="EUR",
            amount_minor=minor - 700,
        )


def known_late(telling: Telling) -> None:
    """January's invoice and its payment are delivered in March, and an upgrade of it in April."""
    telling.books_in("JP01", "EUR").customer("DE")
    line = telling.line("a", telling.rng.randrange(20_001, 90_001), telling.service(0, 4))
    at, march = telling.at(0, 21), telling.at(2, 14)
    total = telling.invoice("a", at, [line], delivered=march)
    telling.pay("a", at + 2 * DAY, total, "a", delivered=march + DAY)
    accrual = telling.id("acr", "late")
    telling.tell(
        "billing.item_accrued",
        telling.at(1, 10),
        delivered=telling.at(3, 5),
        accrual_id=accrual,
        currency="EUR",
        amount_minor=4_501,
        service_start_micros=telling.at(1, 10) * MICROS,
        service_end_micros=telling.at(2, 1, 0) * MICROS,
        proration=True,
    )
    extra = telling.line("late", 4_501, accrual=accrual, proration=True)
    telling.invoice("b", telling.at(3, 6), [extra])
