"""Several taxes and none, and money that is taken back: refunds, disputes, notes, write-offs."""

from __future__ import annotations

from generator.depth.telling import Telling, percent, tax


def several_taxes(telling: Telling) -> None:
    """State, county and city on top; a part is refunded and another credited with stated tax."""
    telling.customer()
    net = telling.rng.randrange(20_000, 90_000)
    places = (("US-NY", 400), ("US-NY-NYC", 450), ("US-NY-MCTD", 38))
    taxes = [tax(percent(net, share), place) for place, share in places]
    line = telling.line("a", net, telling.service(0, 3), taxes=taxes)
    total = telling.invoice("a", telling.at(0, 6), [line])
    telling.pay("a", telling.at(0, 11), total, "a", fee_minor=333)
    telling.refund("a", telling.at(1, 19), total // 3, "a")
    note = total // 5
    stated = percent(note, 815)
    telling.credit_note("a", telling.at(2, 7), note, "a", to_balance_minor=note, tax_minor=stated)


def included_tax(telling: Telling) -> None:
    """Prices contain the tax; the tax of a second line is stated on the invoice only; a part is
    credited outside the billing system."""
    telling.books_in("JP01", "JPY").customer("JP")
    gross = telling.rng.randrange(20_000, 90_000)
    inside = [tax(gross - gross * 10 // 11, "JP", inclusive=True)]
    lines = [
        telling.line("a", gross, telling.service(0, 2), taxes=inside),
        telling.line("b", 3_000, product="SETUP"),
    ]
    total = telling.invoice("a", telling.at(0, 14), lines, taxes=[tax(240, "JP-FOOD")])
    telling.pay("a", telling.at(0, 16), total, "a")
    telling.refund("a", telling.at(1, 27), total // 2, "a")
    note = total // 4
    telling.credit_note("a", telling.at(2, 13), note, "a", out_of_band_minor=note)


def reverse_charge(telling: Telling) -> None:
    """The customer owes the tax: stated as nothing, in another country; then a note on it all."""
    telling.books_in("DE01", "EUR").customer("FR")
    net = telling.rng.randrange(20_000, 90_000)
    line = telling.line("a", net, telling.service(0, 6), taxes=[tax(0, "FR-REVERSE")])
    telling.invoice("a", telling.at(0, 8), [line])
    telling.credit_note("a", telling.at(1, 16), net, "a", to_receivable_minor=net)


def twice_taken_back(telling: Telling) -> None:
    """Refunded in part, then disputed in full: more is taken back than was ever paid for; a second
    dispute of the same payment is lost too."""
    telling.customer()
    minor = telling.rng.randrange(20_000, 90_000)
    line = telling.line("a", minor, telling.service(0, 4))
    telling.invoice("a", telling.at(0, 5), [line])
    telling.pay("a", telling.at(0, 6), minor, "a", fee_minor=420)
    telling.refund("a", telling.at(0, 25), minor // 2, "a")
    telling.dispute("opened", "a", telling.at(1, 7), minor, "a", fee_minor=1_500)
    telling.dispute("opened", "b", telling.at(1, 8), minor // 10, "a", fee_minor=1_500)
    telling.dispute("lost", "a", telling.at(2, 3), minor, "a")
    telling.dispute("won", "b", telling.at(2, 28), minor // 10, "a")


def undone(telling: Telling) -> None:
    """A refund that fails, a credit note that is voided, a balance that pays the next invoice."""
    telling.books_in("KW01", "KWD").customer("KW")
    minor = telling.rng.randrange(200_000, 900_000)
    telling.invoice("a", telling.at(0, 5), [telling.line("a", minor, telling.service(0, 2))])
    telling.pay("a", telling.at(0, 9), minor, "a", fee_minor=1_250)
    telling.refund("a", telling.at(0, 26), minor // 3, "a", status="pending")
    telling.refund("a", telling.at(1, 3), minor // 3, "a", status="failed")
    for name, share in (("void", 8), ("kept", 6)):
        note = minor // share
        telling.credit_note(name, telling.at(1, 10), note, "a", to_balance_minor=note)
    telling.tell(
        "billing.credit_note_voided",
        telling.at(1, 24),
        credit_note_id=telling.id("cn", "void"),
        invoice_id=telling.id("inv", "a"),
    )
    total = telling.invoice(
        "b",
        telling.at(2, 5),
        [telling.line("b", minor, telling.service(2))],
        balance_applied_minor=minor // 6,
    )
    telling.pay("b", telling.at(2, 11), total - minor // 6, "b")


def written_off(telling: Telling) -> None:
    """Voided while open; given up and paid after all; given up and voided."""
    telling.books_in("DE01", "EUR").customer("DE")
    minor = telling.rng.randrange(20_000, 90_000)
    for name in ("void", "late", "gone"):
        line = telling.line(name, minor, telling.service(0, 2), taxes=[tax(minor // 10, "DE")])
        telling.invoice(name, telling.at(0, 9), [line])
    given_up = "billing.invoice_marked_uncollectible"
    telling.tell("billing.invoice_voided", telling.at(0, 22), invoice_id=telling.id("inv", "void"))
    telling.tell(given_up, telling.at(1, 4), invoice_id=telling.id("inv", "late"))
    telling.tell(given_up, telling.at(1, 5), invoice_id=telling.id("inv", "gone"))
    telling.pay("late", telling.at(2, 8), minor + minor // 10, "late")
    telling.tell("billing.invoice_voided", telling.at(2, 9), invoice_id=telling.id("inv", "gone"))
