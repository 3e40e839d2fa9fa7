"""Published worked examples, told as the Stripe events of either shape, to the cent.

`tests/conformance/revenue_examples.json` holds the figures with their sources.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from stripe_builders import line
from stripe_stories import StripeStory

from connectors.decoding import DecodeContext
from connectors.policy_packs import load_policy_pack
from connectors.providers.stripe import decode_stripe
from ledger.accounts import on_normal_side
from ledger.identity import Identity
from ledger.journal import JournalEntry
from ledger.messages import Message, Outcome
from ledger.money import minor_to_major
from ledger.party import assemble_party
from ledger.policies import BooksConfig, EntityConfig, PolicyPack

EXAMPLES = json.loads(
    (Path(__file__).parents[2] / "conformance" / "revenue_examples.json").read_text()
)
QUARTER = ("2019-01-01", "2019-04-01")
LONG = ("2026-06-15T12:00", "2026-10-13T12:00")
LATE_APRIL = ("2026-04-21", "2026-05-01")
Tell = Callable[[StripeStory], StripeStory]


# --- the stories --------------------------------------------------------------------------


def quarter(story: StripeStory) -> StripeStory:
    return story.invoice("2019-01-01", "90", service=QUARTER)


def first_quarter_2026(story: StripeStory, total: str) -> StripeStory:
    return story.invoice("2026-01-01", total, service=("2026-01-01", "2026-04-01"))


def changed_plan(story: StripeStory, rest: str, next_month: str, total: str) -> StripeStory:
    """90 a month from April 1, another plan from April 21, invoiced on May 1; nothing is paid."""
    story.invoice("2026-04-01", "90", service=("2026-04-01", "2026-05-01"))
    story.item("2026-04-21", "-30", "ii_1", LATE_APRIL).item("2026-04-21", rest, "ii_2", LATE_APRIL)
    return story.invoice(
        "2026-05-01",
        total,
        story.item_line("il_1", "-30", "ii_1", LATE_APRIL),
        story.item_line("il_2", rest, "ii_2", LATE_APRIL),
        line("il_3", int(next_month) * 100, "2026-05-01", "2026-06-01"),
        invoice="in_2",
    )


def taxed(story: StripeStory) -> StripeStory:
    """Exclusive tax of 10%, told per line and per invoice as each shape does."""
    start, end = "2026-01-01", "2026-02-01"
    if story.old:
        tax: Any = {"amount": 310, "inclusive": False, "tax_rate": "txr_1"}
        taxed_line = line("il_1", 3100, start, end, tax_amounts=[tax])
        fields: Any = {"total_tax_amounts": [tax], "tax": 310}
    else:
        details = {"tax_rate": "txr_1"}
        tax = {"amount": 310, "tax_behavior": "exclusive", "tax_rate_details": details}
        taxed_line = line("il_1", 3100, start, end, taxes=[tax])
        fields = {"total_taxes": [tax]}
    return story.invoice(start, "34.10", taxed_line, **fields).pay(start, "34.10")


def in_euros(story: StripeStory) -> StripeStory:
    """30 EUR, settled as 33 USD a month later; the invoice's rate is on file."""
    story.currency = "eur"
    moved = {"id": "txn_1", "amount": 3300, "fee": 0, "currency": "usd", "exchange_rate": 1.10}
    return story.invoice("2026-01-01", "30").pay("2026-02-01", "30", moved=moved)


def half_year_credited(story: StripeStory) -> StripeStory:
    story.invoice("2019-01-01", "181", service=("2019-01-01", "2019-07-01"))
    return story.credit("2019-02-01", "90.50").void_credit("2019-05-03")


def four_months(story: StripeStory) -> StripeStory:
    return story.invoice(LONG[0], "120", service=LONG).pay(LONG[0], "120")


def with_fee(fee: int, amount: int) -> dict[str, Any]:
    return {"id": "txn_1", "amount": amount, "fee": fee, "currency": "usd"}


