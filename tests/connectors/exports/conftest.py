"""Books to export: many entities, currencies, corrections and names that break naive exports."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from connectors.store.postings import PostedEntry
from ledger.accounts import AccountRole
from ledger.journal import JournalEntry, JournalLine, posting_id

NASTY = (
    'He said "no", twice',
    "back\\slash \\n and \\",
    "two\nlines\r\nand\rmore",
    "semi;colon, comma | bar",
    "* ! (code) {cost} @ 5 EUR = 3",
    "date:2026-99-99, date2:never [2026-13-45] [nonsense]",
    "=HYPERLINK(\"http://x\") <script>alert('1')</script>",
    "tab\tand  two spaces",
    "Łódź 東京 ¥ 🙂",
    "",
    "   ",
    "; comment",
    '"',
    "bell\x07 null\x00",
    "#tag ^link % 2026-01-01 open Assets:X",
)
ENTITIES = ("MAIN", "DE01", "US-EAST", "us west", "X-1", "Société", "1")
CURRENCIES = ("EUR", "USD", "JPY", "BHD", "CLF")

BuildBooks = Callable[[int, int], list[PostedEntry]]


def _lines(rng: random.Random, translated: bool) -> tuple[JournalLine, ...]:
    """Two to six lines that balance in both currencies, one of them perhaps an FX difference."""
    roles = rng.sample(list(AccountRole), rng.randint(2, 6))
    amounts = [rng.randint(-(10**9), 10**9) for _ in roles[1:]]
    amounts.append(-sum(amounts))
    functional = [amount * 93 // 100 for amount in amounts] if translated else amounts
    lines = [
        JournalLine(
            role=role,
            amount_minor=amount,
            functional_minor=other,
            product=rng.choice((None, "PRO", rng.choice(NASTY))),
            jurisdiction=rng.choice((None, "DE", rng.choice(NASTY))),
            invoice_line_id=rng.choice((None, "il_1")),
        )
        for role, amount, other in zip(roles, amounts, functional, strict=True)
    ]
    left = sum(functional)
    if left:
        fx = JournalLine(role=AccountRole.FX_GAIN_LOSS, amount_minor=0, functional_minor=-left)
        lines.append(fx)
    return tuple(lines)


def _entry(rng: random.Random, number: int) -> JournalEntry:
    currency, functional = rng.choice(CURRENCIES), rng.choice(CURRENCIES)
    if rng.random() < 0.6:
        functional = currency
    return JournalEntry(
        entry_key=f"stripe:in_{number}:invoice_issued",
        tenant="acme",
        entity=rng.choice(ENTITIES),
        currency=currency,
        functional_currency=functional,
        accounting_date=f"202{rng.randint(4, 6)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        rule="invoice_issued",
        policy="stripe-contra@1",
        source_event_id=f"stripe:evt_{number}",
        event_id=f"stripe:evt_{number}/billing.invoice_issued",
        customer_id=rng.choice(("stripe:cus_1", "salesforce:0014H00002LbR7QQAV", *NASTY)) or "c",
        contract_id="direct",
        invoice_id=rng.choice((None, f"stripe:in_{number}")),
        memo=rng.choice(NASTY),
        lines=_lines(rng, translated=currency != functional),
    )


def booked(entry: JournalEntry, revision: int = 1, **more: object) -> PostedEntry:
    """The entry as a posting in the period of its date."""
    posting = PostedEntry(
        posting_id=posting_id(entry.tenant, entry.entry_key, revision),
        kind="entry",
        revision=revision,
        reverses=None,
        cause=entry.source_event_id,
        period=entry.period,
        original_period=None,
        delivery="pending",
        delivery_reason=None,
        entry=entry,
    )
    return msgspec.structs.replace(posting, **more)


def reversal(posting: PostedEntry) -> PostedEntry:
    """The posting that takes `posting` back."""
    lines = tuple(
        msgspec.structs.replace(
            line, amount_minor=-line.amount_minor, functional_minor=-line.functional_minor
        )
        for line in posting.entry.lines
    )
    entry = msgspec.structs.replace(posting.entry, lines=lines)
    return msgspec.structs.replace(
        posting,
        posting_id=posting_id(entry.tenant, entry.entry_key, posting.revision, reversal=True),
        kind="reversal",
        reverses=posting.posting_id,
        entry=entry,
    )


@pytest.fixture(scope="session")
def books() -> BuildBooks:
    """Builds `count` entries from a seed; every seventh is corrected, every ninth came late."""

    def build(seed: int, count: int) -> list[PostedEntry]:
        rng = random.Random(seed)
        postings: list[PostedEntry] = []
        for number in range(count):
            posting = booked(_entry(rng, number))
            if number % 9 == 0:
                late = {"period": "2027-01", "original_period": posting.period}
                posting = msgspec.structs.replace(posting, **late)
            postings.append(posting)
            if number % 7 == 0:
                postings.append(reversal(posting))
                corrected = msgspec.structs.replace(posting.entry, lines=_entry(rng, number).lines)
                if corrected.currency == corrected.functional_currency:
                    same = [
                        msgspec.structs.replace(line, functional_minor=line.amount_minor)
                        for line in corrected.lines
                    ]
                    corrected = msgspec.structs.replace(corrected, lines=tuple(same))
                postings.append(booked(corrected, 2))
        return postings

    return build
