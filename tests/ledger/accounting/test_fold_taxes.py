"""Tax per jurisdiction: inclusive and exclusive, by line, given back, of nothing at all.

Taxes are as the events state them; every sum is written out beside what it must give.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from story import Story, pack

from ledger.accounting.result import AccountingResult
from ledger.accounts import AccountRole
from ledger.events import CreditNoteLine, InvoiceLine, TaxAmount

SERVICE = ("2026-01-01", "2026-02-01")


def tax(amount: int, place: str | None, *, inclusive: bool = False) -> TaxAmount:
    return TaxAmount(amount_minor=amount, jurisdiction=place, inclusive=inclusive)


def line(name: str, amount: int, *taxes: TaxAmount) -> InvoiceLine:
    return InvoiceLine(line_id=name, amount_minor=amount, taxes=taxes)


def invoice(
    *lines: InvoiceLine, taxes: tuple[TaxAmount, ...] = (), on: str = "2026-01-01"
) -> Story:
    """An invoice whose total is what its lines and exclusive taxes add up to."""
    stated = [*taxes, *(one for each in lines for one in each.taxes)]
    total = sum(each.amount_minor for each in lines)
    total += sum(one.amount_minor for one in stated if not one.inclusive)
    story = Story().invoice(on, "0", lines=list(lines), taxes=taxes)
    story.events[-1] = msgspec.structs.replace(story.events[-1], total_minor=total)
    return story


def credited(
    story: Story, *lines: CreditNoteLine, on: str = "2026-02-01", note: str = "cn_1", **fields: Any
) -> Story:
    """A credit note on what is owed, of the total of its lines."""
    total = sum(each.amount_minor for each in lines)
    total += sum(one.amount_minor for each in lines for one in each.taxes if not one.inclusive)
    story.credit(on, "0", note=note, lines=lines)
    changes = {"total_minor": total, "to_receivable_minor": total} | fields
    story.events[-1] = msgspec.structs.replace(story.events[-1], **changes)
    return story


def credit_line(invoice_line: str | None, amount: int, *taxes: TaxAmount) -> CreditNoteLine:
    return CreditNoteLine(
        line_id=f"cnl_{invoice_line}",
        amount_minor=amount,
        invoice_line_id=invoice_line,
        taxes=taxes,
    )


def payable(books: AccountingResult) -> dict[str | None, int]:
    """Tax owed per jurisdiction; what is nothing is left out."""
    owed: Counter[str | None] = Counter()
    for entry in books.entries:
        for each in entry.lines:
            if each.role is AccountRole.TAX_PAYABLE:
                owed[each.jurisdiction] -= each.amount_minor
    return {place: amount for place, amount in owed.items() if amount}


def revenue_taken(books: AccountingResult) -> dict[str | None, int]:
    """Revenue given back by credit notes, per invoice line."""
    taken: Counter[str | None] = Counter()
    for entry in books.entries:
        for each in entry.lines:
            if each.role is AccountRole.CREDIT_NOTES:
                taken[each.invoice_line_id] += each.amount_minor
    return dict(taken)


BERLIN_AND_NEW_YORK = (
    line("il_1", 10_000, tax(1_900, "DE")),
    line("il_2", 20_000, tax(800, "US-NY"), tax(900, "US-NYC")),
)


def test_each_jurisdiction_is_owed_its_own_tax() -> None:
    """19 to Germany, 8 to the state, 9 to the city; a line may bear several."""
    books = invoice(*BERLIN_AND_NEW_YORK).fold()
    assert payable(books) == {"DE": 1_900, "US-NY": 800, "US-NYC": 900}
    [entry] = books.entries
    owed = next(one for one in entry.lines if one.role is AccountRole.ACCOUNTS_RECEIVABLE)
    assert owed.amount_minor == 33_600  # 100 + 200 + 36


def test_inclusive_tax_comes_out_of_its_line_and_exclusive_on_top() -> None:
    """119 contain 19; 100 bear 7 more: revenue 200, tax 26, owed 226."""
    story = invoice(
        line("il_1", 11_900, tax(1_900, "DE", inclusive=True)), line("il_2", 10_000, tax(700, "DE"))
    )
    assert story.months()["2026-01"] == {
        "accounts_receivable": "226",
        "revenue": "200",
        "tax_payable": "26",
    }


def test_a_credit_note_gives_back_the_tax_that_its_lines_state() -> None:
    """Half of the American line: 100 net, 4 of the state and 4.50 of the city; Germany keeps 19."""
    note = credit_line("il_2", 10_000, tax(400, "US-NY"), tax(450, "US-NYC"))
    books = credited(invoice(*BERLIN_AND_NEW_YORK), note).fold()
    assert payable(books) == {"DE": 1_900, "US-NY": 400, "US-NYC": 450}
    assert revenue_taken(books) == {"il_2": 10_000}


def test_a_credit_note_that_states_no_tax_gives_back_that_of_its_line() -> None:
    """108.50 of the American line's 217: 100 net, 4 and 4.50; no cent of Germany's."""
    books = credited(invoice(*BERLIN_AND_NEW_YORK), credit_line("il_2", 10_850)).fold()
    assert payable(books) == {"DE": 1_900, "US-NY": 400, "US-NYC": 450}
    assert revenue_taken(books) == {"il_2": 10_000}


def test_a_line_without_tax_gives_none_back() -> None:
    """50 of a line that bears no tax: 50 of revenue, although another line bears 19."""
    story = invoice(line("il_1", 10_000, tax(1_900, "DE")), line("il_2", 10_000))
    books = credited(story, credit_line("il_2", 5_000)).fold()
    assert payable(books) == {"DE": 1_900}
    assert revenue_taken(books) == {"il_2": 5_000}


def test_tax_that_only_the_invoice_states_follows_its_lines() -> None:
    """30 on 300; the line of 100 has a third of it: 110 of it are 100 and 10."""
    story = invoice(line("il_1", 10_000), line("il_2", 20_000), taxes=(tax(3_000, "FR"),))
    books = credited(story, credit_line("il_1", 11_000)).fold()
    assert payable(books) == {"FR": 2_000}
    assert revenue_taken(books) == {"il_1": 10_000}


def test_rounding_is_the_source_s_per_line_or_per_invoice() -> None:
    """Three lines of 0.10 at 19 %: 0.02 each by line is 0.06, by invoice 0.057 is 0.06 or 0.05.

    Both are booked as stated, and given back in full.
    """
    by_line = invoice(*(line(f"il_{n}", 10, tax(2, "DE")) for n in range(3)))
    by_invoice = invoice(*(line(f"il_{n}", 10) for n in range(3)), taxes=(tax(5, "DE"),))
    assert payable(by_line.fold()) == {"DE": 6}
    assert payable(by_invoice.fold()) == {"DE": 5}
    assert payable(by_invoice.void("2026-02-01").fold()) == {}


def test_a_partial_refund_gives_back_tax_in_proportion_by_line() -> None:
    """A third of 336 refunded: 33.33 + 66.67 of revenue; 6.33, 2.67 and 3 of tax.

    336 / 3 = 112; weights 100, 200, 19, 8, 9 of 336; largest remainder gives 33.33, 66.67 and the
    taxes 6.33, 2.67 and 3.00: together 112.
    """
    story = invoice(*BERLIN_AND_NEW_YORK).pay("2026-01-02", "336").refund("2026-02-01", "112")
    books = story.fold()
    assert payable(books) == {"DE": 1_900 - 633, "US-NY": 800 - 267, "US-NYC": 900 - 300}
    [refund] = [one for one in books.entries if one.rule == "refund_issued"]
    assert sum(one.amount_minor for one in refund.lines if one.amount_minor > 0) == 11_200


def test_a_refund_gives_back_the_tax_it_states_where_the_policy_says_so() -> None:
    """All of the 17 of a refund are tax: the customer turned out to be exempt in New York."""
    story = invoice(*BERLIN_AND_NEW_YORK).pay("2026-01-02", "336")
    story.refund("2026-02-01", "17", tax_minor=1_700)
    from_event, proportional = (
        story.fold(pack(tax_on_refund=choice)) for choice in ("from_event", "proportional")
    )
    assert sum(payable(from_event).values()) == 3_600 - 1_700
    assert sum(payable(proportional).values()) == 3_600 - 182  # 17 x 36 / 336 = 1.82


def test_a_refund_of_a_credit_note_follows_the_lines_and_taxes_of_the_note() -> None:
    note = credit_line("il_2", 10_000, tax(400, "US-NY"), tax(450, "US-NYC"))
    story = invoice(*BERLIN_AND_NEW_YORK).pay("2026-01-02", "336")
    credited(story, note, to_receivable_minor=0, refunded_minor=10_850, refund_ids=("re_1",))
    books = story.refund("2026-02-01", "108.50", credit_note_id="cn_1").fold()
    assert payable(books) == {"DE": 1_900, "US-NY": 400, "US-NYC": 450}
    assert not books.refusals and not books.pending


def test_a_credit_note_of_nothing_but_tax_leaves_the_revenue() -> None:
    """The customer shows that it is exempt in the city: 9 of tax, no revenue."""
    note = credit_line("il_2", 0, tax(900, "US-NYC"))
    books = credited(invoice(*BERLIN_AND_NEW_YORK), note).fold()
    assert payable(books) == {"DE": 1_900, "US-NY": 800}
    assert revenue_taken(books) == {}


def test_a_tax_only_note_may_state_its_tax_without_lines() -> None:
    story = invoice(line("il_1", 10_000, tax(1_900, "DE")))
    story.credit("2026-02-01", "19", to_receivable="19", tax="19")
    assert payable(story.fold()) == {}


def test_a_negative_line_bears_negative_tax() -> None:
    """A proration: 30 of the old plan back with 5.70, 50 of the new one with 9.50: owed 3.80."""
    story = invoice(line("il_1", -3_000, tax(-570, "DE")), line("il_2", 5_000, tax(950, "DE")))
    books = story.fold()
    assert payable(books) == {"DE": 380}
    assert payable(story.void("2026-02-01").fold()) == {}


def test_a_proration_in_another_place_is_given_back_where_it_was_owed() -> None:
    """The customer moved: the unused month goes back to Germany, the new one is owed to France."""
    story = invoice(line("il_1", -3_000, tax(-570, "DE")), line("il_2", 5_000, tax(1_000, "FR")))
    assert payable(story.fold()) == {"DE": -570, "FR": 1_000}
    assert payable(story.void("2026-02-01").fold()) == {}


def test_reverse_charge_owes_nothing_and_gives_nothing_back() -> None:
    """The customer owes the tax: revenue 100, owed 100; a credit note of 40 is 40 of revenue."""
    story = invoice(line("il_1", 10_000, tax(0, "FR")))
    books = credited(story, credit_line("il_1", 4_000, tax(0, "FR"))).fold()
    assert payable(books) == {}
    assert revenue_taken(books) == {"il_1": 4_000}


def test_a_voided_credit_note_owes_its_taxes_again() -> None:
    note = credit_line("il_2", 10_000, tax(400, "US-NY"), tax(450, "US-NYC"))
    story = credited(invoice(*BERLIN_AND_NEW_YORK), note).void_credit("2026-03-01")
    assert payable(story.fold()) == {"DE": 1_900, "US-NY": 800, "US-NYC": 900}


def test_a_note_that_names_a_place_the_invoice_does_not_takes_the_tax_of_its_line() -> None:
    """Billing calls the rate by its id on the note: what the line bears is given back."""
    note = credit_line("il_1", 10_000, tax(1_900, "txr_1"))
    books = credited(invoice(*BERLIN_AND_NEW_YORK), note).fold()
    assert payable(books) == {"US-NY": 800, "US-NYC": 900}


@pytest.mark.parametrize("first", ["il_1", "il_2"])
def test_two_notes_by_line_end_at_nothing(first: str) -> None:
    """The rest of the invoice by a second note without taxes: every jurisdiction ends at zero."""
    gross = {"il_1": 11_900, "il_2": 21_700}
    second = "il_2" if first == "il_1" else "il_1"
    story = credited(invoice(*BERLIN_AND_NEW_YORK), credit_line(first, gross[first]))
    credited(story, credit_line(second, gross[second]), note="cn_2", on="2026-03-01")
    books = story.fold()
    assert payable(books) == {} and not books.refusals
    assert revenue_taken(books) == {"il_1": 10_000, "il_2": 20_000}


def test_a_note_that_is_partly_refunded_gives_back_tax_once() -> None:
    """Half on the receivable, half refunded: 8.50 of tax together, to the cent."""
    note = credit_line("il_2", 10_000, tax(400, "US-NY"), tax(450, "US-NYC"))
    story = invoice(*BERLIN_AND_NEW_YORK).pay("2026-01-02", "250")
    credited(story, note, to_receivable_minor=5_425, refunded_minor=5_425, refund_ids=("re_1",))
    books = story.refund("2026-02-01", "54.25", credit_note_id="cn_1").fold()
    assert payable(books) == {"DE": 1_900, "US-NY": 400, "US-NYC": 450}


def test_tax_of_a_deferred_line_is_owed_at_once() -> None:
    story = Story()
    service = story.line("90", service=("2026-01-01", "2026-04-01"), tax="17.10")
    story.invoice("2026-01-01", "107.10", lines=[service])
    assert story.months()["2026-01"]["tax_payable"] == "17.1"
    assert all("tax_payable" not in story.months()[month] for month in ("2026-02", "2026-03"))


def test_tax_of_a_claim_that_is_given_up_and_paid_after_all_is_owed_again() -> None:
    story = invoice(*BERLIN_AND_NEW_YORK).give_up("2026-02-01")
    assert payable(story.fold()) == {}
    story.pay("2026-03-01", "336")
    assert payable(story.fold()) == {"DE": 1_900, "US-NY": 800, "US-NYC": 900}