MONTHS: dict[str, Tell] = {
    "S01_monthly_sub": lambda story: story.invoice(
        "2019-01-15", "31", service=("2019-01-15", "2019-02-15")
    ).pay("2019-01-15", "31"),
    "S02_annual_sub": lambda story: story.invoice(
        "2019-01-01", "365", service=("2019-01-01", "2020-01-01")
    ).pay("2019-01-01", "365"),
    "S05_upgrade": lambda story: changed_plan(story, "40", "120", "130"),
    "S06_downgrade": lambda story: changed_plan(story, "10", "30", "10"),
    "S09_full_refund": lambda story: (
        quarter(story).pay("2019-01-01", "90").refund("2019-02-01", "90", of="90")
    ),
    "S10_partial_refund": lambda story: (
        quarter(story).pay("2019-01-01", "90").refund("2019-02-01", "9", of="90")
    ),
    "S11_void_unpaid": lambda story: quarter(story).void("2019-02-01"),
    "S12_uncollectible_then_paid": lambda story: (
        quarter(story).give_up("2019-02-01").pay("2019-04-10", "90")
    ),
    "S17_dispute_won": lambda story: (
        quarter(story).pay("2019-01-01", "90").dispute("2019-02-01", "90").win("2019-04-01", "90")
    ),
    "S19_credit_note_prepayment": lambda story: (
        first_quarter_2026(story, "120").credit("2026-01-01", "30").pay("2026-02-10", "90")
    ),
    "S21_credit_note_no_lines_then_voided": half_year_credited,
    "S22_tax_exclusive": taxed,
    "S25_external_asset": lambda story: story.invoice(
        "2026-01-01", "31", service=("2026-01-01", "2026-02-01")
    ).pay_outside("2026-02-05", "31"),
    "S27_fx_loss": in_euros,
    "S29_fees": lambda story: first_quarter_2026(story, "90").pay(
        "2026-01-01", "90", moved=with_fee(2, 9000)
    ),
    "S31_granularity_second": four_months,
    "S32_granularity_day": four_months,
    "S33_granularity_month_even": four_months,
}
NOT_TOLD_BY_STRIPE = {"S03_metered_sum", "S04_metered_last_during_period"}
"""Webhooks tell no usage: it reaches the books as `billing.usage_reported`."""

GRANULARITY = {
    "S31_granularity_second": "second",
    "S32_granularity_day": "day",
    "S33_granularity_month_even": "even_months",
}
IN_DOLLARS = BooksConfig(
    entities={"MAIN": EntityConfig(functional_currency="USD")},
    rates={"EUR/USD/2026-01-01": Decimal("1.20")},
)


def net_terms(story: StripeStory) -> StripeStory:
    """500 and tax of 40, told on the invoice only."""
    fields: Any = {"tax": 4000, "billing": "send_invoice"}
    if not story.old:
        tax = {"amount": 4000, "tax_behavior": "exclusive"}
        fields = {"total_taxes": [tax], "collection_method": "send_invoice"}
    return story.invoice("2026-01-05", "540", line("il_1", 50000), **fields)


def annual_with_fee(story: StripeStory) -> StripeStory:
    """Only the paid invoice is told, with its charge expanded."""
    year = ("2026-01-01", "2027-01-01")
    told = StripeStory(old=story.old).invoice("2026-01-01", "1200", service=year)
    invoice = told.events[-1]["data"]["object"]
    charge = {"id": "ch_1", "balance_transaction": with_fee(3600, 120_000)}
    paid = {**invoice, "status": "paid", "amount_paid": 120_000, "charge": charge}
    story._tell("invoice.payment_succeeded", paid, "2026-01-01")
    return story


def credited(story: StripeStory) -> StripeStory:
    tax = [{"amount": 500, "tax_behavior": "exclusive"}]
    return story.credit(
        "2026-02-01",
        "55",
        pre_payment_amount=0,
        post_payment_amount=5500,
        customer_balance_transaction="cbtxn_1",
        total_taxes=tax,
    )


def nothing(story: StripeStory) -> StripeStory:
    return story


def sold(story: StripeStory) -> StripeStory:
    return story.sell("2026-01-01", "100")


def disputed(story: StripeStory) -> StripeStory:
    return sold(story).dispute("2026-02-01", "100", fee="15")


