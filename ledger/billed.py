"""What billing charges for, moment by moment: the recurring prices of a contract's subscriptions.

A subscription that tells its items is read from its states: what they say holds until the next
one. Prorations date a change that was told later than it counts; invoices tell the discount, so
that prices are those really charged. Where no subscription tells items, the service lines of
invoices are read instead, prorations included: at every moment the lines that cover it, added up.

Left out, since they are no promise of a price: usage, one-off lines, trials and pauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from ledger import events
from ledger.contract_facts import ContractFacts, SubscriptionFacts
from ledger.policies import DAY_MICROS
from ledger.spans import months_between, months_of

_NOT_RUNNING = frozenset({"incomplete", "incomplete_expired"})
_FREE = frozenset({"trialing", "paused"})
_SECOND = 1_000_000


class Billed(NamedTuple):
    """Recurring charges of one product in force from `start` until `end` (exclusive)."""

    product: str
    start: int
    end: int | None
    """None: until something else is told."""
    quantity: Fraction
    per_month: Fraction
    """Minor units for all of the quantity."""
    months: Fraction
    """Billing interval."""
    currency: str | None
    cause: events.Event
    silent: bool = False
    """Trial or pause: nothing is charged, and nothing can be said of it."""


class BilledView(NamedTuple):
    """What billing charges on a contract, and until when it can be judged."""

    charges: tuple[Billed, ...]
    told_until: int | None
    """End of what invoices tell; None where subscriptions tell what runs."""


class _Discount(NamedTuple):
    """The share of the list price that is asked from a moment on."""

    since: int
    share: Fraction


def billed_on(facts: ContractFacts) -> BilledView:
    """Everything recurring that billing charges on a contract."""
    told = [sub for sub in facts.subscriptions if any(map(_tells_prices, sub.states))]
    charges = [charge for sub in told for charge in _of_subscription(facts, sub)]
    if told:
        return BilledView(tuple(charges), None)
    lines = list(_of_invoices(facts))
    return BilledView(tuple(lines), max((line.end or 0 for line in lines), default=None))


def _tells_prices(state: events.SubscriptionState) -> bool:
    return any(_is_recurring(item) for item in state.items)


def _is_recurring(item: events.SubscriptionItem) -> bool:
    priced = item.quantity is not None and item.unit_amount is not None
    return priced and months_of(item.interval) is not None


# --- subscriptions ------------------------------------------------------------------------


class _Terms(NamedTuple):
    """What a subscription charges from a moment on."""

    since: int
    state: events.SubscriptionState
    silent: bool
    until: int | None
    """When its run ends."""


def _of_subscription(facts: ContractFacts, sub: SubscriptionFacts) -> Iterator[Billed]:
    """What the states of a subscription charge, each until the next one takes effect."""
    steps = _in_effect(facts, sub)
    prices = _price_list(sub)
    discounts = {product: _discounts(facts, sub, product, prices[product]) for product in prices}
    for position, step in enumerate(steps):
        following = steps[position + 1].since if position + 1 < len(steps) else None
        end = _first(following, step.until)
        if not _charges(step.state) or (end is not None and end <= step.since):
            continue
        for item in step.state.items:
            if _is_recurring(item):
                yield from _of_item(step, item, end, discounts[item.product])


def _charges(state: events.SubscriptionState) -> bool:
    return not isinstance(state, events.SubscriptionCancelled) and state.status not in _NOT_RUNNING


def _end_of(sub: SubscriptionFacts, state: events.SubscriptionState) -> int | None:
    """When the run ends in which a state was told."""
    for run in sub.runs:
        if run.cancelled is None or state.occurred_at_micros > run.cancelled.occurred_at_micros:
            continue
        return run.ends_at_micros
    return None


def _first(one: int | None, other: int | None) -> int | None:
    stated = [moment for moment in (one, other) if moment is not None]
    return min(stated, default=None)


def _in_effect(facts: ContractFacts, sub: SubscriptionFacts) -> list[_Terms]:
    """The states that say something else than the one before, with the moment each counts from."""
    found: list[_Terms] = []
    prorated = sorted(_proration_starts(facts, sub.subscription_id))
    for state in sub.states:
        at = state.occurred_at_micros
        silent = state.status in _FREE or state.pause_behavior is not None
        until = _end_of(sub, state)
        if found:
            last = found[-1]
            same = last.state.items == state.items and _charges(last.state) == _charges(state)
            if same and (last.silent, last.until) == (silent, until):
                continue
            if last.state.items != state.items:
                at = _dated_back(at, last.since, prorated, sub.states)
            at = max(at, last.since)
        elif state.period_start_micros is not None:
            at = min(at, state.period_start_micros)
        found.append(_Terms(at, state, silent, until))
    return found


def _dated_back(
    at: int, since: int, prorated: Sequence[int], states: Sequence[events.SubscriptionState]
) -> int:
    """The start of a proration that no other change explains, if it lies before the change."""
    told = {state.occurred_at_micros // _SECOND for state in states}
    starts = [start for start in prorated if since < start < at and start // _SECOND not in told]
    return starts[0] if starts else at


def _proration_starts(facts: ContractFacts, subscription_id: str) -> Iterator[int]:
    for item in facts.billing.items:
        start = item.service_start_micros
        if item.proration and start is not None and item.subscription_id == subscription_id:
            yield start
    for invoice in facts.billing.invoices:
        for line in invoice.lines:
            start = line.service_start_micros
            own = line.subscription_id or invoice.subscription_id
            if line.proration and start is not None and own == subscription_id:
                yield start


def _of_item(
    step: _Terms,
    item: events.SubscriptionItem,
    end: int | None,
    discounts: Sequence[_Discount],
) -> Iterator[Billed]:
    """The charges of an item, cut where invoices begin or cease to take a discount off."""
    months = months_of(item.interval)
    assert item.quantity is not None and item.unit_amount is not None and months is not None
    quantity = Fraction(item.quantity)
    listed = Fraction(quantity * Fraction(item.unit_amount), months)
    before = [one for one in discounts if one.since <= step.since]
    within = [one for one in discounts if one.since > step.since and (not end or one.since < end)]
    first = (before[-1:] or within[:1] or [_Discount(0, Fraction(1))])[0]
    pieces = [_Discount(step.since, first.share), *within]
    for position, piece in enumerate(pieces):
        until = pieces[position + 1].since if position + 1 < len(pieces) else end
        yield Billed(
            item.product or "", piece.since, until, quantity, listed * piece.share, months,
            step.state.currency, step.state, step.silent,
        )  # fmt: skip


# --- discounts ----------------------------------------------------------------------------


class _Price(NamedTuple):
    """What a unit costs by the list from a moment on."""

    since: int
    unit: Fraction
    months: Fraction


def _price_list(sub: SubscriptionFacts) -> dict[str | None, list[_Price]]:
    """The list prices of a subscription's products, each time they changed."""
    prices: dict[str | None, list[_Price]] = {}
    for state in sub.states:
        for item in state.items:
            months = months_of(item.interval)
            if item.unit_amount is None or months is None:
                continue
            known = prices.setdefault(item.product, [])
            price = _Price(state.occurred_at_micros, Fraction(item.unit_amount), months)
            if not known or known[-1][1:] != price[1:]:
                known.append(price)
    return prices


