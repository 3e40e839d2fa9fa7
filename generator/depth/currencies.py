"""Claims in one currency, books in another, money in a third; with none and three decimals."""

from __future__ import annotations

from generator.depth.telling import Telling


def _claim(telling: Telling, name: str, month: int, minor: int, months: int = 1) -> int:
    """An invoice over services from the month's first day on, issued on the third."""
    line = telling.line(name, minor, telling.service(month, months))
    return telling.invoice(name, telling.at(month, 3), [line])


def yen_in_euros(telling: Telling) -> None:
    """DE01 bills JPY, which the processor settles in EUR; half is given back at another rate."""
    telling.books_in("DE01", "JPY").customer("JP")
    total = _claim(telling, "a", 0, telling.rng.randrange(20_000, 90_000), 3)
    paid, back = telling.at(1, 8), telling.at(2, 17)
    settled = telling.settled(total, "JPY", "EUR", paid)
    telling.pay("a", paid, total, "a", fee_minor=settled["settlement_minor"] // 50, **settled)
    half = total // 2
    telling.refund("a", back, half, "a", **telling.settled(half, "JPY", "EUR", back, 101))


def dinars_in_yen(telling: Telling) -> None:
    """US01 bills KWD, three decimals, and the money settles in JPY, of none: a third currency."""
    telling.books_in("US01", "KWD").customer("KW")
    total = _claim(telling, "a", 0, telling.rng.randrange(100_001, 900_001))
    paid = telling.at(0, 29)
    telling.pay("a", paid, total, "a", fee_minor=230, **telling.settled(total, "KWD", "JPY", paid))


def dinar_books(telling: Telling) -> None:
    """KW01 keeps its books in KWD, bills USD and is paid in two parts at two rates."""
    telling.books_in("KW01", "USD").customer()
    total = _claim(telling, "a", 0, telling.rng.randrange(20_001, 90_001), 2)
    telling.pay("a1", telling.at(0, 20), total // 3, "a", fee_minor=95)
    telling.pay("a2", telling.at(2, 4), total - total // 3, "a", fee_minor=140)


def open_for_long(telling: Telling) -> None:
    """A claim in GBP is open over two ends of a month, lowered by a credit note, then given up
    and paid after all outside the processor."""
    telling.books_in("US01", "GBP").customer("GB")
    total = _claim(telling, "a", 0, telling.rng.randrange(20_001, 90_001))
    note = total // 4
    telling.credit_note("a", telling.at(1, 5), note, "a", to_receivable_minor=note)
    telling.tell(
        "billing.invoice_marked_uncollectible", telling.at(2, 9), invoice_id=telling.id("inv", "a")
    )
    telling.pay("a", telling.at(3, 12), total - note, "a", out_of_band=True)


def stated_rate(telling: Telling) -> None:
    """Invoice, payment and refund state their own rates, which win over those on file."""
    telling.books_in("US01", "EUR").customer("DE")
    line = telling.line("a", telling.rng.randrange(20_001, 90_001), telling.service(0, 2))
    total = telling.invoice("a", telling.at(0, 5), [line], exchange_rate="1.0912")
    telling.pay("a", telling.at(0, 19), total, "a", exchange_rate="1.0734", fee_minor=211)
    telling.refund("a", telling.at(1, 23), total // 3, "a", exchange_rate="1.1021")


def disputed_at_another_rate(telling: Telling) -> None:
    """JP01 bills USD: disputed and won back at rates of their own, with a fee."""
    telling.books_in("JP01", "USD").customer()
    total = _claim(telling, "a", 0, telling.rng.randrange(20_001, 90_001), 3)
    paid, opened, won = telling.at(0, 12), telling.at(1, 9), telling.at(2, 21)
    telling.pay("a", paid, total, "a", **telling.settled(total, "USD", "JPY", paid))
    telling.dispute(
        "opened", "a", opened, total, "a",
        fee_minor=1_300, **telling.settled(total, "USD", "JPY", opened, 100),
    )  # fmt: skip
    telling.dispute("won", "a", won, total, "a", **telling.settled(total, "USD", "JPY", won, 98))