JOURNALS: dict[str, tuple[Tell, Tell]] = {
    "L01_charge": (nothing, lambda story: story.sell("2026-01-01", "100", fee="3.20")),
    "L02_annual": (nothing, annual_with_fee),
    "L03_netterms_finalized": (nothing, net_terms),
    "L04_netterms_paid": (
        net_terms,
        lambda story: story.pay("2026-02-01", "540", moved=with_fee(1600, 54_000)),
    ),
    "L05_uncollectible": (net_terms, lambda story: story.give_up("2026-03-01")),
    "L06_voided": (net_terms, lambda story: story.void("2026-03-01")),
    "L08_cn_to_balance": (lambda story: net_terms(story).pay("2026-01-05", "540"), credited),
    "L12_dispute_withdrawn": (
        sold,
        lambda story: story.dispute("2026-02-01", "100", fee="15"),
    ),
    "L13_dispute_lost": (disputed, lambda story: story.lose("2026-03-01", "100")),
    "L14_dispute_won": (disputed, lambda story: story.win("2026-03-01", "100")),
    "L17_payout": (nothing, lambda story: story.pay_out("2026-01-01", "5000")),
}


# --- the books ----------------------------------------------------------------------------


def fold(
    events: list[dict[str, Any]],
    context: DecodeContext,
    policy: PolicyPack,
    config: BooksConfig,
    until: str,
) -> list[JournalEntry]:
    """Decode, find whose each message is, and fold each party; nothing may wait or fail."""
    messages = [decode_stripe(json.dumps(told).encode(), "x", context) for told in events]
    assert [each for each in messages if not isinstance(each, Message)] == []
    identity = Identity()
    for message in messages:
        identity.add_links(message.links)
        identity.add_parties([message.party_ref] if message.party_ref else [])
    parties: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        found = identity.party_of(message.party_ref, message.link_refs)
        parties[found.party_id].append(message)
    as_of = int(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()) * 1_000_000
    entries: list[JournalEntry] = []
    for party, told in parties.items():
        given = (context.tenant, party, [party], {party: 0}, [], told, policy, config, as_of)
        folded = assemble_party(*given)
        assert folded.result.pending == () and folded.dead_letters == ()
        assert Outcome.DUPLICATE not in folded.outcomes.values()
        entries += folded.result.entries
    return entries


def plain(amount: str | Decimal) -> str:
    return f"{Decimal(amount).normalize():f}"


def months_of(entries: list[JournalEntry]) -> dict[str, dict[str, str]]:
    """Change per month and role on the role's normal side, in major units."""
    cells: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        for each in entry.lines:
            amount = on_normal_side(each.role, each.functional_minor)
            cells[entry.period, each.role] += minor_to_major(amount, entry.functional_currency)
    months: dict[str, dict[str, str]] = defaultdict(dict)
    for (month, role), amount in cells.items():
        if amount:
            months[month][role] = plain(amount)
    return dict(months)


def month_after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}-01"


BOTH_SHAPES = pytest.mark.parametrize("old", [False, True], ids=["present", "old"])
MONTH_EXAMPLES = [
    example for example in EXAMPLES["month_examples"] if example["id"] not in NOT_TOLD_BY_STRIPE
]


def test_every_published_example_that_stripe_can_tell_is_told() -> None:
    assert MONTHS.keys() == {example["id"] for example in MONTH_EXAMPLES}
    assert JOURNALS.keys() == {example["id"] for example in EXAMPLES["journal_examples"]}


def books_of(example: dict[str, Any], events: list[dict[str, Any]], context: DecodeContext) -> Any:
    policy = load_policy_pack(example["policy_pack"])
    if example["id"] in GRANULARITY:
        policy = msgspec.structs.replace(policy, granularity=GRANULARITY[example["id"]])
    config = IN_DOLLARS if example["id"] == "S27_fx_loss" else BooksConfig(links="assumed")
    if example["id"] == "S27_fx_loss":
        config = msgspec.structs.replace(config, links="assumed")
    until = month_after(max(example["months"]))
    return months_of(fold(events, context, policy, config, until))


def published(example: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        month: {role: plain(amount) for role, amount in roles.items()}
        for month, roles in example["months"].items()
    }


@BOTH_SHAPES
@pytest.mark.parametrize("example", MONTH_EXAMPLES, ids=lambda example: example["id"])
def test_each_month_changes_the_accounts_as_published(
    context: DecodeContext, example: dict[str, Any], old: bool
) -> None:
    story = MONTHS[example["id"]](StripeStory(old=old))
    books = books_of(example, story.events, context)
    expected = published(example)
    if not example["complete"]:
        shown = {role for roles in expected.values() for role in roles}
        books = {
            month: {role: amount for role, amount in roles.items() if role in shown}
            for month, roles in books.items()
        }
    assert books == expected


