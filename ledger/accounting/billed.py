"""An invoice that another entity bills than the one that sold: each keeps its own part.

The billing entity has the claim, its tax and its money. Revenue, what is still to be delivered and
whatever is taken back from them belong to the entity that has the contract, at the rate of the
invoice's day in its own functional currency. What the one owes the other for it is in due_from and
due_to, in the currency of the invoice, so that each balances by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from ledger.accounting.evidence import InvoiceFact
from ledger.accounting.poster import Poster
from ledger.accounts import AccountRole
from ledger.events import InvoiceIssued
from ledger.journal import JournalEntry, JournalLine, assert_balanced
from ledger.money import convert
from ledger.policies import DAY_MICROS
from ledger.rates import rate_on_file, told_rate, translate

_SOLD = frozenset(
    {
        AccountRole.REVENUE,
        AccountRole.DEFERRED_REVENUE,
        AccountRole.RECOVERABLES,
        AccountRole.EXCLUSION,
        AccountRole.REFUNDS,
        AccountRole.DISPUTES,
        AccountRole.CREDIT_NOTES,
        AccountRole.VOIDS,
        AccountRole.BAD_DEBT,
        AccountRole.DISPUTE_LOSSES,
        AccountRole.OTHER_LOSS,
    }
)
"""What belongs to the entity that sold."""


class Seller(NamedTuple):
    """The entity that has the contract of an invoice, and its rate for it."""

    entity: str
    functional: str
    rate: Decimal | None
    """None: the invoice is in its functional currency."""
    told: str


def billed_by(
    invoices: Sequence[InvoiceIssued],
) -> tuple[list[InvoiceIssued], dict[str, str]]:
    """Give invoices to the entity that bills them; return them, and who sold, by invoice id.

    All events of an invoice go where the first that states a billing entity says. Where nobody
    states who sold, the billing entity did.
    """
    billing: dict[str, str] = {}
    sellers: dict[str, str] = {}
    for event in invoices:
        if event.billing_entity is not None:
            billing.setdefault(event.invoice_id, event.billing_entity)
    for event in invoices:
        if event.entity is not None:
            sellers.setdefault(event.invoice_id, event.entity)
    elsewhere = {name: who for name, who in billing.items() if sellers.get(name, who) != who}
    unsaid = {name: who for name, who in billing.items() if name not in sellers}
    moved = {**unsaid, **elsewhere}
    given = [
        msgspec.structs.replace(event, entity=moved[event.invoice_id])
        if event.invoice_id in moved
        else event
        for event in invoices
    ]
    return given, {name: sellers[name] for name in elsewhere}


def seller_of(poster: Poster, fact: InvoiceFact, entity: str) -> Seller | None:
    """Return who sold an invoice, with its rate; None when the invoice waits for it."""
    content = fact.content
    currency, day = content.currency, fact.issued_at // DAY_MICROS
    into = poster.functional_of(entity, currency)
    if into == currency:
        return Seller(entity, into, None, "")
    same_books = into == poster.functional_of(poster.entity_of(fact.cause), currency)
    stated = fact.rate if same_books else None
    rate = stated or rate_on_file(poster.config, currency, into, day)
    if rate is None or translate(poster.config, 1, currency, into, day, stated) is None:
        poster.wait_for_rate(fact.cause, currency, into, day, content.total_minor)
        return None
    return Seller(entity, into, rate, told_rate(poster.config, currency, into, day, stated))


def give_to_sellers(
    entries: Iterable[JournalEntry], sellers: dict[str, Seller]
) -> list[JournalEntry]:
    """Move what was sold of each entry to its seller; `entries` are in order of dates."""
    sold: dict[tuple[str, ...], int] = defaultdict(int)
    found: list[JournalEntry] = []
    for entry in entries:
        seller = sellers.get(entry.invoice_id or "")
        moved = [line for line in entry.lines if line.role in _SOLD] if seller else []
        if seller is None or not moved:
            found.append(entry)
            continue
        rest = [line for line in entry.lines if line.role not in _SOLD]
        found += _apart(entry, rest, moved, seller, sold)
    return found


def _apart(
    entry: JournalEntry,
    rest: list[JournalLine],
    moved: list[JournalLine],
    seller: Seller,
    sold: dict[tuple[str, ...], int],
) -> list[JournalEntry]:
    """Return what stays with the billing entity, where anything does, and what the seller gets."""
    amount = sum(line.amount_minor for line in moved)
    functional = sum(line.functional_minor for line in moved)
    stays = [*rest, *_due(amount, functional, seller.entity)]
    own = [_at_own_rate(line, entry, seller, sold) for line in moved]
    worth = sum(line.functional_minor for line in own)
    if amount:
        own += _due(-amount, -worth, entry.entity)
    elif worth:
        last = max(range(len(own)), key=lambda n: own[n].role is not AccountRole.DEFERRED_REVENUE)
        own[last] = _worth(own[last], own[last].functional_minor - worth)
    given = msgspec.structs.replace(
        entry,
        entry_key=f"{entry.entry_key}:sold",
        entity=seller.entity,
        functional_currency=seller.functional,
        memo=seller.told,
        lines=tuple(line for line in own if line.amount_minor or line.functional_minor),
    )
    kept = [msgspec.structs.replace(entry, lines=tuple(stays))] if stays else []
    return [assert_balanced(one) for one in (*kept, given) if one.lines]


def _at_own_rate(
    line: JournalLine, entry: JournalEntry, seller: Seller, sold: dict[tuple[str, ...], int]
) -> JournalLine:
    """Translate a line so that all of a kind add up to their translated sum: zero at zero."""
    if seller.rate is None:
        return _worth(line, line.amount_minor)
    key = (entry.invoice_id or "", line.role, line.invoice_line_id or "", line.product or "")
    before = sold[key]
    sold[key] = after = before + line.amount_minor
    values = [
        convert(one, entry.currency, seller.rate, seller.functional) for one in (before, after)
    ]
    return _worth(line, values[1] - values[0])


def _due(amount: int, functional: int, other: str) -> list[JournalLine]:
    """Return what evens out lines of that sum, between the entity and another one."""
    if not (amount or functional):
        return []
    role = AccountRole.DUE_FROM if amount > 0 else AccountRole.DUE_TO
    return [
        JournalLine(role=role, amount_minor=amount, functional_minor=functional, counterparty=other)
    ]


def _worth(line: JournalLine, functional: int) -> JournalLine:
    return msgspec.structs.replace(line, functional_minor=functional)
