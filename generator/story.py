"""The story line of a contract: begin, bill period after period, renew, change, end."""

from __future__ import annotations

import msgspec

from generator import crm_story
from generator.billing import Item
from generator.catalogue import PRODUCTS
from generator.deal import contract_end
from generator.episodes import standalone_charge, tell_invoice
from generator.invoicing import next_invoice, proration_lines, trial_invoice
from generator.life import Life
from generator.months import DAY, HOUR

TRIAL = 14 * DAY


def tell_story(life: Life, opening: int) -> None:
    """Tell the whole life of a contract."""
    crm_story.tell_deal(life, opening)
    _tell_customer(life)
    start = _begin(life)
    if life.chance(life.habits.amends_address):
        crm_story.tell_new_address(life, start + 21 * DAY)
    if life.chance(life.habits.noise):
        _tell_noise(life, start + 9 * DAY)
    if not life.deal.present and life.chance(life.habits.setup_fee):
        standalone_charge(life, start + 2 * DAY)
    _bill(life, start)


def _tell_customer(life: Life) -> None:
    deal = life.deal
    at = deal.start - 600
    body = life.shapes.customer(deal, deal.address, at, deal.customer_metadata)
    life.stripe(at, "customer.created", body)


def _begin(life: Life) -> int:
    """Create the subscription; returns when its first paid period begins."""
    start = life.deal.start
    if not life.deal.trial or life.fate.calm:
        _, end = life.period_from(start, 0)
        life.subscription(start, "created", life.standing("active", start, end))
        return start
    trial_end = start + TRIAL
    trialing = life.standing("trialing", start, trial_end, trial_end=trial_end)
    life.subscription(start, "created", trialing)
    tell_invoice(life, trial_invoice(life, start, trial_end))
    _, end = life.period_from(trial_end, 0)
    active = life.standing("active", trial_end, end, trial_end=trial_end)
    life.subscription(trial_end, "updated", active, status="trialing")
    return trial_end


def _bill(life: Life, anchor: int) -> None:
    """Invoice each period until the story, the term or the customer's patience ends."""
    number, terms = 0, 1
    start, end = life.period_from(anchor, 0)
    while start + HOUR < life.end:
        if number and life.habits.all_payment_events:
            before = {"latest_invoice": None}
            life.subscription(start, "updated", life.standing("active", start, end), **before)
        bill = next_invoice(life, start, end, first=start == life.deal.start)
        stays_unpaid = life.fate.last_payment_fails and end + HOUR >= life.end
        if not tell_invoice(life, bill, stays_unpaid=stays_unpaid):
            ends_at = bill.finalized_at + 15 * DAY
            crm_story.tell_end(life, ends_at, ends_at)
            return
        if stays_unpaid or _ends(life, start, end, terms):
            return
        if end >= contract_end(life.deal, terms):
            terms += 1
        _maybe_upgrade(life, start, end)
        number += 1
        start, end = life.period_from(anchor, number)


def _ends(life: Life, start: int, end: int, terms: int) -> bool:
    """Whether this period is the last: the term ends without renewal, or the customer cancels."""
    if end >= contract_end(life.deal, terms):
        return not _renew(life, start, end, terms)
    return not life.troubled and life.chance(life.habits.cancel) and _cancel(life, start, end)


def _renew(life: Life, start: int, end: int, terms: int) -> bool:
    """Three weeks before the term ends, the customer renews or says that it will not."""
    at = max(start + HOUR * 3, contract_end(life.deal, terms) - 20 * DAY)
    if life.fate.calm or life.rng.random() < life.habits.renews:
        crm_story.tell_renewal(life, at, terms)
        return True
    _cancel_at_period_end(life, at, start, end)
    return False


def _cancel(life: Life, start: int, end: int) -> bool:
    at = start + life.rng.randrange(6, 20) * DAY
    if life.rng.random() < 0.67:
        _cancel_at_period_end(life, at, start, end)
        return True
    ended = life.standing("canceled", start, end, canceled_at=at, ended_at=at)
    life.subscription(at, "deleted", ended)
    crm_story.tell_end(life, at + HOUR, at)
    return True


def _cancel_at_period_end(life: Life, at: int, start: int, end: int) -> None:
    leaving = life.standing("active", start, end, cancel_at_period_end=True, canceled_at=at)
    life.subscription(at, "updated", leaving, cancel_at_period_end=False, canceled_at=None)
    ended = life.standing("canceled", start, end, canceled_at=at, ended_at=end)
    life.subscription(end, "deleted", ended)
    crm_story.tell_end(life, at + HOUR, end)


def _maybe_upgrade(life: Life, start: int, end: int) -> None:
    """Seats are added in the middle of a month; some customers think better of it at once."""
    if life.troubled or life.deal.interval_months != 1 or not life.chance(life.habits.upgrade):
        return
    at = start + life.rng.randrange(5, 20) * DAY + life.rng.randrange(HOUR)
    old = life.items[0]
    new = msgspec.structs.replace(old, quantity=old.quantity + life.rng.choice((1, 2, 5)))
    pair = proration_lines(life, old, new.quantity, at, start, end)
    _change_items(life, at, new, start, end)
    for line in pair:
        life.stripe(at, "invoiceitem.created", life.shapes.invoice_item(life.deal, line, at))
    if life.rng.random() < 0.1:
        for line in pair:
            body = life.shapes.invoice_item(life.deal, line, at)
            life.stripe(at + HOUR, "invoiceitem.deleted", body)
        _change_items(life, at + HOUR, old, start, end)
        return
    life.pending_lines.extend(pair)
    product = next(p for p in PRODUCTS if p.product_id == new.price.product_id)
    unit = int(new.price.unit_amount_decimal)
    crm_story.tell_amendment(life, at, product, new.quantity - old.quantity, unit)


def _change_items(life: Life, at: int, item: Item, start: int, end: int) -> None:
    before = life.items[0].quantity
    life.items = (item, *life.items[1:])
    life.subscription(at, "updated", life.standing("active", start, end), quantity=before)


def _tell_noise(life: Life, at: int) -> None:
    """Events that mean nothing to the books."""
    card = {"id": life.mint.stripe("pm"), "object": "payment_method", "type": "card"}
    life.stripe(at, "payment_method.attached", {**card, "customer": life.deal.customer_id})
    crm_story.tell_case(life, at + DAY)
