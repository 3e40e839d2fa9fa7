"""Published worked examples, told as the Stripe events of either shape, to the cent.

`tests/conformance/revenue_examples.json` holds the figures with their sources.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from stripe_examples import JOURNALS, MONTHS, taxed
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