@BOTH_SHAPES
@pytest.mark.parametrize("example", EXAMPLES["journal_examples"], ids=lambda example: example["id"])
def test_each_event_books_what_is_published(
    context: DecodeContext, example: dict[str, Any], old: bool
) -> None:
    before, happens = JOURNALS[example["id"]]
    policy = load_policy_pack(example["policy_pack"])
    config = BooksConfig(links="assumed")
    stories = [before(StripeStory(old=old)), happens(before(StripeStory(old=old)))]
    nets: list[dict[str, int]] = []
    for story in stories:
        net: dict[str, int] = defaultdict(int)
        for entry in fold(story.events, context, policy, config, "2026-01-06"):
            for each in entry.lines:
                net[each.role] += each.amount_minor
        nets.append(net)
    changed = {
        role: plain(minor_to_major(amount - nets[0][role], "USD"))
        for role, amount in nets[1].items()
        if amount != nets[0][role]
    }
    signs = {"debit": 1, "credit": -1}
    assert changed == {
        each["role"]: plain(signs[each["side"]] * Decimal(each["amount"]))
        for each in example["lines"]
    }


@pytest.mark.parametrize(
    "name",
    [
        "S10_partial_refund",
        "S12_uncollectible_then_paid",
        "S17_dispute_won",
        "S21_credit_note_no_lines_then_voided",
    ],
)
def test_the_order_of_arrival_changes_nothing(context: DecodeContext, name: str) -> None:
    example = next(each for each in MONTH_EXAMPLES if each["id"] == name)
    story = MONTHS[name](StripeStory())
    shuffled = list(story.events)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert books_of(example, shuffled, context) == published(example)


EVENTS_OF_A_PAYMENT = (
    "charge.succeeded",
    "payment_intent.succeeded",
    "invoice_payment.paid",
    "invoice.payment_succeeded",
    "invoice.paid",
)


def is_tied(told: tuple[str, ...]) -> bool:
    """Something still says that the payment is the invoice's, or nothing else tells of it."""
    alone = {"charge.succeeded", "payment_intent.succeeded"}.isdisjoint(told)
    charge_is_named = "charge.succeeded" not in told or "payment_intent.succeeded" in told
    return bool(told) and (alone or ("invoice_payment.paid" in told and charge_is_named))


@pytest.mark.parametrize(
    "told",
    [
        told
        for size in range(1, 6)
        for told in itertools.combinations(EVENTS_OF_A_PAYMENT, size)
        if is_tied(told)
    ],
    ids=", ".join,
)
def test_a_payment_is_booked_once_however_many_events_tell_it(
    context: DecodeContext, told: tuple[str, ...]
) -> None:
    """Webhooks get lost: any of the events that tell a payment may be missing."""
    example = next(each for each in MONTH_EXAMPLES if each["id"] == "S22_tax_exclusive")
    events = taxed(StripeStory()).events
    kept = [
        each for each in events if each["type"] in told or each["type"] not in EVENTS_OF_A_PAYMENT
    ]
    assert books_of(example, kept, context) == published(example)


def test_the_invoice_may_be_told_by_its_payment_alone(context: DecodeContext) -> None:
    example = next(each for each in MONTH_EXAMPLES if each["id"] == "S22_tax_exclusive")
    kept = [each for each in taxed(StripeStory()).events if each["type"] == "invoice.paid"]
    assert books_of(example, kept, context) == published(example)


@BOTH_SHAPES
def test_paid_partly_outside_stripe(context: DecodeContext, old: bool) -> None:
    """25 of 90 come by bank transfer; the totals tell both parts, each where it arrived."""
    story = StripeStory(old=old).invoice("2026-01-01", "90")
    story._change(
        "in_1",
        "2026-01-09",
        "invoice.payment_succeeded",
        status="paid",
        paid=True,
        amount_paid=9000,
        amount_paid_off_stripe=2500,
    )
    policy = load_policy_pack("stripe-contra")
    books = fold(story.events, context, policy, BooksConfig(links="assumed"), "2026-02-01")
    assert months_of(books) == {
        "2026-01": {"revenue": "90", "cash_clearing": "65", "external_cash": "25"}
    }
