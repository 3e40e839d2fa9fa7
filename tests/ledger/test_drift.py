"""Contract drift: where CRM and billing disagree, and all that only looks like it.

One contract: 10 seats at 24.00 EUR a month for 2026, billed by a monthly subscription from
1 January. Seen on 15 March 2026 unless said otherwise, so the running billing period ends on
1 April.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ledger import events
from ledger.party import assemble_party
from ledger.policies import BooksConfig, DriftConfig, PendingDays, PolicyPack
from ledger.results import ContractDrift, ContractState, FoldResult

Told = Any
CONTRACT = "C-1"
Fold = Callable[..., FoldResult]


@pytest.fixture
def fold(tell: Told, load_pack: Callable[[str], PolicyPack]) -> Fold:
    """Folds events of the account, and nothing else."""
    policy = load_pack("stripe-contra")

    def run(told: list[Any], on: str = "2026-03-15", **drift: Any) -> FoldResult:
        days = PendingDays(contract_drift=drift.pop("days", 7))
        config = BooksConfig(
            drift=DriftConfig(**drift),
            pending_days=days,
            identity={tell.customer: tell.account},
            links="assumed",
        )
        return assemble_party(
            tenant="acme", party_id=tell.account, party_refs=(tell.customer, tell.account),
            based_on={}, history=(), incoming=tell.messages(told), policy=policy, config=config,
            as_of_micros=tell.day(on),
        ).result  # fmt: skip

    return run


def line(
    tell: Told, quantity: str = "10", unit: str = "24", product: str = "SEAT", **more: Any
) -> events.ContractLine:
    """A line that CRM sold."""
    start, end = more.pop("start", None), more.pop("end", None)
    return events.ContractLine(
        line_id=more.pop("line_id", product),
        product=product,
        quantity=Decimal(quantity),
        unit_amount=Decimal(unit),
        service_start_micros=start and tell.day(start),
        service_end_micros=end and tell.day(end),
    )


def item(
    quantity: str | None = "10", unit: str = "2400", product: str = "SEAT", interval: str = "month"
) -> events.SubscriptionItem:
    """A price of the subscription."""
    return events.SubscriptionItem(
        item_id=f"si_{product}",
        product=product,
        quantity=None if quantity is None else Decimal(quantity),
        unit_amount=Decimal(unit),
        interval=interval,
    )


def signed(tell: Told, *lines: events.ContractLine, **more: Any) -> Any:
    """The contract of 2026."""
    given = {"term_end_micros": tell.day("2027-01-01"), "lines": lines or (line(tell),)}
    return tell.signed(CONTRACT, "signed", "2026-01-01", **(given | more))


def amended(tell: Told, number: str, on: str, *lines: Any, since: str | None = None) -> Any:
    """An amendment that takes effect when it is told, or on another day."""
    return tell.event(
        events.ContractAmended, number, on, source="salesforce", customer_id=tell.account,
        contract_id=CONTRACT, currency="EUR", term_start_micros=tell.day(since or on),
        lines=lines,
    )  # fmt: skip


def billed(
    tell: Told, number: str = "sub", on: str = "2026-01-01", *items: Any, **more: Any
) -> Any:
    """The subscription as it stands on a day; activated on the first."""
    given = {
        "contract_id": CONTRACT, "currency": "EUR", "items": items or (item(),),
        "period_start_micros": tell.day("2026-01-01"),
    }  # fmt: skip
    kind = more.pop("kind", "activated" if number == "sub" else "changed")
    return tell.subscription(number, on, kind, **(given | more))


def invoiced(tell: Told, number: str, on: str, until: str, *lines: Any, **more: Any) -> Any:
    """An invoice of the subscription; lines as (amount, quantity, proration, start)."""
    made = tuple(
        events.InvoiceLine(
            line_id=f"{number}/{at}",
            amount_minor=amount,
            quantity=Decimal(quantity),
            proration=proration,
            product="SEAT",
            subscription_id=more.get("sub", "stripe:sub_1"),
            service_start_micros=tell.day(start or on),
            service_end_micros=tell.day(until),
        )
        for at, (amount, quantity, proration, start) in enumerate(lines)
    )
    total = sum(line.amount_minor for line in made)
    return tell.invoice(
        number, on, f"stripe:in_{number}", total, lines=made, contract_id=CONTRACT,
        subscription_id=more.get("sub", "stripe:sub_1"),
    )  # fmt: skip


def contract(result: FoldResult) -> ContractState:
    """The contract as it stands."""
    return next(one for one in result.contracts if one.contract_id == CONTRACT)


def drifts(result: FoldResult) -> dict[str, ContractDrift]:
    """Disagreements about the contract, by attribute."""
    return {drift.attribute: drift for drift in contract(result).drifts}


def money(result: FoldResult) -> dict[str, int | None]:
    """The money of each disagreement."""
    return {name: drift.difference_minor for name, drift in drifts(result).items()}


# --- what is no drift ---------------------------------------------------------------------


def test_the_two_sides_agree(tell: Told, fold: Fold) -> None:
    assert drifts(fold([signed(tell), billed(tell)])) == {}


@pytest.mark.parametrize(
    ("sold", "charged"),
    [
        pytest.param(("10", "24"), ("10", "28800", "year"), id="sold by month, billed by year"),
        pytest.param(("10", "288"), ("10", "2400", "month"), id="sold by year, billed by month"),
        pytest.param(("10", "72"), ("10", "7200", "3 months"), id="both by quarter"),
        pytest.param(("1", "2880"), ("10", "2400", "month"), id="ten seats sold as one bundle"),
        pytest.param(("1", "1000"), ("1", "8333", "month"), id="a year's price does not divide"),
    ],
)
def test_the_same_price_for_another_time_is_no_drift(
    tell: Told, fold: Fold, sold: tuple[str, str], charged: tuple[str, str, str]
) -> None:
    """8333 a month for 1000.00 a year: a third of a cent a month, below the tolerance."""
    quantity, unit, interval = charged
    told = [
        signed(tell, line(tell, *sold)),
        billed(tell, "sub", "2026-01-01", item(quantity, unit, interval=interval)),
    ]
    assert drifts(fold(told)) == {}


def test_products_by_other_names_are_compared_together(tell: Told, fold: Fold) -> None:
    told = [
        signed(tell, line(tell), line(tell, "1", "100", "SUPPORT")),
        billed(tell, "sub", "2026-01-01", item(product="prod_1"), item("1", "10000", "prod_2")),
    ]
    assert drifts(fold(told)) == {}


def test_products_by_other_names_are_translated(tell: Told, fold: Fold) -> None:
    names = {"prod_1": "SEAT", "prod_2": "SUPPORT"}
    told = [
        signed(tell, line(tell), line(tell, "1", "100", "SUPPORT")),
        billed(tell, "sub", "2026-01-01", item(product="prod_1"), item("1", "9000", "prod_2")),
    ]
    found = drifts(fold(told, products=names))
    assert list(found) == ["price"]
    # (100.00 - 90.00) x 3 months, January to March.
    assert (found["price"].product, found["price"].difference_minor) == ("SUPPORT", 3000)


def test_a_discount_that_crm_agreed_to_is_no_drift(tell: Told, fold: Fold) -> None:
    """10 x 24.00 less 10 % = 216.00: CRM sold the seat at 21.60."""
    invoice = invoiced(tell, "1", "2026-01-01", "2026-02-01", (21600, "10", False, None))
    told = [billed(tell), invoice]
    assert drifts(fold([signed(tell, line(tell, unit="21.60")), *told])) == {}
    # Not agreed: 24.00 less 21.60, 10 seats, 3 months.
    assert money(fold([signed(tell), *told])) == {"price": 10 * 240 * 3}


def test_usage_one_off_lines_trials_and_pauses_are_no_drift(tell: Told, fold: Fold) -> None:
    setup = tell.invoice("setup", "2026-01-02", "stripe:in_s", 5000, contract_id=CONTRACT)
    metered = item(None, "1", "API")
    trial = billed(tell, "sub", "2026-01-01", item(), metered, status="trialing")
    paid = billed(tell, "paid", "2026-01-15", item(), metered)
    paused = billed(tell, "p", "2026-03-01", item(), metered, pause_behavior="void")
    assert drifts(fold([signed(tell), trial, paid, setup, paused])) == {}


def test_what_is_still_to_come_is_no_drift(tell: Told, fold: Fold) -> None:
    later = amended(tell, "a", "2026-03-01", line(tell, "12"), since="2026-06-01")
    assert drifts(fold([signed(tell), billed(tell), later])) == {}


def test_a_change_in_both_is_no_drift_a_day_apart(tell: Told, fold: Fold) -> None:
    more = amended(tell, "a", "2026-02-10", line(tell, "12"))
    changed = billed(tell, "c", "2026-02-11T15:00", item("12"))
    assert drifts(fold([signed(tell), billed(tell), more, changed])) == {}


def test_a_proration_dates_a_change_that_was_told_late(tell: Told, fold: Fold) -> None:
    """Twelve seats since 1 February, told on the 20th and billed back to the 1st."""
    more = amended(tell, "a", "2026-02-01", line(tell, "12"))
    changed = billed(tell, "c", "2026-02-20", item("12"))
    prorated = invoiced(
        tell, "p", "2026-02-20", "2026-03-01",
        (-24000, "10", True, "2026-02-01"), (28800, "12", True, "2026-02-01"),
    )  # fmt: skip
    assert drifts(fold([signed(tell), billed(tell), more, changed, prorated])) == {}
    assert list(drifts(fold([signed(tell), billed(tell), more, changed]))) == ["dates"]


# --- what is drift ------------------------------------------------------------------------


def test_units_sold_and_not_billed(tell: Told, fold: Fold) -> None:
    """2 seats x 24.00 from 16 February: 13 of the 28 days of its month, and March."""
    more = amended(tell, "a", "2026-02-16", line(tell, "12"))
    found = drifts(fold([signed(tell), billed(tell), more]))
    assert list(found) == ["quantity"]
    drift = found["quantity"]
    assert (drift.sold, drift.billed) == (
        "12 x 24.00 EUR a month",
        "10 x 24.00 EUR a month",
    )
    # 48.00 x 13/28 = 22.29, and 48.00.
    assert drift.difference_minor == 2229 + 4800
    assert drift.crm_event_id == more.event_id
    assert (drift.from_micros, drift.to_micros) == (tell.day("2026-02-16"), tell.day("2026-04-01"))


def test_units_billed_and_not_sold(tell: Told, fold: Fold) -> None:
    changed = billed(tell, "c", "2026-02-01", item("11"))
    # 1 seat x 24.00 x February and March, billed too much.
    assert money(fold([signed(tell), billed(tell), changed])) == {"quantity": -4800}


def test_another_price(tell: Told, fold: Fold) -> None:
    """10 seats x 3.00 more, since 1 February, to 1 April."""
    dearer = amended(tell, "a", "2026-02-01", line(tell, unit="27"))
    assert money(fold([signed(tell), billed(tell), dearer])) == {"price": 6000}


def test_units_and_price_share_the_money(tell: Told, fold: Fold) -> None:
    """Sold 12 x 27.00 = 324.00, billed 10 x 24.00 = 240.00: 84.00 a month for two months.

    Units: 2 x 27.00 = 54.00 a month; price: 10 x 3.00 = 30.00 a month.
    """
    both = amended(tell, "a", "2026-02-01", line(tell, "12", "27"))
    assert money(fold([signed(tell), billed(tell), both])) == {"quantity": 10800, "price": 6000}


def test_a_change_made_later_on_one_side(tell: Told, fold: Fold) -> None:
    """Sold since 1 February, billed since 1 March: 2 seats x 24.00 for February."""
    more = amended(tell, "a", "2026-02-01", line(tell, "12"))
    changed = billed(tell, "c", "2026-03-01", item("12"))
    assert money(fold([signed(tell), billed(tell), more, changed])) == {"dates": 4800}


def test_billing_goes_on_after_the_end(tell: Told, fold: Fold) -> None:
    """Cancelled at CRM from 1 March; 240.00 for March is billed and not sold."""
    ended = tell.event(
        events.ContractCancelled, "x", "2026-02-20", source="salesforce",
        customer_id=tell.account, contract_id=CONTRACT,
        effective_at_micros=tell.day("2026-03-01"),
    )  # fmt: skip
    assert money(fold([signed(tell), billed(tell), ended])) == {"dates": -24000}


def test_billing_ends_before_the_contract(tell: Told, fold: Fold) -> None:
    gone = billed(tell, "x", "2026-02-01", kind="cancelled")
    # February and March are sold and not billed.
    assert money(fold([signed(tell), billed(tell), gone])) == {"dates": 48000}


def test_one_side_has_never_heard_of_a_product(tell: Told, fold: Fold) -> None:
    """Support at 100.00 is sold, storage at 50.00 is billed; three months of each."""
    told = [
        signed(tell, line(tell), line(tell, "1", "100", "SUPPORT")),
        billed(tell, "sub", "2026-01-01", item(), item("1", "5000", "STORAGE")),
    ]
    found = drifts(fold(told))
    assert {name: (one.product, one.difference_minor) for name, one in found.items()} == {
        "sold_not_billed": ("SUPPORT", 30000),
        "billed_not_sold": ("STORAGE", -15000),
    }


def test_nothing_is_billed_at_all(tell: Told, fold: Fold) -> None:
    # 240.00 a month; the month that has begun ends on 1 April.
    assert money(fold([signed(tell)])) == {"sold_not_billed": 72000}


def test_another_legal_entity_bills(tell: Told, fold: Fold) -> None:
    wrong = invoiced(tell, "1", "2026-01-01", "2026-02-01", (24000, "10", False, None))
    wrong = tell.invoice(
        "1", "2026-01-01", "stripe:in_1", 24000, lines=wrong.lines, contract_id=CONTRACT,
        subscription_id="stripe:sub_1", entity="US01",
    )  # fmt: skip
    found = drifts(fold([signed(tell, entity="DE01"), billed(tell), wrong]))
    assert {name: (d.sold, d.billed, d.difference_minor) for name, d in found.items()} == {
        "entity": ("DE01", "US01", 24000)
    }


def test_another_currency_compares_no_money(tell: Told, fold: Fold) -> None:
    found = drifts(fold([signed(tell), billed(tell, currency="USD")]))
    assert {name: (d.sold, d.billed, d.difference_minor) for name, d in found.items()} == {
        "currency": ("EUR", "USD", None)
    }


# --- where no subscription tells prices ---------------------------------------------------


def test_invoices_alone_tell_what_is_billed(tell: Told, fold: Fold) -> None:
    """10 seats in January and February; from 15 February 12, by a proration: 14 of 28 days."""
    months = [
        invoiced(tell, "1", "2026-01-01", "2026-02-01", (24000, "10", False, None), sub=None),
        invoiced(tell, "2", "2026-02-01", "2026-03-01", (24000, "10", False, None), sub=None),
        invoiced(
            tell, "3", "2026-03-01", "2026-04-01", (28800, "12", False, None), sub=None
        ),
        invoiced(
            tell, "p", "2026-02-15", "2026-03-01",
            (-12000, "10", True, None), (14400, "12", True, None), sub=None,
        ),
    ]  # fmt: skip
    more = amended(tell, "a", "2026-02-15", line(tell, "12"))
    assert drifts(fold([signed(tell), *months, more])) == {}
    # Without the amendment: 2 seats x 24.00 x (14/28 of February + March) were billed too many.
    assert money(fold([signed(tell), *months])) == {"quantity": -2400 - 4800}


# --- time, release, and what it does not touch --------------------------------------------


def test_the_partner_may_come_late_and_the_sides_agree_again(tell: Told, fold: Fold) -> None:
    told = [signed(tell), billed(tell), amended(tell, "a", "2026-03-10", line(tell, "12"))]
    within, after = fold(told, "2026-03-15"), fold(told, "2026-03-18")
    assert [drift.expired for drift in contract(within).drifts] == [False]
    assert [drift.expired for drift in contract(after).drifts] == [True]
    assert drifts(within)["quantity"].deadline_micros == tell.day("2026-03-17")
    assert drifts(within)["quantity"].drift_id == drifts(after)["quantity"].drift_id
    follows = billed(tell, "c", "2026-03-11", item("12"))
    assert drifts(fold([*told, follows], "2026-03-18")) == {}


def test_a_state_told_again_does_not_put_the_deadline_off(tell: Told, fold: Fold) -> None:
    told = [signed(tell), billed(tell), amended(tell, "a", "2026-02-10", line(tell, "12"))]
    renewed = billed(tell, "again", "2026-03-01", period_start_micros=tell.day("2026-03-01"))
    deadline = drifts(fold(told))["quantity"].deadline_micros
    assert drifts(fold([*told, renewed]))["quantity"].deadline_micros == deadline


def test_nothing_waits_for_it(tell: Told, fold: Fold) -> None:
    """The invoice is posted, nothing is pending, and only the contract says that it drifts."""
    invoice = invoiced(tell, "1", "2026-01-01", "2026-02-01", (24000, "10", False, None))
    more = amended(tell, "a", "2026-02-01", line(tell, "12"))
    seen = tell.customer_seen()
    result = fold([seen, signed(tell), billed(tell), invoice, more])
    assert result.pending == () and result.refusals == ()
    assert {entry.rule for entry in result.entries} == {"invoice_issued", "revenue_recognised"}
    assert list(drifts(result)) == ["quantity"]


def test_billing_is_asked_to_follow_an_amendment_until_it_has(tell: Told, fold: Fold) -> None:
    told = [signed(tell), billed(tell), amended(tell, "a", "2026-02-01", line(tell, "12"))]
    (asked,) = [u for u in fold(told).lifecycle if u.kind == "change_subscription"]
    assert (asked.target, asked.reason) == ("billing", "quantity")
    assert asked.details["sold"] == "12 x 24.00 EUR a month"
    followed = [*told, billed(tell, "c", "2026-02-02", item("12"))]
    assert [u for u in fold(followed).lifecycle if u.kind == "change_subscription"] == []