def _discounts(
    facts: ContractFacts, sub: SubscriptionFacts, product: str | None, prices: Sequence[_Price]
) -> list[_Discount]:
    """The share of the list price that invoices ask for a product, whenever it changed."""
    asked: list[_Discount] = []
    for invoice in facts.billing.invoices:
        for line in invoice.lines:
            start, own = line.service_start_micros, line.subscription_id or invoice.subscription_id
            if own != sub.subscription_id or line.product != product or start is None:
                continue
            if line.proration or not line.amount_minor or not line.quantity:
                continue
            gross = _listed(line, start, prices)
            if gross:
                off = gross - line.amount_minor
                share = Fraction(1) if abs(off) < 1 else Fraction(line.amount_minor, gross)
                asked.append(_Discount(start, share))
    asked.sort()
    shares = [None, *(one.share for one in asked)]
    return [one for one, before in zip(asked, shares, strict=False) if one.share != before]


def _listed(line: events.InvoiceLine, start: int, prices: Sequence[_Price]) -> Fraction | None:
    """What a line would ask by the list price when its period began; None for a part of one.

    Around a change the price that explains the line exactly counts.
    """
    assert line.service_end_micros is not None and line.quantity is not None
    whole = round(months_between(start, line.service_end_micros))
    known = [
        (price.since, Fraction(line.quantity) * price.unit)
        for price in prices
        if price.since <= start + DAY_MICROS and whole == price.months
    ]
    if any(gross == line.amount_minor for _, gross in known):
        return Fraction(line.amount_minor)
    before = [gross for since, gross in known if since <= start]
    return before[-1] if before else (known[0][1] if known else None)


# --- invoices -----------------------------------------------------------------------------


def _of_invoices(facts: ContractFacts) -> Iterator[Billed]:
    """The service lines of invoices: what covers a moment, prorations included, is charged then."""
    for invoice in facts.billing.invoices:
        for line in invoice.lines:
            start, end = line.service_start_micros, line.service_end_micros
            if start is None or end is None or _is_usage(facts, invoice, line):
                continue
            months = months_between(start, end)
            if not months:
                continue
            sign = -1 if line.amount_minor < 0 else 1
            quantity = sign * Fraction(line.quantity if line.quantity is not None else 1)
            per_month = Fraction(line.amount_minor, months)
            yield Billed(
                line.product or "", start, end, quantity, per_month,
                _interval_of(facts.billing.invoices, months), invoice.currency, invoice,
            )  # fmt: skip


def _is_usage(
    facts: ContractFacts, invoice: events.InvoiceIssued, line: events.InvoiceLine
) -> bool:
    """A meter that was reported, or that is billed after its service: that tells no price."""
    if line.accrual_id is None or line.service_end_micros is None:
        return False
    if line.accrual_id in facts.billing.metered:
        return True
    return not line.proration and line.service_end_micros <= invoice.issued_at_micros


def _interval_of(invoices: Iterable[events.InvoiceIssued], months: Fraction) -> Fraction:
    """A part of a period counts as the period it is a part of: the longest billed."""
    if months.denominator == 1:
        return months
    spans = [
        months_between(line.service_start_micros, line.service_end_micros)
        for invoice in invoices
        for line in invoice.lines
        if line.service_start_micros is not None and line.service_end_micros is not None
    ]
    return Fraction(max(1, round(max(spans))))
